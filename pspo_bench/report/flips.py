"""Flips with their texts, base and candidate side by side. They are a model's words: every form escapes them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from pspo_bench.compare import Answer, Comparison, Flip
from pspo_bench.errors import printable
from pspo_bench.report.text import NONE, escape_markdown, pipe

MAX_CHARS, MAX_LINES = 800, 30


def chosen_flips(flips: Sequence[Flip], n: int) -> tuple[Flip, ...]:
    """The first `n` that the candidate lost, then as many that it won, of every task."""
    tasks = dict.fromkeys(flip.task for flip in flips)
    kept = [
        [flip for flip in flips if flip.task == task and flip.won == won][:n]
        for task in tasks
        for won in (False, True)
    ]
    return tuple(flip for some in kept for flip in some)


def flips_terminal(flips: Sequence[Flip], one: Comparison, width: int) -> str:
    """A table of two columns for each flip, of `width` columns."""
    from rich.box import SQUARE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width, file=io.StringIO(), color_system=None, highlight=False)
    for flip in flips:
        console.print(Text("\n".join(printable(line) for line in _head(flip))))
        table = Table(box=SQUARE, expand=True)
        sides = ((f"base: {one.base}", flip.base), (f"candidate: {one.candidate}", flip.candidate))
        for name, answer in sides:
            table.add_column(Text(printable(f"{name}, {_verdict(answer)}")), ratio=1, overflow="fold")
        table.add_row(*(Text("\n".join(map(printable, _body(answer)))) for _, answer in sides))
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue() or "No flips.\n"


def flips_markdown(flips: Sequence[Flip], one: Comparison) -> Iterator[str]:
    """Lines of Markdown: a table of one row for each flip."""
    yield "### Flips"
    yield ""
    if not flips:
        yield "None."
    for flip in flips:
        yield from (f"{escape_markdown(line)}  " for line in _head(flip))
        yield ""
        sides = ((f"base: {one.base}", flip.base), (f"candidate: {one.candidate}", flip.candidate))
        yield pipe([escape_markdown(f"{name}, {_verdict(answer)}") for name, answer in sides])
        yield pipe(["---", "---"])
        yield pipe(["<br>".join(map(escape_markdown, _body(answer))) for _, answer in sides])
        yield ""


def _head(flip: Flip) -> list[str]:
    place = f"{flip.task} {flip.example_id}" + ("" if flip.seed is None else f", seed {flip.seed}")
    lines = [f"{'Won' if flip.won else 'Lost'}: {place}"]
    if flip.question is not None:
        lines.append(f"Q: {shortened(flip.question)}")
        lines.append(f"Gold: {flip.gold}")
    return lines


def _verdict(answer: Answer) -> str:
    if answer.n_samples > 1:
        return f"{answer.n_correct} of {answer.n_samples} right"
    return answer.status or ("correct" if answer.n_correct else "not correct")


def _body(answer: Answer) -> list[str]:
    if answer.completion is None:
        return ["(no text: it came from a result file)"]
    lines = shortened(answer.completion).split("\n")
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES // 2], "…", *lines[-MAX_LINES // 2 :]]
    return [*lines, "", f"answer: {NONE if answer.extracted is None else shortened(answer.extracted)}"]


def shortened(text: str, limit: int = MAX_CHARS) -> str:
    """Beginning and end of a long text: a solution's answer is at its end."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
