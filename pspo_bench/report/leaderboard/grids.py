"""A board as grids of text, which the forms only have to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pspo_bench.report.leaderboard.columns import Column, change_columns, row_columns, shown
from pspo_bench.report.leaderboard.records import Leaderboard, Table

R = TypeVar("R")

SCORES = "Accuracy in per cent ± half its 95 % interval"
CHANGES = "Differences with their 95 % intervals; p: of no difference, by Holm over the rows"


@dataclass(frozen=True, slots=True)
class Heading:
    name: str
    meaning: str
    left: bool
    aside: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Texts, unescaped; each line has one for every heading."""

    headings: tuple[Heading, ...]
    lines: tuple[tuple[str, ...], ...]

    def only(self, places: Sequence[int]) -> Grid:
        """The columns at `places`."""
        return Grid(
            tuple(self.headings[i] for i in places),
            tuple(tuple(line[i] for i in places) for line in self.lines),
        )

    def parts(self) -> list[Grid]:
        """The scores, and what stands aside with the names of the rows again."""
        aside = [i for i, heading in enumerate(self.headings) if heading.aside]
        if not aside:
            return [self]
        names = [i for i, heading in enumerate(self.headings) if heading.left]
        scores = [i for i in range(len(self.headings)) if i not in aside]
        return [self.only(scores), self.only([*names, *aside])]


def scores_grid(table: Table) -> Grid:
    return _grid(row_columns(table.tasks, table.rows), table.rows)


def changes_grid(table: Table) -> Grid | None:
    if table.changes is None:
        return None
    return _grid(change_columns(table.changes.base, table.changes.rows), table.changes.rows)


def _grid(columns: Sequence[Column[R]], rows: Sequence[R]) -> Grid:
    kept = shown(columns, rows)
    return Grid(
        tuple(Heading(c.header, c.meaning, c.left, c.aside) for c in kept),
        tuple(tuple(c.text(row) for c in kept) for row in rows),
    )


def legend(board: Leaderboard) -> list[str]:
    """What the headers mean, a line for the scores and one for the differences."""
    scores = [scores_grid(table) for table in board.tables]
    changes = [grid for table in board.tables if (grid := changes_grid(table))]
    lines = [_explained(SCORES, scores)]
    return [*lines, _explained(CHANGES, changes)] if changes else lines


def _explained(start: str, grids: Sequence[Grid]) -> str:
    headings = dict.fromkeys(replace(h, left=False) for grid in grids for h in grid.headings if h.meaning)
    meanings = [
        heading.meaning if heading.name == "rank" else f"{heading.name}: {heading.meaning}"
        for heading in headings
    ]
    return f"{'; '.join([start, *meanings])}."
