"""One solution with its arithmetic marked, for the terminal and as HTML.

    48/2 = 24 [ok] clips, so 48 * 3{from nowhere} + 24 = 73 [wrong: 168]

Every statement is followed by what became of it: ok (and how: rounded, unit-converted, ...), wrong with the right
value, or not
checked; an operand that comes from nowhere is named where it stands. The text is a model's: control characters are
blanked for the terminal, and everything is escaped in HTML.
"""

from __future__ import annotations

import html
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from pspo_bench.errors import printable
from pspo_bench.metrics.arithmetic import State, Statement
from pspo_bench.metrics.jsonl import figure
from pspo_bench.metrics.reasoning.grounding import provenance_of
from pspo_bench.metrics.reasoning.solution import Solution

RIGHT, WRONG, UNCHECKED, NOWHERE = "right", "wrong", "unchecked", "nowhere"
_COLOURS = {RIGHT: "32", WRONG: "1;31", UNCHECKED: "2", NOWHERE: "33"}  # green, bold red, faint, yellow


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the solution. `kind`: right, wrong, unchecked, nowhere, or "" for plain text; `note` follows it."""

    text: str
    kind: str = ""
    note: str = ""


def pieces(solution: Solution) -> Iterator[Piece]:
    """The solution cut into pieces, which together hold its whole text."""
    unknown = [item.operand for item in provenance_of(solution) or () if item.origin == "nowhere"]
    nowhere = sorted({(operand.start, operand.end) for operand in unknown})
    at = 0
    for statement in sorted(solution.statements, key=lambda s: (s.end, s.start)):
        start = max(statement.start, at)
        if start >= statement.end:
            continue
        yield from _marked(solution.text, at, start, "", nowhere)
        yield from _marked(solution.text, start, statement.end, _kind(statement), nowhere)
        yield Piece("", _kind(statement), _note(statement))
        at = statement.end
    yield from _marked(solution.text, at, len(solution.text), "", nowhere)


def _marked(text: str, start: int, end: int, kind: str, nowhere: list[tuple[int, int]]) -> Iterator[Piece]:
    """`text[start:end]` as pieces of one kind, the operands from nowhere apart."""
    for first, behind in nowhere[bisect_left(nowhere, (start, 0)) : bisect_left(nowhere, (end, 0))]:
        if first > start:
            yield Piece(text[start:first], kind)
        start = min(behind, end)
        yield Piece(text[first:start], NOWHERE, "from nowhere")
    if start < end:
        yield Piece(text[start:end], kind)


def _kind(statement: Statement) -> str:
    if statement.status.is_right:
        return RIGHT
    return WRONG if statement.status is State.WRONG else UNCHECKED


def _note(statement: Statement) -> str:
    match statement.status:
        case State.EXACT:
            return "ok"
        case State.WRONG:
            return f"wrong: {figure(statement.expected) or '?'}"
        case State.UNCHECKABLE:
            return "not checked"
        case State.RUN_ON:
            return f"run-on: {figure(statement.expected)}"
        case _:
            return statement.status.value


def solution_text(solution: Solution, *, colour: bool = False) -> str:
    """The solution for a terminal; with `colour` in ANSI colours."""
    return "".join(_terminal(piece, colour) for piece in pieces(solution))


def _terminal(piece: Piece, colour: bool) -> str:
    lines = [printable(line) for line in piece.text.split("\n")]
    note = ("{%s}" if piece.kind == NOWHERE else " [%s]") % piece.note if piece.note else ""
    text = "\n".join(lines) + note
    code = _COLOURS.get(piece.kind) if colour else None
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def solution_html(solution: Solution) -> str:
    """The solution as a `<pre>` with a `<span class="right|wrong|unchecked|nowhere">` for each marked piece."""
    return f'<pre class="solution">{"".join(map(_span, pieces(solution)))}</pre>'


def _span(piece: Piece) -> str:
    text = html.escape("\n".join(printable(line) for line in piece.text.split("\n")))
    note = f'<span class="note"> [{html.escape(piece.note)}]</span>' if piece.note else ""
    return f'<span class="{piece.kind}">{text}{note}</span>' if piece.kind else text
