"""Variants of golds that are one number, with or without a unit.

>>> [variant.text for variant in converted(Fraction(2), "hours")]
['120 minutes']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from pspo_bench.answers.quantity import Quantity
from pspo_bench.answers.units import read_unit
from pspo_bench.answers.variants.formulas import formula_misses, formula_respellings
from pspo_bench.answers.variants.numbers import (
    decimal,
    in_words,
    latex_fraction,
    neighbours,
    places_of,
    plain,
    spellings,
)
from pspo_bench.answers.variants.variant import Subject, Variant, wrapped

_NOUN_IN_BRACKETS = re.compile(r"(.*\S)\s*\(\s*([A-Za-z][A-Za-z ./-]*?)\s*\)")
_LATEX_UNIT = re.compile(
    r"(.*\S)\s*\\(?:text|mbox|mathrm|textrm)\s*\{\s*([A-Za-z][A-Za-z ./-]*?)\s*\}\s*(\^\s*\{?[23]\}?)?"
)
_SMALLER: dict[str, tuple[int, str]] = {
    "week": (7, "days"), "day": (24, "hours"), "hour": (60, "minutes"), "minute": (60, "seconds"),
    "dollar": (100, "cents"), "yard": (3, "feet"), "feet": (12, "inches"), "foot": (12, "inches"),
    "km": (1000, "meters"), "kilometer": (1000, "meters"), "meter": (100, "centimeters"), "cm": (10, "mm"),
    "centimeter": (10, "millimeters"), "kg": (1000, "grams"), "kilogram": (1000, "grams"),
    "pound": (16, "ounces"), "gallon": (4, "quarts"), "quart": (2, "pints"), "pint": (2, "cups"),
    "liter": (1000, "milliliters"),
}  # fmt: skip
_LARGER: dict[str, tuple[int, str]] = {
    "day": (7, "weeks"), "minute": (60, "hours"), "second": (60, "minutes"), "cent": (100, "dollars"),
    "inches": (12, "feet"), "inch": (12, "feet"), "ounce": (16, "pounds"), "gram": (1000, "kilograms"),
    "meter": (1000, "kilometers"), "cm": (100, "meters"),
}  # fmt: skip
_ASKS_DOLLARS = re.compile("how many dollars|in dollars|how much money")
_OTHER_MONEY = re.compile("cent|penn|nickel|dime|quarter|euro|sterling|rupee|¢|€|£|₹")
_NOUN_COUNTED = re.compile(r"\b[0-9]+ ([a-z]{3,}[a-rt-z]s)\b")
_MAY_BE_PERCENT = re.compile(r"percent|%|chance|probabilit|likel|\bodds\b|\brate\b")
_NO_UNITS = {"times", "time", "units", "unit", "percent", "fraction", "ratio", "number"}


def split_unit(gold: str) -> tuple[str, str]:
    """(number, unit as plain words) of `24 (crayons)`, `864 \\mbox{ inches}^2`; the unit is "" where there is none."""
    found = _NOUN_IN_BRACKETS.fullmatch(gold) or _LATEX_UNIT.fullmatch(gold)
    if not found:
        return gold, ""
    power = (found.group(3) or "") if found.re is _LATEX_UNIT else ""
    return found.group(1), found.group(2) + power.replace(" ", "").replace("{", "").replace("}", "")


def measure_respellings(subject: Subject) -> Iterator[Variant]:
    """One number: spelt otherwise, with its unit kept, dropped or converted, and in the usual wrappers."""
    quantity: Quantity = subject.value
    number, unit = split_unit(subject.gold)
    if quantity.value is None:
        yield from formula_respellings(number)
        return
    value = quantity.value
    yield from spellings(value)
    yield from wrapped(plain(value))
    yield from _unevaluated(value)
    yield from _with_unit(value, unit)
    yield from converted(value, unit)
    match subject.kind:
        case "percent":
            yield from _percentages(value)
            yield Variant(plain(value / 100), "share of 1")
        case "degrees":
            yield from _degrees(value)
        case "money" if _in_dollars(quantity):
            yield from _dollars(value)
        case "number" | "expression" if not unit:
            yield from _unnamed(value, subject.asked)


def _unevaluated(value: Fraction) -> Iterator[Variant]:
    if places_of(value) is None or value < 2:
        return
    yield Variant(f"{plain(value - 1)} + 1", "sum not worked out")
    yield Variant(f"{plain(value - 1)} + 1 = {plain(value)}", "sum and its result")
    yield Variant(rf"{plain(value / 2)} \times 2", "product not worked out")
    yield Variant(rf"{plain(value / 2)} \cdot 2 = {plain(value)}", "product and its result")
    yield Variant(rf"\sqrt{{{plain(value * value)}}}", "root not worked out")


def _unnamed(value: Fraction, asked: str) -> Iterator[Variant]:
    """What may stand around a number whose gold names no unit; what the question speaks of is left alone."""
    yield Variant(f"x = {plain(value)}", "variable in front")
    is_amount = value > 0 and 100 % value.denominator == 0
    if is_amount and (not asked or _ASKS_DOLLARS.search(asked)) and not _OTHER_MONEY.search(asked):
        yield from _dollars(value)
    if not _MAY_BE_PERCENT.search(asked):
        yield from _percentages(value * 100)


def _with_unit(value: Fraction, unit: str) -> Iterator[Variant]:
    if not unit:
        return
    number = plain(value)
    yield Variant(f"{number} ({unit})", "unit in brackets")
    yield Variant(f"{number} {unit}", "unit behind")
    yield Variant(f"{number} {unit}.", "unit and full stop")
    yield Variant(f"{number} in all", "in all")
    yield Variant(f"{number} {unit} in all", "unit and in all")
    yield Variant(f"${number}$ {unit}", "maths, then unit")
    if "^" not in unit:
        yield Variant(rf"{number} \text{{ {unit}}}", "unit in LaTeX text")
        yield Variant(rf"${number}\text{{ {unit}}}$", "unit inside the maths")
        yield Variant(f"{number} {unit.upper()}", "unit in capitals")
    elif " " not in unit:
        name, _, power = unit.partition("^")
        yield Variant(f"{number} {'square' if power == '2' else 'cubic'} {name}", "power of a unit in words")
    if value.denominator == 1 and 0 <= value < 1000 and "^" not in unit:
        yield Variant(f"{in_words(int(value))} {unit}", "number words and unit")
    if value >= 1000 and value.denominator == 1:
        yield Variant(f"{int(value):,} {unit}", "thousands comma and unit")


def _stem(unit: str) -> str:
    unit = unit.strip().lower()
    return {"pennies": "cent", "feet": "feet"}.get(unit, unit.removesuffix("s"))


def _conversions(value: Fraction, unit: str) -> Iterator[tuple[Fraction, str]]:
    if (small := _SMALLER.get(_stem(unit))) is not None:
        yield value * small[0], small[1]
    if (large := _LARGER.get(_stem(unit))) is not None:
        yield value / large[0], large[1]


def converted(value: Fraction, unit: str) -> Iterator[Variant]:
    """`2 hours` as `120 minutes`, `10 cents` as `0.1 dollars`."""
    for amount, name in _conversions(value, unit):
        yield Variant(f"{plain(amount)} {name}", "unit converted")


def _in_dollars(quantity: Quantity) -> bool:
    unit = quantity.unit
    return unit is not None and unit.dimension == "money" and unit.factor == 1


def _dollars(value: Fraction) -> Iterator[Variant]:
    sign, amount = "-" if value < 0 else "", plain(abs(value))
    yield Variant(f"{sign}${amount}", "dollar sign")
    yield Variant(rf"{sign}\${amount}", "escaped dollar sign")
    yield Variant(f"{plain(value)} dollars", "dollars in words")
    places = places_of(value)
    if places is not None and places <= 2:
        whole, _, cents = decimal(abs(value), 2).partition(".")
        yield Variant(f"{sign}${whole}.{cents}", "dollars and cents")
        yield Variant(rf"{sign}\${int(whole):,}.{cents}", "dollars and cents with comma")


def _percentages(value: Fraction) -> Iterator[Variant]:
    if places_of(value) is None:
        return
    for sign, rule in (
        ("%", "percent sign"),
        (r"\%", "escaped percent sign"),
        (" percent", "percent in words"),
    ):
        yield Variant(plain(value) + sign, rule)


def _degrees(value: Fraction) -> Iterator[Variant]:
    signs = (r"^\circ", r"^{\circ}", r" ^\circ", "°", " degrees", r"\text{ degrees}", r"\degree")
    for sign in signs:
        yield Variant(plain(value) + sign, "degree sign")


def measure_misses(subject: Subject) -> Iterator[Variant]:
    """One number: another value, another unit, a hedge, a bound."""
    quantity: Quantity = subject.value
    number, unit = split_unit(subject.gold)
    if quantity.value is None:
        yield from formula_misses(number)
        return
    value = quantity.value
    accepted = {value, value / 100} if quantity.percent else {value}
    written = re.search(r"\.([0-9]+)", number)
    for other, rule in neighbours(value, len(written.group(1)) if written else 0):
        if other not in accepted:
            yield Variant(plain(other), rule)
            if unit:
                yield Variant(f"{plain(other)} {unit}", f"{rule}, with its unit")
            if other.denominator > 1 and value.denominator > 1:
                yield Variant(latex_fraction(other), f"{rule}, as a LaTeX fraction")
    for spelling in spellings(value + 1) if value + 1 not in accepted else ():
        yield Variant(spelling.text, f"off by one, {spelling.rule}")
    yield from _hedges(value, accepted)
    named = unit or ("dollars" if _in_dollars(quantity) else "degrees" if subject.kind == "degrees" else "")
    if named and value:
        yield from _other_units(subject, quantity, value, named)
    if value and not quantity.percent and not _MAY_BE_PERCENT.search(subject.asked):
        yield Variant(f"{plain(value)}%", "percent of a plain number")


def _hedges(value: Fraction, accepted: set[Fraction]) -> Iterator[Variant]:
    text = plain(value)
    for other in (value + 1, value - 1):
        if other not in accepted:
            yield Variant(f"{text} or {plain(other)}", "hedged")
            yield Variant(f"{plain(other)} or {text}", "hedged")
            yield Variant(f"{text} and {plain(other)}", "two answers")
    yield Variant(f"at least {text}", "a bound")
    yield Variant(f"more than {text}", "a bound")


def _other_units(subject: Subject, quantity: Quantity, value: Fraction, unit: str) -> Iterator[Variant]:
    """The gold's number with a unit that does not convert, with a larger or smaller one, or with another noun."""
    text = plain(value)
    dimension = quantity.unit.dimension if quantity.unit else None
    if unit.lower() not in _NO_UNITS:
        yield Variant(f"{text} {'feet' if dimension == 'mass' else 'kilograms'}", "another unit")
    if dimension == "length" and " " not in unit:
        yield Variant(f"{text} square {unit}", "another power of the unit")
    if dimension == "length^2" and unit.startswith("square "):
        yield Variant(f"{text} {unit.removeprefix('square ')}", "another power of the unit")
    if dimension == "money":
        yield Variant(f"€{text}", "another currency")
    if dimension == "angle":
        yield Variant(f"{text} radians", "another unit of angles")
    for _, name in _conversions(value, unit):
        yield Variant(f"{text} {name}", "the number of one unit with another")
    if dimension is None and unit.isalpha() and unit.endswith("s") and unit.lower() in subject.asked:
        for noun in _NOUN_COUNTED.findall(subject.asked):
            if read_unit(noun).dimension is None and noun[:4] != unit.lower()[:4]:
                yield Variant(f"{text} {noun}", "another noun of the question")
