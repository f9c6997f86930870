"""Interquartile mean and probability of improvement, by hand, as scipy's, and the numbers that rliable gives."""

from __future__ import annotations

import numpy as np
import pytest

from pspo_bench import stats
from pspo_bench.stats import StatsError


def test_interquartile_mean_by_hand() -> None:
    # 8 scores, two cut at either end: (3 + 4 + 5 + 6) / 4
    value, interval = stats.interquartile_mean([[1, 8], [2, 7], [3, 6], [4, 5]])
    assert (value, interval) == (4.5, None)


def test_interquartile_mean_as_scipy() -> None:
    from scipy.stats import trim_mean

    scores = np.random.default_rng(0).random((5, 3))
    assert stats.interquartile_mean(scores)[0] == pytest.approx(trim_mean(scores, 0.25, axis=None), abs=1e-12)


def test_as_rliable() -> None:
    """rliable 1.2.0 on the same numbers: metrics.aggregate_iqm and metrics.probability_of_improvement."""
    x, y = np.random.default_rng(0).random((10, 5)), np.random.default_rng(1).random((7, 5))
    assert stats.interquartile_mean(x)[0] == pytest.approx(0.5454577164315647, abs=1e-12)
    assert stats.probability_of_improvement(x, y)[0] == pytest.approx(0.5257142857142857, abs=1e-12)


def test_probability_of_improvement_by_hand() -> None:
    # Task 1: 2, 3 against 1, 2: 3 wins and a tie of 4 → 7/8. Task 2: 0, 0 against 1, 1: none.
    value, interval = stats.probability_of_improvement([[2, 0], [3, 0]], [[1, 1], [2, 1]])
    assert (value, interval) == (7 / 16, None)


def test_intervals_redraw_seeds_within_a_task() -> None:
    """Two seeds, 0 and 1, of one task: the mean of two draws is 0, 1/2 or 1. A task that is certain adds no spread."""
    rng = np.random.default_rng(0)
    value, interval = stats.interquartile_mean([[0.0], [1.0]], rng, 500)
    assert value == 0.5
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 1.0)
    value, interval = stats.probability_of_improvement([[0.0, 1], [1.0, 1]], [[0.5, 0]], rng, 500)
    assert value == 0.75
    assert interval is not None
    assert (interval.low, interval.high) == (0.5, 1.0)


def test_impossible() -> None:
    with pytest.raises(StatsError, match="seeds, tasks"):
        stats.interquartile_mean([1.0, 2.0])
    with pytest.raises(StatsError, match="without gaps"):
        stats.interquartile_mean([[1.0, float("nan")]])
    with pytest.raises(StatsError, match="same tasks"):
        stats.probability_of_improvement([[1.0, 2.0]], [[1.0]])
