"""Remarks behind an answer: explanations, rejected values, approximations. What contradicts the answer is no remark.

>>> without_remark("18 (9 eggs at $2)"), without_remark("18, not 24"), without_remark("18 (20 apples)")
('18', '18', None)
"""

from __future__ import annotations

import re
from fractions import Fraction

from pspo_bench.answers import points
from pspo_bench.answers.formula import parse
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.rational import exact
from pspo_bench.answers.units import read_unit
from pspo_bench.answers.words import SCALES

_ASIDE = re.compile(r"^(?P<core>.*\S)\s+\((?P<aside>[^()]*(?:\([^()]*\)[^()]*)*)\)$", re.DOTALL)
_INSTEAD = re.compile(
    r"\s*(?:,\s*(?:and\s+|but\s+)?|\s(?:and|but)\s+)not\s+.*$|,?\s+(?:rather than|instead of)\s+.*$",
    re.DOTALL,
)
_APPROXIMATELY = re.compile(
    r"\s*(?:\\approx|\\simeq|\\sim(?![a-z])"
    r"|,?\s*(?:or|which is|i\.e\.?,?)?\s*\b(?:approximately|approx\.?|about|roughly)\b).*?(?=\s+or\s|$)",
    re.DOTALL,
)
_OR_ASIDE = re.compile(r"\s*\(\s*(or\s[^()]*)\)$")
_SEPARATED = r"\s*(?:,|;|:|-{1,2}(?=\s))\s+"
_CONCLUDING = re.compile(
    _SEPARATED
    + r"(?:so|therefore|thus|hence|and that|and so|which|i\.\s?e|e\.\s?g|that is|meaning|namely|then|giving"
    r"|leaving|making)\b.*$",
    re.DOTALL | re.IGNORECASE,
)
_EXPLAINING = re.compile(
    _SEPARATED + r"(?:(?:as|in total|in all|altogether|since|because|after|with|including|assuming)\b.*)$",
    re.DOTALL | re.IGNORECASE,
)
_CONDITIONAL = re.compile(_SEPARATED + r"(?:where|when|if|for)\b.*$", re.DOTALL | re.IGNORECASE)
_CONSEQUENCE = re.compile(
    r"\b(?:she|he|they|there|we)\s+(?:still\s+)?(?:has|have|had|is|are|will)\b", re.IGNORECASE
)
_DERIVING = re.compile(
    r"\s*(?:;|:|-{1,2}(?=\s))\s+[0-9][^;]*(?:\\times|\\cdot|\*|\btimes\b|\bwith\b|\beach\b|=|\+).*$",
    re.DOTALL,
)
_REJECTED = re.compile(
    r"\b(?:reject\w*|extraneous|invalid|wrong|incorrect|actually|correction|discard\w*)\b", re.I
)
_DERIVATION = re.compile(
    r"\\times|\\cdot|\\div|[*=+]|\b(?:at|each|per|by|times|since|because|not|rounded|of|minus|plus)\b", re.I
)
_NUMBER = re.compile(
    r"(?P<sign>[$€£])?(?P<value>[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9]+)?)\s*(?P<unit>%|[A-Za-z]{1,12})?"
)


def with_alternatives(text: str) -> str:
    """`3/4 (or 75%)` as `3/4 or 75%`; "or approximately 4.24" is left out."""
    text = _OR_ASIDE.sub(r" \1", text)
    cut = _APPROXIMATELY.sub("", text, count=1)
    return cut if cut and cut != text and _is_near(cut, text[len(cut) :]) else text


