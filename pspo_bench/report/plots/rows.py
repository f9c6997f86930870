"""Figures with a row for each arm: forests of differences, defects, lengths. Here, what they share.

grid = row_panels(["pspo", "clip"], ["gsm8k", "svamp"], title, note)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pspo_bench.report.plots.style import (
    INK,
    MUTED,
    SURFACE,
    TEXT,
    dress,
    entitle,
    in_columns,
    new_figure,
    plain,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 5
LONGEST_ROW = 42


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot in row `row`, with its interval (NaN: none); filled where it is `clear`."""

    row: int
    value: float
    low: float
    high: float
    clear: bool = True


def row_panels(
    rows: Sequence[str], panels: Sequence[str], title: str, note: str, xlabel: str = ""
) -> list[Axes]:
    """An axes for each panel, with the rows from top to bottom and their names at the left."""
    from matplotlib.ticker import MaxNLocator

    columns = in_columns(len(panels), MOST_COLUMNS)
    lines = -(-len(panels) // columns)
    names = [plain(row, LONGEST_ROW) for row in rows]
    labels = 0.075 * max(len(name) for name in names)
    figure = new_figure(
        min(11.0, labels + max(2.1 * columns, 4.5)), lines * (0.21 * max(len(rows), 3) + 0.65) + 0.7
    )
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_axis_off()
            continue
        dress(axes, grid="x")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_title(plain(panels[place], 30), loc="left", fontsize=TEXT, color=INK)
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK, labelleft=place % columns == 0)
        if place // columns == lines - 1:
            axes.set_xlabel(xlabel, fontsize=TEXT, color=MUTED)
    entitle(figure, title, note)
    return list(grid.flat)[: len(panels)]


def draw_marks(axes: Axes, marks: Sequence[Mark], colour: str, offset: float = 0.0) -> None:
    """Intervals as lines, values as dots on them: filled where they are clear, else hollow."""
    y = [mark.row + offset for mark in marks]
    axes.hlines(y, [m.low for m in marks], [m.high for m in marks], color=colour, linewidth=1.3, zorder=3)
    fills = [colour if mark.clear else SURFACE for mark in marks]
    axes.scatter([m.value for m in marks], y, s=22, c=fills, edgecolors=colour, linewidths=1.2, zorder=4)
