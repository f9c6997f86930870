"""Spellings of quantities, rewritten into the one that `quantity` reads; and remarks behind an answer, cut off.

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
    (re.compile(r"^[A-Za-z]\s*\\equiv\s*"), ""),
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


_ASIDE = re.compile(r"^(?P<core>.*\S)\s+\((?P<aside>[^()]*(?:\([^()]*\)[^()]*)*)\)$", re.DOTALL)
_INSTEAD = re.compile(r"\s*(?:,\s*|\s)(?:and\s+|but\s+)?(?:not|rather than|instead of)\s+.*$", re.DOTALL)
_APPROXIMATELY = re.compile(
    r"\s*(?:\\approx|\\simeq|\\sim(?![a-z])"
    r"|,?\s*(?:or|which is|i\.e\.?,?)?\s*\b(?:approximately|approx\.?|about|roughly)\b).*?(?=\s+or\s|$)",
    re.DOTALL,
)
_OR_ASIDE = re.compile(r"\s*\(\s*(or\s[^()]*)\)$")


def with_alternatives(text: str) -> str:
    """`3/4 (or 75%)` as `3/4 or 75%`; "or approximately 4.24" is left out."""
    return _APPROXIMATELY.sub("", _OR_ASIDE.sub(r" \1", text), count=1) or text


_REMARK = re.compile(
    r"\s*(?:,|;|:|-{1,2}(?=\s))\s+(?:(?:as|in total|in all|altogether|so|therefore|thus|hence|and that|and so|which"
    r"|i\.\s?e|e\.\s?g|that is|since|because|where|when|after|with|including|meaning|assuming|if|for|namely|then"
    r"|giving|leaving|making)\b.*"
    r"|[0-9][^;]*(?:\\times|\\cdot|\*|\btimes\b|\bwith\b|\beach\b|=|\+).*)$",
    re.DOTALL | re.IGNORECASE,
)


def without_remark(text: str) -> str | None:
    """`text` without an explanation, a rejected value or an approximation behind it; None where there is none.

    `18 (9 eggs at $2)`, `18, not 24`, `18, as shown above`, `\\\\frac{5}{3} \\\\approx 1.67`. A second value is no
    remark: `7 (or 8)` and `8; 40` stay whole.
    """
    aside = _ASIDE.match(text)
    if aside and _explains(aside["aside"]):
        return aside["core"]
    for pattern in (_INSTEAD, _APPROXIMATELY, _REMARK):
        cut = pattern.sub("", text, count=1)
        if cut != text and any(char.isalnum() for char in cut):
            return cut
    return None


_UNITS = re.compile(
    r"^(?P<core>.*?\S)\s+(?:(?:square |cubic )?(?:units?|inches|feet|meters|miles|cm|km|ft|yards|radians?|rad|degrees)"
    r"(?:\s*\^\s*\{?[23]\}?)?|dollars|cents|ways|outcomes)$",
    re.DOTALL,
)
_CONDITION = re.compile(r"\s*,?\s+(?:for|where|if|when)\s+(?:all\s+)?[a-z]\b.*$", re.DOTALL)


def without_units(text: str) -> str | None:
    """A formula without the unit, or the range of its variable, behind it: `4R^2 square units`, `5n-2 for n > 0`."""
    found = _UNITS.match(text)
    if found:
        return found["core"]
    cut = _CONDITION.sub("", text, count=1)
    return cut if cut != text and cut else None


def _explains(aside: str) -> bool:
    if re.match(r"\s*or\b", aside):
        return False
    return bool(re.search(r"[A-Za-z]{3,}|[=$€£\"']|\\approx|\\times|%", aside)) and not re.search(
        r"\?", aside
    )


def holds_number_word(text: str) -> bool:
    """Whether a word of `text` says a number by itself; "one" is mostly a pronoun."""
    return any(word in NUMBER_WORDS and word != "one" for word in re.findall(r"[a-z]+", text.lower()))
