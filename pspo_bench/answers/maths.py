"""Answers that are mathematical objects: expressions, equations, tuples, intervals, sets, lists, matrices.

    >>> parse_gold("(2, 4]", resolve_type("(2, 4]", "interval")).match("2 < x \\\\le 4", None).equal
    True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pspo_bench.answers.compare import same_node
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.numeric import match_number
from pspo_bench.answers.quantity import Quantity, read_quantity
from pspo_bench.answers.rational import has_symbol
from pspo_bench.answers.structure import Piece, Shape, read_shape
from pspo_bench.answers.text import clean

MAX_PARTS = 40
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A gold: its shape, and its quantity where it is one number (so that units may stand beside it)."""

    shape: Shape
    quantity: Quantity | None


def parser_of(kind: str) -> Callable[[str], Wanted]:
    """The parser of golds of one of the mathematical types."""

    def parse_shape(gold: str) -> Wanted:
        quantity = _quantity(gold) if kind == "expression" else None
        shape = Shape("value", node=quantity.node) if quantity else _as_kind(read_shape(clean(gold)), kind)
        return Wanted(shape, quantity)

    return parse_shape


def _quantity(text: str) -> Quantity | None:
    """The gold as a number, unless it has variables or parts."""
    if "=" in text:
        return None
    try:
        quantity = read_quantity(text)
    except NotAnAnswerError:
        return None
    return None if has_symbol(quantity.node) else quantity


def _as_kind(shape: Shape, kind: str) -> Shape:
    """Settle what the form leaves open by the type that the task names."""
    if kind == "interval" and shape.kind == "pair":
        return _open_interval(shape)
    if kind == "tuple" and shape.kind == "pair":
        return replace(shape, kind="tuple")
    if kind == "list" and shape.kind == "value":
        return Shape("list", (shape,))
    if kind == "expression" or kind == shape.kind:
        return shape
    raise NotAnAnswerError(f"its form is that of a {shape.kind}")


def match_shape(gold: Wanted, answer: str, context: Context) -> Match:
    """The same object: part by part, values by value."""
    if gold.quantity is not None:
        return match_number(gold.quantity, answer, context)
    given = read_shape(clean(answer))
    if _same(gold.shape, given, context):
        return Match(True, f"the same {gold.shape.kind}")
    return Match(False, _why_not(gold.shape, given))


def _why_not(gold: Shape, given: Shape) -> str:
    if gold.kind == given.kind:
        return f"different {gold.kind}s" if gold.kind != "matrix" else "different matrices"
    return f"a {given.kind}, not a {gold.kind}"


def _same(gold: Shape, given: Shape, context: Context) -> bool:
    match gold.kind:
        case "value":
            return _same_value(gold, given, context)
        case "equation":
            return _same_equation(gold, given, context)
        case "pair" | "tuple":
            return _same_tuple(gold, given, context)
        case "interval":
            return _same_interval(gold, given, context)
        case "set" | "list":
            return _same_collection(gold, given, context)
        case _:
            return _same_matrix(gold, given, context)


def _same_value(gold: Shape, given: Shape, context: Context) -> bool:
    if given.kind == "equation" and _is_name(given.items[0]):
        given = given.items[1]
    return (
        given.kind == "value"
        and gold.node is not None
        and given.node is not None
        and same_node(gold.node, given.node, context)
    )


def _is_name(side: Shape) -> bool:
    """`x`, `f(x)`: a side that only names the other."""
    node = side.node
    if node is None:
        return False
    return node[0] == "sym" or (node[0] == "mul" and node[1][0] == "sym" and node[2][0] in ("sym", "num"))


def _same_equation(gold: Shape, given: Shape, context: Context) -> bool:
    """Equations with the same solutions by a constant factor; the bare right side where the left is a variable."""
    left, right = (side.node for side in gold.items)
    if left is None or right is None:
        return (
            all(_same(mine, theirs, context) for mine, theirs in zip(gold.items, given.items, strict=False))
            and given.kind == "equation"
        )
    if given.kind == "value" and left[0] == "sym" and given.node is not None:
        return same_node(right, given.node, context)
    if given.kind != "equation" or any(side.node is None for side in given.items):
        return False
    sides = tuple(side.node for side in given.items)
    return sides in ((left, right), (right, left)) or context.same_equation((left, right), sides)


