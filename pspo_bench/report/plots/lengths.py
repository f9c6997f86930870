"""How long the completions of each arm are, correct and incorrect ones apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pspo_bench.report.plots.arms import named_arms, tasks_of
from pspo_bench.report.plots.rows import row_panels
from pspo_bench.report.plots.style import MUTED, SERIES, SMALL, SURFACE
from pspo_bench.results import Arm, Result, TaskCounts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = (("correct", SERIES[0], -0.17), ("incorrect", SERIES[1], 0.17))
LEAST = 5
"""Quartiles of fewer completions say nothing: they are drawn as dots."""
WIDE = 12.0
"""A range of so many times its start is drawn on a logarithmic axis."""


def lengths(results: Iterable[Result], temperature: float | None = None) -> Figure | None:
    """Quartiles and the middle 90 % of tokens, over all samples and seeds of an arm, a panel for each task.

    Completions that were cut at max_tokens are in neither distribution; their share stands at the right where
    there are any. None where no completion was counted.
    """
    arms = named_arms(results, temperature)
    tasks = [
        t
        for t in tasks_of(arms.values())
        if any(_tokens(a, t, k) for a in arms.values() for k, _, _ in KINDS)
    ]
    if not tasks:
        return None
    note = (
        "Blue, upper: correct; orange, lower: incorrect. Dot: median; thick: quartiles; thin: 5th to 95th percentile"
        f" of the completions that ended by themselves (fewer than {LEAST}: each a dot)."
    )
    if any(sum(score.truncated) for arm in arms.values() for task in tasks for score in _scores(arm, task)):
        note += " At the right: share cut at max_tokens, which no distribution holds."
    panels = row_panels(list(arms), tasks, "Length of completions", note, "tokens")
    for axes, task in zip(panels, tasks, strict=True):
        _draw(axes, list(arms.values()), task)
    return panels[0].get_figure()  # type: ignore[return-value]


def _tokens(arm: Arm, task: str, kind: str) -> list[int]:
    return [n for score in _scores(arm, task) for row in getattr(score, f"tokens_{kind}") for n in row]


def _scores(arm: Arm, task: str) -> list[TaskCounts]:
    return [member.scores[task] for member in arm.members if task in member.scores]


def _draw(axes: Axes, arms: Sequence[Arm], task: str) -> None:
    seen: list[float] = []
    for row, arm in enumerate(arms):
        for kind, colour, offset in KINDS:
            tokens = _tokens(arm, task, kind)
            if tokens:
                seen += _box(axes, row + offset, tokens, colour)
        samples = sum(n for score in _scores(arm, task) for n in score.samples)
        cut = sum(n for score in _scores(arm, task) for n in score.truncated)
        if cut:
            text = f"{100 * cut / samples:.0f} %" if 200 * cut >= samples else "< 0.5 %"
            axes.text(
                1.01,
                row,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=SMALL,
                color=MUTED,
                va="center",
            )
    if seen and max(seen) > WIDE * max(min(seen), 1):
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _box(axes: Axes, y: float, tokens: Sequence[int], colour: str) -> list[float]:
    """The summary of one distribution; returns what it spans."""
    if len(tokens) < LEAST:
        axes.scatter(tokens, [y] * len(tokens), s=5, color=colour, linewidths=0, zorder=3)
        return [float(min(tokens)), float(max(tokens))]
    p5, q1, middle, q3, p95 = (float(q) for q in np.quantile(tokens, [0.05, 0.25, 0.5, 0.75, 0.95]))
    axes.hlines(y, p5, p95, color=colour, linewidth=0.8, zorder=2)
    axes.hlines(y, q1, q3, color=colour, linewidth=3.6, zorder=3)
    axes.scatter([middle], [y], s=9, c=SURFACE, edgecolors=colour, linewidths=1, zorder=4)
    return [p5, p95]
