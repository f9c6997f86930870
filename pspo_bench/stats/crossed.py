"""The variance of a mean over crossed seeds and questions, of one arm or of the difference of two.

Every question has one mean a seed. The variance of their mean is that of the seeds' means over their number,
plus that of the questions' means over theirs, less the residual that both hold (Owen 2007, arXiv 0712.1111).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pspo_bench.stats.core import Floats, Interval, t_quantile, t_tail
from pspo_bench.stats.power import minimum_detectable_effect

Sides: TypeAlias = tuple[Floats, ...]
"""One task: arrays (seeds, questions) whose seeds are independent of one another, which add up to the figure."""


def question_means(sides: Sides) -> Floats:
    """(questions,): over the seeds of each side, summed over sides."""
    means: Floats = np.sum([side.mean(axis=0) for side in sides], axis=0)
    return means


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over tasks, seeds and questions, and what its variance is made of.

    `seeds` and `questions` are (variance of the mean, degrees of freedom) of each source; both kinds hold the
    residual, `twice`, that is taken off once.
    """

    mean: float
    seeds: tuple[tuple[float, float], ...]
    questions: tuple[tuple[float, float], ...]
    twice: float

    @property
    def variance(self) -> float:
        """Not below either part, as a difference of estimates could fall."""
        of_seeds, of_questions = (sum(v for v, _ in part) for part in (self.seeds, self.questions))
        return max(of_seeds + of_questions - self.twice, of_seeds, of_questions)

    @property
    def flat(self) -> bool:
        """Nothing varies, but for rounding: no spread from which to tell a variance."""
        return self.variance < 1e-24

    def quantile(self, level: float, test: bool = True) -> float:
        """Student quantiles of seeds and of questions, weighted by their shares of the variance.

        That is Cochran & Cox's approximation (1957, § 4.14). The seeds' share with the residual in it, which
        is theirs, is nearly always too cautious; without the residual it misses too often after few seeds.
        Ours lies between: half way for differences, where it must not find more than there is, and the
        geometric mean for the interval of one score, which is nearest to its level (docs/statistics.md has
        the figures).
        """
        of_questions = sum(v for v, _ in self.questions)
        if not self.seeds or not self.questions:
            return t_quantile(level, satterthwaite(self.seeds or self.questions))
        of_seeds = sum(v for v, _ in self.seeds)
        if self.flat:
            return t_quantile(level, satterthwaite(self.seeds))
        whole = of_seeds / (of_seeds + of_questions)
        net = max(of_seeds - self.twice, 0.0) / self.variance
        share = (whole + net) / 2 if test else math.sqrt(whole * net)
        t_seeds, t_questions = (
            t_quantile(level, satterthwaite(part)) for part in (self.seeds, self.questions)
        )
        return share * t_seeds + (1 - share) * t_questions

    def df(self, level: float) -> float:
        """Degrees of freedom at which Student's t has that quantile."""
        from scipy.special import stdtridf

        return float(min(stdtridf((1 + level) / 2, self.quantile(level)), 1e9))

    def p_value(self, level: float) -> float:
        """Two-sided, of a mean of 0; below 1 - `level` where that interval leaves out 0."""
        return t_tail(self.mean / math.sqrt(self.variance), self.df(level))

    def interval(self, level: float) -> Interval:
        half = self.quantile(level) * math.sqrt(self.variance)
        return Interval(self.mean - half, self.mean + half, "crossed-t")

    def detectable(self, level: float) -> float:
        from scipy.special import chdtri

        df = self.df(level)
        # A variance estimated from few seeds is more often below the true one than above: its median is put right.
        unbiased = math.sqrt(df / float(chdtri(df, 0.5)))
        return minimum_detectable_effect(math.sqrt(self.variance) * unbiased, level, df=df)


def satterthwaite(terms: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of variances (Satterthwaite 1946, doi:10.2307/3002019)."""
    spread = sum(v**2 / df for v, df in terms)
    total = sum(v for v, _ in terms)
    return total * total / spread if spread else min(df for _, df in terms)


def crossed(tasks: Sequence[Sides]) -> Spread:
    """Mean over tasks, and its variance over seeds (common to tasks) and over questions (of each task)."""
    n_tasks = len(tasks)
    seeds: list[tuple[float, float]] = []
    for side in zip(*tasks, strict=True):
        n_seeds = side[0].shape[0]
        if n_seeds > 1:
            by_seed = np.mean([table.mean(axis=1) for table in side], axis=0)
            seeds.append((float(by_seed.var(ddof=1)) / n_seeds, n_seeds - 1))
    questions: list[tuple[float, float]] = []
    twice, means = 0.0, []
    for sides in tasks:
        delta = question_means(sides)
        means.append(float(delta.mean()))
        if delta.size > 1:
            questions.append((float(delta.var(ddof=1)) / delta.size / n_tasks**2, delta.size - 1))
            twice += sum(_residual(side) for side in sides) / n_tasks**2
    return Spread(sum(means) / n_tasks, tuple(seeds), tuple(questions), twice)


def _residual(table: Floats) -> float:
    """Variance of the mean that is neither the seeds' nor the questions'; 0 for one seed, which cannot tell."""
    n_seeds, n = table.shape
    if n_seeds < 2:
        return 0.0
    rest: Floats = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest**2).sum() / ((n_seeds - 1) * (n - 1)) / (n_seeds * n))
