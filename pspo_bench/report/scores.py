"""The scores of one run as terminal tables: what `pspo-bench eval` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.metrics import TaskScore, summarise
from pspo_bench.report.text import NONE, WIDTH, grid, percent

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
    "uncut",
)
COLUMNS_OF_BUDGETS = 7
LEGEND = "cut %: share of samples truncated at max_tokens; uncut: accuracy among the others."


def scores_table(frame: pd.DataFrame, title: str | None = None, width: int = WIDTH) -> str:
    """One line per task and temperature of a table of samples (`Run.frame`), then the accuracy at token budgets."""
    scores = summarise(frame)
    text = grid(title, HEADER, "task", width, [_line(score) for score in scores]) + LEGEND + "\n"
    checkers = sorted(set(frame["checker"] + " " + frame["checker_version"]))
    if len(checkers) > 1:
        text += f"The verdicts are by different checkers ({', '.join(checkers)}): rescore the run.\n"
    budgets = sorted({budget for score in scores for budget in score.accuracy_at})[-COLUMNS_OF_BUDGETS:]
    if not budgets:
        return text
    lines = [
        [score.task, f"{score.temperature:g}", *(percent(score.accuracy_at.get(b)) for b in budgets)]
        for score in scores
    ]
    heading = "Accuracy if only completions counted that a limit of so many tokens would not have cut"
    return text + "\n" + grid(heading, ("task", "T", *map(str, budgets)), "task", width, lines)


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
        percent(score.accuracy),
        interval,
        _largest(score.pass_at) if several else NONE,
        _largest(score.maj_at) if several else NONE,
        NONE if score.median_tokens is None else f"{score.median_tokens:.0f}",
        percent(score.truncation_rate),
        percent(score.accuracy_completed_only),
    )


def _largest(by_k: dict[int, float]) -> str:
    """The figure of the largest k: `82.1 @16`."""
    return f"{100 * by_k[max(by_k)]:.1f} @{max(by_k)}" if by_k else NONE
