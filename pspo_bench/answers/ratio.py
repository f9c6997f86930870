"""Answers that are ratios: 3:4, 6 to 8, 1:2:3.

>>> parse_gold("3:4", resolve_type("3:4", "ratio")).match("6 to 8", None)
Match(equal=True, reason='equal ratios')
"""

from __future__ import annotations

import re
from fractions import Fraction

from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.spellings import words_to_digits
from pspo_bench.answers.text import clean

_TERM = r"[0-9]{1,30}(?:,[0-9]{3})*(?:\.[0-9]{1,30})?"
_BETWEEN = r"(?:\s+[a-z]+)?\s*(?::|-?\bto\b-?)\s*"  # 3:4, 3 to 4, 3-to-4, 9 cats to 7 dogs
_RATIO = re.compile(rf"(?<![0-9.,:]){_TERM}(?:{_BETWEEN}{_TERM})+(?![0-9:])")
_QUOTIENT = re.compile(
    r"([0-9]{1,30})\s*/\s*([0-9]{1,30})|\\frac\s*\{\s*([0-9]{1,30})\s*\}\s*\{\s*([0-9]{1,30})\s*\}|\\frac\s*([0-9])([0-9])"
)


def parse_ratio(gold: str) -> tuple[Fraction, ...]:
    """The terms of `3:4`, `3 to 4` or `1:2:3`."""
    ratios = _RATIO.findall(_readable(gold))
    if len(ratios) != 1:
        raise NotAnAnswerError("it is not a ratio such as 3:4")
    terms = [Fraction(term.replace(",", "")) for term in re.findall(_TERM, ratios[0])]
    if not any(terms):
        raise NotAnAnswerError("a ratio of zeros has no value")
    return tuple(terms)


def _readable(text: str) -> str:
    """Digits for words, and of 15:18 = 5:6 what it comes to."""
    reduced = re.split(r"=|\b(?:simplifies|reduces) to\b|\bwhich is\b", clean(text))[-1]
    return words_to_digits(reduced.replace("-to-", " to "))


def match_ratio(gold: tuple[Fraction, ...], answer: str, _context: Context) -> Match:
    """Proportional terms in the same order; a fraction a/b stands for a:b, a decimal does not."""
    terms = _ratio_of(_readable(answer))
    if terms is None:
        return Match(False, "not a ratio, and the gold is one")
    equal = len(gold) == len(terms) and all(
        left * terms[0] == right * gold[0] and left * terms[-1] == right * gold[-1]
        for left, right in zip(gold, terms, strict=True)
    )
    return Match(equal, "equal ratios" if equal else "different ratios")


_BESIDE = re.compile(r"[-+*/^0-9]|\bnot\b|\\(?:frac|times|cdot)")


def _ratio_of(text: str) -> tuple[Fraction, ...] | None:
    """The one ratio or quotient in `text`; none where another number or an operation stands beside it."""
    for pattern in (_RATIO, _QUOTIENT):
        found = list(pattern.finditer(text))
        if not found:
            continue
        if len(found) > 1 or _BESIDE.search(text[: found[0].start()] + " " + text[found[0].end() :]):
            return None
        if pattern is _RATIO:
            return parse_ratio(found[0].group())
        top, bottom = (int(part) for part in found[0].groups() if part)
        return (Fraction(top), Fraction(bottom)) if bottom else None
    return None
