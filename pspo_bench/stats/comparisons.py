"""Two runs, or two arms of trained seeds, on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError, t_quantile, t_tail, z_quantile


@dataclass(frozen=True, slots=True)
class ArmDifference:
    """Mean of candidate minus base over seeds and questions; `p_value` is two-sided, of no difference."""

    difference: float
    interval: Interval
    p_value: float
    n_seeds: int
    n_questions: int


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


def arm_difference(
    tasks: Sequence[tuple[ArrayLike, ArrayLike]], level: float = LEVEL
) -> ArmDifference | None:
    """Two arms of trained seeds on the same questions; the mean over tasks is compared.

    tasks: per task (base, candidate), mean scores (seeds, questions); row i of both was trained with one seed, column j
    is one question for all. None for fewer than two seeds.

    Seeds and questions are crossed random effects, and every question has one mean a seed, so the variance of the mean
    is that of the seeds' means over their number, plus that of the questions' means over theirs, less the residual that
    both hold (Satterthwaite 1946, doi:10.2307/3002019, whose degrees of freedom Student's t has here; crossed data:
    Owen 2007, arXiv 0712.1111). It is not let fall below the larger of the two, nor the degrees of freedom below those
    of the seeds, as a difference of estimates could. Seeds are paired, as both arms see the
    same prompts in the same order.
    """
    deltas = [np.asarray(b, dtype=np.float64) - np.asarray(a, dtype=np.float64) for a, b in tasks]
    seeds = {delta.shape[0] for delta in deltas if delta.ndim == 2}
    if len(seeds) != 1 or any(delta.ndim != 2 or delta.size == 0 for delta in deltas):
        shapes = [delta.shape for delta in deltas]
        raise StatsError(f"Arms of shapes {shapes} are not paired; pass (seeds, questions) of the same seeds")
    n_seeds = seeds.pop()
    if n_seeds < 2:
        return None
    mean, variance, df = _crossed(deltas)
    error = math.sqrt(variance)
    half = t_quantile(level, df) * error
    return ArmDifference(
        difference=mean,
        interval=Interval(mean - half, mean + half, "crossed-t"),
        p_value=t_tail(mean / error, df) if error else float(mean == 0),
        n_seeds=n_seeds,
        n_questions=sum(delta.shape[1] for delta in deltas),
    )


def _crossed(deltas: Sequence[Floats]) -> tuple[float, float, float]:
    """Mean over tasks of differences (seeds, questions) each, its variance, and the degrees of freedom of that."""
    n_seeds, n_tasks = deltas[0].shape[0], len(deltas)
    by_seed = np.mean([delta.mean(axis=1) for delta in deltas], axis=0)  # (seeds,)
    terms = [
        (float(by_seed.var(ddof=1)) / n_seeds, n_seeds - 1)
    ]  # (what it adds to the variance, degrees of freedom)
    for delta in deltas:
        n = delta.shape[1]
        if n < 2:
            continue
        rest = delta - delta.mean(axis=1, keepdims=True) - delta.mean(axis=0) + delta.mean()
        residual = float((rest**2).sum()) / ((n_seeds - 1) * (n - 1))
        terms.append((float(delta.mean(axis=0).var(ddof=1)) / n / n_tasks**2, n - 1))
        terms.append((-residual / (n_seeds * n) / n_tasks**2, (n_seeds - 1) * (n - 1)))
    total = sum(term for term, _ in terms)
    of_questions = sum(term for term, _ in terms[1:] if term > 0)
    variance = max(total, terms[0][0], of_questions)
    spread = sum(term**2 / df for term, df in terms)
    return float(by_seed.mean()), variance, max(variance**2 / spread if spread else 0.0, n_seeds - 1.0)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values (1979, jstor.org/stable/4615733); None stays None, uncounted."""
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = highest
    return adjusted
