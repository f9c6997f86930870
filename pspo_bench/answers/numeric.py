"""Answers that are one number: plain, percent, money, with units, ordinals, base-n, quotient and remainder.

>>> parse_gold("18", resolve_type("18", "number")).match("$18.00", None)
Match(equal=True, reason='equal numbers')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from pspo_bench.answers.compare import compare_quantities, same_node
from pspo_bench.answers.labels import is_asked
from pspo_bench.answers.match import Context, Match, NeedsSymbolicError, NotAnAnswerError
from pspo_bench.answers.quantity import Quantity, read_quantity
from pspo_bench.answers.rational import has_symbol, mentions
from pspo_bench.answers.remarks import with_alternatives
from pspo_bench.answers.spellings import words_to_digits
from pspo_bench.answers.text import clean
from pspo_bench.answers.units import currency, read_unit
from pspo_bench.answers.words import ordinal_in_words


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
    if "or " in answer:
        return _match_spellings(gold, _OR.split(with_alternatives(clean(answer))), context)
    return _match_one(gold, answer, context)


def _match_spellings(gold: Quantity, answers: list[str], context: Context) -> Match:
    if len(answers) == 1:
        return _match_one(gold, answers[0], context)
    if len(answers) > 4:
        return Match(False, "hedged: several answers")
    for text in answers:
        match = _match_one(gold, text, context)
        if not match.equal:
            return Match(False, f"hedged, and '{text[:40]}' is wrong: {match.reason}")
    return Match(True, "equal numbers, spelt in more than one way")


def _match_one(gold: Quantity, answer: str, context: Context) -> Match:
    text = clean(answer)
    if _BASE.fullmatch(text):
        value = parse_base(text).value
        return Match(gold.value == value, "equal numbers" if gold.value == value else "different values")
    quantity = read_quantity(_as_counted(gold, text) or _value_asked_for(text, context.question) or answer)
    if has_symbol(quantity.node):
        return _match_identity(gold, quantity, context)
    return compare_quantities(gold, quantity, context)


def _match_identity(gold: Quantity, answer: Quantity, context: Context) -> Match:
    """A formula with variables against a number: sin^2 x + cos^2 x is 1. Those of integrals and sums are bound."""
    if mentions(answer.node, "latex"):
        same = same_node(gold.node, answer.node, context)
        return Match(same, "equal numbers" if same else "different values")
    try:
        same = same_node(gold.node, answer.node, context)
    except NeedsSymbolicError:
        same = False
    return Match(same, "equal for every value of its variables" if same else "it holds a variable")


def _value_asked_for(text: str, question: str | None) -> str | None:
    """`10` of `2x = 10`, where the question asks for `$2x$`."""
    left, equals, right = text.rpartition("=")
    return right if equals and question and is_asked(left, question) else None


_SCALED = re.compile(r"([-+]?[$€£]?\s?[0-9][0-9.,]*)\s?([kKMB])")
_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion"}
_NUMBER_NOUNS = {
    "dozen",
    "dozens",
    "quarter",
    "quarters",
    "half",
    "halves",
    "third",
    "thirds",
    "hundreds",
    "thousands",
}
_SHARE = re.compile(r"([0-9]{1,9}|[a-z]+) (?:out of|in)(?: every)? ([0-9]{1,9}|[a-z]+)", re.IGNORECASE)
_NONE = re.compile(
    r"(?:none|nothing|no (?!solution|problem|doubt|clue|answer|one|idea)(?:[a-z]{3,12} )?[a-z]{2,15}s)"
    r"(?: (?:are |is )?(?:left|remaining))?(?: at all)?",
    re.IGNORECASE,
)


def _as_counted(gold: Quantity, text: str) -> str | None:
    """Spellings that only the gold makes clear: `40k`, `two dozen` of 2 (dozen), `1 in 6` of 1/6, `none` of 0."""
    scaled = _SCALED.fullmatch(text)
    if scaled and (gold.unit is None or gold.unit.dimension != "length"):
        return f"{scaled.group(1)} {_SCALES[scaled.group(2)]}"
    if gold.value is not None and re.fullmatch(r"-?[0-9]{1,20}[eE]-?[0-9]", text):
        return str(Fraction(text))
    noun = gold.unit.words[0] if gold.unit and gold.unit.words else ""
    last = text.split()[-1].lower() if text else ""
    if noun in _NUMBER_NOUNS and last.rstrip("s") == noun.rstrip("s") and " " in text:
        return text[: -len(last)].strip()
    if noun == "times" and re.fullmatch(r"[0-9]{1,6}\s*(?:x|\\times)", text):
        return text.rstrip("x").removesuffix("\\times").strip()
    share = _SHARE.fullmatch(text) if gold.value is not None and gold.value.denominator > 1 else None
    if share:
        return "/".join(words_to_digits(part.lower()) for part in share.groups())
    return "0" if gold.value == 0 and _NONE.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base; `base` is None where the answer leaves it out."""

    digits: str
    base: int

    @property
    def value(self) -> Fraction:
        return Fraction(int(self.digits, self.base))


_BASE = re.compile(
    r"\(?([0-9A-Fa-f]{1,300})\)?\s*(?:_\s*\{?\s*\(?\s*(?:base\s*)?([0-9]{1,2}|[a-z]{3,7})\s*\)?\s*\}?|\(?\s*(?:in\s+)?base[\s-]*([0-9]{1,2})\s*\)?)"
)


def parse_base(gold: str) -> Based:
    """`52_8`, `4210_{5}`, `52 (base 8)`."""
    found = _BASE.fullmatch(clean(gold))
    if not found:
        raise NotAnAnswerError("it is not of the form digits_base")
    named = words_to_digits(found.group(2) or found.group(3))
    if not named.isdigit():
        raise NotAnAnswerError(f"'{named}' is no base")
    digits, base = found.group(1).upper(), int(named)
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        raise NotAnAnswerError(f"{digits} has digits that base {base} has not")
    return Based(digits.lstrip("0") or "0", base)


def match_base(gold: Based, answer: str, _context: Context) -> Match:
    """The same digits in the same base, which may be left out; another base is another answer."""
    left, _, text = clean(answer).rpartition("=")
    text = text.strip()
    if re.fullmatch(r"\s*[0-9]+\s*", left) and int(left) != gold.value:
        return Match(False, f"{left.strip()} is another number")
    if _BASE.fullmatch(text):
        given = parse_base(text)
        if given.base != gold.base:
            return Match(False, f"written in base {given.base}, asked for in base {gold.base}")
        digits = given.digits
    else:
        digits = text.replace(" ", "").upper().lstrip("0") or "0"
    return Match(digits == gold.digits, "the same digits" if digits == gold.digits else "different digits")


_REMAINDER = re.compile(
    r"(?:.*=\s*)?([0-9]{1,30})\s*,?\s*(?:with\s+)?(?:an?\s+)?(?:remainder|rem\.?|r)\s*(?:of\s+|is\s+)?([0-9]{1,30})",
    re.I,
)


def parse_remainder(gold: str) -> tuple[int, int]:
    """(quotient, remainder) of `6 remainder 2` or `6 R 2`."""
    found = _REMAINDER.fullmatch(clean(gold))
    if not found:
        raise NotAnAnswerError("it is not a quotient with a remainder")
    return int(found.group(1)), int(found.group(2))


def match_remainder(gold: tuple[int, int], answer: str, _context: Context) -> Match:
    """The same quotient and the same remainder."""
    same = parse_remainder(answer) == gold
    return Match(same, "the same quotient and remainder" if same else "another quotient or remainder")
