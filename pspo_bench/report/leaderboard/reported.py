"""Figures that a paper states, as rows of their own: never ranked, with the place where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pspo_bench.config import Section, read_toml, validate
from pspo_bench.report.leaderboard.records import Cell, Row
from pspo_bench.resources import results_dir


class Figure(Section):
    """One figure that a paper states; `source` says where in it."""

    base_model: str
    method: str
    task: str
    accuracy: float
    source: str
    url: str


class ReportedFile(Section):
    figure: list[Figure]


def figures(reported: bool | str | Path) -> list[Figure]:
    """Those of the shipped file (True), of another such TOML file, or none. Raises ConfigError naming the file."""
    if reported is False:
        return []
    path = results_dir("paper") / "reported.toml" if reported is True else Path(reported)
    return validate(ReportedFile, read_toml(path), str(path)).figure


def reported_rows(stated: Sequence[Figure]) -> list[Row]:
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for figure in stated:
        cells = rows.setdefault((figure.method, f"{figure.source}, {figure.url}"), {})
        cells[figure.task] = Cell(figure.accuracy, None, None)
    return [
        Row(method, None, (), None, cells, None, reported=source) for (method, source), cells in rows.items()
    ]


def source_notes(rows: Sequence[Row]) -> list[str]:
    """A note for each source, naming its rows."""
    sources: dict[str, list[str]] = {}
    for row in rows:
        if row.reported:
            sources.setdefault(row.reported, []).append(row.objective)
    return [
        f"Reported in {where}, not measured here: {'; '.join(names)}." for where, names in sources.items()
    ]
