"""What became of a statement: the states, and how two sides are held against each other.

    State.ROUNDED: 10/3 = 3.33;  TRUNCATED: 2/3 = 0.66;  CONVERTED: 2 hours = 120 minutes;  RUN_ON: 3 + 4 = 7 + 2 = 9

A statement is wrong only if it is wrong under every reading that people give to percent signs, units, remarks and
rounded figures (`tree.Reading`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from pspo_bench.answers.units import is_unit
from pspo_bench.metrics.arithmetic.tree import (
    PLAIN,
    Measured,
    Negative,
    Node,
    Number,
    Operation,
    Reading,
    dimensions,
    holds_words,
    is_bare,
    leading,
    numbers,
    unit_of,
    unit_text,
    value_of,
)


class State(StrEnum):
    """All but `WRONG` and `UNCHECKABLE` are right."""

    EXACT = "exact"
    ROUNDED = "rounded"
    TRUNCATED = "truncated"
    CONVERTED = "unit-converted"
    RUN_ON = "run-on"
    WRONG = "wrong"
    UNCHECKABLE = "not-checkable"

    @property
    def is_right(self) -> bool:
        return self not in (State.WRONG, State.UNCHECKABLE)


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a relation. `approximate`: ≈, "about"; `bracketed`: the right side begins with a bracket."""

    left: Node
    right: Node
    approximate: bool = False
    bracketed: bool = False


def judge(sides: Sides, known: Mapping[Fraction, Fraction]) -> State:
    """What the sides are to each other; `known` has the exact value of figures that were rounded earlier.

    UNCHECKABLE where a side holds an unknown, or where two bare quantities differ that need not be equal.
    """
    left, right = value_of(sides.left), value_of(sides.right)
    if _is_unknown(sides.left, left) or _is_unknown(sides.right, right):
        return State.UNCHECKABLE
    if (left is None and not holds_words(sides.right)) or (right is None and not holds_words(sides.left)):
        return State.UNCHECKABLE  # 2 hours 20 minutes = 2 * 60 + 20: of what unit is not said
    if left is not None and left == right:
        return State.EXACT
    for reading in _readings(sides, known):
        state = _under(sides, *reading)
        if state:
            return state
    if _runs_on(sides, left):
        return State.RUN_ON
    if _is_average(sides.left, right):
        return State.EXACT
    if sides.approximate and left is not None and right is not None and _is_near(left, right):
        return State.UNCHECKABLE
    return State.WRONG


def _is_unknown(node: Node, value: Fraction | None) -> bool:
    return value is None and value_of(node, Reading(units=True)) is None


def _under(sides: Sides, left_reading: Reading, right_reading: Reading, rounds: bool) -> State | None:
    left, right = value_of(sides.left, left_reading), value_of(sides.right, right_reading)
    if left is None or right is None:
        return None
    if left == right:
        return State.CONVERTED if left_reading.units else State.ROUNDED if left_reading.exact else State.EXACT
    state = _rounding(left, sides.right, right_reading, sides.approximate) if rounds else None
    if left_reading.units:
        return State.CONVERTED if state else None
    if state is None and is_bare(sides.left):
        return _rounding(right, sides.left, left_reading, sides.approximate)
    return state


def _readings(sides: Sides, known: Mapping[Fraction, Fraction]) -> Iterator[tuple[Reading, Reading, bool]]:
    """The readings of the two sides that are worth trying, and whether the right side may be rounded in them."""
    yield PLAIN, PLAIN, True
    figures = [*numbers(sides.left), *numbers(sides.right)]
    bare = Reading(percent=False)
    if _holds_percent(sides.left) or _holds_percent(sides.right):
        yield PLAIN, bare, True
        yield bare, PLAIN, True
        yield bare, bare, True
        yield Reading(relative=True), PLAIN, True
        yield Reading(relative=True), bare, True
    if _may_convert(sides):
        figure = _figure(sides.right)
        coarse = figure is not None and figure.places == 0 and not sides.approximate
        yield Reading(units=True), Reading(units=True), not coarse  # 50 minutes are not 1 hour
    if any(isinstance(part, Operation) and part.loose and part.beside for part in _operations(sides.left)):
        yield Reading(remarks=True), PLAIN, True
    if any(isinstance(part, Operation) and part.loose for part in _operations(sides.right)):
        yield PLAIN, Reading(remarks=True), True  # 3/24 = 1/8 of 2 feet
    used = {figure.value: known[figure.value] for figure in figures if figure.value in known}
    used |= {
        figure.value: share for figure in numbers(sides.left) if (share := _common_share(figure)) is not None
    }
    if used:
        # 0.67 * 6 = 4, where 0.67 was written for 2/3; a whole number may have been rounded by the writer
        yield Reading(exact=used), PLAIN, True
        yield Reading(exact=used), Reading(exact=used), True
        if _holds_percent(sides.left) or _holds_percent(sides.right):
            yield Reading(exact=used), bare, True
    shares = {f.value: share for f in numbers(sides.right) if (share := _common_share(f)) is not None}
    if shares and not is_bare(sides.right):
        yield PLAIN, Reading(exact=shares), False


