"""The bootstrap over trained seeds, questions and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError, checked_counts

CELLS = 2_000_000  # of random numbers held at once


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
    tables = [_Patterns.of(*checked_counts(correct, samples)) for correct, samples in tasks]
    seeds = {table.codes.shape[0] for table in tables}
    if len(seeds) != 1:
        raise StatsError(
            f"Tasks with {sorted(seeds)} seeds cannot share a bootstrap; pass the same seeds for each"
        )
    n_seeds = seeds.pop()
    step = max(1, CELLS // max(table.cells for table in tables))
    parts = []
    for start in range(0, resamples, step):
        rows = rng.integers(n_seeds, size=(min(step, resamples - start), n_seeds))
        parts.append(np.stack([table.replicates(rows, rng) for table in tables], axis=1))
    return np.concatenate(parts)


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

    @property
    def cells(self) -> int:
        """Numbers held for one replicate."""
        n_seeds, n_questions = self.codes.shape
        return int(n_questions + n_seeds * self.samples.size)

    def replicates(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """Scores (B,) of draws of seeds (B, seeds): means over seeds of means over redrawn questions and samples."""
        times = self._redrawn(len(rows), rng)
        picked = np.take_along_axis(times, rows[:, :, None], axis=1)  # (B, seeds, pairs)
        right = rng.binomial(picked * self.samples, self.rate) / np.maximum(self.samples, 1)
        asked = picked[:, :, self.samples > 0].sum(axis=2)
        with np.errstate(invalid="ignore"):
            scores = right.sum(axis=2) / asked  # NaN for a seed none of whose questions was drawn
        known = (asked > 0).sum(axis=1)
        totals = np.where(asked > 0, scores, 0.0).sum(axis=1)
        means: Floats = np.divide(totals, known, out=np.full(len(rows), math.nan), where=known > 0)
        return means

    def _redrawn(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """How often each pair comes up for each seed in `count` draws of questions  (count, seeds, pairs)."""
        n_seeds, n_questions = self.codes.shape
        drawn = rng.integers(n_questions, size=(count, n_questions))
        drawn += np.arange(count)[:, None] * n_questions
        weights = np.bincount(drawn.ravel(), minlength=count * n_questions).reshape(count, n_questions)
        columns = self.codes.T + np.arange(n_seeds) * self.samples.size  # (questions, seeds)
        marks = np.zeros((n_questions, n_seeds * self.samples.size), dtype=np.float32)
        np.put_along_axis(marks, columns, 1.0, axis=1)
        times = weights.astype(np.float32) @ marks  # whole numbers far below 2^24: exact
        return times.astype(np.int64).reshape(count, n_seeds, self.samples.size)


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
