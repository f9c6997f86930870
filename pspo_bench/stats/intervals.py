"""Intervals of one score: Wilson's, and those of means over clusters.

The unit of inference is the question: its repeated samples are averaged first (Miller, arXiv 2411.00640).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError, checked_counts, t_quantile, z_quantile


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval | None:
    """Score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953); None if n is 0."""
    if not 0 <= successes <= n:
        raise StatsError(f"{successes} successes of {n} trials is impossible; pass 0 <= successes <= n")
    if n == 0:
        return None
    z2 = z_quantile(level) ** 2
    centre = (successes + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (successes * (n - successes) / n + z2 / 4)) / (n + z2)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high, "wilson")


def question_means(values: ArrayLike, questions: Sequence[Hashable] | NDArray[np.generic]) -> Floats:
    """Mean of `values` per question, in order of first appearance.  (N,), (N,) → (questions,)"""
    flat = np.asarray(values, dtype=np.float64)
    if flat.shape != (len(questions),):
        raise StatsError(f"{flat.size} values for {len(questions)} question ids; pass one id per value")
    index: dict[Hashable, int] = {}
    codes = np.fromiter((index.setdefault(q, len(index)) for q in questions), dtype=np.intp, count=flat.size)
    counts = np.bincount(codes, minlength=len(index))
    totals = np.bincount(codes, weights=flat, minlength=len(index))
    means: Floats = totals / counts
    return means


def clustered_mean(means: ArrayLike, level: float = LEVEL) -> Interval | None:
    """Student-t interval of the mean over questions, from one mean per question  (Q,).

    Of means in [0, 1] the interval is cut to [0, 1]; where all are 0 or all are 1, so that the t interval
    has no width, Wilson's over questions is given. None for fewer than two questions.
    """
    x = np.asarray(means, dtype=np.float64)
    if x.size < 2:
        return None
    unit = bool((x >= 0).all() and (x <= 1).all())
    if unit and x[0] in (0.0, 1.0) and bool((x == x[0]).all()):
        return wilson(round(float(x.sum())), x.size, level)
    half = t_quantile(level, x.size - 1) * float(x.std(ddof=1)) / math.sqrt(x.size)
    low, high = float(x.mean()) - half, float(x.mean()) + half
    return Interval(max(low, 0.0), min(high, 1.0), "clustered") if unit else Interval(low, high, "clustered")


def clustered_proportion(means: ArrayLike, level: float = LEVEL) -> Interval | None:
    """Interval of a score from one mean in [0, 1] per question  (Q,).

    Single samples: Wilson's. Else `effective_wilson`, which unlike the t interval of `clustered_mean` holds
    its level where nearly all questions are right or wrong. Where all means are alike they are taken for one
    trial a question each. None for no question, or for one that was partly right.
    """
    x = np.asarray(means, dtype=np.float64)
    if bool(np.isin(x, (0.0, 1.0)).all()):
        return wilson(round(float(x.sum())), x.size, level)
    if x.size < 2:
        return None
    mean, variance = float(x.mean()), float(x.var(ddof=1)) / x.size
    if bool((x == x[0]).all()):
        variance = mean * (1 - mean) / x.size
    return effective_wilson(mean, variance, t_quantile(level, x.size - 1), "clustered-wilson")


def effective_wilson(mean: float, variance: float, quantile: float, method: str) -> Interval:
    """Wilson's interval of a mean in (0, 1) with the number of trials that would give it this variance.

    With Student's t for the quantile where the variance was estimated (Franco, Little, Louis & Slud 2019,
    doi:10.1093/jssam/smy019, who compare such intervals for surveys in clusters). Stays within 0 and 1.
    """
    n, q2 = mean * (1 - mean) / variance, quantile**2
    centre = (n * mean + q2 / 2) / (n + q2)
    half = quantile * math.sqrt(n * mean * (1 - mean) + q2 / 4) / (n + q2)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), method)


def score_interval(correct: ArrayLike, samples: ArrayLike, level: float = LEVEL) -> Interval | None:
    """Interval of an accuracy from counts per question  (Q,), (Q,): Wilson's or, with repeats, over clusters."""
    right, drawn = checked_counts(correct, samples)
    if right.ndim != 1:
        raise StatsError(f"Counts of shape {right.shape} for one score; pass one number per question")
    asked = drawn > 0
    if asked.sum() < 2 and bool((drawn[asked] > 1).any()):
        return None  # one question is no sample of questions
    return clustered_proportion(right[asked] / drawn[asked], level)


def clustered_difference(
    values: ArrayLike, *clusters: Sequence[Hashable], level: float = LEVEL
) -> Interval | None:
    """Student-t interval of the mean of `values` (N,) that are clustered in one or two ways, as by question
    and by seed.

    Of two ways the variance is that of the first, plus that of the second, less that of their cells (Cameron,
    Gelbach & Miller 2011, doi:10.1198/jbes.2010.07136), each with its G / (G - 1); not less than the larger
    of the two, which a difference of estimates could be. Degrees of freedom: the smallest number of clusters
    less one. A way with one cluster is passed over; None where no way has two. Cells may be missing, unlike
    in `arm_difference`.
    """
    x = np.asarray(values, dtype=np.float64)
    if any(len(way) != x.size for way in clusters):
        raise StatsError(
            f"{x.size} values for {[len(way) for way in clusters]} cluster ids; pass one id per value"
        )
    ways = [way for way in clusters if len(set(way)) > 1]
    if not ways or len(ways) > 2:
        return None
    rest = x - x.mean()
    terms = [_cluster_variance(rest, way) for way in ways]
    variance = terms[0]
    if len(ways) == 2:
        cells = _cluster_variance(rest, list(zip(*ways, strict=True)))
        variance = max(terms[0] + terms[1] - cells, *terms)
    half = t_quantile(level, min(len(set(way)) for way in ways) - 1) * math.sqrt(variance)
    return Interval(float(x.mean()) - half, float(x.mean()) + half, "clustered-t")


def _cluster_variance(rest: Floats, way: Sequence[Hashable]) -> float:
    """Variance of the mean of residuals (N,) that are independent between the clusters of `way` only."""
    totals: dict[Hashable, float] = {}
    for value, cluster in zip(rest.tolist(), way, strict=True):
        totals[cluster] = totals.get(cluster, 0.0) + value
    groups = len(totals)
    return groups / (groups - 1) * sum(total**2 for total in totals.values()) / rest.size**2


def mean_interval(scores: Sequence[float], intervals: Sequence[Interval | None]) -> Interval | None:
    """Interval of the plain mean of independent scores, from their own intervals; None if one is None.

    MOVER (Zou & Donner 2008, doi:10.1002/sim.3095): distances to the limits add up as squares, on each side.
    """
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(scores):
        return None
    mean = sum(scores) / len(scores)
    below = math.hypot(*(score - i.low for score, i in zip(scores, known, strict=True))) / len(scores)
    above = math.hypot(*(i.high - score for score, i in zip(scores, known, strict=True))) / len(scores)
    return Interval(mean - below, mean + above, "mover")
