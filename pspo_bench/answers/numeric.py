"""Answers that are numbers: plain, percent, money, with units, ordinals, base-n, ratios, and several of them.

    >>> parse_gold("3:4", resolve_type("3:4", "ratio")).match("6 to 8", None)
    Match(equal=True, reason='equal ratios')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pspo_bench.answers.compare import compare_quantities
from pspo_bench.answers.formula import parse
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.quantity import Quantity, read_quantity
from pspo_bench.answers.rational import exact, has_symbol
from pspo_bench.answers.structure import expand_plus_minus
from pspo_bench.answers.text import clean, split_top
from pspo_bench.answers.units import currency, read_unit
from pspo_bench.answers.words import NUMBER_WORDS, ordinal_in_words


def parse_number(gold: str) -> Quantity:
    """A gold that is one number, with or without a unit."""
    quantity = read_quantity(gold)
    if has_symbol(quantity.node):
        raise NotAnAnswerError("it holds a variable")
    return quantity


def parse_percent(gold: str) -> Quantity:
    return replace(parse_number(gold), percent=True)


def parse_money(gold: str) -> Quantity:
    quantity = parse_number(gold)
    return quantity if quantity.unit else replace(quantity, unit=currency("$"))


def parse_degrees(gold: str) -> Quantity:
    quantity = parse_number(gold)
    return quantity if quantity.unit else replace(quantity, unit=read_unit("degrees"))


def parse_ordinal(gold: str) -> Quantity:
    """`6th`, `sixth`, `The 60th caller.`, or the plain number."""
    text = clean(gold)
    found = re.search(r"\b[0-9]+(?:st|nd|rd|th)\b", text)
    value = ordinal_in_words(found.group() if found else text)
    return parse_number(gold) if value is None else Quantity(("num", Fraction(value)), Fraction(value))


_OR = re.compile(r"\s*,?\s+or\s+(?!so\b|more\b|less\b)")


def match_number(gold: Quantity, answer: str, context: Context) -> Match:
    """One number against one number. An answer in base n has its value; `a or b` must be twice the same value."""
    if " or " in answer:
        return _match_spellings(gold, _OR.split(clean(answer)), context)
    return _match_one(gold, answer, context)


def _match_spellings(gold: Quantity, answers: list[str], context: Context) -> Match:
    if len(answers) > 4:
        return Match(False, "hedged: several answers")
    for text in answers:
        match = _match_one(gold, text, context)
        if not match.equal:
            return Match(False, f"hedged, and '{text[:40]}' is wrong: {match.reason}")
    return Match(True, "equal numbers, spelt in more than one way")


def _match_one(gold: Quantity, answer: str, context: Context) -> Match:
    text = clean(answer)
    based = _BASE.fullmatch(text)
    if based:
        value = parse_base(text).value
        return Match(gold.value == value, "equal numbers" if gold.value == value else "different values")
    quantity = read_quantity(answer)
    if has_symbol(quantity.node):  # sin^2 x + cos^2 x is the number 1
        same = context.equal(gold.node, quantity.node)
        return Match(same, "equal for every value of its variables" if same else "it holds a variable")
    return compare_quantities(gold, quantity, context)


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base; `base` is None where the answer leaves it out."""

    digits: str
    base: int

    @property
    def value(self) -> Fraction:
        return Fraction(int(self.digits, self.base))


_BASE = re.compile(
    r"\(?([0-9A-Fa-f]{1,300})\)?\s*(?:_\s*\{?\s*(?:base\s*)?([0-9]{1,2})\s*\}?|\(?\s*(?:in\s+)?base[\s-]*([0-9]{1,2})\s*\)?)"
)


def parse_base(gold: str) -> Based:
    """`52_8`, `4210_{5}`, `52 (base 8)`."""
    found = _BASE.fullmatch(clean(gold))
    if not found:
        raise NotAnAnswerError("it is not of the form digits_base")
    digits, base = found.group(1).upper(), int(found.group(2) or found.group(3))
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        raise NotAnAnswerError(f"{digits} has digits that base {base} has not")
    return Based(digits.lstrip("0") or "0", base)


def match_base(gold: Based, answer: str, _context: Context) -> Match:
    """The same digits in the same base, which may be left out; another base is another answer."""
    text = clean(answer).rpartition("=")[2].strip()
    if _BASE.fullmatch(text):
        given = parse_base(text)
        if given.base != gold.base:
            return Match(False, f"written in base {given.base}, asked for in base {gold.base}")
        digits = given.digits
    else:
        digits = text.replace(" ", "").upper().lstrip("0") or "0"
    return Match(digits == gold.digits, "the same digits" if digits == gold.digits else "different digits")


