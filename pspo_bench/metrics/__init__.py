"""Samples → figures: accuracy, length, truncation, defects of reasoning, and what is plugged in.

    scores = summarise(run.frame())         # one TaskScore per task and temperature
    lengths = length_scores(run.frame())    # all of length, split by correctness
    defects = defect_scores(run.frame())    # every metric of single solutions, with coverage and interval
    METRICS.get("truncation_rate").definition

A metric is one function with the decorator `metric` (of a table of samples) or `solution_metric` (of one solution);
other packages announce theirs under the entry-point group `pspo_bench.metrics`.
"""

from pspo_bench.metrics.defects import DefectScore, defect_scores, measured
from pspo_bench.metrics.length import LengthScore, length_scores
from pspo_bench.metrics.registry import (
    METRICS,
    METRICS_VERSION,
    Metric,
    SolutionMetric,
    metric,
    sample_metrics,
    solution_metric,
    solution_metrics,
)
from pspo_bench.metrics.summary import TaskScore, summarise

__all__ = [
    "METRICS",
    "METRICS_VERSION",
    "DefectScore",
    "LengthScore",
    "Metric",
    "SolutionMetric",
    "TaskScore",
    "defect_scores",
    "length_scores",
    "measured",
    "metric",
    "sample_metrics",
    "solution_metric",
    "solution_metrics",
    "summarise",
]
