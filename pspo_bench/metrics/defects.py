"""The metrics of single solutions over a table of samples: mean, interval over questions, coverage, split by
correctness.

defect_scores(run.frame())
# [DefectScore(task="gsm8k", temperature=0.0, metric="arith_wrong", mean=0.07, coverage=0.93, ...), ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pspo_bench.metrics.basic import is_correct
from pspo_bench.metrics.reasoning.solution import Solution, measure
from pspo_bench.metrics.registry import SolutionMetric, solution_metrics
from pspo_bench.stats import Interval, clustered_mean, question_means

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class DefectScore:
    """One metric of one task at one temperature.

    `mean` is over questions of the mean of a question's samples to which the metric applies, `interval` its 95 %
    interval, `coverage` the share of the samples to which it applies, `correct` and `incorrect` the means among those.
    """

    task: str
    temperature: float
    metric: str
    direction: str
    mean: float | None
    interval: Interval | None
    coverage: float
    n_samples: int
    correct: float | None
    incorrect: float | None


def measured(frame: pd.DataFrame, metrics: Sequence[SolutionMetric] | None = None) -> pd.DataFrame:
    """A column for each metric of single solutions, a row for each sample; NaN where one does not apply."""
    import pandas as pd

    chosen = solution_metrics() if metrics is None else metrics
    known: dict[tuple[str, str], dict[str, float | None]] = {}
    rows = []
    for question, completion in zip(frame["question"], frame["completion"], strict=True):
        if (question, completion) not in known:
            known[question, completion] = measure(Solution.of(completion, question=question), chosen)
        rows.append(known[question, completion])
    return pd.DataFrame(rows, index=frame.index, columns=[metric.name for metric in chosen], dtype=float)


def defect_scores(
    frame: pd.DataFrame,
    metrics: Sequence[SolutionMetric] | None = None,
    values: pd.DataFrame | None = None,
) -> list[DefectScore]:
    """Every metric of single solutions, or those of `metrics`, by task and temperature.

    `values`: what `measured` gave for the same rows, if it is known already.
    """
    chosen = solution_metrics() if metrics is None else metrics
    values = measured(frame, chosen) if values is None else values
    scores = []
    for _, rows in frame.groupby(["task", "temperature"], sort=True):
        scores += [_score(rows, values.loc[rows.index, metric.name], metric) for metric in chosen]
    return scores


def _score(rows: pd.DataFrame, values: pd.Series[float], metric: SolutionMetric) -> DefectScore:
    known = values.dropna()
    means = question_means(known.to_numpy(), rows.loc[known.index, "example_id"].to_numpy())
    right = is_correct(rows)[known.index]
    return DefectScore(
        task=str(rows["task"].iloc[0]),
        temperature=float(rows["temperature"].iloc[0]),
        metric=metric.name,
        direction=metric.direction,
        mean=float(means.mean()) if means.size else None,
        interval=clustered_mean(means),
        coverage=len(known) / len(rows),
        n_samples=len(rows),
        correct=float(known[right].mean()) if right.any() else None,
        incorrect=float(known[~right].mean()) if (~right).any() else None,
    )
