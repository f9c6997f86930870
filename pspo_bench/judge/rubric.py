"""Grades of single solutions: six dimensions for every sample, with intervals clustered by question.

result = grade(judge, load_items(paths, Selection(limit=200)), canaries=8)
result.means[0]          # Mean(arm="clip", stratum="correct", dimension="validity", mean=4.2, interval=..., ...)
result.rows[0]           # Graded(item, scores={"validity": 4, ...}, problem=None, asked=True)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pspo_bench.errors import ConfigError
from pspo_bench.judge.agreement import FlagAgreement, against_flag
from pspo_bench.judge.calls import Call, Judge
from pspo_bench.judge.canaries import Base, bases, fields
from pspo_bench.judge.canary_rates import CanaryRate, rubric_rates
from pspo_bench.judge.items import Item, Loaded
from pspo_bench.judge.prompts import DIMENSIONS, RUBRIC
from pspo_bench.judge.report import Account, account, cautions
from pspo_bench.metrics import METRICS, SolutionMetric
from pspo_bench.metrics.reasoning import Solution
from pspo_bench.stats import Interval, clustered_mean, paired_difference, question_means

ALL, CORRECT, WRONG = "all", "correct", "wrong"
STRATA = (ALL, CORRECT, WRONG)
MEAN = "mean of six"


@dataclass(frozen=True, slots=True)
class Graded:
    """A sample and its scores; None with the reason where the reply was invalid, or where a cap came first."""

    item: Item
    scores: dict[str, int] | None
    problem: str | None
    asked: bool

    @property
    def mean(self) -> float | None:
        return None if self.scores is None else sum(self.scores.values()) / len(self.scores)


@dataclass(frozen=True, slots=True)
class Mean:
    """A dimension's mean over questions for an arm; None without valid replies. No interval where all are equal."""

    arm: str
    stratum: str
    dimension: str
    mean: float | None
    interval: Interval | None
    n_samples: int
    n_questions: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A dimension's mean of `arm` minus that of the first arm, over the questions that both answer correctly."""

    arm: str
    base: str
    dimension: str
    difference: float | None
    interval: Interval | None
    n_questions: int


@dataclass(frozen=True, slots=True)
class RubricResult:
    account: Account
    arms: tuple[str, ...]
    rows: list[Graded]
    means: list[Mean]
    differences: list[Difference]
    flags: list[FlagAgreement]
    canaries: list[CanaryRate]
    cautions: list[str]


def rubric_call(item: Item, cap: int) -> Call:
    return Call(fields(Base(item.question, item.text), cap, solution=item.text))


def require_items(loaded: Loaded) -> None:
    """Raises ConfigError if there is nothing to grade."""
    if not loaded.items:
        raise ConfigError("There is nothing to grade in these runs; see --tasks and --temperature")


def grade(judge: Judge, loaded: Loaded, *, canaries: int, seed: int = 0) -> RubricResult:
    """Grade every item, canaries first. Raises ConfigError without items, and as `Judge.ask`."""
    require_items(loaded)
    rates = rubric_rates(judge, bases(loaded.items, canaries, seed))
    calls = [rubric_call(item, judge.settings.max_chars) for item in loaded.items]
    replies = judge.ask(RUBRIC, calls)
    rows = [
        Graded(item, reply.value, reply.problem, reply.asked)
        for item, reply in zip(loaded.items, replies, strict=True)
    ]
    tally = account(judge, RUBRIC.version, [(r.asked, r.scores is not None) for r in rows])
    return RubricResult(
        account=tally,
        arms=loaded.arms,
        rows=rows,
        means=means(rows, loaded.arms),
        differences=differences(rows, loaded.arms),
        flags=flags(rows, np.random.default_rng(seed)),
        canaries=rates,
        cautions=cautions(judge, loaded, tally, rates),
    )


def _value(row: Graded, dimension: str) -> float | None:
    if row.scores is None:
        return None
    return row.mean if dimension == MEAN else float(row.scores[dimension])


def _by_question(rows: Sequence[Graded], dimension: str) -> dict[Hashable, float]:
    """Question → mean of its valid scores, over seeds and samples."""
    known = [(row.item.question_key, value) for row in rows if (value := _value(row, dimension)) is not None]
    keys = list(dict.fromkeys(key for key, _ in known))
    values = question_means([value for _, value in known], [key for key, _ in known])
    return dict(zip(keys, values.tolist(), strict=True))


def means(rows: Sequence[Graded], arms: Sequence[str]) -> list[Mean]:
    """Every dimension, and their mean, for each arm and stratum."""
    found = []
    for arm in arms:
        for stratum in STRATA:
            chosen = [row for row in rows if row.item.arm == arm and _in(stratum, row.item.correct)]
            for dimension in (*DIMENSIONS, MEAN):
                values = list(_by_question(chosen, dimension).values())
                found.append(
                    Mean(
                        arm=arm,
                        stratum=stratum,
                        dimension=dimension,
                        mean=sum(values) / len(values) if values else None,
                        interval=clustered_mean(values) if len(set(values)) > 1 else None,
                        n_samples=sum(row.scores is not None for row in chosen),
                        n_questions=len(values),
                    )
                )
    return found


def _in(stratum: str, correct: bool) -> bool:
    return stratum == ALL or correct == (stratum == CORRECT)


def differences(rows: Sequence[Graded], arms: Sequence[str]) -> list[Difference]:
    """Each arm against the first, paired by question, on right solutions alone."""
    found = []
    for arm in arms[1:]:
        for dimension in (*DIMENSIONS, MEAN):
            base, other = (
                _by_question([r for r in rows if r.item.arm == name and r.item.correct], dimension)
                for name in (arms[0], arm)
            )
            shared = [key for key in base if key in other]
            delta = paired_difference([base[key] for key in shared], [other[key] for key in shared])
            found.append(
                Difference(
                    arm=arm,
                    base=arms[0],
                    dimension=dimension,
                    difference=delta.difference if delta else None,
                    interval=delta.interval if delta else None,
                    n_questions=len(shared),
                )
            )
    return found


Flag = Callable[[Item], bool | None]
"""Something that is known of a sample without a judge; None where it does not apply."""


def _above(name: str, least: float = 0.0) -> Flag:
    """Whether a metric of single solutions finds more than `least`; None where it does not apply."""

    def flag(item: Item) -> bool | None:
        metric = METRICS.get(name)
        assert isinstance(metric, SolutionMetric)
        value = metric(Solution.of(item.text, question=item.question))
        return None if value is None else value > least

    return flag


FLAGS: dict[str, Flag] = {
    "not correct": lambda item: not item.correct,
    "truncated": lambda item: item.truncated,
    "wrong arithmetic": _above("arith_wrong"),
    "figure from nowhere": _above("ungrounded"),
    "repeated step": _above("dup_step"),
}


def flags(
    rows: Sequence[Graded], rng: np.random.Generator, columns: Mapping[str, Flag] = FLAGS
) -> list[FlagAgreement]:
    """The mean grade of each sample against each of `columns`; samples to which a flag does not apply are left out."""
    found = []
    for name, column in columns.items():
        known = [
            (row.mean, applies, row.item.question_key)
            for row in rows
            if row.mean is not None and (applies := column(row.item)) is not None
        ]
        scores, flagged, questions = (
            [k[0] for k in known],
            [k[1] for k in known],
            [k[2] for k in known],
        )
        found.append(against_flag(name, scores, flagged, questions, rng))
    return found
