"""The figures of an arm: accuracy per task and over tasks with intervals, pass@k, defects, cost.

An arm's figure on a task is the mean over its seeds of the mean over questions; over tasks the plain mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TypeAlias

import numpy as np

from pspo_bench.report.leaderboard.records import AtK, Cell, Cost, Defect
from pspo_bench.results import Arm, Member, TaskCounts
from pspo_bench.stats import bootstrap_scores, mean_interval, percentile_interval, score_interval

RESAMPLES = 2000
BOOTSTRAP_SEED = 0
Counts: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]  # (seeds, questions)


def accuracies(arm: Arm, shared: Sequence[str]) -> tuple[dict[str, Cell], Cell | None]:
    """The cell of every task, and that of the macro mean over `shared`."""
    tasks = sorted(
        {task for m in arm.members for task in m.scores}
    )  # the draws must not depend on file order
    counts = {task: _aligned([m.scores.get(task) for m in arm.members]) for task in tasks}
    means = {task: _mean_score(*pair) for task, pair in counts.items()}
    intervals = {t: score_interval(right.sum(axis=0), n.sum(axis=0)) for t, (right, n) in counts.items()}
    replicates = None
    if len(arm.members) > 1:
        replicates = bootstrap_scores(list(counts.values()), np.random.default_rng(BOOTSTRAP_SEED), RESAMPLES)
        for column, task in enumerate(tasks):
            intervals[task] = percentile_interval(replicates[:, column]) or intervals[task]
    cells = {t: Cell(means[t], intervals[t], counts[t][0].shape[1]) for t in tasks}
    if not shared or not set(shared) <= set(tasks):
        return cells, None
    of_mean = mean_interval([means[t] for t in shared], [intervals[t] for t in shared])
    if replicates is not None:
        together = replicates[:, [tasks.index(task) for task in shared]].mean(axis=1)
        of_mean = percentile_interval(together) or of_mean
    questions = sum(counts[task][0].shape[1] for task in shared)
    return cells, Cell(sum(means[task] for task in shared) / len(shared), of_mean, questions)


def _aligned(scores: Sequence[TaskCounts | None]) -> tuple[Counts, Counts]:
    """(correct, samples), 0 samples where a seed was not asked a question."""
    ids = list(dict.fromkeys(example for score in scores if score for example in score.example_ids))
    column = {example: i for i, example in enumerate(ids)}
    correct = np.zeros((len(scores), len(ids)), dtype=np.int64)
    samples = np.zeros_like(correct)
    for row, score in enumerate(scores):
        if score is not None:
            where = [column[example] for example in score.example_ids]
            correct[row, where], samples[row, where] = score.correct, score.samples
    return correct, samples


def _mean_score(correct: Counts, samples: Counts) -> float:
    """Mean over seeds of the mean over questions of the share correct."""
    per_seed = [(c[n > 0] / n[n > 0]).mean() for c, n in zip(correct, samples, strict=True) if n.any()]
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
    return AtK(k, fmean(getattr(m.scores[task], name)[str(k)] for task in shared for m in arm.members))


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
