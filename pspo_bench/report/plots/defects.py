"""Defects of solutions by arm: a panel for each metric of `measures`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pspo_bench.report.plots.arms import MACRO, named_arms, question_means, tasks_of
from pspo_bench.report.plots.rows import Mark, draw_marks, row_panels
from pspo_bench.report.plots.style import SERIES
from pspo_bench.results import Result, TaskCounts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def defects(results: Iterable[Result], temperature: float | None = None) -> Figure | None:
    """Mean of each metric with its interval; None where the results have no `measures`.

    Mean over questions of the samples to which a metric applies, then over the tasks that have it in every
    arm.
    """
    arms = named_arms(results, temperature)
    scores = [score for arm in arms.values() for member in arm.members for score in member.scores.values()]
    names = sorted({name for score in scores for name in score.measures or {}})
    if not names:
        return None
    marks: dict[str, list[Mark]] = {}
    for name in names:
        found = {arm: question_means(arms[arm], tasks_of([arms[arm]]), _value(name)) for arm in arms}
        tasks = [
            task for task in tasks_of(arms.values()) if all(task in by_task for by_task in found.values())
        ]
        key = MACRO if len(tasks) > 1 else (tasks[0] if tasks else "")
        shown = {arm: by_task[key] for arm, by_task in found.items() if key in by_task}
        if shown:
            marks[name] = [Mark(list(arms).index(a), e.value, e.low, e.high) for a, e in shown.items()]
    if not marks:
        return None
    note = (
        "Mean over questions of the samples to which the metric applies, then over tasks. Lines: 95 % intervals"
        " over questions and, where an arm has several seeds, over seeds. docs/metrics.md says what each metric does not see."
    )
    panels = row_panels(list(arms), list(marks), "Defects of single solutions", note)
    for axes, found_marks in zip(panels, marks.values(), strict=True):
        draw_marks(axes, found_marks, SERIES[0])
    return panels[0].get_figure()  # type: ignore[return-value]


def _value(name: str):  # type: ignore[no-untyped-def]
    def value(counts: TaskCounts, place: int) -> float | None:
        measured = (counts.measures or {}).get(name)
        if measured is None or not measured.n[place]:
            return None
        return measured.total[place] / measured.n[place]

    return value
