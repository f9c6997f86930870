"""What the figures of scores share: arms by name, and their scores, pass@k and shares with 95 % intervals."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pspo_bench.results import Arm, Result, TaskCounts, arms_of
from pspo_bench.stats import (
    Interval,
    bootstrap_scores,
    clustered_difference,
    mean_interval,
    pass_at_k,
    percentile_interval,
    score_interval,
)

RESAMPLES, BOOTSTRAP_SEED = 1000, 0
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
    """The arms at a temperature (None: each run's headline), by the shortest name that tells them apart."""
    arms = arms_of(results, temperature)
    return dict(zip(arm_names(arms), arms, strict=True))


def arm_names(arms: Sequence[Arm]) -> list[str]:
    """The objective where no two arms share one, else the recipe without what all recipes begin with.

    The base model, the step and a number are added where it takes them: `pspo-alpha0.1`, `clip (epsilon=0.2) step 40`.
    """
    names = [arm.objective for arm in arms]
    if len({(arm.base_model, arm.objective, arm.step) for arm in arms}) < len(arms):
        names = _recipes(arms)
    for extra in ([f"step {arm.step}" for arm in arms], [f"on {arm.base_model}" for arm in arms]):
        if len(set(names)) < len(names):
            names = [f"{name} {more}" if names.count(name) > 1 else name for name, more in zip(names, extra, strict=True)]
    return [f"{name} #{names[: i + 1].count(name)}" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _recipes(arms: Sequence[Arm]) -> list[str]:
    recipes = {arm.recipe for arm in arms if arm.recipe}
    common = os.path.commonprefix(sorted(recipes)) if len(recipes) > 1 else ""
    cut = common.rfind("-") + 1  # whole words alone
    return [arm.recipe[cut:] if arm.recipe else arm.objective for arm in arms]


def tasks_of(arms: Iterable[Arm]) -> list[str]:
    return list(dict.fromkeys(task for arm in arms for member in arm.members for task in member.scores))


def accuracies(arm: Arm, tasks: Sequence[str]) -> dict[str, Estimate]:
    """Accuracy on each of `tasks` that the arm has and, of several that it has all of, their macro mean.

    Intervals as in the leaderboard: Wilson's or clustered by question for one seed, the bootstrap over seeds and questions
    for several.
    """
    counts = {task: aligned([m.scores.get(task) for m in arm.members]) for task in tasks if _has(arm, task)}
    values = {task: _mean_score(*pair) for task, pair in counts.items()}
    intervals: dict[str, Interval | None] = {t: score_interval(c.sum(axis=0), n.sum(axis=0)) for t, (c, n) in counts.items()}
    of_mean = mean_interval(list(values.values()), list(intervals.values()))
    if len(arm.members) > 1 and counts:
        drawn = bootstrap_scores(list(counts.values()), np.random.default_rng(BOOTSTRAP_SEED), RESAMPLES)
        intervals = {task: percentile_interval(drawn[:, i]) or intervals[task] for i, task in enumerate(counts)}
        of_mean = percentile_interval(drawn.mean(axis=1)) or of_mean
    found = {t: Estimate(values[t], intervals[t], counts[t][0].shape[1]) for t in counts}
    if len(tasks) > 1 and len(found) == len(tasks):
        mean = sum(values.values()) / len(values)
        found[MACRO] = Estimate(mean, of_mean, sum(e.n for e in found.values()))
    return found


def question_means(
    arm: Arm, tasks: Sequence[str], value: Callable[[TaskCounts, int], float | None]
) -> dict[str, Estimate]:
    """Mean over questions and seeds of `value(counts, place)`, clustered by both; with the macro mean as `accuracies` has."""
    found: dict[str, Estimate] = {}
    for task in tasks:
        rows = [
            (given, example, seed)
            for seed, member in enumerate(arm.members)
            if (counts := member.scores.get(task)) is not None
            for place, example in enumerate(counts.example_ids)
            if (given := value(counts, place)) is not None
        ]
        if rows:
            values, examples, seeds = zip(*rows, strict=True)
            interval = clustered_difference(values, examples, seeds)
            found[task] = Estimate(float(np.mean(values)), interval, len(set(examples)))
    if len(tasks) > 1 and len(found) == len(tasks):
        parts = list(found.values())
        of_mean = mean_interval([e.value for e in parts], [e.interval for e in parts])
        found[MACRO] = Estimate(sum(e.value for e in parts) / len(parts), of_mean, sum(e.n for e in parts))
    return found


def pass_at(arm: Arm, tasks: Sequence[str], k: int) -> dict[str, Estimate]:
    """pass@k over the questions with k samples or more."""
    return question_means(
        arm,
        tasks,
        lambda counts, i: pass_at_k(counts.samples[i], counts.correct[i], k) if counts.samples[i] else None,
    )


Counts = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def aligned(scores: Sequence[TaskCounts | None]) -> tuple[Counts, Counts]:
    """(correct, samples) of shape (seeds, questions); 0 samples where a seed was not asked a question."""
    ids = list(dict.fromkeys(example for score in scores if score for example in score.example_ids))
    column = {example: i for i, example in enumerate(ids)}
    correct = np.zeros((len(scores), len(ids)), dtype=np.int64)
    samples = np.zeros_like(correct)
    for row, score in enumerate(scores):
        if score is not None:
            where = [column[example] for example in score.example_ids]
            correct[row, where], samples[row, where] = score.correct, score.samples
    return correct, samples


def _has(arm: Arm, task: str) -> bool:
    return any(task in member.scores and any(member.scores[task].samples) for member in arm.members)


def _mean_score(correct: Counts, samples: Counts) -> float:
    per_seed = [(c[n > 0] / n[n > 0]).mean() for c, n in zip(correct, samples, strict=True) if n.any()]
    return float(np.mean(per_seed))
