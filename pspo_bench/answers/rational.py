"""The exact rational value of a formula, where it has one that is small enough to be worked out at once.

>>> exact(parse(r"\\frac{\\sqrt{16}}{6}"))
Fraction(2, 3)
"""

from __future__ import annotations

import math
from fractions import Fraction

from pspo_bench.answers.formula import Node, walk

MAX_BITS = 16_384
"""A power or factorial larger than this is not evaluated; it is compared by form alone."""


def exact(node: Node) -> Fraction | None:
    """The rational value of `node`, or None where it has none or is too large to be worked out here."""
    try:
        return _exact(node)
    except (ZeroDivisionError, OverflowError, RecursionError):
        return None


def _exact(node: Node) -> Fraction | None:
    kind = node[0]
    if kind == "num":
        return Fraction(node[1])
    if kind in ("sym", "const", "latex"):
        return None
    values = [_exact(child) for child in node[1:] if isinstance(child, tuple)]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or sum(map(_bits, known)) > MAX_BITS:
        return None
    return _apply(node, known)


def _apply(node: Node, values: list[Fraction]) -> Fraction | None:
    match node[0]:
        case "add":
            return values[0] + values[1]
        case "mul":
            return values[0] * values[1]
        case "div":
            return values[0] / values[1]
        case "neg":
            return -values[0]
        case "pow":
            return power(*values)
        case _:
            return _function(node[1], values)


def _function(name: str, values: list[Fraction]) -> Fraction | None:
    first = values[0]
    match name:
        case "abs":
            return abs(first)
        case "sqrt":
            return power(first, Fraction(1, 2))
        case "root" if values[1]:
            return power(first, 1 / values[1])
        case "factorial" if first.denominator == 1 and 0 <= first <= 1000:
            return Fraction(math.factorial(int(first)))
        case "binomial" if all(value.denominator == 1 and 0 <= value <= 1000 for value in values):
            return Fraction(math.comb(int(first), int(values[1])))
        case "floor":
            return Fraction(math.floor(first))
        case "ceil":
            return Fraction(math.ceil(first))
        case _:
            return None


def power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if abs(exponent.numerator) * _bits(base) > MAX_BITS or exponent.denominator > 64:
        return None
    root = _exact_root(base, exponent.denominator)
    return None if root is None else root**exponent.numerator


def _exact_root(value: Fraction, index: int) -> Fraction | None:
    """The rational principal root, or None: negative radicands are left to complex arithmetic."""
    if index == 1:
        return value
    if value < 0:
        return None
    top, bottom = _integer_root(value.numerator, index), _integer_root(value.denominator, index)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _integer_root(value: int, index: int) -> int | None:
    if index == 2:
        root = math.isqrt(value)
    else:
        low, high = 0, 1 << (value.bit_length() // index + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**index <= value else (low, middle - 1)
        root = low
    return root if root**index == value else None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def has_symbol(node: Node) -> bool:
    """Whether a variable occurs in `node`."""
    return mentions(node, "sym", "latex")


def mentions(node: Node, *kinds: str) -> bool:
    """Whether a part of one of these kinds occurs in `node`."""
    return any(part[0] in kinds for part in walk(node))
