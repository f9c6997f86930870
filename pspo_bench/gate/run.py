"""A run and its baseline → the report of a gate.

    report = gate(["runs/new"], ["results/baselines/pocket-base.json"], load_policy("gate.toml"))
    report.verdict, report.exit_code

Nothing passes that is not whole: a side that failed, is incomplete or lacks a task of the baseline is an
error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pspo_bench.compare import Comparison, compare_arms
from pspo_bench.errors import ConfigError, GateError, MismatchError, unknown
from pspo_bench.gate.checks import checks_of
from pspo_bench.gate.policy import Policy
from pspo_bench.gate.records import GateReport
from pspo_bench.results import Result, load_entries

ERROR = "error"  # the status of a sample that the engine gave up on
TINY = 0.1


@dataclass(frozen=True, slots=True)
class Sides:
    """The results of both sides, each one arm: one set of weights or several seeds."""

    baseline: tuple[Result, ...]
    run: tuple[Result, ...]


def gate(
    run: Sequence[str | Path],
    baseline: Sequence[str | Path],
    policy: Policy,
    *,
    temperature: float | None = None,
    allow_mismatch: bool = False,
) -> GateReport:
    """Judge what is at `run` (run folders, result files or folders of them: one arm) against what is at
    `baseline`.

    `temperature`: instead of the headline temperature of each side. Raises StoreError where there is no run,
    GateError for one that failed or is incomplete, MismatchError for two that were not run alike unless
    `allow_mismatch`, ConfigError where a side is not one arm or the policy names a task or metric that there
    is not.
    """
    sides = load_sides(run, baseline, measure=bool(policy.limits.defects))
    return judge(sides, policy, temperature=temperature, allow_mismatch=allow_mismatch)


def load_sides(run: Sequence[str | Path], baseline: Sequence[str | Path], *, measure: bool = False) -> Sides:
    """Both sides; with `measure`, solutions of run folders are measured where that was not done yet."""
    return Sides(tuple(load_entries(baseline, measure=measure)), tuple(load_entries(run, measure=measure)))


def judge(
    sides: Sides, policy: Policy, *, temperature: float | None = None, allow_mismatch: bool = False
) -> GateReport:
    """As `gate`, of results that were read already."""
    for result in (*sides.baseline, *sides.run):
        require_whole(result, policy.limits.errors, temperature)
    comparison = compare_arms(sides.baseline, sides.run, temperature=temperature, level=policy.level)
    mismatches = (*comparison.mismatches, *_not_asked(sides, comparison))
    if mismatches and not allow_mismatch:
        raise MismatchError(
            f"{comparison.candidate} and its baseline {comparison.base} were not run alike: {'; '.join(mismatches)}. "
            "Evaluate the run with the settings of the baseline, write a new baseline, or pass --allow-mismatch"
        )
    _require_tasks(sides, policy)
    checks = checks_of(comparison, policy)
    return GateReport(
        comparison=comparison,
        checks=checks,
        level=policy.level,
        on_inconclusive=policy.on_inconclusive,
        overruled=mismatches,
        notes=(*comparison.notes, *_notes(policy, [check.tier for check in checks])),
    )


def require_whole(result: Result, most_errors: float, temperature: float | None = None) -> None:
    """Raises GateError unless every sample is there, and at most `most_errors` per cent of them ended in an
    error.
    """
    info = result.info
    shown = info.settings.headline if temperature is None else temperature
    if not result.complete:
        missing = ", ".join(_missing(result)) or "it says so itself"
        raise GateError(
            f"{result.source} is incomplete ({missing}): run its eval again, which continues where it stopped"
        )
    scores = [score for score in result.scores if score.temperature == shown]
    if not scores or not any(sum(score.samples) for score in scores):
        raise GateError(
            f"{result.source} has no samples at T={shown:g}: evaluate it, or pass another --temperature"
        )
    for score in scores:
        failed, n = score.status.get(ERROR, 0), sum(score.samples)
        if 100 * failed > most_errors * n:
            raise GateError(
                f"{result.source} failed in part: {failed} of {n} samples of {score.task} ended in an error; "
                "evaluate it into a new folder, or allow for so many in the policy: "
                f"[limits] errors = {math.ceil(1000 * failed / n) / 10:g}"
            )


def _missing(result: Result) -> list[str]:
    """`gsm8k T=0: 500 of 1319 samples` for each part that lacks some."""
    have = {(score.task, f"{score.temperature:g}"): sum(score.samples) for score in result.scores}
    return [
        f"{task} T={label}: {have.get((task, label), 0)} of {wanted} samples"
        for task, info in result.info.tasks.items()
        for label, wanted in info.expected_samples.items()
        if have.get((task, label), 0) < wanted
    ]


def _not_asked(sides: Sides, comparison: Comparison) -> list[str]:
    """What the baseline has and the run lacks: leaving a task out is no way to pass it."""
    left = _tasks(sides.baseline) - {task.task for task in comparison.tasks}
    return [f"The run was not asked {', '.join(sorted(left))}"] if left else []


def _require_tasks(sides: Sides, policy: Policy) -> None:
    known = _tasks(sides.baseline) | _tasks(sides.run)
    for task in policy.tasks:
        if task not in known:
            raise ConfigError(unknown("task", task, known, "the policy's [tasks]"))


def _tasks(results: Sequence[Result]) -> set[str]:
    return {score.task for result in results for score in result.scores}


def _notes(policy: Policy, tiers: Sequence[str]) -> list[str]:
    found = []
    drops = [policy.max_drop, policy.macro.max_drop, *(drop.max_drop for drop in policy.tasks.values())]
    tiny = [drop for drop in drops if drop is not None and 0 < drop < TINY]
    if tiny:
        found.append(
            f"max_drop is in percentage points: {tiny[0]:g} is {tiny[0]:g} points, not {100 * tiny[0]:g}"
        )
    if "critical" not in tiers:
        found.append("No check is critical: this gate reports, and blocks nothing")
    return found
