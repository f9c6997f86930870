"""Paired numbers → a `Difference`: the one place where a comparison meets the statistics.

Accuracy and truncation have a score for every question and seed: `stats.compare_macro`. Lengths and defects
are known for some cells (question, seed) only, those that both sides solve or to which the metric applies:
their intervals are clustered by question and by seed (`stats.clustered_difference`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from pspo_bench.compare.records import Difference
from pspo_bench.stats import Floats, clustered_difference, compare_macro, minimum_detectable_effect
from pspo_bench.stats.core import t_quantile, t_tail

PERMUTATION_SEED = 0  # the same data have the same p-value


def score_difference(base: Floats, candidate: Floats, level: float) -> Difference:
    """Of shares per seed and question  (seeds, questions) each."""
    return macro_difference([(base, candidate)], level)


def macro_difference(tasks: Sequence[tuple[Floats, Floats]], level: float) -> Difference:
    """Of the plain mean over tasks; row i of both sides is one pair of seeds."""
    found = compare_macro(tasks, np.random.default_rng(PERMUTATION_SEED), level=level)
    assert found is not None  # every task has a question that all were asked
    return Difference(
        base=found.base,
        candidate=found.candidate,
        difference=found.difference,
        interval=found.interval,
        p_value=found.p_value,
        test=None if found.p_value is None else found.test,
        minimum_detectable=found.minimum_detectable,
        n_questions=found.n_questions,
    )


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
    found = clustered_difference(values, questions, seeds, level=level)
    interval = (
        found if found and found.half > 0 else None
    )  # where every cell moves alike the data show no spread
    df = min((len(set(way)) for way in (questions, seeds) if len(set(way)) > 1), default=1) - 1
    error = interval.half / t_quantile(level, df) if interval else None
    before = math.fsum(weights[c.task] * c.base for c in cells) / len(cells)
    return Difference(
        base=before,
        candidate=before + mean,
        difference=mean,
        interval=interval,
        p_value=t_tail(mean / error, df) if error else None,
        test="t" if error else None,
        minimum_detectable=minimum_detectable_effect(error, level, df=df) if error else None,
        n_questions=len(set(questions)),
    )
