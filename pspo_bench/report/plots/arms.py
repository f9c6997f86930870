"""What the figures of scores share: arms by name, and their scores, pass@k and shares with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pspo_bench.results import Arm, Result, TaskCounts, arms_of, labels_of
from pspo_bench.stats import (
    Interval,
    clustered_difference,
    clustered_mean,
    mean_interval,
    pass_at_k,
    score_interval,
)
from pspo_bench.stats import (
    question_means as question_averages,
)

MACRO = "macro mean"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; `n` is the number of questions behind it."""

    value: float
    interval: Interval | None
    n: int

    @property
    def low(self) -> float:
        return float("nan") if self.interval is None else self.interval.low

    @property
    def high(self) -> float:
        return float("nan") if self.interval is None else self.interval.high


def named_arms(results: Iterable[Result], temperature: float | None = None) -> dict[str, Arm]:
    """The arms at a temperature (None: each run's headline), by name."""
    arms = arms_of(results, temperature)
    return dict(zip(arm_names(arms), arms, strict=True))


def arm_names(arms: Sequence[Arm]) -> list[str]:
    """The labels of tables (`labels_of`), with recipes shortened by the words that all of them begin with."""
    recipes = [arm.recipe.split("-") for arm in arms if arm.recipe]
    alike = [len({*words}) == 1 for words in zip(*recipes, strict=False)] if len(recipes) > 1 else []
    cut = [*alike, False].index(False)
    short = [
        replace(arm, recipe="-".join(arm.recipe.split("-")[cut:])) if arm.recipe else arm for arm in arms
    ]
    names = labels_of(short)
    return [
        f"{name} #{names[: i + 1].count(name)}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


def tasks_of(arms: Iterable[Arm]) -> list[str]:
    return list(dict.fromkeys(task for arm in arms for member in arm.members for task in member.scores))


Row = tuple[float, str, int]
"""A value of a question, by a seed."""


def accuracies(arm: Arm, tasks: Sequence[str]) -> dict[str, Estimate]:
    """Accuracy on each of `tasks` that the arm has and, of several that it has all of, their macro mean.

    Intervals as in `question_means`; of one seed and one sample a question, Wilson's.
    """
    found = question_means(arm, tasks, share_correct)
    if len(arm.members) > 1:
        return found
    scores = arm.members[0].scores
    exact = {
        task: replace(found[task], interval=score_interval(scores[task].correct, scores[task].samples))
        for task in tasks
        if task in found
    }
    of_mean = mean_interval([e.value for e in exact.values()], [e.interval for e in exact.values()])
    return {**exact, MACRO: replace(found[MACRO], interval=of_mean)} if MACRO in found else exact


def share_correct(counts: TaskCounts, place: int) -> float | None:
    return counts.correct[place] / counts.samples[place] if counts.samples[place] else None


def pass_at(arm: Arm, tasks: Sequence[str], k: int) -> dict[str, Estimate]:
    """pass@k over the questions with k samples or more."""
    return question_means(
        arm, tasks, lambda c, i: pass_at_k(c.samples[i], c.correct[i], k) if c.samples[i] else None
    )


def question_means(
    arm: Arm, tasks: Sequence[str], value: Callable[[TaskCounts, int], float | None]
) -> dict[str, Estimate]:
    """Mean of `value(counts, place)` over the questions and seeds of each task and, of several, the mean over
    `tasks`.

    95 % t intervals, clustered by question and, where there are several, by seed: a seed is the same in every
    task.
    """
    rows = {task: found for task in tasks if (found := _rows(arm, task, value))}
    means = {task: sum(x for x, _, _ in found) / len(found) for task, found in rows.items()}
    estimates = {
        t: Estimate(means[t], _interval(found), len({q for _, q, _ in found})) for t, found in rows.items()
    }
    if len(tasks) < 2 or len(rows) < len(tasks):
        return estimates
    total, macro = sum(map(len, rows.values())), sum(means.values()) / len(means)
    # what each row adds to the macro mean, in which tasks weigh alike however many questions they have
    parts = [
        (macro + (x - means[task]) * total / (len(rows) * len(found)), f"{task} {question}", seed)
        for task, found in rows.items()
        for x, question, seed in found
    ]
    return {**estimates, MACRO: Estimate(macro, _interval(parts), sum(e.n for e in estimates.values()))}


def _rows(arm: Arm, task: str, value: Callable[[TaskCounts, int], float | None]) -> list[Row]:
    return [
        (given, example, seed)
        for seed, member in enumerate(arm.members)
        if (counts := member.scores.get(task)) is not None
        for place, example in enumerate(counts.example_ids)
        if (given := value(counts, place)) is not None
    ]


def _interval(rows: Sequence[Row]) -> Interval | None:
    values, questions, seeds = zip(*rows, strict=True)
    if len(set(seeds)) < 2 or len(set(values)) < 2:  # without spread the t interval has no width
        return clustered_mean(question_averages(values, questions))
    return clustered_difference(values, questions, seeds)
