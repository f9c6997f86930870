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
from pspo_bench.metrics.arithmetic.tree import Node, holds_words, is_bare, is_quantity, numbers, parts, value_of
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

    `expected` is what the right side should be, None where a side holds an unknown. `operands` are those of the sides in
    which something is worked out, and `result` is the bare figure of the right side, where it is one; `parts` are the
    values inside the left side that a right side which goes on calculating may take up. `note`: it stands in a
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
        self.results: list[Operand] = []

    def read(self, tokens: list[Token], *, note: bool = False) -> list[Statement]:
        tokens = _joined(tokens)
        found: list[Statement] = []
        worked_until = -1  # where the chain ends in which something was worked out
        for index in [at for at, token in enumerate(tokens) if token.kind in ("rel", "says")]:
            left, right = _before(tokens, index), _behind(tokens, index)
            is_said = tokens[index].kind == "says" and (left is None or is_bare(left.node))
            if right and not is_said and (result := _result(right.node)):
                self.results.append(result)
            if left and right:
                left = replace(left, is_first=left.start != worked_until)
                statement = self.statement(left, right, tokens[index], note)
                found += [statement] if statement else []
                is_worked = not left.is_first or not (is_bare(left.node) and is_bare(right.node))
                worked_until = right.start if is_worked else -1
        return found

    def statement(self, left: _Side, right: _Side, relation: Token, note: bool) -> Statement | None:
        if relation.kind == "says" and is_bare(left.node):
            return None
        status = self.status(left, right, relation)
        if status is None:
            return None
        expected, value = value_of(left.node), value_of(right.node)
        if status in (State.ROUNDED, State.TRUNCATED) and expected is not None and value is not None:
            self.exact[value] = expected
        elif status in (State.EXACT, State.CONVERTED):
            expected = value
        operands = (*_operands(left.node), *_operands(right.node))
        text = self.text[left.start : right.end]
        result = _result(right.node)
        inside = frozenset() if is_bare(right.node) else frozenset(parts(left.node))
        return Statement(left.start, right.end, text, status, expected, value, operands, result, inside, note)

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


# Sides


@dataclass(frozen=True, slots=True)
class _Side:
    """An expression with its place. `dash`: what it is if its first minus is a dash; `is_first`: nothing was worked out
    before it in its chain."""

    node: Node
    start: int
    end: int
    is_sure: bool
    approximate: bool = False
    is_first: bool = True
    dash: Node | None = None


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


_ENDS = ("stop", "line", "rel", "says")


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
