"""Expressions as trees, and their exact value under a reading.

    >>> from fractions import Fraction
    >>> half = Number(Fraction(50), percent=True)
    >>> value_of(Operation("*", half, Number(Fraction(80))), Reading())
    Fraction(40, 1)

People write 25 % for 0.25 and for 25, leave units out, and say "$100 + 10 %". A `Reading` says which of these is meant;
`compare` tries those that apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import factorial
from typing import TypeAlias

from pspo_bench.answers.rational import MAX_BITS, power
from pspo_bench.answers.units import Unit, read_unit
from pspo_bench.answers.words import SCALES

MAX_FACTORIAL = 100
_SHARES = {
    "halves": 2,
    "thirds": 3,
    "quarters": 4,
    "fourths": 4,
    "fifths": 5,
    "sixths": 6,
    "eighths": 8,
    "tenths": 10,
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written. `places`: digits behind the point; `unit`: the words behind it."""

    value: Fraction
    places: int = 0
    percent: bool = False
    unit: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """A quantity that is only named: x, "the price"."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Negative:
    inner: Node


@dataclass(frozen=True, slots=True)
class Operation:
    """`sign` is + - * / ^ or %; `beside`: a product without a sign; `loose`: one with a space between, or with "of" for
    its sign; `tight`: a fraction written without spaces."""

    sign: str
    left: Node
    right: Node
    beside: bool = False
    loose: bool = False
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """`name` is root or factorial."""

    name: str
    inner: Node


@dataclass(frozen=True, slots=True)
class Measured:
    """A bracket or fraction with a unit or percent sign behind it."""

    inner: Node
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Compound:
    """1 hour 30 minutes."""

    parts: tuple[Number, ...]


Node: TypeAlias = Number | Unknown | Negative | Operation | Function | Measured | Compound


@dataclass(frozen=True, slots=True)
class Reading:
    """How signs are meant.

    `percent`: p % is p/100; else it is p. `relative`: x + p % is x (1 + p/100). `units`: every number counts in the
    base of
    its unit. `loose`: what stands beside a number with a space between is a remark, no factor. `exact`: figures that
    were rounded when they were written, with what they stand for.
    """

    percent: bool = True
    relative: bool = False
    units: bool = False
    remarks: bool = False
    exact: Mapping[Fraction, Fraction] = field(default_factory=dict)


PLAIN = Reading()


def value_of(node: Node, reading: Reading = PLAIN) -> Fraction | None:
    """The value of `node`; None where it is unknown, undefined or too large to be worked out."""
    match node:
        case Number():
            return _number(node, reading)
        case Operation():
            return _operation(node, reading)
        case Negative():
            inner = value_of(node.inner, reading)
            return None if inner is None else -inner
        case Measured():
            inner = value_of(node.inner, reading)
            return None if inner is None else inner * _scale(node.unit, node.percent, reading)
        case Function():
            return _function(node.name, value_of(node.inner, reading))
        case Compound():
            total = sum((_number(part, reading) for part in node.parts), Fraction(0))
            return Fraction(total) if reading.units else None
        case _:
            return None


def _number(node: Number, reading: Reading) -> Fraction:
    value = reading.exact.get(node.value, node.value) if reading.exact else node.value
    return value * _scale(node.unit, node.percent, reading) if node.percent or reading.units else value


def _scale(unit: str, percent: bool, reading: Reading) -> Fraction:
    scale = Fraction(1, 100) if percent and reading.percent else Fraction(1)
    return scale * unit_factor(unit) if unit and reading.units else scale


def _operation(node: Operation, reading: Reading) -> Fraction | None:
    left = value_of(node.left, reading)
    if left is None or (node.loose and reading.remarks):
        return left
    right = value_of(node.right, reading)
    if right is None or bits(left) + bits(right) > MAX_BITS:
        return None
    if reading.relative and node.sign in "+-" and is_percent(node.right) and not is_percent(node.left):
        right *= left
    match node.sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
        case "%":
            return left - right * (left // right) if right else None
        case _:
            return _power(left, right)


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    return None if base == 0 and exponent <= 0 else power(base, exponent)


def _function(name: str, inner: Fraction | None) -> Fraction | None:
    if inner is None:
        return None
    if name == "root":
        return power(inner, Fraction(1, 2))
    small = inner.denominator == 1 and 0 <= inner <= MAX_FACTORIAL
    return Fraction(factorial(int(inner))) if small else None


def is_percent(node: Node) -> bool:
    return isinstance(node, Number | Measured) and node.percent


# Units


def unit_factor(unit: str) -> Fraction:
    """What one of `unit` is in the base of its kind: 60 for minutes, 1/100 for cents, 12 for dozen, 1 for apples."""
    first, _, rest = unit.partition(" ")
    scale = SCALES.get(first.lower().removesuffix("s"))
    if scale:
        return scale * (unit_factor(rest) if rest else Fraction(1))
    if first.lower() in _SHARES:
        return Fraction(1, _SHARES[first.lower()])
    read = read_unit(unit)
    below = read.per.factor if read.per and read.per.dimension else Fraction(1)
    return read.factor / below


def dimensions(node: Node) -> Iterator[str]:
    """The kinds of the units in `node` that convert; "count" for dozen, thousand, halves."""
    for number in numbers(node):
        yield from _dimension(number.unit)
    if isinstance(node, Measured):
        yield from _dimension(node.unit)


def _dimension(unit: str) -> Iterator[str]:
    first = unit.partition(" ")[0].lower()
    if first in _SHARES or first.removesuffix("s") in SCALES:
        yield "count"
    elif unit and (dimension := read_unit(unit).dimension):
        yield dimension


def unit_of(node: Node) -> Unit | None:
    """The unit of a side that is one quantity, where it names one that converts."""
    text = unit_text(node)
    if not text:
        return None
    read = read_unit(text)
    return read if read.dimension else None


def unit_text(node: Node) -> str:
    """The words behind a side that is one quantity."""
    match node:
        case Number() | Measured():
            return node.unit
        case Negative():
            return unit_text(node.inner)
        case Compound():
            return node.parts[0].unit
        case _:
            return ""


# Walks


def numbers(node: Node) -> Iterator[Number]:
    """The numbers of `node` from left to right."""
    match node:
        case Number():
            yield node
        case Operation():
            yield from numbers(node.left)
            yield from numbers(node.right)
        case Negative() | Function() | Measured():
            yield from numbers(node.inner)
        case Compound():
            yield from node.parts


def parts(node: Node) -> Iterator[Fraction]:
    """The values of what is worked out inside `node`: 2040 in 4080 + 4080 / 2."""
    match node:
        case Operation():
            yield from parts(node.left)
            yield from parts(node.right)
            value = value_of(node)
            if value is not None:
                yield value
        case Negative() | Function() | Measured():
            yield from parts(node.inner)


def is_bare(node: Node) -> bool:
    """Whether `node` is one number, so that nothing is worked out in it."""
    match node:
        case Number() | Compound():
            return True
        case Negative() | Measured():
            return is_bare(node.inner)
        case _:
            return False


def is_quantity(node: Node) -> bool:
    """Whether `node` is one number or one fraction; 40 stars/5 rows divides."""
    match node:
        case Measured():
            return is_quantity(node.inner)
        case Operation():
            return node.tight and is_bare(node.left) and is_bare(node.right) and not holds_words(node.left)
        case _:
            return is_bare(node)


def holds_words(node: Node) -> bool:
    """Whether words stand behind an operand."""
    match node:
        case Number():
            return bool(node.unit)
        case Measured():
            return bool(node.unit) or holds_words(node.inner)
        case Operation():
            return holds_words(node.left) or holds_words(node.right)
        case Negative() | Function():
            return holds_words(node.inner)
        case _:
            return isinstance(node, Compound)


def leading(node: Node) -> Node:
    """The first operand of `node` at its top: 7 of 7 + 2, 10 + 3 of (10 + 3) * 2."""
    while isinstance(node, Operation):
        node = node.left
    return node


def bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()
