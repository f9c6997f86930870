"""What the tables share: how a score, an unknown figure and a foreign name are written, and a grid as plain text."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from typing import Any

from pspo_bench.errors import printable

NONE = "–"
WIDTH = 118


def percent(value: float | None) -> str:
    """`39.7`; – where it cannot be had."""
    return NONE if value is None else f"{100 * value:.1f}"


def percent_with_half(score: float, half: float | None) -> str:
    """`39.7 ± 2.6` per cent; without the ± where there is no interval."""
    return percent(score) if half is None else f"{percent(score)} ± {100 * half:.1f}"


def escape_markdown(text: str) -> str:
    """Text that GitHub shows literally, on one line and inside a table cell."""
    flat = html.escape(" ".join(printable(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#~@])", r"\\\1", flat)


def code_span(text: str) -> str:
    """A code span that the text cannot end: fenced by more backticks than it holds (CommonMark 0.31, 6.1)."""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    inner = " ".join(text.split())
    return f"{fence} {inner} {fence}" if "`" in inner else f"{fence}{inner}{fence}"


def pipe(cells: Sequence[str]) -> str:
    """A row of a Markdown table; the cells are escaped already."""
    return f"| {' | '.join(cells)} |"


def csv_text(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula (OWASP, CSV injection) is led by an apostrophe."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value


def grid(
    title: str | None, header: Sequence[str], left: str, width: int, lines: Sequence[Sequence[str]]
) -> str:
    """A table of `width` columns at most; the column called `left` is aligned to the left, the others to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in header:
        table.add_column(Text(printable(name)), justify="left" if name == left else "right")
    for line in lines:
        table.add_row(*(Text(printable(cell)) for cell in line))
    out = io.StringIO()
    console = Console(width=width, file=out, color_system=None, highlight=False)
    if title:
        console.print(Text(printable(title)))  # not the table's own, which would be folded to its width
    console.print(table)
    return out.getvalue()
