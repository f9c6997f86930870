"""The figures of an arm: accuracy per task and over tasks with intervals, pass@k, defects, cost.

An arm's figure on a task is the mean over its seeds of the mean over questions; over tasks the plain mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import fmean
from typing import TypeAlias

import numpy as np

from pspo_bench.report.leaderboard.records import AtK, Cell, Cost, Defect
from pspo_bench.results import Arm, Member, TaskCounts
from pspo_bench.stats import arm_interval, pass_at_k

Scores: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]  # (seeds, questions)


def accuracies(arm: Arm, shared: Sequence[str]) -> tuple[dict[str, Cell], Cell | None]:
    """The cell of every task, and that of the macro mean over `shared`."""
    tasks = sorted({task for m in arm.members for task in m.scores})
    tables = {task: _aligned([m.scores.get(task) for m in arm.members]) for task in tasks}
    cells = {task: _cell([table]) for task, table in tables.items()}
    whole = bool(shared) and set(shared) <= set(tasks)
    return cells, _cell([tables[task] for task in shared]) if whole else None


def _cell(tables: Sequence[Scores]) -> Cell:
    """The plain mean over tasks; its interval is on the questions that every seed was asked."""
    means = [_mean_score(table) for table in tables]
    found = arm_interval(tables)
    return Cell(
        score=sum(means) / len(means),
        interval=found.interval if found else None,
        n_questions=sum(table.shape[1] for table in tables),
    )


def _share(n: int, correct: int) -> float | None:
    return correct / n if n else None


def _aligned(
    scores: Sequence[TaskCounts | None], figure: Callable[[int, int], float | None] = _share
) -> Scores:
    """A figure of every question (of its samples and how many are correct), NaN where a seed has none."""
    ids = list(dict.fromkeys(example for score in scores if score for example in score.example_ids))
    column = {example: i for i, example in enumerate(ids)}
    table = np.full((len(scores), len(ids)), np.nan)
    for row, score in enumerate(scores):
        for example, correct, n in zip(*_counts(score), strict=True):
            value = figure(n, correct)
            table[row, column[example]] = np.nan if value is None else value
    return table


def _counts(score: TaskCounts | None) -> tuple[list[str], list[int], list[int]]:
    return (score.example_ids, score.correct, score.samples) if score else ([], [], [])


def _mean_score(table: Scores) -> float:
    """Mean over seeds of the mean over questions of the share correct."""
    per_seed = [row[~np.isnan(row)].mean() for row in table if not np.isnan(row).all()]
    return float(np.mean(per_seed))


def completed_only(scores: Iterable[TaskCounts]) -> float | None:
    """Mean over tasks of the accuracy among the samples that were not truncated; easier questions weigh more in it."""
    by_task: dict[str, list[float]] = {}
    for score in scores:
        shares = score.completed_shares()
        if shares:
            by_task.setdefault(score.task, []).append(sum(shares) / len(shares))
    return sum(sum(means) / len(means) for means in by_task.values()) / len(by_task) if by_task else None


# Repeats


def common_k(arms: Sequence[Arm], shared: Sequence[str], name: str) -> int | None:
    """The largest k above 1 that every arm with repeats has pass@k (`name` pass_at) or maj@k (maj_at) of."""
    have = [ks for arm in arms if (ks := _ks(arm, shared, name))]
    return max(set.intersection(*have), default=None) if have else None


def at_k(arm: Arm, shared: Sequence[str], name: str, k: int | None) -> AtK | None:
    if k is None or k not in _ks(arm, shared, name):
        return None
    score = fmean(getattr(m.scores[task], name)[str(k)] for task in shared for m in arm.members)
    if name != "pass_at":
        return AtK(k, score)
    found = arm_interval(
        [_aligned([m.scores[t] for m in arm.members], partial(pass_at_k, k=k)) for t in shared]
    )
    return AtK(k, score, found.interval if found else None)


def _ks(arm: Arm, shared: Sequence[str], name: str) -> set[int]:
    """The k above 1 that every seed has on every task."""
    if not shared or any(task not in m.scores for m in arm.members for task in shared):
        return set()
    found = [
        {int(k) for k in getattr(m.scores[task], name) if int(k) > 1} for m in arm.members for task in shared
    ]
    return set.intersection(*found)


# Defects


def defects(arm: Arm, shared: Sequence[str]) -> dict[str, Defect]:
    """The metrics of single solutions that every seed has on every task of `shared`, by name."""
    scores = [m.scores[task] for m in arm.members for task in shared if task in m.scores]
    if not scores or len(scores) < len(arm.members) * len(shared):
        return {}
    kept = [set(score.measures or {}) for score in scores]
    return {name: _defect(scores, name) for name in sorted(set.intersection(*kept))}


def _defect(scores: Sequence[TaskCounts], name: str) -> Defect:
    found = [score.measures[name] for score in scores if score.measures]
    means = [[t / n for n, t in zip(one.n, one.total, strict=True) if n] for one in found]
    samples = sum(sum(score.samples) for score in scores)
    return Defect(
        mean=fmean(map(fmean, means)) if all(means) else None,
        coverage=sum(sum(one.n) for one in found) / samples if samples else 0.0,
    )


# Cost


def cost(arm: Arm) -> Cost:
    manifests = [m.runs[0].info.manifest or {} for m in arm.members]
    return Cost(
        evaluation_tokens=_mean([_generated(m) for m in arm.members]),
        training_tokens=_mean([_amount(manifest.get("tokens_generated")) for manifest in manifests]),
        training_s=_mean([_amount(manifest.get("wall_time_s")) for manifest in manifests]),
    )


def _generated(member: Member) -> float | None:
    """Completion tokens of the scores shown; None where not every sample was counted."""
    total = 0
    for task, score in member.scores.items():
        lengths = score.lengths(member.tasks[task].max_tokens)
        if len(lengths) != sum(score.samples):
            return None
        total += sum(lengths)
    return float(total)


def _amount(value: object) -> float | None:
    """A manifest may come from anybody."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
