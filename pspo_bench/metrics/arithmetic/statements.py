"""Find the arithmetic statements of a solution: the sides of every "=", "≈" and "is", chains side by side.

    >>> [(s.text, s.status.value) for s in read_statements("3 + 4 = 7 + 2 = 9, and 10% of 50 is 6")]
    [('3 + 4 = 7 + 2', 'run-on'), ('7 + 2 = 9', 'exact'), ('10% of 50 is 6', 'wrong')]

A side reaches from the relation to the next mark that ends one (a comma, a full stop, the end of the line). Of the text before a
relation the longest expression that ends there counts, of the text behind it the longest that begins there. Where an
expression is only the end of more (an operator, an unknown function or "more than" stands before it), it can be found right,
not wrong. Calculator notes `<<48/2=24>>` (GSM8K, arXiv 2110.14168) are statements of their own, passed over in the text; one
that says what the text around it says is not counted twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pspo_bench.metrics.arithmetic.parser import PROSE, Parsed, parse, says_number
from pspo_bench.metrics.arithmetic.tokens import Token, tokenize
from pspo_bench.metrics.arithmetic.tree import Node, holds_words, is_bare, is_quantity, numbers, value_of
from pspo_bench.metrics.arithmetic.verdict import Sides, State, are_labels, judge

MAX_SIDE_TOKENS = 120
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

    `expected` is what the right side should be. `operands` are those of the sides in which something is worked out, and
    `result` is the bare figure of the right side, where it is one. `note`: it stands in a calculator note.
    """

    start: int
    end: int
    text: str
    status: State
    expected: Fraction | None
    right_value: Fraction | None
    operands: tuple[Operand, ...]
    result: Operand | None
    note: bool = False


def read_statements(text: str) -> list[Statement]:
    """The statements of `text` in the order in which they end. Time is linear in the length of `text`."""
    text = text[:MAX_CHARS]
    reader = _Reader(text)
    notes = list(_NOTE.finditer(text)) if "<<" in text else []
    found = reader.read(_without(text, notes))
    for note in notes:
        found += reader.read(tokenize(text, note.start(1), note.end(1)), note=True)
    return _merged(sorted(found, key=lambda statement: (statement.end, statement.start)))


_NOTE = re.compile(r"<<([^<>\n]{0,300})>>")


def _without(text: str, notes: Sequence[re.Match[str]]) -> list[Token]:
    """The tokens outside the notes."""
    tokens: list[Token] = []
    at = 0
    for note in notes:
        tokens += tokenize(text, at, note.start())
        at = note.end()
    return tokens + tokenize(text, at)


