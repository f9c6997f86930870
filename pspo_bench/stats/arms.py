"""Arms of trained seeds on the same questions: the score of one, the difference of two, per task or over tasks.

Scores are arrays (seeds, questions) of the mean over a question's samples, NaN where it was not asked; a run
with one set of weights has one row. Seeds and questions are crossed random effects (Owen 2007, arXiv
0712.1111): a score varies with the seeds drawn and with the questions drawn, and neither is more data for the
other.

    compare_scores([[0, 1, 1, 0]], [[1, 1, 1, 0]], np.random.default_rng(0)).difference  # 0.25

One row says nothing about how trained weights vary from seed to seed: the intervals are then about these very
weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pspo_bench.stats.comparisons import agresti_min_centre, mcnemar_exact
from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError, z_quantile
from pspo_bench.stats.crossed import Sides, crossed, question_means
from pspo_bench.stats.intervals import clustered_proportion, effective_wilson, mean_interval
from pspo_bench.stats.permutation import sign_flip
from pspo_bench.stats.power import minimum_detectable_effect, minimum_detectable_flips


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    """Candidate minus base on the questions that every seed of both was asked; fractions.

    `p_value` is two-sided, of no difference, by `test`: "mcnemar", "permutation" or "t". `minimum_detectable`
    is the true difference that a test at 5 % finds with 80 % power, estimated from the spread of these data.
    """

    base: float
    candidate: float
    difference: float
    interval: Interval | None
    p_value: float | None
    test: str
    minimum_detectable: float | None
    base_seeds: int
    candidate_seeds: int
    n_questions: int


@dataclass(frozen=True, slots=True)
class ArmDifference:
    """Mean of candidate minus base over seeds and questions; `p_value` is two-sided, of no difference."""

    difference: float
    interval: Interval
    p_value: float
    n_seeds: int
    n_questions: int


@dataclass(frozen=True, slots=True)
class ArmScore:
    """Mean over seeds and questions of one arm, on the questions that every seed was asked."""

    score: float
    interval: Interval | None
    n_seeds: int
    n_questions: int


def compare_scores(
    base: ArrayLike,
    candidate: ArrayLike,
    rng: np.random.Generator,
    *,
    paired_seeds: bool = True,
    level: float = LEVEL,
) -> ScoreComparison | None:
    """One task: `compare_macro` of one pair."""
    return compare_macro([(base, candidate)], rng, paired_seeds=paired_seeds, level=level)


def compare_macro(
    tasks: Sequence[tuple[ArrayLike, ArrayLike]],
    rng: np.random.Generator,
    *,
    paired_seeds: bool = True,
    level: float = LEVEL,
) -> ScoreComparison | None:
    """The plain mean over tasks of candidate minus base; None where a task has no question that all were
    asked.

    tasks: per task (base, candidate), scores (seeds, questions), or (questions,) for one set of weights;
    column j is one question for all, row i of an arm one set of weights for all tasks.

    One set of weights on each side: the tasks are independent. Single samples of one task have the interval
    of Agresti & Min and the exact McNemar test; else Student's t over questions, and the sign-flip test.

    Several seeds on a side: Student's t over seeds and questions, whose seed term is of the means over tasks,
    since a lucky seed is lucky on all. `paired_seeds`: row i of both was trained with one seed (same prompts,
    same order), and their difference is what varies; where the numbers of seeds differ they cannot be paired,
    and the variances of both arms' seeds add. A side with one row adds no seed variance: right for a base
    model that was not trained; for one trained seed the interval holds for these weights alone.
    """
    pairs = [shared_questions(rows(base), rows(candidate)) for base, candidate in tasks]
    n_base, n_candidate = (_one_number([pair[side].shape[0] for pair in pairs]) for side in (0, 1))
    if any(base.shape[1] == 0 for base, _ in pairs):
        return None
    single = n_base == n_candidate == 1
    paired = single or (paired_seeds and n_base == n_candidate)
    sides: list[Sides] = [(b - a,) if paired else (b, -a) for a, b in pairs]
    spread = crossed(sides)
    if single or spread.flat:
        interval, p_value, test, detectable = _by_questions([question_means(s) for s in sides], rng, level)
    else:
        interval, detectable = spread.interval(level), spread.detectable(level)
        p_value, test = spread.p_value(), "t"
    return ScoreComparison(
        base=float(np.mean([base.mean() for base, _ in pairs])),
        candidate=float(np.mean([candidate.mean() for _, candidate in pairs])),
        difference=spread.mean,
        interval=interval,
        p_value=p_value,
        test=test,
        minimum_detectable=detectable,
        base_seeds=n_base,
        candidate_seeds=n_candidate,
        n_questions=sum(base.shape[1] for base, _ in pairs),
    )


def arm_difference(
    tasks: Sequence[tuple[ArrayLike, ArrayLike]], level: float = LEVEL
) -> ArmDifference | None:
    """`compare_macro` of arms of the same seeds, with no test where nothing varies; None for fewer than two seeds."""
    pairs = [
        (np.asarray(base, dtype=np.float64), np.asarray(candidate, dtype=np.float64))
        for base, candidate in tasks
    ]
    shapes = [side.shape for pair in pairs for side in pair]
    if len({shape[0] for shape in shapes}) != 1 or any(
        a.shape != b.shape or a.ndim != 2 or not a.size for a, b in pairs
    ):
        raise StatsError(f"Arms of shapes {shapes} are not paired; pass (seeds, questions) of the same seeds")
    n_seeds = shapes[0][0]
    if n_seeds < 2:
        return None
    spread = crossed([(candidate - base,) for base, candidate in pairs])
    return ArmDifference(
        difference=spread.mean,
        interval=spread.interval(level),
        p_value=float(spread.mean == 0) if spread.flat else spread.p_value(),
        n_seeds=n_seeds,
        n_questions=sum(base.shape[1] for base, _ in pairs),
    )


def arm_interval(tasks: Sequence[ArrayLike], level: float = LEVEL) -> ArmScore | None:
    """The plain mean over tasks of an arm's scores, (seeds, questions) each, with its interval.

    One set of weights: that of `clustered_proportion` per task, put together by `mean_interval`. Several:
    `effective_wilson` with the variance over seeds and questions. Scores are proportions.
    """
    tables = [shared_questions(rows(task))[0] for task in tasks]
    n_seeds = _one_number([table.shape[0] for table in tables])
    if any(table.shape[1] == 0 for table in tables):
        return None
    sides: list[Sides] = [(table,) for table in tables]
    spread = crossed(sides)
    if n_seeds == 1 or spread.flat:
        means = [table.mean(axis=0) for table in tables]
        each = [clustered_proportion(one, level) for one in means]
        interval = each[0] if len(each) == 1 else mean_interval([float(one.mean()) for one in means], each)
    else:
        interval = effective_wilson(
            spread.mean, spread.variance, spread.score_quantile(level), "crossed-wilson"
        )
    return ArmScore(spread.mean, interval, n_seeds, sum(table.shape[1] for table in tables))


def rows(scores: ArrayLike) -> Floats:
    table = np.asarray(scores, dtype=np.float64)
    table = table[None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[0] == 0:
        raise StatsError(
            f"Scores of shape {table.shape}; pass (seeds, questions), or (questions,) for one seed"
        )
    return table


def shared_questions(*arms: Floats) -> tuple[Floats, ...]:
    """The columns that every row of every arm has a score in."""
    widths = {arm.shape[1] for arm in arms}
    if len(widths) != 1:
        raise StatsError(
            f"Arms of shapes {[arm.shape for arm in arms]} are not paired; pass a column per question in both"
        )
    known = ~np.isnan(np.vstack(arms)).any(axis=0)
    return tuple(arm[:, known] for arm in arms)


def _one_number(counts: Sequence[int]) -> int:
    if len(set(counts)) != 1:
        raise StatsError(f"Tasks with {counts} seeds are not one arm; pass the same seeds for each task")
    return counts[0]


def _by_questions(
    deltas: Sequence[Floats], rng: np.random.Generator, level: float
) -> tuple[Interval | None, float | None, str, float | None]:
    """Interval, p-value, test and minimum detectable effect from differences per question alone."""
    single = all(bool(np.isin(delta, (-1.0, 0.0, 1.0)).all()) for delta in deltas)
    if single and len(deltas) == 1:
        won, lost, n = int((deltas[0] > 0).sum()), int((deltas[0] < 0).sum()), deltas[0].size
        centre, variance = agresti_min_centre(won, lost, n)
        half = z_quantile(level) * math.sqrt(variance)
        interval = Interval(max(-1.0, centre - half), min(1.0, centre + half), "agresti-min")
        detectable = minimum_detectable_flips(n, (won + lost + 1) / (n + 2), level)
        return interval, mcnemar_exact(won, lost), "mcnemar", detectable
    p_value = sign_flip(np.concatenate([delta / delta.size for delta in deltas]), rng)
    if single:
        parts = [agresti_min_centre(int((d > 0).sum()), int((d < 0).sum()), d.size) for d in deltas]
        centre = sum(c for c, _ in parts) / len(parts)
        error = math.sqrt(sum(v for _, v in parts)) / len(parts)
        half = z_quantile(level) * error
        interval = Interval(max(-1.0, centre - half), min(1.0, centre + half), "agresti-min")
        return interval, p_value, "permutation", minimum_detectable_effect(error, level)
    spread = crossed([(delta[None],) for delta in deltas])
    if spread.flat:
        return None, p_value, "permutation", None
    return spread.interval(level), p_value, "permutation", spread.detectable(level)