_TERM = r"[0-9]{1,30}(?:,[0-9]{3})*(?:\.[0-9]{1,30})?"
_RATIO = re.compile(rf"(?<![0-9.,:]){_TERM}(?:\s*(?::|\\colon|\bto\b)\s*{_TERM})+(?![0-9:])")
_QUOTIENT = re.compile(
    r"([0-9]{1,30})\s*/\s*([0-9]{1,30})|\\frac\s*\{\s*([0-9]{1,30})\s*\}\s*\{\s*([0-9]{1,30})\s*\}|\\frac\s*([0-9])([0-9])"
)


def parse_ratio(gold: str) -> tuple[Fraction, ...]:
    """The terms of `3:4`, `3 to 4` or `1:2:3`."""
    ratios = _RATIO.findall(clean(gold))
    if len(ratios) != 1:
        raise NotAnAnswerError("it is not a ratio such as 3:4")
    terms = [Fraction(term.strip().replace(",", "")) for term in re.split(r":|\\colon|\bto\b", ratios[0])]
    if not any(terms):
        raise NotAnAnswerError("a ratio of zeros has no value")
    return tuple(terms)


def match_ratio(gold: tuple[Fraction, ...], answer: str, _context: Context) -> Match:
    """Proportional terms in the same order; a fraction a/b stands for a:b, a decimal does not."""
    text = clean(answer)
    terms = _ratio_of(text)
    if terms is None:
        return Match(False, "not a ratio, and the gold is one")
    equal = len(gold) == len(terms) and all(
        left * terms[0] == right * gold[0] and left * terms[-1] == right * gold[-1]
        for left, right in zip(gold, terms, strict=True)
    )
    return Match(equal, "equal ratios" if equal else "different ratios")


def _ratio_of(text: str) -> tuple[Fraction, ...] | None:
    if len(_RATIO.findall(text)) == 1:
        return parse_ratio(text)
    quotients = list(_QUOTIENT.finditer(text))
    if len(quotients) != 1 or "." in text:
        return None
    top, bottom = (int(part) for part in quotients[0].groups() if part)
    return (Fraction(top), Fraction(bottom)) if bottom else None


# A comma between digit groups of three without a space is a thousands separator.
_LISTING = re.compile(r"\s*(?:[,;]\s*(?:and|or)\b|;|,(?![0-9]{3}(?![0-9]))|,\s|\band\b|\bor\b|&|\n)\s*")


def parse_values(gold: str) -> tuple[Quantity, ...]:
    """`8; 40`, `17 (years old); 12 (years old)`, `3, 5, 7`."""
    parts = split_top(clean(gold), re.compile(r";")) if ";" in gold else split_top(clean(gold), _LISTING)
    return tuple(parse_number(part.strip()) for part in parts if part.strip())


def match_values(gold: tuple[Quantity, ...], answer: str, context: Context) -> Match:
    """The same values in any order, each as often as in the gold."""
    given = _values_of(answer)
    if len(given) != len(gold):
        return Match(False, f"{len(given)} values, not {len(gold)}")
    left = list(given)
    for wanted in gold:
        hit = next((value for value in left if compare_quantities(wanted, value, context).equal), None)
        if hit is None:
            return Match(False, "different values")
        left.remove(hit)
    return Match(True, "the same values")


def match_ordered_values(gold: tuple[Quantity, ...], answer: str, context: Context) -> Match:
    """The same values in the same order."""
    given = _values_of(answer)
    if len(given) != len(gold):
        return Match(False, f"{len(given)} values, not {len(gold)}")
    equal = all(
        compare_quantities(wanted, value, context).equal for wanted, value in zip(gold, given, strict=True)
    )
    return Match(equal, "the same values in order" if equal else "different values, or another order")


def _values_of(answer: str) -> Sequence[Quantity]:
    text = clean(answer)
    bare = re.fullmatch(r"\\\{(.*)\\\}", text)
    parts = split_top(bare.group(1) if bare else text, _LISTING)
    parts = [value for part in parts if _holds_number(part) for value in expand_plus_minus(part.strip())]
    if len(parts) > 50:
        raise NotAnAnswerError("more than 50 values")
    return [read_quantity(part) for part in parts]


def _holds_number(part: str) -> bool:
    if re.search(r"[0-9\\]", part):
        return True
    words = re.findall(r"[a-z]+", part.lower())
    return any(word in NUMBER_WORDS for word in words) or _is_formula(part)


def _is_formula(part: str) -> bool:
    try:
        return exact(parse(part)) is not None
    except NotAnAnswerError:
        return False
