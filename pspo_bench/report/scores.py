"""The scores of one run as a terminal table: what `pspo-bench eval` prints."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pspo_bench.metrics import TaskScore, summarise
from pspo_bench.report.render import NONE

if TYPE_CHECKING:
    import pandas as pd

HEADER = (
    "task",
    "T",
    "questions",
    "samples",
    "accuracy",
    "95 % interval",
    "pass@k",
    "maj@k",
    "tokens",
    "cut %",
)


def scores_table(frame: pd.DataFrame, title: str | None = None, width: int = 118) -> str:
    """One line per task and temperature of a table of samples (`Run.frame`)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=Text(title) if title else None, title_justify="left")
    for name in HEADER:
        grid.add_column(name, justify="left" if name == "task" else "right")
    for score in summarise(frame):
        grid.add_row(*map(Text, _line(score)))
    out = io.StringIO()
    Console(width=width, file=out, color_system=None, highlight=False).print(grid)
    return out.getvalue()


def _line(score: TaskScore) -> tuple[str, ...]:
    interval = NONE
    if score.low is not None and score.high is not None:
        interval = f"{100 * score.low:.1f} – {100 * score.high:.1f}"
    several = score.n_samples > score.n_questions
    return (
        score.task,
        f"{score.temperature:g}",
        str(score.n_questions),
        str(score.n_samples),
        _percent(score.accuracy),
        interval,
        _largest(score.pass_at) if several else NONE,
        _largest(score.maj_at) if several else NONE,
        NONE if score.median_tokens is None else f"{score.median_tokens:.0f}",
        _percent(score.truncation_rate),
    )


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}"


def _largest(by_k: dict[int, float]) -> str:
    """The figure of the largest k: `82.1 @16`."""
    return f"{100 * by_k[max(by_k)]:.1f} @{max(by_k)}" if by_k else NONE
