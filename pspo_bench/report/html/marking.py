"""Which solutions get their arithmetic marked: a solution takes milliseconds, so of many those of flips, up to a limit.

marks, n_flips = mark(samples)          # {completion: (Piece("48/2 = 24", "right", "ok"), ...)}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.records import Status
from pspo_bench.report.solution import Piece, pieces

if TYPE_CHECKING:
    import pandas as pd

CELL = ["task", "example_id", "example_hash", "temperature"]
MAX_MARKED = 600
MAX_CHARS = 4000
"""Longer solutions are left as they are: they are cut off or run on, and take long to mark."""


def mark(samples: pd.DataFrame, limit: int = MAX_MARKED) -> tuple[dict[str, tuple[Piece, ...]], int]:
    """(pieces by completion, how many cells flip). Cells are questions at a temperature; the first arm is held against
    each other. Of the cells that flip, or where none does of all, the first sample of every arm is marked, then the
    others.
    """
    from pspo_bench.metrics.reasoning import Solution

    cell = samples.groupby(CELL, sort=False).ngroup()
    flips = _flips(samples, cell)
    shown = samples[cell.isin(flips)] if len(flips) else samples
    shown = shown[shown["completion"].str.len() <= MAX_CHARS]
    nth = shown.groupby([*CELL, "arm"], sort=False).cumcount()
    shown = shown.loc[nth.sort_values(kind="stable").index].drop_duplicates(["completion"]).head(limit)
    pairs = zip(shown["completion"], shown["question"], strict=True)
    return {text: tuple(pieces(Solution.of(text, question=question))) for text, question in pairs}, len(flips)


def _flips(samples: pd.DataFrame, cell: pd.Series[int]) -> list[int]:
    """The cells that the first arm solves and another does not, or the other way round."""
    right = samples["status"] == Status.CORRECT.value
    solved = (right.groupby([cell, samples["arm"]]).mean() > 0.5).unstack()
    if 0 not in solved or solved.shape[1] < 2:
        return []
    others = solved.drop(columns=0)
    differs = others.notna() & others.ne(solved[0], axis=0)
    flip = differs.any(axis=1) & solved[0].notna()
    return [int(one) for one in solved.index[flip].to_numpy()]
