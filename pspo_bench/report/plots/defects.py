"""Defects of solutions by arm: a panel for each metric of `measures`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pspo_bench.metrics import solution_metrics
from pspo_bench.report.plots.arms import Estimate, named_arms, tasks_of
from pspo_bench.report.plots.rows import Mark, draw_marks, row_panels
from pspo_bench.report.plots.style import SERIES
from pspo_bench.results import Arm, Result
from pspo_bench.stats import Interval, clustered_difference, clustered_mean, question_means

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = tuple[float, str, int]
"""The mean of a metric over the samples of a question by a seed, the question, the seed."""
_BETTER = {"higher": "↑", "lower": "↓"}
NOTE = (
    "Arrows: the better side. Mean over questions of the samples to which the metric applies, then over tasks."
    " Lines: 95 % intervals over questions and, where an arm has several seeds, over seeds. docs/metrics.md has what"
    " each metric does not see."
)


def defects(results: Iterable[Result], temperature: float | None = None) -> Figure | None:
    """Mean of each metric with its interval; None where the results have no `measures`.

    The mean over questions of the samples to which a metric applies, then over the tasks that have it in
    every arm that was measured. Metrics that are the same in all arms are in the note alone.
    """
    arms = named_arms(results, temperature)
    scores = [score for arm in arms.values() for member in arm.members for score in member.scores.values()]
    marks: dict[str, list[Mark]] = {}
    for name in sorted({name for score in scores for name in score.measures or {}}):
        rows = {place: found for place, arm in enumerate(arms.values()) if (found := _rows(arm, name))}
        tasks = [task for task in tasks_of(arms.values()) if all(task in found for found in rows.values())]
        estimates = {place: _estimate({t: found[t] for t in tasks}) for place, found in rows.items() if tasks}
        if estimates:
            marks[name] = [Mark(place, e.value, e.low, e.high) for place, e in estimates.items()]
    if not marks:
        return None
    alike = {
        name: found[0].value
        for name, found in marks.items()
        if len({m.value for m in found}) == 1 < len(found)
    }
    drawn = {name: found for name, found in marks.items() if name not in alike} or marks
    note = NOTE
    if alike and drawn is not marks:
        note += f" The same in all arms: {', '.join(f'{name} {value:.3g}' for name, value in alike.items())}."
    better = {metric.name: _BETTER.get(metric.direction, "") for metric in solution_metrics()}
    names = [f"{name} {better.get(name, '')}".rstrip() for name in drawn]
    panels = row_panels(list(arms), names, "Defects of single solutions", note)
    for axes, found_marks in zip(panels, drawn.values(), strict=True):
        draw_marks(axes, found_marks, SERIES[0])
    return panels[0].get_figure()  # type: ignore[return-value]


def _rows(arm: Arm, name: str) -> dict[str, list[Row]]:
    """Task → rows; without tasks where the metric applies to nothing."""
    rows: dict[str, list[Row]] = {}
    for seed, member in enumerate(arm.members):
        for task, counts in member.scores.items():
            measured = (counts.measures or {}).get(name)
            if measured is not None:
                cells = zip(counts.example_ids, measured.n, measured.total, strict=True)
                rows.setdefault(task, []).extend(
                    (total / n, example, seed) for example, n, total in cells if n
                )
    return {task: found for task, found in rows.items() if found}


def _estimate(rows: Mapping[str, Sequence[Row]]) -> Estimate:
    """The mean over tasks, with a t interval clustered by question and by seed: a seed is the same in every
    task.
    """
    means = {task: sum(value for value, _, _ in found) / len(found) for task, found in rows.items()}
    n, macro = sum(map(len, rows.values())), sum(means.values()) / len(means)
    # what each row adds to the mean over tasks, in which tasks weigh alike however many rows they have
    parts = [
        (macro + (value - means[task]) * n / (len(rows) * len(found)), (task, question), seed)
        for task, found in rows.items()
        for value, question, seed in found
    ]
    values, questions, seeds = zip(*parts, strict=True)
    spread = len(set(values)) > 1 and len(set(seeds)) > 1
    interval = (
        clustered_difference(values, questions, seeds)
        if spread
        else clustered_mean(question_means(values, questions))
    )
    unit = all(0 <= value <= 1 for found in rows.values() for value, _, _ in found)
    if interval is not None and unit:
        interval = Interval(max(interval.low, 0.0), min(interval.high, 1.0), interval.method)
    return Estimate(macro, interval, len(set(questions)))
