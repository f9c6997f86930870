"""Learning curves: a figure of the training log against steps or generated tokens, mean over seeds with a
band.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pspo_bench.errors import DataError
from pspo_bench.report.learning import COSTS, Cost
from pspo_bench.report.plots.lines import Line, Scales, draw_lines
from pspo_bench.stats import clustered_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

WORDS = {
    "validation_accuracy": "validation accuracy",
    "correctness": "share correct in the rollouts",
    "reward": "reward, mean over completions",
    "entropy": "entropy, nats per token",
    "kl_old_new": "KL old → new, nats per token",
    "kl_to_reference": "KL new → reference, nats per token",
    "clip_fraction": "share of tokens that a clip at 0.2 would stop",
    "length_tokens": "length of rollouts, tokens",
    "validation_length_tokens": "length on validation rows, tokens",
    "loss": "loss",
}
NEEDED = ("run", "arm", "step")
FEW_SEEDS = 3

Band = Literal["interval", "range"]


def learning_curves(
    curves: pd.DataFrame, column: str = "validation_accuracy", by: Cost = "step", band: Band = "interval"
) -> Figure | None:
    """`column` of `report.learning.learning_curves` (a study's curves.csv), by arm; None where it has no
    figures.

    A point is the mean over the seeds of an arm at a step that all of them have figures for, and lies at the
    mean of what they cost. The band is the 95 % t interval over seeds, or their range: where `band` says so,
    and for fewer than three seeds. By tokens, arms that generate none (sft) are left out. Raises DataError
    for a missing column, naming it.
    """
    if missing := [name for name in (*NEEDED, by, column) if name not in curves]:
        raise DataError(
            f"The learning curves have no column {', '.join(missing)}; they have {', '.join(curves.columns)}"
        )
    rows = curves.dropna(subset=[column])
    if "model" in rows and rows["model"].nunique() > 1:
        rows = rows.assign(arm=rows["arm"].astype(str) + " on " + rows["model"].astype(str))
    if by == "tokens":
        rows = rows[rows.groupby("run")["tokens"].transform("max") > 0]
    lines = {
        str(arm): line
        for arm, part in rows.groupby("arm", sort=False)
        if (line := _line(part, column, by, band))
    }
    if not lines:
        return None
    words = WORDS.get(column, column)
    share = column.endswith(("accuracy", "correctness", "_fraction", "_rate"))
    scales = Scales(COSTS[by], f"{words}, %" if share else words, share)
    seeds = rows.groupby("arm")["run"].nunique()
    subject = words.split(",")[0]
    title = f"{subject[0].upper()}{subject[1:]} against {COSTS[by]}"
    return draw_lines({"": lines}, scales, title, _note(list(seeds), band))


def _line(part: pd.DataFrame, column: str, by: Cost, band: Band) -> Line | None:
    """Rows of one arm → its line. Rows of a run at one cost (several steps on one batch) are averaged first."""
    cells = part.groupby(["run", by])
    points = cells.agg(at=("step", "first"), cost=(by, "first"), y=(column, "mean")).reset_index("run")
    complete = [group for _, group in points.groupby("at") if group["run"].nunique() == part["run"].nunique()]
    if not complete:
        return None
    bands = [_band(list(group["y"]), band) for group in complete]
    return Line(
        tuple(float(group["cost"].mean()) for group in complete),
        tuple(float(group["y"].mean()) for group in complete),
        tuple(low for low, _ in bands),
        tuple(high for _, high in bands),
    )


def _band(values: list[float], band: Band) -> tuple[float, float]:
    if len(values) == 1:
        return math.nan, math.nan
    if band == "range" or len(values) < FEW_SEEDS:
        return min(values), max(values)
    interval = clustered_mean(values)
    assert interval is not None  # three values or more
    return interval.low, interval.high


def _note(seeds: list[int], band: Band) -> str:
    several = sorted({n for n in seeds if n > 1})
    if not several:
        return "One seed an arm: how much another seed would differ is not known."
    many, few = [n for n in several if n >= FEW_SEEDS], [n for n in several if n < FEW_SEEDS]
    counted = str(several[0]) if len(several) == 1 else f"{several[0]} to {several[-1]}"
    if band == "range" or not many:
        text = f"Line: mean over {counted} seeds. Band or bar: range of the seeds."
    else:
        text = f"Line: mean over {counted} seeds. Band or bar: 95 % t interval of the mean over seeds"
        text += "; of two seeds, their range." if few else "."
    return text + (" Arms without a band have one seed." if 1 in seeds else "")
