"""Length and defects of a run as tables: what `pspo-bench metrics RUN` prints, and the list of the metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from pspo_bench.metrics import (
    METRICS,
    DefectScore,
    LengthScore,
    defect_scores,
    length_scores,
)
from pspo_bench.metrics.length import LengthSummary, TokenCounter
from pspo_bench.report.text import NONE, WIDTH, escape_markdown, grid, percent

if TYPE_CHECKING:
    import pandas as pd

LENGTH_HEADER = ("task", "T", "answers", "n", "mean", "median", "IQR", "p95", "words", "steps")
SHARE_HEADER = ("task", "T", "samples", "cut %", "correct per 1,000 tokens", "answer first seen at %")
DEFECT_HEADER = (
    "task",
    "T",
    "metric",
    "better",
    "mean",
    "95 % interval",
    "coverage %",
    "if correct",
    "if not",
)
LENGTH_LEGEND = (
    "Tokens of completions that ended by themselves; those cut at max_tokens are in no average, see cut %."
)
DEFECT_LEGEND = (
    "Mean over questions of the samples to which the metric applies (coverage); docs/metrics.md says what each "
    "does not see."
)
_BETTER = {"higher": "↑", "lower": "↓", "neither": NONE}

Row: TypeAlias = Sequence[str]
Table: TypeAlias = tuple[str, Row, list[Row], str]


@dataclass(frozen=True, slots=True)
class Measures:
    """The lengths and defects of a table of samples. `counted_by`: whose tokens they are."""

    lengths: list[LengthScore]
    defects: list[DefectScore]
    counted_by: str

    def tables(self) -> list[Table]:
        """(title, header, lines, legend) of each table."""
        budgets = sorted({budget for score in self.lengths for budget in score.accuracy_at})[-8:]
        tables: list[Table] = [
            (
                f"Length, tokens by {self.counted_by}",
                LENGTH_HEADER,
                _length_lines(self.lengths),
                LENGTH_LEGEND,
            ),
            ("Tokens spent", SHARE_HEADER, [_share_line(score) for score in self.lengths], ""),
            (
                "Defects, one solution at a time",
                DEFECT_HEADER,
                [_defect_line(d) for d in self.defects],
                DEFECT_LEGEND,
            ),
        ]
        if budgets:
            lines: list[Row] = [
                [score.task, f"{score.temperature:g}", *(percent(score.accuracy_at.get(b)) for b in budgets)]
                for score in self.lengths
            ]
            title = "Accuracy if only completions counted that a limit of so many tokens would not have cut"
            tables.insert(2, (title, ("task", "T", *map(str, budgets)), lines, ""))
        return tables

    def to_terminal(self, width: int = WIDTH) -> str:
        parts = [
            grid(title, header, "task", width, lines) + (f"{legend}\n" if legend else "")
            for title, header, lines, legend in self.tables()
        ]
        return "\n".join(parts)

    def to_markdown(self) -> str:
        parts = []
        for title, header, lines, legend in self.tables():
            rules = ["---" if name in ("task", "metric") else "---:" for name in header]
            rows = [header, rules, *([escape_markdown(cell) for cell in line] for line in lines)]
            parts += [f"## {title}", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
            parts += [legend, ""] if legend else []
        return "\n".join(parts)

    def to_json(self) -> str:
        data = {
            "tokens_by": self.counted_by,
            "lengths": [asdict(score) for score in self.lengths],
            "defects": [asdict(score) for score in self.defects],
        }
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measures(
    frame: pd.DataFrame,
    count: TokenCounter | None = None,
    counted_by: str = "the engine",
    values: pd.DataFrame | None = None,
) -> Measures:
    """The lengths and defects of a table of samples (`Run.frame`); `count` counts tokens, see `length_scores`, and
    `values` are those of the solution metrics, see `defect_scores`.
    """
    return Measures(length_scores(frame, count), defect_scores(frame, values=values), counted_by)


def _length_lines(scores: Sequence[LengthScore]) -> list[Row]:
    lines: list[Row] = []
    for score in scores:
        for name, summary in (("all", score.all), ("correct", score.correct), ("not", score.incorrect)):
            lines.append([score.task, f"{score.temperature:g}", name, *_summary_cells(summary)])
    return lines


def _summary_cells(summary: LengthSummary | None) -> list[str]:
    if summary is None:
        return ["0", *[NONE] * 6]
    tokens = [
        f"{summary.mean:.1f}",
        f"{summary.median:.0f}",
        f"{summary.q1:.0f}–{summary.q3:.0f}",
        f"{summary.p95:.0f}",
    ]
    return [str(summary.n), *tokens, f"{summary.words:.1f}", f"{summary.steps:.1f}"]


def _share_line(score: LengthScore) -> Row:
    per_1000 = NONE if score.correct_per_1000 is None else f"{score.correct_per_1000:.2f}"
    cells = [percent(score.truncation_rate), per_1000, percent(score.answer_at)]
    return [score.task, f"{score.temperature:g}", str(score.n_samples), *cells]


def _defect_line(score: DefectScore) -> Row:
    interval = (
        NONE if score.interval is None else f"{_short(score.interval.low)} – {_short(score.interval.high)}"
    )
    means = [
        _short(score.mean),
        interval,
        percent(score.coverage),
        _short(score.correct),
        _short(score.incorrect),
    ]
    return [score.task, f"{score.temperature:g}", score.metric, _BETTER[score.direction], *means]


def _short(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def metrics_list(form: str = "terminal") -> str:
    """Every metric that is known, with definition, range, direction and source."""
    known = [METRICS.get(name) for name in METRICS]
    form_of: dict[str, Callable[[], str]] = {
        "json": lambda: (
            json.dumps([_described(metric) for metric in known], indent=2, ensure_ascii=False) + "\n"
        ),
        "markdown": lambda: _markdown_list([_described(metric) for metric in known]),
        "terminal": lambda: "".join(_paragraph(_described(metric)) for metric in known),
    }
    return form_of[form]()


def _described(metric: object) -> dict[str, str]:
    low, high = metric.range  # type: ignore[attr-defined]
    bounds = f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
    names = ("name", "definition", "direction", "source")
    return {**{name: getattr(metric, name) for name in names}, "range": bounds, "of": type(metric).__name__}


def _paragraph(row: dict[str, str]) -> str:
    kind = "one solution" if row["of"] == "SolutionMetric" else "a table of samples"
    head = f"{row['name']}  ({row['range']}; better: {row['direction']}; of {kind})"
    return f"{head}\n    {row['definition']}\n    {row['source']}\n"


def _markdown_list(rows: Sequence[dict[str, str]]) -> str:
    names = ("name", "range", "direction", "definition", "source")
    lines = [names, ["---"] * len(names), *([escape_markdown(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
