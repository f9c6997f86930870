"""What a comparison says: the differences of a candidate from a base, per task and over tasks.

    comparison.tasks[0].accuracy     # Difference(base=0.41, candidate=0.45, difference=0.04, interval=...,
    ...)

A side is an arm: one set of weights, or several trained seeds. Scores, shares and differences are fractions,
lengths are log ratios, positive where the candidate has more. What cannot be had is None.
"""

from __future__ import annotations

from dataclasses import dataclass

from pspo_bench.stats import LEVEL, Interval

SLICES = ("category", "difficulty")


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus base of one figure, on the questions (and seeds) that both have.

    `p_value` is two-sided, of no difference, by the test called `test`; `p_adjusted` is Holm's over the
    family of tests that are shown together. `minimum_detectable` is the smallest true difference that a test
    at 5 % would find with 80 % power on data of this spread. `n_questions` are those that the figure rests
    on.
    """

    base: float | None
    candidate: float | None
    difference: float | None
    interval: Interval | None
    p_value: float | None
    test: str | None
    p_adjusted: float | None = None
    minimum_detectable: float | None = None
    n_questions: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """The difference in accuracy on the questions of one category or difficulty: `kind` says of which of the
    two."""

    kind: str
    value: str
    n_questions: int
    accuracy: Difference


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """One task at one temperature.

    `won` and `lost` count questions (over seeds) that the candidate alone, or the base alone, solves; a
    question of several samples counts as solved where more than half of them are right. `length` is the
    paired change in log tokens on what both solve (`base` and `candidate` are the geometric mean lengths);
    `defects` are by the name of the metric.
    """

    task: str
    temperature: float
    n_questions: int
    n_seeds: int
    accuracy: Difference
    won: int
    lost: int
    truncation: Difference
    length: Difference | None
    defects: dict[str, Difference]
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Both arms over their seeds' scores of the tasks, each (figure, interval): the interquartile means, and the chance
    that a seed of the candidate beats one of the base on a task (Agarwal et al. 2021, arXiv 2108.13264).
    """

    base_iqm: tuple[float, Interval | None]
    candidate_iqm: tuple[float, Interval | None]
    improvement: tuple[float, Interval | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against a base. `macro` is the mean over `tasks` of accuracy, `macro_length` that of the
    log length change.

    `mismatches` says, one sentence each, what the two were not run alike in (prompts, data, graders,
    sampling); a gate refuses such a pair. `notes` is what a reader must know besides, `level` that of the
    intervals. `over_seeds` is None where a side has no two trained seeds.
    """

    base: str
    candidate: str
    tasks: tuple[TaskComparison, ...]
    macro: Difference | None
    macro_truncation: Difference | None
    macro_length: Difference | None
    macro_defects: dict[str, Difference]
    mismatches: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    level: float = LEVEL
    over_seeds: OverSeeds | None = None
