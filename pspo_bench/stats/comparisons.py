"""Two runs on the same questions, and several tests at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pspo_bench.stats.core import LEVEL, Interval, StatsError, t_quantile, z_quantile


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of candidate minus base over the same questions; positive means that the candidate is better."""

    difference: float
    interval: Interval | None
    n_questions: int


def paired_difference(base: ArrayLike, candidate: ArrayLike, level: float = LEVEL) -> PairedDifference | None:
    """Mean difference of two runs from one mean per question each  (Q,), (Q,) ; None without questions.

    0/1 scores: adjusted Wald of Agresti & Min 2005 (doi:10.1002/sim.1781), half a question added to each of
    the four cells, which keeps its width where nothing changed. Else Student's t on the differences.
    """
    a, b = np.asarray(base, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise StatsError(f"Shapes {a.shape} and {b.shape} are not paired; pass one mean per shared question")
    if a.size == 0:
        return None
    delta = b - a
    if bool(np.isin(delta, (-1.0, 0.0, 1.0)).all()):
        interval = _agresti_min(int((delta > 0).sum()), int((delta < 0).sum()), a.size, level)
    elif a.size < 2:
        return PairedDifference(float(delta.mean()), None, 1)
    else:
        half = t_quantile(level, a.size - 1) * float(delta.std(ddof=1)) / math.sqrt(a.size)
        interval = Interval(float(delta.mean()) - half, float(delta.mean()) + half, "paired-t")
    return PairedDifference(float(delta.mean()), interval, a.size)


def _agresti_min(won: int, lost: int, n: int, level: float) -> Interval:
    centre, variance = agresti_min_centre(won, lost, n)
    half = z_quantile(level) * math.sqrt(variance)
    return Interval(max(-1.0, centre - half), min(1.0, centre + half), "agresti-min")


def agresti_min_centre(won: int, lost: int, n: int) -> tuple[float, float]:
    """Mean difference and its variance with half a question added to each of the four cells."""
    centre = (won - lost) / (n + 2)
    return centre, (won + lost + 1 - (won - lost) ** 2 / (n + 2)) / (n + 2) ** 2


def mcnemar_exact(won: int, lost: int) -> float | None:
    """Two-sided p-value of equally likely flips (McNemar 1947, exact binomial); None if nothing flipped."""
    if min(won, lost) < 0:
        raise StatsError(f"{won} won and {lost} lost flips: counts cannot be negative")
    n = won + lost
    if n == 0:
        return None
    tail: int = sum(math.comb(n, i) for i in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / (1 << n))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values (1979, jstor.org/stable/4615733); None stays None, uncounted."""
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = highest
    return adjusted
