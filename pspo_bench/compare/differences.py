"""Paired numbers → a `Difference`: the one place where a comparison meets the statistics.

Accuracy and truncation have a score for every question and seed, so their tests are those of
`stats.comparisons`. Lengths and defects are known for some cells (question, seed) only, those that both sides
solve or to which the metric applies: their intervals are clustered by question and by seed
(`stats.clustered_difference`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from pspo_bench.compare.records import Difference
from pspo_bench.stats import (
    Floats,
    Interval,
    arm_difference,
    clustered_difference,
    mcnemar_exact,
    mean_interval,
    paired_difference,
)
from pspo_bench.stats.core import t_quantile, t_tail, z_quantile

POWER = 0.8
Scores = tuple[Floats, Floats]  # base and candidate, (seeds, questions) each


def score_difference(base: Floats, candidate: Floats, level: float) -> Difference:
    """Of shares per seed and question  (seeds, questions) each."""
    return macro_difference([(base, candidate)], level)


def macro_difference(tasks: Sequence[Scores], level: float) -> Difference:
    """Of the plain mean over tasks."""
    before, after = (float(np.mean([pair[side].mean() for pair in tasks])) for side in (0, 1))
    interval, p_value, test = _tested(tasks, level)
    n = sum(pair[0].shape[1] for pair in tasks)
    return Difference(
        before, after, after - before, interval, p_value, test, None, _detectable(tasks), n_questions=n
    )


def _tested(tasks: Sequence[Scores], level: float) -> tuple[Interval | None, float | None, str | None]:
    found = arm_difference(tasks, level)
    if found is not None:
        return found.interval, found.p_value, "crossed t"
    singles = [paired_difference(base[0], candidate[0], level) for base, candidate in tasks]
    known = [single for single in singles if single is not None]
    interval = mean_interval([s.difference for s in known], [s.interval for s in known])
    if len(tasks) == 1:
        interval, delta = known[0].interval, tasks[0][1][0] - tasks[0][0][0]
        if interval is not None and interval.method == "agresti-min":
            won, lost = int((delta > 0).sum()), int((delta < 0).sum())
            p_value = mcnemar_exact(won, lost)
            return interval, p_value, None if p_value is None else "McNemar, exact"
    error, df = _error(tasks)
    if not error:
        return interval, None, None
    return interval, t_tail(sum(s.difference for s in known) / len(known) / error, df), "paired t"


def _error(tasks: Sequence[Scores]) -> tuple[float, float]:
    deltas = [candidate[0] - base[0] for base, candidate in tasks]
    variance = sum(float(d.var(ddof=1)) / d.size for d in deltas if d.size > 1) / len(deltas) ** 2
    return math.sqrt(variance), max(1, sum(d.size - 1 for d in deltas))


def _detectable(tasks: Sequence[Scores]) -> float | None:
    if tasks[0][0].shape[0] > 1:
        return None
    return _smallest(_error(tasks)[0])


def _smallest(error: float) -> float | None:
    return (z_quantile(0.95) + z_quantile(2 * POWER - 1)) * error or None


@dataclass(frozen=True, slots=True)
class Cell:
    """What base and candidate have of one question in one seed."""

    task: str
    question: str
    seed: Hashable
    base: float
    candidate: float


def cell_difference(cells: Sequence[Cell], level: float) -> Difference | None:
    """Of the plain mean over tasks of the mean over cells; None without cells.

    A cell of a task with n cells among T tasks weighs 1 / (T n). `clustered_difference` weighs all N of them
    alike, so it is given the deviations from their task's mean times N / (T n), about the mean over tasks:
    their cluster sums are then those of the weighted mean.
    """
    if not cells:
        return None
    by_task: dict[str, list[float]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, []).append(cell.candidate - cell.base)
    means = {task: math.fsum(changes) / len(changes) for task, changes in by_task.items()}
    weights = {task: len(cells) / (len(by_task) * len(changes)) for task, changes in by_task.items()}
    mean = math.fsum(means.values()) / len(means)
    values = [mean + weights[c.task] * (c.candidate - c.base - means[c.task]) for c in cells]
    questions, seeds = [(c.task, c.question) for c in cells], [c.seed for c in cells]
    interval = clustered_difference(values, questions, seeds, level=level)
    before = math.fsum(weights[c.task] * c.base for c in cells) / len(cells)
    df = min((len(set(way)) for way in (questions, seeds) if len(set(way)) > 1), default=1) - 1
    error = interval.half / t_quantile(level, df) if interval else 0.0
    return Difference(
        base=before,
        candidate=before + mean,
        difference=mean,
        interval=interval,
        p_value=t_tail(mean / error, df) if error else None,
        test="clustered t" if error else None,
        minimum_detectable=_smallest(error),
        n_questions=len(set(questions)),
    )
