"""Accuracy, or the difference in it, by category of question and arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pspo_bench.compare import Comparison
from pspo_bench.report.plots.arms import named_arms, tasks_of
from pspo_bench.report.plots.style import (
    GHOST,
    INK,
    SERIES,
    SMALL,
    SURFACE,
    TEXT,
    dress,
    entitle,
    new_figure,
    plain,
)
from pspo_bench.results import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

By = Literal["category", "difficulty"]
Column = tuple[str, str]
"""Task and the category or difficulty."""
SMALL_N = 20
MOST = 24


@dataclass(frozen=True, slots=True)
class Cell:
    value: float
    n_questions: int


def heat_map(
    given: Sequence[Result] | Sequence[Comparison], by: By = "category", temperature: float | None = None
) -> Figure | None:
    """Rows: arms (or the candidates of comparisons); columns: the categories, or difficulties, of each task.

    Of results, accuracy; of comparisons, the difference in points. Cells of fewer than 20 questions are
    marked. None where no question has such a label. Of many categories those with the most questions are
    drawn.
    """
    comparisons = [one for one in given if isinstance(one, Comparison)]
    if comparisons:
        table = {row: _differences(one, by) for row, one in zip(_rows(comparisons), comparisons, strict=True)}
    else:
        arms = named_arms([one for one in given if isinstance(one, Result)], temperature)
        table = {name: _accuracies(arm, by) for name, arm in arms.items()}
    columns = _columns(table)
    if not columns:
        return None
    title = f"{'Difference in accuracy' if comparisons else 'Accuracy'} by {by}"
    if len(bases := {one.base for one in comparisons}) == 1:
        title += f", from {bases.pop()}"
    return _draw(table, columns, title, signed=bool(comparisons))


def _rows(comparisons: Sequence[Comparison]) -> list[str]:
    several = len({one.base for one in comparisons}) > 1
    return [f"{one.candidate} − {one.base}" if several else one.candidate for one in comparisons]


def _differences(comparison: Comparison, by: By) -> dict[Column, Cell]:
    return {
        (task.task, part.value): Cell(part.accuracy.difference, part.n_questions)
        for task in comparison.tasks
        for part in task.slices
        if part.kind == by and part.accuracy.difference is not None
    }


def _accuracies(arm: Arm, by: By) -> dict[Column, Cell]:
    """Mean over questions of the share correct, each question's being the mean over seeds."""
    shares: dict[Column, dict[str, list[float]]] = {}
    for task in tasks_of([arm]):
        for counts in (member.scores[task] for member in arm.members if task in member.scores):
            labels = (counts.categories if by == "category" else counts.difficulties) or []
            for example, label, n, correct in zip(
                counts.example_ids, labels, counts.samples, counts.correct, strict=False
            ):
                if label is not None and n:
                    shares.setdefault((task, label), {}).setdefault(example, []).append(correct / n)
    return {
        column: Cell(sum(sum(s) / len(s) for s in questions.values()) / len(questions), len(questions))
        for column, questions in shares.items()
    }


def _columns(table: dict[str, dict[Column, Cell]]) -> list[Column]:
    """In order of first appearance within each task; the MOST with the most questions."""
    sizes: dict[Column, int] = {}
    for cells in table.values():
        for column, cell in cells.items():
            sizes[column] = max(sizes.get(column, 0), cell.n_questions)
    largest = sorted(sizes, key=lambda column: (-sizes[column], column))[:MOST]
    tasks = list(dict.fromkeys(task for task, _ in sizes))
    return sorted(largest, key=lambda column: (tasks.index(column[0]), column[1]))


def _draw(
    table: dict[str, dict[Column, Cell]], columns: Sequence[Column], title: str, *, signed: bool
) -> Figure:
    names = [plain(name, 38) for name in table]
    labels = [plain(value, 26) for _, value in columns]
    width = 0.075 * max(map(len, names)) + 0.46 * len(columns) + 0.5
    figure = new_figure(max(width, 5.5), 0.26 * len(names) + 0.055 * max(map(len, labels)) + 1.5)
    axes = dress(figure.subplots(), grid="x")
    axes.grid(visible=False)
    small = _cells(axes, table, columns, signed)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), labels, rotation=50, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, labelsize=TEXT, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    tasks = [task for task, _ in columns]
    for task in dict.fromkeys(tasks):
        start = tasks.index(task) - 0.5
        axes.text(
            start + 0.08, -0.62, plain(task, 7 * tasks.count(task) + 3), fontsize=TEXT, color=INK, va="bottom"
        )
        if start > 0:
            axes.axvline(start, color=INK, linewidth=0.8)
    note = (
        "Percentage points; blue: more than the base, orange: fewer."
        if signed
        else "Per cent of the questions."
    )
    if small:
        note += f" In italics and bordered: fewer than {SMALL_N} questions."
    if (found := len({column for cells in table.values() for column in cells})) > len(columns):
        note += f" The {len(columns)} columns with the most questions, of {found}."
    entitle(figure, title, note)
    return figure


def _written(value: float, signed: bool) -> str:
    """`+4.0` points, with the minus of typography; `0.0` for what rounds to it; `75` per cent."""
    if not signed:
        return f"{100 * value:.0f}"
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _cells(axes: Axes, table: dict[str, dict[Column, Cell]], columns: Sequence[Column], signed: bool) -> bool:
    """Draw the cells; whether any is of few questions. Shades are opacities, which suit a light and a dark
    page.
    """
    from matplotlib.patches import Rectangle

    values = [abs(cells[c].value) for cells in table.values() for c in columns if c in cells]
    top = max(max(values), 1e-9) if signed else 1.0
    few = False
    for row, cells in enumerate(table.values()):
        for place, column in enumerate(columns):
            cell = cells.get(column)
            if cell is None or math.isnan(cell.value):
                axes.text(place, row, "–", fontsize=SMALL, color=INK, ha="center", va="center")
                continue
            small = cell.n_questions < SMALL_N
            few |= small
            shade = 0.04 + 0.86 * abs(cell.value) / top
            colour = SERIES[1] if signed and cell.value < 0 else SERIES[0]
            box = Rectangle(
                (place - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, alpha=shade, linewidth=0
            )
            axes.add_patch(box)
            if small:
                axes.add_patch(
                    Rectangle(
                        (place - 0.48, row - 0.46),
                        0.96,
                        0.92,
                        fill=False,
                        edgecolor=GHOST,
                        linewidth=1.2,
                        linestyle=":",
                    )
                )
            axes.text(
                place,
                row,
                _written(cell.value, signed),
                fontsize=SMALL,
                color=INK if shade < 0.6 else SURFACE,
                ha="center",
                va="center",
                style="italic" if small else "normal",
            )
    return few
