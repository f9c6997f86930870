"""Find the arithmetic statements of a solution: the two sides of every "=", "≈" and "is", chains pair by pair.

    >>> [(s.text, s.status.value) for s in read_statements("3 + 4 = 7 + 2 = 9, and 10% of 50 is 6")]
    [('3 + 4 = 7 + 2', 'run-on'), ('7 + 2 = 9', 'exact'), ('10% of 50 is 6', 'wrong')]

Calculator notes `<<48/2=24>>` (GSM8K, arXiv 2110.14168) are statements of their own, passed over in the text around
them; one that says what that text says is not counted twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pspo_bench.metrics.arithmetic.sides import Name, Side, name_before, side_before, side_behind
from pspo_bench.metrics.arithmetic.tokens import Token, tokenize
from pspo_bench.metrics.arithmetic.tree import (
    Node,
    holds_words,
    is_bare,
    is_quantity,
    numbers,
    parts,
    value_of,
)
from pspo_bench.metrics.arithmetic.verdict import Sides, State, are_labels, judge

MAX_CHARS = 1_000_000
"""Text behind it is not read."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A number that enters a calculation, and where it stands."""

    value: Fraction
    start: int
    end: int
    unit: str = ""
    is_percent: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """`left = right` as it stands at `text[start:end]`.

    `expected` is what the right side should be, None where a side holds an unknown. `operands` are those of the sides
    in which something is worked out, and `result` is the bare figure of the right side, where it is one; `parts` are
    the values inside the left side that a right side which goes on calculating may take up. `note`: it stands in a
    calculator note.
    """

    start: int
    end: int
    text: str
    status: State
    expected: Fraction | None
    right_value: Fraction | None
    operands: tuple[Operand, ...]
    result: Operand | None
    parts: frozenset[Fraction] = frozenset()
    note: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What a text works out: its statements in the order in which they end, and every bare figure that stands behind a
    relation, be it the result of a statement, of an equation or of a name ("x = 5")."""

    statements: tuple[Statement, ...]
    results: tuple[Operand, ...]


def read_statements(text: str) -> list[Statement]:
    """The statements of `text` in the order in which they end. Time is linear in the length of `text`."""
    return list(find(text).statements)


def find(text: str, spans: Sequence[tuple[int, int]] | None = None) -> Findings:
    """What `text` works out. No statement crosses the borders of `spans`, places (start, end) of steps in `text`."""
    reader = _Reader(text)
    found: list[Statement] = []
    for start, end in spans or [(0, len(text))]:
        if start >= MAX_CHARS:
            break
        end = min(end, MAX_CHARS)
        notes = list(_NOTE.finditer(text, start, end)) if "<<" in text else []
        found += reader.read(_without(text, notes, start, end))
        for note in notes:
            found += reader.read(tokenize(text, note.start(1), note.end(1)), note=True)
    statements = _merged(sorted(found, key=lambda statement: (statement.end, statement.start)))
    return Findings(tuple(statements), tuple(sorted(reader.results, key=lambda result: result.start)))


_NOTE = re.compile(r"<<([^<>\n]{0,300})>>")


def _without(text: str, notes: Sequence[re.Match[str]], start: int, end: int) -> list[Token]:
    """The tokens of `text[start:end]` outside the notes."""
    tokens: list[Token] = []
    for note in notes:
        tokens += tokenize(text, start, note.start())
        start = note.end()
    return tokens + tokenize(text, start, end)


def _merged(statements: list[Statement]) -> list[Statement]:
    """Without the notes that repeat the statement around them."""
    kept: list[Statement] = []
    around = {
        (statement.expected, statement.right_value): statement
        for statement in statements
        if not statement.note
    }
    for statement in statements:
        twin = around.get((statement.expected, statement.right_value)) if statement.note else None
        if twin is None or not twin.start <= statement.start < twin.end:
            kept.append(statement)
    return kept


class _Reader:
    """Reads one text, and remembers what its figures were rounded from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.exact: dict[Fraction, Fraction] = {}
        self.results: list[Operand] = []

    def read(self, tokens: list[Token], *, note: bool = False) -> list[Statement]:
        tokens = _joined(tokens)
        found: list[Statement] = []
        worked_until = -1  # where the chain ends in which something was worked out
        named: _Named | None = None
        for index in [at for at, token in enumerate(tokens) if token.kind in ("rel", "says")]:
            left, right = side_before(tokens, index), side_behind(tokens, index)
            is_said = tokens[index].kind == "says" and (left is None or is_bare(left.node))
            if right and not is_said and (result := _result(right.node)):
                self.results.append(result)
            name = name_before(tokens, index) if right and not left else None
            if name and right:
                if named and _restates(tokens, named, name, right):
                    left = named.side
                named = _Named(name, right)
            elif right and named and left and left.start == named.side.start:
                named = _Named(named.name, right)  # total = 3 + 4 = 7
            if left and right:
                left = replace(left, is_first=left.start != worked_until)
                statement = self.statement(left, right, tokens[index], note)
                found += [statement] if statement else []
                is_worked = (
                    statement is not None
                    and statement.expected is not None
                    and (not left.is_first or not (is_bare(left.node) and is_bare(right.node)))
                )
                worked_until = right.start if is_worked else -1
        return found

    def statement(self, left: Side, right: Side, relation: Token, note: bool) -> Statement | None:
        if relation.kind == "says" and is_bare(left.node):
            return None
        status = self.status(left, right, relation)
        if status is None:
            return None
        expected, value = value_of(left.node), value_of(right.node)
        if status in (State.ROUNDED, State.TRUNCATED) and expected is not None and value is not None:
            if value.denominator != 1:  # who rounds to a whole number goes on with that
                self.exact[value] = expected
        elif status in (State.EXACT, State.CONVERTED):
            expected = value
        operands = (*_operands(left.node), *_operands(right.node))
        text = self.text[left.start : right.end]
        result = _result(right.node)
        inside = frozenset() if is_bare(right.node) else frozenset(parts(left.node))
        return Statement(left.start, right.end, text, status, expected, value, operands, result, inside, note)

    def status(self, left: Side, right: Side, relation: Token) -> State | None:
        """None where nothing is stated: two bare quantities that need not be equal."""
        approximate = right.approximate or relation.text in "≈≃≅~∼" or relation.text[0] == "\\"
        sides = Sides(left.node, right.node, approximate, self.text[right.start] in "([{")
        status = judge(sides, self.exact)
        if status is State.WRONG and left.dash is not None:
            status = judge(replace(sides, left=left.dash), self.exact)
        if status is State.RUN_ON and relation.kind == "says":
            status = State.WRONG
        if status is State.WRONG and _are_labels(left, right, relation):
            return None
        if left.is_first and status is State.EXACT and is_bare(left.node) and is_bare(right.node):
            return None
        if status is State.WRONG and not (left.is_sure and right.is_sure):
            return State.UNCHECKABLE
        return status


