"""The paired permutation test: under no difference, base and candidate could be swapped on any question."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pspo_bench.stats.core import Floats, StatsError

CELLS = 1_000_000  # of random numbers held at once


def permutation_test(
    base: ArrayLike, candidate: ArrayLike, rng: np.random.Generator, resamples: int = 10_000
) -> float | None:
    """Two-sided p-value of the mean difference over questions  (Q,), (Q,) ; None where nothing differs.

    Signs of the differences are flipped (Fisher 1935, ch. 3). All 2^m ways are tried for m questions that
    differ, if these are no more than `resamples`; else as many are drawn, and the p-value is (hits + 1) /
    (resamples + 1), which is never 0 and keeps the level (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).
    """
    a, b = np.asarray(base, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise StatsError(f"Shapes {a.shape} and {b.shape} are not paired; pass one mean per shared question")
    if resamples < 1:
        raise StatsError(f"{resamples} resamples; draw at least 1")
    return sign_flip(b - a, rng, resamples)


def sign_flip(delta: Floats, rng: np.random.Generator, resamples: int = 10_000) -> float | None:
    """p-value of the sum of `delta` (N,) when every sign is equally likely."""
    delta = delta[delta != 0]
    if delta.size == 0:
        return None
    sizes, times = np.unique(np.abs(delta), return_counts=True)
    total = float(sizes @ times)
    # |sum| >= |observed|, with the rounding of sums allowed for: ties count.
    least = abs(float(delta.sum())) - 1e-12 * total
    if delta.size <= math.log2(resamples):
        bits = np.arange(2**delta.size)[:, None] >> np.arange(delta.size) & 1
        return float(np.mean(np.abs(2 * (bits @ np.abs(delta)) - total) >= least))
    # Questions that differ alike flip together: the sum of K signs is 2 Binomial(K, 1/2) - K.
    hits, left = 0, resamples
    while left:
        rows = min(left, max(1, CELLS // sizes.size))
        sums = 2 * (rng.binomial(times, 0.5, (rows, sizes.size)) @ sizes) - total
        hits += int((np.abs(sums) >= least).sum())
        left -= rows
    return (hits + 1) / (resamples + 1)
