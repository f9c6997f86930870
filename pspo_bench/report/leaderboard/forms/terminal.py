"""The leaderboard as plain text of a given width; what has no room goes on below, with the names of the rows again."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len

from pspo_bench.errors import printable
from pspo_bench.report.leaderboard.grids import Grid, changes_grid, legend, scores_grid
from pspo_bench.report.leaderboard.records import Leaderboard

if TYPE_CHECKING:
    from rich.table import Table as RichTable

NAME_WIDTH = 18
GAP = 2  # blanks beside the text of a column, of SIMPLE_HEAD with its padding collapsed


def to_terminal(board: Leaderboard, width: int) -> str:
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width, record=False, file=io.StringIO(), color_system=None, highlight=False)
    for table in board.tables:
        title = printable(table.base_model)
        for grid in _fitting(scores_grid(table), width):
            console.print(_drawn(grid, title))
        for note in table.notes:
            console.print(Text(printable(note)))
        changes = changes_grid(table)
        if changes and table.changes:
            console.print()
            for grid in _fitting(changes, width):
                console.print(_drawn(grid, f"{title}: differences from {printable(table.changes.base)}"))
            for note in table.changes.notes:
                console.print(Text(printable(note)))
        console.print()
    for line in legend(board):
        console.print(Text(printable(line)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _drawn(grid: Grid, title: str) -> RichTable:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
    for place, heading in enumerate(grid.headings):
        if heading.left:
            drawn.add_column(heading.name, overflow="fold", min_width=NAME_WIDTH)
        else:
            drawn.add_column(Text(_broken(grid, place)), justify="right", no_wrap=True)
    for line in grid.lines:
        drawn.add_row(*(Text(printable(text)) for text in line))
    return drawn


def _fitting(grid: Grid, width: int) -> list[Grid]:
    """The grid, or its parts, or the parts in pieces, none wider than `width`."""
    if _room(grid, range(len(grid.headings))) <= width:
        return [grid]
    return [piece for part in grid.parts() for piece in _pieces(part, width)]


def _pieces(grid: Grid, width: int) -> Iterator[Grid]:
    names = [i for i, heading in enumerate(grid.headings) if heading.left]
    chosen: list[int] = []
    for place in range(len(grid.headings)):
        if chosen and _room(grid, {*chosen, *names, place}) > width:
            yield grid.only(chosen)
            chosen = list(names)
        if place not in chosen:
            chosen.append(place)
    yield grid.only(chosen)


def _room(grid: Grid, places: Iterable[int]) -> int:
    """The least width of the columns at `places`."""
    return GAP + sum(GAP + _width(grid, place) for place in places)


def _width(grid: Grid, place: int) -> int:
    if grid.headings[place].left:
        return NAME_WIDTH
    return max(_text_width(grid, place), *map(cell_len, _broken(grid, place).split("\n")))


def _text_width(grid: Grid, place: int) -> int:
    return max((cell_len(printable(line[place])) for line in grid.lines), default=0)


def _broken(grid: Grid, place: int) -> str:
    """The header, broken after its first underscore or blank if it is wider than what stands below it."""
    name = printable(grid.headings[place].name)
    if len(name) <= 6 or cell_len(name) <= _text_width(grid, place):
        return name
    return name.replace("_", "_\n", 1) if "_" in name else name.replace(" ", "\n", 1)
