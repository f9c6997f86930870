"""What the figures of scores share: arms by name, and their scores, pass@k and shares with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pspo_bench.results import Arm, Result, TaskCounts, arms_of, labels_of
from pspo_bench.stats import Floats, Interval, arm_interval, pass_at_k

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


Value = Callable[[TaskCounts, int], float | None]
"""The figure of the question at a place of the counts; None where it has none."""


def accuracies(arm: Arm, tasks: Sequence[str]) -> dict[str, Estimate]:
    """Accuracy on each of `tasks` that the arm has and, of several that it has all of, their macro mean."""
    return _proportions(arm, tasks, lambda c, i: c.correct[i] / c.samples[i] if c.samples[i] else None)


def pass_at(arm: Arm, tasks: Sequence[str], k: int) -> dict[str, Estimate]:
    """pass@k over the questions with k samples or more, as `accuracies`."""
    return _proportions(
        arm, tasks, lambda c, i: pass_at_k(c.samples[i], c.correct[i], k) if c.samples[i] else None
    )


def _proportions(arm: Arm, tasks: Sequence[str], value: Value) -> dict[str, Estimate]:
    """Mean over seeds and the questions that all of them have, with the interval of `stats.arm_interval`."""
    tables = {task: table for task in tasks if (table := _table(arm, task, value)) is not None}
    groups = {task: [table] for task, table in tables.items()}
    if len(tasks) > 1 and len(tables) == len(tasks):
        groups[MACRO] = list(tables.values())
    found = {name: arm_interval(group) for name, group in groups.items()}
    return {n: Estimate(one.score, one.interval, one.n_questions) for n, one in found.items() if one}


def _table(arm: Arm, task: str, value: Value) -> Floats | None:
    """(seeds, questions) of values, NaN where a seed has none; None where no seed has any."""
    counts = [member.scores[task] for member in arm.members if task in member.scores]
    column = {example: i for i, example in enumerate(dict.fromkeys(e for c in counts for e in c.example_ids))}
    table = np.full((len(counts), len(column)), np.nan)
    for row, one in enumerate(counts):
        for place, example in enumerate(one.example_ids):
            given = value(one, place)
            if given is not None:
                table[row, column[example]] = given
    complete = len(counts) == len(arm.members) and not np.isnan(table).all()
    return table if complete else None
