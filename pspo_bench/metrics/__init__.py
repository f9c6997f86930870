"""Samples → figures: accuracy, length, truncation, and what is plugged in later.

    scores = summarise(run.frame())         # one TaskScore per task and temperature
    METRICS.get("truncation_rate").definition

A metric is one function with the decorator `metric`; other packages announce theirs under the entry-point
group `pspo_bench.metrics`.
"""

from pspo_bench.metrics.registry import METRICS, Metric, metric
from pspo_bench.metrics.summary import TaskScore, summarise

__all__ = ["METRICS", "Metric", "TaskScore", "metric", "summarise"]
