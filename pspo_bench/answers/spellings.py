"""Spellings of quantities, rewritten into the one that `quantity` reads.

>>> respell("12'000"), respell("5'6\\""), respell("an hour and a half"), respell("6.4 x 10^4")
('12000', '5 feet 6 inches', '1.5 hour', '6.4 \\\\times 10^4')
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pspo_bench.answers.words import NUMBER_WORDS, SMALL, number_in_words

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _without(characters: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found.group().translate(str.maketrans("", "", characters))


_RULES: tuple[_Rule, ...] = (
    (re.compile(r"(?<![0-9.,])[0-9]{1,3}(?: [0-9]{3})+(?![0-9])"), _without(" ")),  # SI: 12 000
    (re.compile(r"(?<![0-9.,'])[0-9]{1,3}(?:'[0-9]{3})+(?![0-9'])"), _without("'")),  # Swiss: 12'000
    (
        re.compile(r"(?<![0-9.,])[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?![0-9,])"),
        _without(","),
    ),  # Indian: 1,50,000
    (
        re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}(?![0-9,])"),  # continental: 12.000,50
        lambda found: found.group().replace(".", "").replace(",", "."),
    ),
    (re.compile(r"(?<=[0-9])\s*[xX]\s*(?=[0-9])"), r" \\times "),
    (re.compile(r"^([0-9]+)\s*'\s*([0-9]+(?:\.[0-9]+)?)\s*(?:\"|'')$"), r"\1 feet \2 inches"),
    (re.compile(r"^([0-9.]+)\s*(?:\"|'')$"), r"\1 inches"),
    (re.compile(r"^([0-9.]+)\s*'$"), r"\1 feet"),
    (re.compile(r"\b([0-9]+) and ([0-9]+/[0-9]+)"), r"\1 \2"),
    (re.compile(r"#(?=[0-9])"), ""),
    (re.compile(r"\s*\bo'?\s?clock\b", re.I), ""),
    (re.compile(r"^(?:US|U\.S\.?)\s*(?=\$)|\b(?:US|U\.S\.?|American) (?=dollars?\b)"), ""),
    (re.compile(r"\s*\\pmod\s*(?:\{[^{}]*\}|[0-9])|\s*\(?\\?b?mod\s*\{?[0-9]+\}?\)?$"), ""),
    (re.compile(r"(?<![A-Za-z])C\(\s*([0-9]+)\s*,\s*([0-9]+)\s*\)"), r"\\binom{\1}{\2}"),
    (re.compile(r"^.*\\equiv\s*"), ""),
    (re.compile(r"\\frac\s*\{\s*([0-9]+)\s*°\s*\}\s*\{\s*([0-9]+)\s*\}"), r"\\frac{\1}{\2}°"),
    (re.compile(r"^(.*[0-9].*?)\s+below zero$", re.I), r"-\1"),
)
_HALF_MORE = re.compile(
    r"^(?:an?|one|1) ([a-z]+) and (?:an?|one)[ -]half$|^([0-9]{1,9}) ([a-z]+) and (?:an?|one)[ -]half$", re.I
)
_OF_A_UNIT = re.compile(r"\bof (?:an?|one) (?=[a-z]+$)", re.I)


def respell(text: str) -> str:
    """`text`, already cleaned, with foreign separators, marks for feet and inches, and number words rewritten."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _OF_A_UNIT.sub("", _HALF_MORE.sub(_and_a_half, text))


def _and_a_half(found: re.Match[str]) -> str:
    return f"{float(found.group(2) or 1) + 0.5:g} {found.group(1) or found.group(3)}"


def words_to_digits(text: str) -> str:
    """Every run of number words as digits: `one hour and thirty minutes` is `1 hour and 30 minutes`."""
    words = text.split()
    result: list[str] = []
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and all(part in SMALL for part in words[end].lower().split("-")):
            end += 1
        value = number_in_words(" ".join(words[at:end])) if end > at else None
        if value is None:
            result.append(words[at])
            at += 1
        else:
            result.append(str(value))
            at = end
    return " ".join(result)


def holds_number_word(text: str) -> bool:
    """Whether a word of `text` says a number by itself; "one" is mostly a pronoun."""
    return any(word in NUMBER_WORDS and word != "one" for word in re.findall(r"[a-z]+", text.lower()))
