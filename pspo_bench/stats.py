"""Intervals, paired tests, pass@k, maj@k and the bootstrap over seeds and questions; numpy and scipy only.

The unit of inference is the question: its repeated samples are averaged first, so that more samples never
inflate n (Miller, arXiv 2411.00640). Scores and differences are fractions, not per cent. Where there is too
little data for a figure the result is None, never 0.0. Randomness comes from a generator that is passed in.

    >>> wilson(1, 10)
    Interval(low=0.0178..., high=0.4041..., method='wilson')
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pspo_bench.errors import PspoBenchError

Floats: TypeAlias = NDArray[np.float64]
LEVEL = 0.95


class StatsError(PspoBenchError, ValueError):
    """Numbers were passed that no data can give, such as more successes than trials."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval and the method that made it."""

    low: float
    high: float
    method: str

    @property
    def half(self) -> float:
        """Half the width: the ± of a table."""
        return (self.high - self.low) / 2


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


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval | None:
    """Score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953); None if n is 0."""
    if not 0 <= successes <= n:
        raise StatsError(f"{successes} successes of {n} trials is impossible; pass 0 <= successes <= n")
    if n == 0:
        return None
    z2 = _z(level) ** 2
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
    half = _t(level, x.size - 1) * float(x.std(ddof=1)) / math.sqrt(x.size)
    low, high = float(x.mean()) - half, float(x.mean()) + half
    return Interval(max(low, 0.0), min(high, 1.0), "clustered") if unit else Interval(low, high, "clustered")


def score_interval(correct: ArrayLike, samples: ArrayLike, level: float = LEVEL) -> Interval | None:
    """Interval of an accuracy from counts per question  (Q,), (Q,): Wilson or, with repeats, clustered."""
    right, drawn = _counts(correct, samples)
    if right.ndim != 1:
        raise StatsError(f"Counts of shape {right.shape} for one score; pass one number per question")
    asked = drawn > 0
    if bool((drawn[asked] == 1).all()):
        return wilson(int(right.sum()), int(asked.sum()), level)
    return clustered_mean(right[asked] / drawn[asked], level)