@dataclass(frozen=True, slots=True)
class _Named:
    """What a name was last said to be."""

    name: Name
    side: Side


def _restates(tokens: list[Token], before: _Named, name: Name, right: Side) -> bool:
    """Whether an equation goes on in the next line with its name said again: "Total = 52 + 24. Total = 76".

    Nothing but the ends of sentences or lines stands between. Of the same figures with other signs they are two values
    of one name: "x = (4 + 2)/2. x = (4 - 2)/2".
    """
    if name.text != before.name.text or is_bare(before.side.node) or not before.side.is_sure:
        return False
    if _figures(before.side.node) == _figures(right.node):
        return False
    between = tokens[before.side.behind : name.first]
    return bool(between) and all(token.kind == "line" or token.text == "." for token in between)


def _figures(node: Node) -> list[Fraction]:
    return sorted(abs(number.value) for number in numbers(node))


def _are_labels(left: Side, right: Side, relation: Token) -> bool:
    """Whether two different sides need not be equal: the left one only names something that the right one says."""
    if relation.kind == "says" and (is_quantity(left.node) or not is_bare(right.node)):
        return True
    if not is_quantity(left.node):
        return False
    if is_bare(right.node) and is_bare(left.node):
        return are_labels(left.node, right.node, left.is_first)
    return left.is_first and (is_bare(left.node) or holds_words(left.node))


def _operands(node: Node) -> Iterator[Operand]:
    if is_bare(node):
        return
    for number in numbers(node):
        yield Operand(number.value, number.start, number.end, number.unit, number.percent)


def _result(node: Node) -> Operand | None:
    if not is_bare(node):
        return None
    value = value_of(node)
    last = list(numbers(node))[-1]
    return None if value is None else Operand(value, last.start, last.end, last.unit, last.percent)


def _joined(tokens: list[Token]) -> list[Token]:
    """Without the line breaks beside a relation: an equation may go on in the next line."""
    kept: list[Token] = []
    for index, token in enumerate(tokens):
        if token.kind == "line":
            before = tokens[index - 1].kind if index else "line"
            after = tokens[index + 1].kind if index + 1 < len(tokens) else "line"
            if "rel" in (before, after) and "line" not in (before, after):
                continue
        kept.append(token)
    return kept
