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

from pspo_bench.stats.core import Floats, Interval, t_quantile
from pspo_bench.stats.power import detectable_shift

LOWEST = math.log(1e-15)
"""Smaller p-values are not told apart."""
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

    def half(self, level: float) -> float:
        """Half the width of an interval that holds its level for differences, however much seeds vary.

        The squares of the distances for seeds and for questions add up, each with its own Student quantile, as in
        Howe (1974, JASA 69:789) for two independent means; what both hold is taken off the questions' once.
        """
        return math.sqrt(sum(square for square, _ in self._squares(1 - level)))

    def _squares(self, tail: float) -> list[tuple[float, float]]:
        """(square of the distance, degrees of freedom) of seeds and of questions, for a two-sided `tail`."""
        seeds, questions = (_square(part, tail) for part in (self.seeds, self.questions))
        if not self.seeds or not self.questions:
            return [seeds if self.seeds else questions]
        of_questions = sum(v for v, _ in self.questions)
        net = questions[0] * max(0.0, 1 - self.twice / of_questions) if of_questions else 0.0
        return [seeds, (net, questions[1])] if seeds[0] + net > questions[0] else [questions]

    def p_value(self) -> float:
        """Two-sided, of a mean of 0: one less the level of the interval that ends at 0."""
        from scipy.optimize import brentq

        def beyond(log_tail: float) -> float:
            return sum(square for square, _ in self._squares(math.exp(log_tail))) - self.mean**2

        if beyond(LOWEST) < 0:
            return math.exp(LOWEST)
        return math.exp(float(brentq(beyond, LOWEST, 0.0, xtol=1e-12)))

    def interval(self, level: float) -> Interval:
        half = self.half(level)
        return Interval(self.mean - half, self.mean + half, "crossed-t")

    def detectable(self, level: float) -> float:
        """The true difference that `half` leaves out 0 for with 80 % power; its own error taken for that of one t."""
        from scipy.special import chdtri

        error, df = math.sqrt(self.variance), satterthwaite(self._squares(1 - level))
        found = error * detectable_shift(self.half(level) / error, df)
        # A variance estimated from few seeds is more often too small than too large: its median is put right.
        return found * math.sqrt(df / float(chdtri(df, 0.5)))

    def score_quantile(self, level: float) -> float:
        """Student quantile for the interval of one score: of seeds and of questions, weighted by their
        variances.

        That is Cochran & Cox's approximation (1957, § 4.14), but for the weights: with the residual in the
        seeds' share it is too cautious, without it too bold after few seeds, and the geometric mean of the
        two is nearest to the level (docs/statistics.md).
        """
        if not self.seeds or not self.questions:
            return t_quantile(level, satterthwaite(self.seeds or self.questions))
        of_seeds, of_questions = (sum(v for v, _ in part) for part in (self.seeds, self.questions))
        whole = of_seeds / (of_seeds + of_questions)
        share = math.sqrt(whole * max(of_seeds - self.twice, 0.0) / self.variance)
        t_seeds, t_questions = (
            t_quantile(level, satterthwaite(part)) for part in (self.seeds, self.questions)
        )
        return share * t_seeds + (1 - share) * t_questions


def _square(terms: Sequence[tuple[float, float]], tail: float) -> tuple[float, float]:
    """(variance times the square of Student's quantile, degrees of freedom) of independent terms."""
    from scipy.special import stdtrit

    if not terms:
        return 0.0, math.inf
    df = satterthwaite(terms)
    return sum(v for v, _ in terms) * float(stdtrit(df, tail / 2)) ** 2, df


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