def clustered_difference(
    values: ArrayLike, *clusters: Sequence[Hashable], level: float = LEVEL
) -> Interval | None:
    """Student-t interval of the mean of `values` (N,) that are clustered in one or two ways, as by question and by
    seed.

    Of two ways the variance is that of the first, plus that of the second, less that of their cells (Cameron, Gelbach &
    Miller 2011, doi:10.1198/jbes.2010.07136), each with its G / (G - 1); not less than the larger of the two, which a
    difference of estimates could be. Degrees of freedom: the smallest number of clusters less one. A way with one
    cluster is passed over; None where no way has two. Cells may be missing, unlike in `arm_difference`.
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
    half = _t(level, min(len(set(way)) for way in ways) - 1) * math.sqrt(variance)
    return Interval(float(x.mean()) - half, float(x.mean()) + half, "clustered-t")


def _cluster_variance(rest: Floats, way: Sequence[Hashable]) -> float:
    """Variance of the mean of residuals (N,) that are independent between the clusters of `way` only."""
    totals: dict[Hashable, float] = {}
    for value, cluster in zip(rest.tolist(), way, strict=True):
        totals[cluster] = totals.get(cluster, 0.0) + value
    groups = len(totals)
    return groups / (groups - 1) * sum(total**2 for total in totals.values()) / rest.size**2


# Bootstrap


def bootstrap_scores(
    tasks: Sequence[tuple[ArrayLike, ArrayLike]], rng: np.random.Generator, resamples: int = 2000
) -> Floats:
    """Replicates of the mean score of each task, trained seeds and questions both resampled.

    tasks: per task (correct, samples), counts (seeds, questions) in which column j is one question for every
    seed; 0 samples means that a seed was not asked it. Returns (resamples, tasks).

    The levels are seeds → questions → samples. Seeds and questions are crossed, not nested (each seed answers
    the same test set), so one draw of questions serves all seeds of a replicate: Owen's pigeonhole bootstrap
    (arXiv 0712.1111). Drawing questions afresh for each seed would divide their share of the variance
    by the number of seeds. One draw of seeds serves all tasks, since a lucky seed is lucky on all.
    Samples of a question are redrawn as a binomial of its observed rate.
    """
    tables = [_Patterns.of(*_counts(correct, samples)) for correct, samples in tasks]
    seeds = {table.codes.shape[0] for table in tables}
    if len(seeds) != 1:
        raise StatsError(
            f"Tasks with {sorted(seeds)} seeds cannot share a bootstrap; pass the same seeds for each"
        )
    n_seeds = seeds.pop()
    out = np.empty((resamples, len(tables)))
    for b in range(resamples):
        rows = rng.integers(n_seeds, size=n_seeds)
        out[b] = [table.replicate(rows, rng) for table in tables]
    return out


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Counts (seeds, questions) as codes of the distinct pairs (samples, correct), of which there are few.

    Questions with one pair are redrawn together: the sum of K draws from Binomial(n, p) is one from
    Binomial(K n, p), which makes a replicate as cheap with 64 samples a question as with one.
    """

    codes: NDArray[np.intp]  # (seeds, questions)
    samples: NDArray[np.int64]  # (pairs,)
    rate: Floats  # (pairs,)

    @classmethod
    def of(cls, right: NDArray[np.int64], drawn: NDArray[np.int64]) -> _Patterns:
        if right.ndim != 2 or right.size == 0:
            raise StatsError(f"The bootstrap needs counts (seeds, questions), not of shape {right.shape}")
        width = int(right.max()) + 1
        pairs, codes = np.unique(drawn * width + right, return_inverse=True)
        samples, correct = pairs // width, pairs % width
        return cls(codes.reshape(right.shape), samples, correct / np.maximum(samples, 1))

    def replicate(self, rows: NDArray[np.int64], rng: np.random.Generator) -> float:
        """The score of one draw: mean over seeds `rows` of the mean over redrawn questions and samples."""
        n_pairs, n_questions = self.samples.size, self.codes.shape[1]
        columns = rng.integers(n_questions, size=n_questions)
        picked = self.codes[rows][:, columns] + np.arange(rows.size)[:, None] * n_pairs
        times = np.bincount(picked.ravel(), minlength=rows.size * n_pairs).reshape(rows.size, n_pairs)
        right = rng.binomial(times * self.samples, self.rate) / np.maximum(self.samples, 1)
        asked = times[:, self.samples > 0].sum(axis=1)
        scores = right.sum(axis=1)[asked > 0] / asked[asked > 0]
        return float(scores.mean()) if scores.size else math.nan


def percentile_interval(replicates: ArrayLike, level: float = LEVEL) -> Interval | None:
    """The middle `level` of bootstrap replicates (Efron & Tibshirani 1993, ch. 13); None without spread."""
    x = np.asarray(replicates, dtype=np.float64)
    x = x[~np.isnan(x)]
    if x.size < 2 or bool((x == x[0]).all()):
        return None
    low, high = np.quantile(x, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), "bootstrap")


def hierarchical_bootstrap(
    correct: ArrayLike,
    samples: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = LEVEL,
) -> Interval | None:
    """Interval of one task's accuracy over seeds, questions and samples: see `bootstrap_scores`."""
    return percentile_interval(bootstrap_scores([(correct, samples)], rng, resamples)[:, 0], level)


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


