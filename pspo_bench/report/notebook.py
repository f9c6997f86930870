"""How scores, leaderboards and comparisons appear in a notebook: as DataFrames, and as HTML with every name
escaped.

board_frame(board)         # a row for each arm and task: base_model, objective, task, accuracy, low, high,
...
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import printable
from pspo_bench.metrics import summarise

if TYPE_CHECKING:
    import pandas as pd

    from pspo_bench.compare import Comparison, Difference
    from pspo_bench.report.comparison import ComparisonReport
    from pspo_bench.report.leaderboard import Leaderboard

MACRO = "macro mean"
KEYS = ("model", "arm", "seed")
_SCORED = (
    *("task", "temperature", "n_questions", "n_samples", "accuracy", "low", "high", "interval"),
    *("mean_tokens", "median_tokens", "truncation_rate", "accuracy_completed_only"),
)


def scores_frame(samples: pd.DataFrame) -> pd.DataFrame:
    """A row for each model, arm and seed (as far as there are such columns), task and temperature.

    Accuracy with its 95 % interval over questions, `pass@k` and `maj@k` at the k that every question has the
    samples for, lengths; fractions and tokens. `samples` has the columns of `Run.frame`.
    """
    import pandas as pd

    keys = [name for name in KEYS if name in samples]
    groups = samples.groupby(keys, sort=False, dropna=False) if keys else [((), samples)]
    voted = "extracted" in samples and bool(samples["extracted"].notna().any())
    lines = []
    for values, rows in groups:
        for score in summarise(rows):
            line = dict(zip(keys, values, strict=True)) | {name: getattr(score, name) for name in _SCORED}
            line |= {f"pass@{k}": value for k, value in score.pass_at.items()}
            lines.append(line | ({f"maj@{k}": value for k, value in score.maj_at.items()} if voted else {}))
    found = pd.DataFrame(lines).astype({"seed": "Int64"} if "seed" in keys else {})
    return found[sorted(found.columns, key=_place)]


def _place(column: object) -> tuple[str, int]:
    """pass@1, pass@2, …, maj@1, … after the other columns, which stay in their order."""
    name, _, k = str(column).partition("@")
    return ({"pass": "1", "maj": "2"}[name], int(k)) if k else ("0", 0)


def board_frame(board: Leaderboard) -> pd.DataFrame:
    """A row for each row of the tables and each of its tasks, and one for the macro mean; fractions.

    `low` and `high` are of the 95 % interval; `reported` says where a figure that was not measured here is
    stated.
    """
    import pandas as pd

    lines = []
    for table in board.tables:
        for row in table.rows:
            cells = {**row.cells, **({MACRO: row.macro} if row.macro else {})}
            for task, cell in cells.items():
                place = {"base_model": table.base_model, "rank": row.rank, "objective": row.objective}
                made = {"seeds": len(row.seeds), "temperature": row.temperature, "task": task}
                score = {"accuracy": cell.score, **_ends(cell.interval), "n_questions": cell.n_questions}
                lines.append({**place, **made, **score, "marks": row.marks, "reported": row.reported})
    return pd.DataFrame(lines).astype({"rank": "Int64", "n_questions": "Int64"} if lines else {})


def comparisons_frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """A row for each figure of each comparison and task, and for their means over tasks (`macro mean`).

    `figure` is accuracy, truncation, length (a log ratio) or the name of a metric; `kind` and `value` name
    the category or difficulty that a row is about, and are empty for all questions.
    """
    import pandas as pd

    lines = []
    for one in comparisons:
        for place, given in _figures(one):
            if given is not None:
                sides = {"base": one.base, "candidate": one.candidate}
                scores = {"base_score": given.base, "candidate_score": given.candidate}
                found = {name: getattr(given, name) for name in ("difference", *_TESTED)}
                ends = _ends(given.interval)
                lines.append(
                    {**sides, **place, **scores, "difference": found.pop("difference"), **ends, **found}
                )
    return pd.DataFrame(lines).astype({"n_questions": "Int64"} if lines else {})


_TESTED = ("p_value", "p_adjusted", "test", "minimum_detectable", "n_questions")
_Place = dict[str, Any]


def _figures(one: Comparison) -> Iterator[tuple[_Place, Difference | None]]:
    for task in one.tasks:
        place = {"task": task.task, "temperature": task.temperature, "kind": None, "value": None}
        figures = {"accuracy": task.accuracy, "truncation": task.truncation, "length": task.length}
        for name, given in {**figures, **task.defects}.items():
            yield {**place, "figure": name}, given
        for part in task.slices:
            yield {**place, "kind": part.kind, "value": part.value, "figure": "accuracy"}, part.accuracy
    place = {"task": MACRO, "temperature": None, "kind": None, "value": None}
    macro = {"accuracy": one.macro, "truncation": one.macro_truncation, "length": one.macro_length}
    if len(one.tasks) > 1:
        for name, given in {**macro, **one.macro_defects}.items():
            yield {**place, "figure": name}, given


def _ends(interval: Any) -> dict[str, float | None]:
    return {"low": interval.low, "high": interval.high} if interval else {"low": None, "high": None}


def comparison_html(report: ComparisonReport) -> str:
    """Each comparison's tables, with what the two were not run alike in, and the notes."""
    from pspo_bench.report.comparison import tables

    parts = []
    for one in report.comparisons:
        parts.append(_heading(f"{one.candidate} against {one.base}"))
        parts.append(_listed([f"Not alike: {sentence}" for sentence in one.mismatches]))
        for table in tables(one, report.by):
            if table.lines:
                parts += [_caption(table.title), html_table(table.header, table.lines, table.left)]
                parts.append(_listed([table.legend]))
        parts.append(_listed(one.notes))
    return f"<div>{''.join(parts)}</div>"


def html_table(header: Sequence[str], lines: Sequence[Sequence[str]], left: Sequence[str] = ()) -> str:
    """A table of text; columns named in `left` are aligned to the left."""
    sides = ["left" if name in left else "right" for name in header]
    head, *body = (
        "".join(
            f'<{tag} style="text-align: {s}">{_text(c)}</{tag}>' for s, c in zip(sides, line, strict=True)
        )
        for tag, line in (("th", header), *(("td", line) for line in lines))
    )
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _heading(text: str) -> str:
    return f"<p><strong>{_text(text)}</strong></p>"


def _caption(text: str) -> str:
    return f"<p><em>{_text(text)}</em></p>"


def _listed(sentences: Sequence[str]) -> str:
    shown = [f"<li>{_text(sentence)}</li>" for sentence in sentences if sentence]
    return f"<ul>{''.join(shown)}</ul>" if shown else ""


def _text(text: str) -> str:
    return html.escape(printable(text))