def _may_convert(sides: Sides) -> bool:
    """Whether the sides hold units of one kind, or on one side money or a word such as dozen, which may be left out."""
    left, right = set(dimensions(sides.left)), set(dimensions(sides.right))
    return bool(left & right) or bool((left | right) & {"money", "count"})


def _common_share(figure: Number) -> Fraction | None:
    """2/3 of 0.67 or 0.66, 1/7 of 0.143; of 66.67 % too. None for a figure that stands for itself: two digits could be
    close to some fraction by chance, so for two only thirds and sixths count."""
    digits = figure.places + (2 if figure.percent else 0)
    if digits < 2 or figure.places < 1:
        return None
    unit = Fraction(1, 10**figure.places)
    scale = 100 if figure.percent else 1
    for bottom in (3, 6) if digits == 2 else (3, 6, 7, 9, 11, 12):
        share = Fraction(round(figure.value * bottom / scale), bottom) * scale
        if not _ends(share) and abs(share - figure.value) < unit:
            return share
    return None


def _ends(value: Fraction) -> bool:
    """Whether a value is a finite decimal."""
    bottom = value.denominator
    for prime in (2, 5):
        while bottom % prime == 0:
            bottom //= prime
    return bottom == 1


def _operations(node: Node) -> Iterator[Node]:
    match node:
        case Operation():
            yield node
            yield from _operations(node.left)
            yield from _operations(node.right)
        case Negative() | Measured():
            yield from _operations(node.inner)


def _holds_percent(node: Node) -> bool:
    match node:
        case Number():
            return node.percent
        case Measured():
            return node.percent or _holds_percent(node.inner)
        case Operation():
            return _holds_percent(node.left) or _holds_percent(node.right)
        case Negative():
            return _holds_percent(node.inner)
        case _:
            return False


def _is_average(node: Node, value: Fraction | None) -> bool:
    """Whether `a + b + c / 3` was meant as `(a + b + c) / 3`: averages are written so."""
    if not (isinstance(node, Operation) and node.sign == "+" and isinstance(node.right, Operation)):
        return False
    last = node.right
    if last.sign != "/" or last.tight:
        return False
    top, bottom = value_of(replace(node, right=last.left)), value_of(last.right)
    return top is not None and bool(bottom) and bottom is not None and top / bottom == value


# Rounding


def _rounding(exact: Fraction, written: Node, reading: Reading, approximate: bool) -> State | None:
    """Whether a bare figure is `exact` rounded or cut off at its last digit (with ≈: at its last digit but zeros)."""
    figure = _figure(written)
    if figure is None or figure.places < 0:
        return None
    value = value_of(written, reading)
    if value is None:
        return None
    unit = Fraction(1, 10**figure.places)
    if approximate:
        unit *= _trailing_zeros(figure)
    scale = value_of(replace(figure, value=Fraction(1)), reading)
    unit *= scale if scale else 1
    if abs(value - exact) * 2 <= unit:
        return State.ROUNDED
    towards_zero = abs(value) <= abs(exact) and value * exact >= 0
    return State.TRUNCATED if towards_zero and abs(value - exact) < unit else None


def _figure(node: Node) -> Number | None:
    while isinstance(node, Negative | Measured):
        node = node.inner
    return node if isinstance(node, Number) else None


def _trailing_zeros(figure: Number) -> int:
    """10^n for a whole number that ends in n zeros."""
    scale = 1
    if figure.places == 0 and figure.value:
        while figure.value % (10 * scale) == 0:
            scale *= 10
    return scale


def _is_near(left: Fraction, right: Fraction) -> bool:
    """Whether an approximation is off by a tenth at most."""
    return abs(left - right) * 10 <= abs(left)


# Run-ons, and what need not be equal


def _runs_on(sides: Sides, left: Fraction | None) -> bool:
    """`3 + 4 = 7 + 2`: the writer went on from the result. In `-9 + 1 - 1 = -9 - 1` -9 is merely copied."""
    if is_bare(sides.right) or left is None or sides.bracketed:
        return False
    first = leading(sides.right)
    value = value_of(first)
    if value is None or not is_bare(first) or abs(value) in {number.value for number in numbers(sides.left)}:
        return False
    return value == left or _rounding(left, first, PLAIN, sides.approximate) is not None


def are_labels(left: Node, right: Node, first: bool) -> bool:
    """Whether two different bare quantities need not be equal: "day 2 = 5", "5 days = 40 hours", "= 12 eggs = 6
    dollars".

    `first`: nothing was worked out before. Of two units that convert by a fixed whole ratio they must be, except
    days and longer times, which stand for hours of work.
    """
    mine, theirs = unit_of(left), unit_of(right)
    if mine is None or theirs is None:
        return first or (_words(left) != _words(right) and bool(_words(left)) and bool(_words(right)))
    ratio = max(mine.factor, theirs.factor) / min(mine.factor, theirs.factor)
    is_work = mine.dimension == "time" and max(mine.factor, theirs.factor) > 3600
    return mine.dimension != theirs.dimension or ratio.denominator != 1 or is_work or (first and ratio == 1)


def _words(node: Node) -> str:
    return " ".join(word for word in unit_text(node).split() if not is_unit(word))