# Several samples of a question


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Unbiased pass@k of a question with `c` of `n` samples correct; None if n < k.

    1 - C(n-c, k) / C(n, k), Chen et al. 2021, arXiv 2107.03374, eq. 1; exact integers, no overflow.
    """
    if not 0 <= c <= n or k < 1:
        raise StatsError(f"pass@{k} of {c} correct among {n} is impossible; pass 0 <= c <= n and k >= 1")
    return None if n < k else 1 - math.comb(n - c, k) / math.comb(n, k)


def maj_at_k(votes: Sequence[Hashable | None], correct: Sequence[bool], k: int) -> float | None:
    """Expected score of a majority vote among k of the n samples of a question; None if n < k.

    Self-consistency (arXiv 2203.11171). Samples without an answer (vote None) do not vote; answers tied
    for most votes share the win; where nobody votes the score is 0. Exact over all C(n, k) subsets.
    An answer whose samples were judged both ways counts by its share of correct ones.
    """
    n = len(votes)
    if len(correct) != n or k < 1:
        raise StatsError(
            f"{n} votes and {len(correct)} verdicts with k={k}; pass one verdict per vote and k >= 1"
        )
    if n < k:
        return None
    sizes = Counter(vote for vote in votes if vote is not None)
    right = Counter(vote for vote, ok in zip(votes, correct, strict=True) if ok and vote is not None)
    blanks = n - sum(sizes.values())
    total = 0.0
    for vote, hits in right.items():
        others = tuple(sorted(size for other, size in sizes.items() if other != vote))
        total += _win_share(sizes[vote], others, blanks, k) * hits / sizes[vote]
    return min(total, 1.0)  # a sum of rounded shares may pass 1 by an ulp


@lru_cache(maxsize=100_000)
def _win_share(own: int, others: tuple[int, ...], blanks: int, k: int) -> float:
    """Expected share of the win of an answer with `own` votes when k of all votes and blanks are drawn."""
    if k == own + sum(others) + blanks:
        top = max(others, default=0)
        return 0.0 if own < top else 1 / (1 + others.count(own))
    wins = 0.0
    for m in range(1, min(own, k) + 1):
        ways = _ways_up_to(m, others, k - m)
        share = sum(
            count * math.comb(blanks, k - m - drawn) / (1 + tied) for (drawn, tied), count in ways.items()
        )
        wins += math.comb(own, m) * share
    return wins / math.comb(own + sum(others) + blanks, k)


def _ways_up_to(m: int, sizes: Iterable[int], budget: int) -> dict[tuple[int, int], int]:
    """(votes drawn, answers with exactly m) → number of ways; at most m from an answer, `budget` in all."""
    ways = {(0, 0): 1}
    for size in sizes:
        longer: Counter[tuple[int, int]] = Counter()
        for (drawn, tied), count in ways.items():
            for j in range(min(size, m, budget - drawn) + 1):
                longer[drawn + j, tied + (j == m)] += count * math.comb(size, j)
        ways = dict(longer)
    return ways


# Two runs on the same questions


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
        half = _t(level, a.size - 1) * float(delta.std(ddof=1)) / math.sqrt(a.size)
        interval = Interval(float(delta.mean()) - half, float(delta.mean()) + half, "paired-t")
    return PairedDifference(float(delta.mean()), interval, a.size)


def _agresti_min(won: int, lost: int, n: int, level: float) -> Interval:
    centre = (won - lost) / (n + 2)
    half = _z(level) * math.sqrt(won + lost + 1 - (won - lost) ** 2 / (n + 2)) / (n + 2)
    return Interval(max(-1.0, centre - half), min(1.0, centre + half), "agresti-min")


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
    half = _t(level, df) * error
    return ArmDifference(
        difference=mean,
        interval=Interval(mean - half, mean + half, "crossed-t"),
        p_value=_t_tail(mean / error, df) if error else float(mean == 0),
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


def _counts(correct: ArrayLike, samples: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    right, drawn = np.asarray(correct, dtype=np.int64), np.asarray(samples, dtype=np.int64)
    if right.shape != drawn.shape:
        raise StatsError(
            f"Counts of shapes {right.shape} and {drawn.shape} differ; pass one per question each"
        )
    if bool((right < 0).any() or (right > drawn).any()):
        raise StatsError("A question has more correct samples than samples; check the counts")
    return right, drawn


@lru_cache
def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


@lru_cache
def _t(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


def _t_tail(t: float, df: float) -> float:
    """Two-sided p-value of a Student t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))
