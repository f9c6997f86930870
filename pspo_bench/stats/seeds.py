"""Aggregates over tasks and seeds: interquartile mean and probability of improvement (arXiv 2108.13264).

Scores are (seeds, tasks), one figure per trained seed and task. Intervals are by the stratified bootstrap:
seeds are redrawn within each task (§ 4.1 there), so they hold for the tasks at hand; questions are not
redrawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pspo_bench.stats.bootstrap import percentile_interval
from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError


def interquartile_mean(
    scores: ArrayLike, rng: np.random.Generator | None = None, resamples: int = 2000, level: float = LEVEL
) -> tuple[float, Interval | None]:
    """Mean of the middle half of all scores (seeds, tasks), a quarter cut at either end, with its interval.

    As `scipy.stats.trim_mean` the number cut is rounded down. No interval without a generator.
    """
    x = _table(scores)
    value = float(_trimmed(x.reshape(1, -1))[0])
    if rng is None:
        return value, None
    drawn = _redrawn(x, rng, resamples)
    return value, percentile_interval(_trimmed(drawn.reshape(resamples, -1)), level)


def probability_of_improvement(
    x: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator | None = None,
    resamples: int = 2000,
    level: float = LEVEL,
) -> tuple[float, Interval | None]:
    """Chance that a seed of x beats a seed of y on a task, ties counting half, averaged over tasks, with its
    interval.

    x: (seeds of x, tasks), y: (seeds of y, tasks).
    """
    a, b = _table(x), _table(y)
    if a.shape[1] != b.shape[1]:
        raise StatsError(f"Scores of shapes {a.shape} and {b.shape}; pass (seeds, tasks) of the same tasks")
    value = float(_wins(a[None], b[None])[0])
    if rng is None:
        return value, None
    return value, percentile_interval(_wins(_redrawn(a, rng, resamples), _redrawn(b, rng, resamples)), level)


def _table(scores: ArrayLike) -> Floats:
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or x.size == 0 or bool(np.isnan(x).any()):
        raise StatsError(f"Scores of shape {x.shape}; pass (seeds, tasks) without gaps")
    return x


def _redrawn(x: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """(resamples, seeds, tasks): seeds drawn anew for each task."""
    rows = rng.integers(x.shape[0], size=(resamples, *x.shape))
    drawn: Floats = np.take_along_axis(x[None], rows, axis=1)
    return drawn


def _trimmed(flat: Floats) -> Floats:
    """(replicates, scores) → (replicates,)"""
    cut = flat.shape[1] // 4
    middle: Floats = np.sort(flat, axis=1)[:, cut : flat.shape[1] - cut].mean(axis=1)
    return middle


def _wins(a: Floats, b: Floats) -> Floats:
    """(replicates, seeds, tasks) each → (replicates,)"""
    above, alike = a[:, :, None] > b[:, None], a[:, :, None] == b[:, None]
    share: Floats = (above + 0.5 * alike).mean(axis=(1, 2, 3))
    return share