def _same_tuple(gold: Shape, given: Shape, context: Context) -> bool:
    if gold.kind == "pair" and given.kind == "interval":
        return _same_interval(_open_interval(gold), given, context)
    if given.kind == "matrix":
        return (
            bool(given.rows)
            and len(given.rows[0]) == 1
            and _in_order(gold.items, [Shape("value", node=row[0]) for row in given.rows], context)
        )
    return given.kind in ("pair", "tuple", "list") and _in_order(gold.items, given.items, context)


def _in_order(gold: Sequence[Shape], given: Sequence[Shape], context: Context) -> bool:
    return len(gold) == len(given) <= MAX_PARTS and all(
        _same(mine, theirs, context) for mine, theirs in zip(gold, given, strict=True)
    )


def _open_interval(pair: Shape) -> Shape:
    low, high = (item.node for item in pair.items)
    if low is None or high is None:
        raise NotAnAnswerError("an interval has two values as its ends")
    return Shape("interval", pieces=(Piece(low, high, False, False),))


def _same_interval(gold: Shape, given: Shape, context: Context) -> bool:
    if given.kind == "pair":
        given = _open_interval(given)
    if given.kind != "interval":
        return False
    return _unordered(gold.pieces, given.pieces, lambda mine, theirs: _same_piece(mine, theirs, context))


def _same_piece(gold: Piece, given: Piece, context: Context) -> bool:
    if (gold.low_closed, gold.high_closed) != (given.low_closed, given.high_closed):
        return False
    return same_node(gold.low, given.low, context) and same_node(gold.high, given.high, context)


def _same_collection(gold: Shape, given: Shape, context: Context) -> bool:
    """Sets and lists: any order. Lists with the same distinct names are compared name by name."""
    if given.kind in ("value", "equation"):
        given = Shape("list", (given,))
    if given.kind not in ("set", "list"):
        return False
    if (
        gold.labels
        and len(set(gold.labels)) == len(gold.labels) > 1
        and set(gold.labels) == set(given.labels)
    ):
        theirs = dict(zip(given.labels, given.items, strict=True))
        return all(
            _same(item, theirs[label], context) for label, item in zip(gold.labels, gold.items, strict=True)
        )
    mine, others = gold.items, given.items
    if gold.kind == "set":
        mine, others = _distinct(mine, context), _distinct(others, context)
    return _unordered(mine, others, lambda left, right: _same(left, right, context))


def _distinct(items: Sequence[Shape], context: Context) -> tuple[Shape, ...]:
    kept: list[Shape] = []
    for item in items[: MAX_PARTS + 1]:
        if not any(_same(other, item, context) for other in kept):
            kept.append(item)
    return tuple(kept)


def _unordered(gold: Sequence[Part], given: Sequence[Part], same: Callable[[Part, Part], bool]) -> bool:
    """Greedy matching, which suffices because equality is transitive."""
    if len(gold) != len(given) or len(gold) > MAX_PARTS:
        return False
    left = list(given)
    for wanted in gold:
        hit = next((index for index, part in enumerate(left) if same(wanted, part)), None)
        if hit is None:
            return False
        del left[hit]
    return True


def _same_matrix(gold: Shape, given: Shape, context: Context) -> bool:
    if given.kind in ("tuple", "pair") and all(len(row) == 1 for row in gold.rows):
        return _in_order([Shape("value", node=row[0]) for row in gold.rows], given.items, context)
    if given.kind != "matrix" or [len(row) for row in gold.rows] != [len(row) for row in given.rows]:
        return False
    pairs = [
        (mine, theirs)
        for ours, other in zip(gold.rows, given.rows, strict=True)
        for mine, theirs in zip(ours, other, strict=True)
    ]
    return all(same_node(mine, theirs, context) for mine, theirs in pairs)