def _merged(statements: list[Statement]) -> list[Statement]:
    """Without the notes that repeat the statement around them."""
    kept: list[Statement] = []
    around = {
        (statement.expected, statement.right_value): statement for statement in statements if not statement.note
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

    def read(self, tokens: list[Token], *, note: bool = False) -> list[Statement]:
        found = []
        for chain in _chains(_joined(tokens)):
            found += [statement for pair in chain.pairs() if (statement := self.statement(*pair, note))]
        return found

    def statement(self, left: _Side, right: _Side, relation: Token, note: bool) -> Statement | None:
        if relation.kind == "says" and not _is_worked(left.node):
            return None
        start, end = left.start, right.end
        status = self.status(left, right, relation)
        if status is None:
            return None
        expected = value_of(left.node)
        right_value = value_of(right.node)
        if status in (State.ROUNDED, State.TRUNCATED) and expected is not None and right_value is not None:
            self.exact[right_value] = expected
        elif status in (State.EXACT, State.CONVERTED):
            expected = right_value
        operands = [*_operands(left.node), *_operands(right.node)]
        return Statement(
            start,
            end,
            self.text[start:end],
            status,
            expected,
            right_value,
            tuple(operands),
            _result(right.node),
            note,
        )

    def status(self, left: _Side, right: _Side, relation: Token) -> State | None:
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


def _are_labels(left: _Side, right: _Side, relation: Token) -> bool:
    """Whether two different sides need not be equal: the left one only names something that the right one says."""
    if relation.kind == "says" and (is_quantity(left.node) or not is_bare(right.node)):
        return True
    if not is_quantity(left.node):
        return False
    if is_bare(right.node) and is_bare(left.node):
        return are_labels(left.node, right.node, left.is_first)
    return left.is_first and (is_bare(left.node) or holds_words(left.node))


def _is_worked(node: Node) -> bool:
    return not is_bare(node)


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


# Chains


@dataclass(frozen=True, slots=True)
class _Side:
    """An expression with its place. `dash`: what it is if its first minus is a dash; `is_first`: nothing was worked out
    before it in its chain."""

    node: Node
    start: int
    end: int
    is_sure: bool
    approximate: bool = False
    is_first: bool = False
    dash: Node | None = None


@dataclass(frozen=True, slots=True)
class _Chain:
    sides: tuple[tuple[_Side | None, _Side | None], ...]
    """Per relation, what stands before and behind it."""
    relations: tuple[Token, ...]

    def pairs(self) -> Iterator[tuple[_Side, _Side, Token]]:
        for (left, right), relation in zip(self.sides, self.relations, strict=True):
            if left and right:
                yield left, right, relation


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


def _chains(tokens: list[Token]) -> Iterator[_Chain]:
    """The relations of the text, in runs that no stop interrupts."""
    relations = [index for index, token in enumerate(tokens) if token.kind in ("rel", "says")]
    sides = []
    for index in relations:
        sides.append((_before(tokens, index), _behind(tokens, index)))
    yield _Chain(tuple(sides), tuple(tokens[index] for index in relations))


_ENDS = ("stop", "line", "rel", "says")
_STARTS = ("num", "open", "frac", "root", "op", "word", "odd")


def _before(tokens: list[Token], relation: int) -> _Side | None:
    """The longest expression that ends at the relation."""
    low = relation
    while low > 0 and relation - low < MAX_SIDE_TOKENS and tokens[low - 1].kind not in _ENDS:
        low -= 1
    start, continues = low, False
    while start < relation:
        if not _can_begin(tokens, start):
            start += 1
            continue
        parsed = parse(tokens, start, relation)
        if parsed and parsed.end == relation:
            return _left_side(tokens, low, start, parsed, continues)
        continues |= parsed is not None and not is_quantity(parsed.node)  # "20 + 10 cards to the 29 + 24"
        start = max(parsed.end, start + 1) if parsed else start + 1
    return None


def _can_begin(tokens: list[Token], at: int) -> bool:
    token = tokens[at]
    if token.kind == "word":
        return says_number(token.text)
    if token.kind == "op":
        return token.text == "-" and not _is_bullet(tokens, at) and not (at > 0 and _ends_operand(tokens[at - 1]))
    return token.kind in ("num", "open", "frac", "root")


def _ends_operand(token: Token) -> bool:
    if token.kind == "word":
        return token.text.lower() not in PROSE
    return token.kind in ("num", "close", "pct", "sup", "odd")


def _left_side(tokens: list[Token], low: int, start: int, parsed: Parsed, continues: bool) -> _Side:
    sure = parsed.is_sure and not continues and _stands_alone(tokens, low, start)
    return _Side(
        parsed.node,
        tokens[start].start,
        tokens[parsed.end - 1].end,
        sure,
        is_first=low == 0 or tokens[low - 1].kind != "rel" or start > low,
        dash=_behind_dash(tokens, start, parsed.end),
    )


_PART_OF_MORE = set(
    "than times plus minus by from over twice half double triple thirds third quarter quarters fourth fifth between mod log "
    "sin cos tan ln gcd lcm max min".split()
)
_LABELS = set(
    "week weeks day days step steps year years month months part page pages question problem case option number chapter level "
    "equation round group room house grade stage no".split()
)


def _stands_alone(tokens: list[Token], low: int, start: int) -> bool:
    """Whether what stands before an expression does not belong to it."""
    if start == low:
        return start == 0 or _is_whole_behind(tokens, start)
    before, word = tokens[start - 1], tokens[start - 1].text.lower()
    if before.kind == "op":
        return _is_bullet(tokens, start - 1) or _is_prose_dash(tokens, start - 1)
    if before.kind == "close":
        return _is_marker(tokens, start - 1)
    if before.kind != "word" or not tokens[start].spaced or word in _PART_OF_MORE or word in _LABELS:
        return False
    if word == "of" and any(token.kind in ("num", "pct") for token in tokens[max(low, start - 4) : start]):
        return False  # 2 bags of 10 * 3
    return not _follows_sign(tokens, low, start - 1)


def _is_whole_behind(tokens: list[Token], start: int) -> bool:
    """Whether the mark before an expression is one of prose, not a piece of a number or of a longer calculation."""
    mark, token = tokens[start - 1], tokens[start]
    if mark.kind != "stop":
        return True
    before = tokens[start - 2] if start > 1 else mark
    if mark.text in ".," and (not token.spaced or before.kind == "op"):
        return False  # 13,2000 / 60;  .8 + . 84
    if mark.text == "," and before.kind == "num" and token.kind == "num" and len(token.text) == 3:
        return False  # 14, 400 / 80
    return mark.text in ".,:;?!|\"'#—"


def _follows_sign(tokens: list[Token], low: int, at: int) -> bool:
    """Whether the words up to `at` begin with a sign: "+ his 1 teacher"."""
    while at > low and tokens[at].kind == "word":
        at -= 1
    return tokens[at].kind == "op" and not _is_bullet(tokens, at)


def _is_marker(tokens: list[Token], at: int) -> bool:
    """Whether the bracket that closes at `at` marks an item: "1)" or "(a)" at the start of a line."""
    first = at - 2 if at > 1 and tokens[at - 2].kind == "open" else at - 1
    return tokens[at - 1].kind in ("num", "word") and (first <= 0 or tokens[first - 1].kind == "line")


def _is_bullet(tokens: list[Token], at: int) -> bool:
    return tokens[at].text in "-*+" and (at == 0 or tokens[at - 1].kind == "line") and tokens[at + 1].spaced


def _is_prose_dash(tokens: list[Token], at: int) -> bool:
    return tokens[at].text == "-" and tokens[at].spaced and tokens[at + 1].spaced and at > 0 and tokens[at - 1].kind == "word"


def _behind_dash(tokens: list[Token], start: int, end: int) -> Node | None:
    """The expression behind a dash that stands behind a bare number: "Step 1 - 5 + 3"; None if there is none."""
    for at in range(start + 1, min(end - 1, start + 8)):
        token = tokens[at]
        if token.kind == "op":
            dash = token.text == "-" and token.spaced and tokens[at + 1].spaced
            parsed = parse(tokens, at + 1, end) if dash else None
            return parsed.node if parsed and parsed.end == end and not is_bare(parsed.node) else None
        if token.kind not in ("num", "word"):
            return None
    return None


_HEDGES = {"about", "approximately", "around", "roughly", "nearly", "almost", "approx"}
_FILLERS = {"a", "an", "the", "total", "of", "only", "just", "exactly", "also", "now", "to", "equal", "therefore"}


def _behind(tokens: list[Token], relation: int) -> _Side | None:
    """The longest expression that begins behind the relation."""
    start, approximate = relation + 1, False
    while start < len(tokens) and start < relation + 6 and tokens[start].kind in ("word", "says"):
        word = tokens[start].text.lower()
        if word not in _HEDGES and word not in _FILLERS and word != "equal":
            break
        approximate |= word in _HEDGES
        start += 1
    stop = start
    while stop < len(tokens) and stop - start < MAX_SIDE_TOKENS and tokens[stop].kind not in _ENDS:
        stop += 1
    if start >= stop or not (_can_begin(tokens, start)):
        return None
    parsed = parse(tokens, start, stop)
    if parsed is None:
        return None
    return _Side(parsed.node, tokens[start].start, _value_end(tokens, start, parsed), parsed.is_sure, approximate)


def _value_end(tokens: list[Token], start: int, parsed: Parsed) -> int:
    """Where the last side of a chain ends: a bare figure without the words behind it."""
    if not is_bare(parsed.node):
        return tokens[parsed.end - 1].end
    last = max((number.end for number in numbers(parsed.node)), default=tokens[parsed.end - 1].end)
    closing = [t.end for t in tokens[start : parsed.end] if t.kind in ("close", "pct") and t.start >= last]
    return max([last, *closing[:1]])
