"""Answers that are mathematical objects: expressions, equations, tuples, intervals, sets, lists, matrices.

>>> parse_gold("(2, 4]", resolve_type("(2, 4]", "interval")).match("2 < x \\\\le 4", None).equal
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pspo_bench.answers.compare import same_node
from pspo_bench.answers.formula import Node
from pspo_bench.answers.intervals import Piece
from pspo_bench.answers.labels import is_algebraic, is_label, is_name, without_announcement
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.numeric import match_number
from pspo_bench.answers.quantity import Quantity, read_quantity
from pspo_bench.answers.rational import has_symbol
from pspo_bench.answers.remarks import without_remark, without_units
from pspo_bench.answers.structure import EQUALS, Shape, in_alphabetical_order, is_empty_set, read_shape
from pspo_bench.answers.text import clean, split_top
from pspo_bench.answers.vectors import components

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
        if kind == "set" and is_empty_set(clean(gold)):
            return Wanted(Shape("set"), None)
        quantity = _quantity(gold) if kind == "expression" else None
        shape = Shape("value", node=quantity.node) if quantity else _as_kind(read_shape(clean(gold)), kind)
        return Wanted(shape, quantity)

    return parse_shape


def _quantity(text: str) -> Quantity | None:
    """The gold as a number, unless it has variables or parts."""
    if "=" in text or is_algebraic(text):
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
    if shape.kind == "equation" and _is_name(shape.items[0]):  # D = (0, 1)
        return _as_kind(shape.items[1], kind)
    raise NotAnAnswerError(f"its form is that of a {shape.kind}")


def match_shape(gold: Wanted, answer: str, context: Context) -> Match:
    """The same object: part by part, values by value."""
    if gold.quantity is not None:
        return match_number(gold.quantity, answer, context)
    text = clean(answer)
    try:
        return _match(gold.shape, text, context)
    except NotAnAnswerError:
        is_value = gold.shape.kind == "value"
        shorter = without_remark(text, conditions=is_value) or (without_units(text) if is_value else None)
        shorter = shorter or without_announcement(text)
        if shorter is None:
            raise
        return _match(gold.shape, clean(shorter), context)


def _match(gold: Shape, text: str, context: Context) -> Match:
    if gold.kind == "set" and not gold.items:
        given_empty = is_empty_set(text)
        return Match(given_empty, "the empty set" if given_empty else "not the empty set")
    if gold.kind == "value":
        return _match_value(gold, text, context)
    given = read_shape(text)
    if _same(gold, given, context):
        return Match(True, f"the same {gold.kind}")
    shorter = without_remark(text, conditions=False)
    if shorter is not None and given.kind != gold.kind and _same(gold, read_shape(clean(shorter)), context):
        return Match(True, f"the same {gold.kind}, with a remark")
    return Match(False, _why_not(gold, given))


def _match_value(gold: Shape, text: str, context: Context) -> Match:
    """One formula, or a chain of equal ones: `f(x) = (x-1)^2 - 4 = x^2 - 2x - 3`."""
    sides = [side.strip() for side in split_top(text, EQUALS) if side.strip()] or [text]
    if len(sides) > 1 and is_name(sides[-1]) and not is_name(sides[0]):
        sides = sides[::-1]  # 5 = x
    *others, last = sides
    shape = _value_shape(last)
    if not _same(gold, shape, context):
        cut = without_remark(last) or without_units(last)
        if cut is None or not _same(gold, _value_shape(clean(cut)), context):
            return Match(False, _why_not(gold, shape))
    for side in others:
        if not is_label(side, context.question) and not _same(gold, _value_shape(side), context):
            return Match(False, f"'{side[:40]}' is not equal to it")
    return Match(True, "the same value")


def _value_shape(text: str) -> Shape:
    """The shape of one side; a unit behind a formula is left out."""
    try:
        return read_shape(text)
    except NotAnAnswerError:
        shorter = without_units(text)
        if shorter is None:
            raise
        return read_shape(shorter)


def _why_not(gold: Shape, given: Shape) -> str:
    if gold.kind != given.kind:
        return f"a {given.kind}, not a {gold.kind}"
    return {"matrix": "different matrices", "inequality": "different inequalities"}.get(
        gold.kind, f"different {gold.kind}s"
    )


def _same(gold: Shape, given: Shape, context: Context) -> bool:
    match gold.kind:
        case "value":
            return _same_value(gold, given, context)
        case "equation":
            return _same_equation(gold, given, context)
        case "inequality":
            return _same_inequality(gold, given, context)
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
    if gold.node is None:
        return False
    vector = components(gold.node)
    if vector is not None:
        return _same_tuple(
            Shape("tuple", tuple(Shape("value", node=part) for part in vector)), given, context
        )
    return given.kind == "value" and given.node is not None and same_node(gold.node, given.node, context)


def _is_name(side: Shape) -> bool:
    """`x`, `f(x)`, `f(3)`: a side that only names the other."""
    node = side.node
    if node is None:
        return False
    return node[0] == "sym" or _is_application(node)


def _is_application(node: Node) -> bool:
    return node[0] == "mul" and node[1][0] == "sym" and node[2][0] in ("sym", "num")


def _same_equation(gold: Shape, given: Shape, context: Context) -> bool:
    """Equations with the same solutions by a constant factor; names of functions do not matter, nor do they of what is
    given as a formula of x (`y = 2x`, `f(x) = 2x`, `2x`); the bare right side where the left is a name."""
    left, right = gold.items
    if given.kind == "set" and len(given.items) == 1:
        given = given.items[0]
    if left.node is None or right.node is None:
        same_parts = zip(gold.items, given.items, strict=False)
        return given.kind == "equation" and all(_same(mine, theirs, context) for mine, theirs in same_parts)
    if _is_name(left) and given.kind == "value" and given.node is not None:
        return same_node(right.node, given.node, context)
    if given.kind != "equation" or any(side.node is None for side in given.items):
        return False
    if _is_name(left) and _is_name(given.items[0]) and has_symbol(right.node):
        function = _is_application(left.node) or _is_application(given.items[0].node or ("num",))
        if function and same_node(right.node, given.items[1].node or ("num",), context):
            return True
    sides = tuple(side.node for side in given.items)
    mine = (left.node, right.node)
    return sides in (mine, mine[::-1]) or context.same_equation(mine, sides)


def _same_inequality(gold: Shape, given: Shape, context: Context) -> bool:
    if given.kind != "inequality" or gold.strict != given.strict:
        return False
    mine, theirs = (tuple(side.node for side in shape.items) for shape in (gold, given))
    return mine == theirs or context.same_equation(mine, theirs, positive=True)


def _same_tuple(gold: Shape, given: Shape, context: Context) -> bool:
    if gold.kind == "pair" and given.kind == "interval":
        return _same_interval(_open_interval(gold), given, context)
    return _in_order(gold.items, _as_items(given), context)


def _as_items(given: Shape) -> Sequence[Shape]:
    """The parts of a point or vector, however it is written; none where it is neither."""
    if given.kind == "matrix" and given.rows and 1 in (len(given.rows), len(given.rows[0])):
        return [Shape("value", node=cell) for row in given.rows for cell in row]
    if given.kind == "value" and given.node is not None:
        if given.node[:2] == ("fn", "binomial"):  # a column written with \binom
            return [Shape("value", node=part) for part in given.node[2:]]
        return [Shape("value", node=part) for part in components(given.node) or ()]
    if given.kind == "list":
        return in_alphabetical_order(given).items
    return given.items if given.kind in ("pair", "tuple") else ()


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
    if given.kind == "value" and len(gold.pieces) == 1 and given.node is not None:
        given = Shape("interval", pieces=(Piece(given.node, given.node, True, True),))
    if given.kind != "interval" or (gold.labels and given.labels and gold.labels != given.labels):
        return False
    return _unordered(gold.pieces, given.pieces, lambda mine, theirs: _same_piece(mine, theirs, context))


def _same_piece(gold: Piece, given: Piece, context: Context) -> bool:
    if (gold.low_closed, gold.high_closed) != (given.low_closed, given.high_closed):
        return False
    return same_node(gold.low, given.low, context) and same_node(gold.high, given.high, context)


def _same_collection(gold: Shape, given: Shape, context: Context) -> bool:
    """Sets and lists: any order. Lists with the same distinct names are compared name by name."""
    if given.kind in ("value", "equation"):
        given = Shape(
            "list", (given.items[1] if given.kind == "equation" and _is_name(given.items[0]) else given,)
        )
    if gold.kind == "list" and given.kind in ("pair", "tuple") and all(gold.labels) and _distinct_names(gold):
        return _in_order(in_alphabetical_order(gold).items, given.items, context)
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


def _distinct_names(shape: Shape) -> bool:
    return len(set(shape.labels)) == len(shape.labels)


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
    if given.kind != "matrix":
        column = all(len(row) == 1 for row in gold.rows)
        items = [Shape("value", node=row[0]) for row in gold.rows]
        return column and given.kind != "list" and _in_order(items, _as_items(given), context)
    if [len(row) for row in gold.rows] != [len(row) for row in given.rows]:
        return False
    pairs = [
        (mine, theirs)
        for ours, other in zip(gold.rows, given.rows, strict=True)
        for mine, theirs in zip(ours, other, strict=True)
    ]
    return all(same_node(mine, theirs, context) for mine, theirs in pairs)
