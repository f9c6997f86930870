"""Forest plots of comparisons: differences in accuracy, and paired changes of length."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pspo_bench.compare import Comparison, Difference, TaskComparison
from pspo_bench.report.plots.arms import MACRO
from pspo_bench.report.plots.rows import Mark, draw_marks, row_panels
from pspo_bench.report.plots.style import GHOST, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALPHA = 0.05
Panel = tuple[str, float | None]
"""Task and temperature; no temperature for the macro mean."""


def differences(comparisons: Sequence[Comparison]) -> Figure | None:
    """Candidate − base in percentage points, a row for each comparison, a panel for each task; None without
    any.

    The shaded region is what the test would not find with 80 % power (`minimum_detectable`).
    """
    note = (
        "Lines: 95 % intervals. Filled: p < 0.05, after Holm's correction where tests are shown together."
        " Shaded: true differences too small for this test to find with 80 % power."
    )
    return _forest(
        comparisons,
        lambda t: t.accuracy,
        lambda c: c.macro,
        "Difference in accuracy",
        note,
        _points,
        "points",
    )


def length_changes(comparisons: Sequence[Comparison]) -> Figure | None:
    """Paired change of length on what both solve, in per cent, a panel for each task; None where no length is
    known.
    """
    note = (
        "Change of the geometric mean length in tokens, on questions that both solve. Lines: 95 % intervals."
        " Filled: p < 0.05, after Holm's correction where tests are shown together."
    )
    return _forest(
        comparisons,
        lambda t: t.length,
        lambda c: c.macro_length,
        "Paired change of length",
        note,
        _growth,
        "change, %",
    )


def _points(value: float) -> float:
    return 100 * value


def _growth(log_ratio: float) -> float:
    return 100 * math.expm1(log_ratio)


def _forest(
    comparisons: Sequence[Comparison],
    of_task: Callable[[TaskComparison], Difference | None],
    of_macro: Callable[[Comparison], Difference | None],
    title: str,
    note: str,
    unit: Callable[[float], float],
    xlabel: str,
) -> Figure | None:
    cells: dict[Panel, dict[int, Difference]] = {}
    for row, comparison in enumerate(comparisons):
        for task in comparison.tasks:
            _put(cells, (task.task, task.temperature), row, of_task(task))
    for row, comparison in enumerate(comparisons):
        if len(comparison.tasks) > 1:
            _put(cells, (MACRO, None), row, of_macro(comparison))
    if not cells:
        return None
    rows, base = _row_names(comparisons)
    panels = row_panels(rows, _panel_names(list(cells)), f"{title}{base}", note, xlabel)
    for axes, found in zip(panels, cells.values(), strict=True):
        _draw(axes, found, unit)
    left, right = (edge(axes.get_xlim()[side] for axes in panels) for side, edge in ((0, min), (1, max)))
    for axes in panels:  # one scale, so that panels can be held against one another
        axes.set_xlim(left, right)
    return panels[0].get_figure()  # type: ignore[return-value]


def _put(cells: dict[Panel, dict[int, Difference]], panel: Panel, row: int, given: Difference | None) -> None:
    if given is not None and given.difference is not None:
        cells.setdefault(panel, {})[row] = given


def _draw(axes: Axes, found: dict[int, Difference], unit: Callable[[float], float]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8, zorder=2)
    marks = []
    for row, given in found.items():
        assert given.difference is not None
        low, high = (given.interval.low, given.interval.high) if given.interval else (math.nan, math.nan)
        marks.append(Mark(row, unit(given.difference), unit(low), unit(high), is_clear(given)))
        if given.minimum_detectable is not None:
            reach = given.minimum_detectable
            left, right = unit(-reach), unit(reach)
            axes.barh(row, right - left, 0.86, left=left, color=GHOST, alpha=0.3, linewidth=0, zorder=1)
    draw_marks(axes, marks, SERIES[0])


def is_clear(given: Difference) -> bool:
    """Whether the difference is significant: by the adjusted p-value, else the plain one, else the interval."""
    p = given.p_value if given.p_adjusted is None else given.p_adjusted
    if p is not None:
        return p < ALPHA
    return given.interval is not None and not given.interval.low <= 0 <= given.interval.high


def _row_names(comparisons: Sequence[Comparison]) -> tuple[list[str], str]:
    """The candidates, and ` from <base>` for the title; with several bases they stand in the rows."""
    bases = list(dict.fromkeys(comparison.base for comparison in comparisons))
    if len(bases) == 1:
        return [comparison.candidate for comparison in comparisons], f" from {bases[0]}"
    return [f"{comparison.candidate} − {comparison.base}" for comparison in comparisons], ""


def _panel_names(panels: Sequence[Panel]) -> list[str]:
    """With temperatures where a task has several."""
    tasks = [task for task, _ in panels]
    return [task if tasks.count(task) == 1 else f"{task}, T={t:g}" for task, t in panels]