def without_remark(text: str, *, conditions: bool = True) -> str | None:
    """`text` without the remark behind it; None where there is none.

    `18, as shown above`, `\\frac{5}{3} \\approx 1.67`. A second value is no remark: `7 (or 8)`, `8; 40` and `18, so 20`
    stay whole. Without `conditions`, "where", "if" and "for" are part of the answer, as behind an interval.
    """
    aside = _ASIDE.match(text)
    if aside:
        return aside["core"] if _explains(aside["core"], aside["aside"]) else None
    cut = _INSTEAD.sub("", text, count=1)
    if _is_cut(cut, text):
        return cut
    cut = _APPROXIMATELY.sub("", text, count=1)
    if _is_cut(cut, text):
        return cut if _is_near(cut, text[len(cut) :]) else None
    cut = _CONCLUDING.sub("", text, count=1)
    if _is_cut(cut, text):
        remark = text[len(cut) :]
        return cut if _is_quiet(remark) or _agree(cut, remark) or _CONSEQUENCE.search(remark) else None
    for pattern in (_EXPLAINING, _DERIVING, *([_CONDITIONAL] if conditions else [])):
        cut = pattern.sub("", text, count=1)
        if _is_cut(cut, text):
            return cut
    return None


def _is_cut(cut: str, text: str) -> bool:
    return cut != text and any(char.isalnum() for char in cut)


def _explains(core: str, aside: str) -> bool:
    if re.match(r"\s*or\b", aside) or _REJECTED.search(aside) or "?" in aside:
        return False
    if re.match(r"\s*(?:\\approx|approximately|approx|about|roughly)", aside):
        return _is_near(core, aside)
    if not re.search(r"[0-9]", aside):
        return bool(re.search(r"[A-Za-z]{3,}", aside))
    return _agree(core, aside) or bool(_DERIVATION.search(aside))


def _is_quiet(remark: str) -> bool:
    """No number and no formula in it that could be another answer."""
    words = re.sub(r"\b(?:i\.\s?e|e\.\s?g|[aAI])\b", "", remark)
    return not re.search(r"[0-9\\]|\b[A-Za-z]\b", words)


def _agree(core: str, remark: str) -> bool:
    """Whether the last numbers of both are the same, as a percentage or in a unit that converts if need be."""
    mine, theirs = _NUMBER.findall(core), _NUMBER.findall(remark)
    if not mine or not theirs:
        return False
    (_, left, unit), (_, right, other) = mine[-1], theirs[-1]
    values = [Fraction(value.replace(",", "")) for value in (left, right) if not value.endswith("/0")]
    if len(values) < 2:
        return False
    units = [read_unit(word) for word in (unit, other)]
    factors = [
        Fraction(1, 100) if word == "%" else Fraction(SCALES.get(word.lower(), 1)) for word in (unit, other)
    ]
    if units[0].dimension and units[0].dimension == units[1].dimension:
        factors = [each.factor for each in units]
    return values[0] == values[1] or values[0] * factors[0] == values[1] * factors[1]


def _is_near(core: str, approximation: str) -> bool:
    """Whether a number given as an approximation is one, to a twentieth; what cannot be told counts as near."""
    number = _NUMBER.search(approximation)
    if number is None:
        return False
    try:
        node = parse(core.rpartition("=")[2].strip().lstrip("$"))
    except NotAnAnswerError:
        return True
    value = exact(node)
    value = points.value(node) if value is None else value
    if value is None or number["value"].endswith("/0"):
        return True
    given = Fraction(number["value"].replace(",", ""))
    return abs(abs(value) - given) <= abs(value) / 20


_UNITS = re.compile(
    r"^(?P<core>.*?\S)\s+(?:(?:square |cubic )?(?:units?|inches|feet|meters|miles|cm|km|ft|yards|radians?|rad|degrees)"
    r"(?:\s*\^\s*\{?[23]\}?)?|dollars|cents|ways|outcomes)$",
    re.DOTALL,
)
_CONDITION = re.compile(
    r"\s*(?:,\s*(?:\\q?quad\s*)?|\(\s*)[a-z]\s*(?:\\ne|\\ge|\\le|\\in|<|>)(?![a-z])[^,]*$"
    r"|\s*,?\s+(?:for|where|if|when)\s+(?:all |any |every )?(?:positive )?(?:integers? )?[a-z]\b.*$",
    re.DOTALL,
)


def without_units(text: str) -> str | None:
    """A formula without the unit, or the range of its variable, behind it: `4R^2 square units`, `5n-2 for n > 0`."""
    found = _UNITS.match(text)
    if found:
        return found["core"]
    cut = _CONDITION.sub("", text, count=1)
    return cut if cut != text and cut else None
