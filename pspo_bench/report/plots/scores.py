"""Accuracy against temperature, and pass@k against k."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pspo_bench.report.plots.arms import MACRO, Estimate, accuracies, arm_names, pass_at, tasks_of
from pspo_bench.report.plots.lines import Line, Scales, draw_lines
from pspo_bench.results import Arm, Result, arms_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Points = dict[str, dict[float, dict[str, Estimate]]]
"""Arm → x → task → estimate."""
BANDS = "95 % intervals over questions and, where an arm has several seeds, over seeds."


def accuracy_by_temperature(results: Iterable[Result]) -> Figure | None:
    """A panel for each task and their macro mean; None where no arm was sampled at two temperatures."""
    results = list(results)
    by_name = _by_temperature(results)
    tasks = tasks_of(arm for arms in by_name.values() for arm in arms.values())
    points = {
        name: {t: accuracies(arm, tasks) for t, arm in arms.items()}
        for name, arms in by_name.items()
        if len(arms) > 1
    }
    if not points:
        return None
    ticks = tuple(sorted({t for arms in points.values() for t in arms}))
    scales = Scales("temperature", "accuracy, %", ticks=ticks)
    return draw_lines(
        _panels(points, tasks), scales, "Accuracy against temperature", f"{BANDS} T = 0 is greedy."
    )


def pass_at_k(results: Iterable[Result], temperature: float | None = None) -> Figure | None:
    """A panel for each task and their macro mean; None where no question has two samples.

    `temperature`: None for the one at which an arm has most samples a question, the lowest of several such.
    """
    by_name = _by_temperature(list(results))
    arms: dict[str, Arm] = {}
    for name, at in by_name.items():
        shown = max(at, key=lambda t: (_most_samples(at[t]), -t)) if temperature is None else temperature
        if shown in at and _most_samples(at[shown]) > 1:
            arms[name] = at[shown]
    if not arms:
        return None
    tasks = tasks_of(arms.values())
    points: Points = {
        name: {float(k): pass_at(arm, tasks, k) for k in _ks(arm)} for name, arm in arms.items()
    }
    temperatures = ", ".join(f"{t:g}" for t in sorted({arm.temperature for arm in arms.values()}))
    ticks = tuple(sorted({k for by_k in points.values() for k in by_k}))
    note = f"T = {temperatures}. Unbiased estimate (arXiv 2107.03374); {BANDS}"
    scales = Scales("k", "pass@k, %", log2=True, ticks=ticks)
    return draw_lines(_panels(points, tasks), scales, "pass@k: questions that one of k samples solves", note)


def _by_temperature(results: Sequence[Result]) -> dict[str, dict[float, Arm]]:
    """Name → temperature → arm."""
    found = [
        arm for t in sorted({s.temperature for r in results for s in r.scores}) for arm in arms_of(results, t)
    ]
    firsts: dict[tuple[object, ...], dict[float, Arm]] = {}
    for arm in found:
        key = (arm.base_model, arm.objective, arm.recipe, arm.step, arm.members[0].runs[0].info.fingerprint)
        firsts.setdefault(key, {})[arm.temperature] = arm
    names = arm_names([next(iter(at.values())) for at in firsts.values()])
    return dict(zip(names, firsts.values(), strict=True))


def _most_samples(arm: Arm) -> int:
    return max(
        (n for member in arm.members for score in member.scores.values() for n in score.samples), default=0
    )


def _ks(arm: Arm) -> list[int]:
    """1, 2, 4, … and the number of samples itself, or those that the runs list."""
    listed = {int(k) for member in arm.members for score in member.scores.values() for k in score.pass_at}
    most = _most_samples(arm)
    return sorted(k for k in listed | {2**i for i in range(most.bit_length())} | {most} if k <= most)


def _panels(points: Points, tasks: Sequence[str]) -> dict[str, dict[str, Line]]:
    panels = {}
    for task in (*tasks, MACRO):
        lines = {
            name: _line([(x, e[task]) for x, e in sorted(by_x.items()) if task in e])
            for name, by_x in points.items()
            if any(task in e for e in by_x.values())
        }
        if lines:
            panels[task] = lines
    return panels


def _line(points: Sequence[tuple[float, Estimate]]) -> Line:
    return Line(
        tuple(x for x, _ in points),
        tuple(e.value for _, e in points),
        tuple(e.low for _, e in points),
        tuple(e.high for _, e in points),
    )
