"""The leaderboard: one table per base model, one row per objective, trained seeds aggregated.

    board = leaderboard(["results/measured"], reported=True)
    board.to_markdown("pspo-bench leaderboard results/measured --reported")

Cells are accuracies with a 95 % interval: over seeds and questions where there are several seeds
(`stats.bootstrap_scores`), else over questions alone, and then the row says that training variance is not
covered. Figures of the paper are rows of their own, marked as reported and never ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from pspo_bench.config import BASE, Section, read_toml, validate
from pspo_bench.errors import ConfigError
from pspo_bench.report import render
from pspo_bench.report.cautions import MARK, Caution, caution_notes, cautions_of
from pspo_bench.resources import results_dir
from pspo_bench.results import Arm, Member, Result, TaskCounts, arms_of, load_entries
from pspo_bench.stats import Interval, bootstrap_scores, mean_interval, percentile_interval, score_interval
from pspo_bench.store import natural_key

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2000
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A score and its interval, as fractions; `n_questions` is None for a figure that was only reported."""

    score: float
    interval: Interval | None
    n_questions: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One objective on one base model. `rank` is None for rows that are not ranked (reported, incomplete)."""

    objective: str
    rank: int | None
    seeds: tuple[int | None, ...]
    temperature: float | None
    cells: dict[str, Cell]
    macro: Cell | None
    median_tokens: float | None
    truncation_rate: float | None
    completed_only: float | None
    n_samples: int | None
    marks: str = ""
    reported: str | None = None
    warnings: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one base model. The macro mean is over `macro_tasks`, which every complete row has."""

    base_model: str
    tasks: tuple[str, ...]
    macro_tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The tables, and their forms."""

    tables: tuple[Table, ...]

    def to_terminal(self, width: int = 118) -> str:
        """Plain text tables of at most `width` columns."""
        return render.to_terminal(self, width)

    def to_markdown(self, command: str | None = None) -> str:
        """GitHub Markdown; `command` is what made it, and is quoted in it."""
        return render.to_markdown(self, command)

    def to_json(self) -> str:
        """Everything, unrounded."""
        return render.to_json(self)

    def to_frame(self) -> pd.DataFrame:
        """A row for each arm and task, unrounded: see `notebook.board_frame`."""
        from pspo_bench.report.notebook import board_frame

        return board_frame(self)

    def _repr_html_(self) -> str:
        from pspo_bench.report.notebook import board_html

        return board_html(self)

    def to_csv(self) -> str:
        """One line per row of every table, unrounded."""
        return render.to_csv(self)


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


def leaderboard(
    runs: Sequence[str | Path], *, reported: bool | str | Path = False, temperature: float | None = None
) -> Leaderboard:
    """Tables from run folders, result files and folders of them.

    `reported`: add the figures that the paper states (True), or those of another such TOML file.
    `temperature`: which one to show; None for the one that each run declared as its headline beforehand.
    Raises StoreError for a path without a run, ConfigError if no run has that temperature.
    """
    return board_of(load_entries(runs), reported=reported, temperature=temperature)


def board_of(
    results: Iterable[Result], *, reported: bool | str | Path = False, temperature: float | None = None
) -> Leaderboard:
    """Tables from results: see `leaderboard`."""
    entries = list(results)
    groups: dict[str, list[Arm]] = {}
    for arm in arms_of(entries, temperature):
        groups.setdefault(arm.base_model, []).append(arm)
    if not groups:
        asked = "its headline temperature" if temperature is None else f"T={temperature:g}"
        raise ConfigError(
            f"None of the {len(entries)} runs has samples at {asked}; pass another --temperature"
        )
    figures = _figures(reported)
    names = [*groups, *dict.fromkeys(f.base_model for f in figures)]
    return Leaderboard(
        tuple(
            _table(
                name, groups.get(name, []), [f for f in figures if f.base_model == name], temperature is None
            )
            for name in dict.fromkeys(names)
        )
    )


def _figures(reported: bool | str | Path) -> list[Figure]:
    if reported is False:
        return []
    path = results_dir("paper") / "reported.toml" if reported is True else Path(reported)
    return validate(ReportedFile, read_toml(path), str(path)).figure


def _table(base_model: str, arms: Sequence[Arm], figures: Sequence[Figure], declared: bool) -> Table:
    measured = list(dict.fromkeys(task for arm in arms for m in arm.members for task in sorted(m.scores)))
    tasks = tuple(dict.fromkeys([*measured, *(f.task for f in figures)]))
    whole = [m for arm in arms for m in arm.members if m.complete]
    shared = tuple(task for task in measured if whole and all(task in m.scores for m in whole))
    labels = _labels(arms)
    rows = [_row(arm, label, shared) for arm, label in zip(arms, labels, strict=True)]
    rows = [*_ranked(rows), *_reported_rows(figures)]
    notes = [*_notes(arms, rows, shared, declared), *_differences([m for arm in arms for m in arm.members])]
    sources: dict[str, list[str]] = {}
    for row in rows:
        if row.reported:
            sources.setdefault(row.reported, []).append(row.objective)
    notes += [
        f"Reported in {where}, not measured here: {'; '.join(names)}." for where, names in sources.items()
    ]
    return Table(base_model, tasks, shared, tuple(rows), tuple(notes))


def _labels(arms: Sequence[Arm]) -> list[str]:
    """The objective, with the recipe, step, temperature or source where it alone does not tell two rows apart."""
    labels = [arm.objective for arm in arms]
    for extra in (
        [f"[{arm.recipe}]" if arm.recipe else "" for arm in arms],
        ["" if arm.step is None else f"step {arm.step}" for arm in arms],
        [f"T={arm.temperature:g}" for arm in arms],
        [f"<{arm.members[0].runs[0].source}>" for arm in arms],
    ):
        twice = {label for label in labels if labels.count(label) > 1}
        alike = {
            label: {e for e, other in zip(extra, labels, strict=True) if other == label} for label in twice
        }
        labels = [
            f"{label} {more}".rstrip() if label in twice and len(alike[label]) > 1 else label
            for label, more in zip(labels, extra, strict=True)
        ]
    return labels


def _row(arm: Arm, label: str, shared: Sequence[str]) -> Row:
    cells, macro = _scores(arm, shared)
    scored = [(m, score) for m in arm.members for score in m.scores.values()]
    used = [(m, score) for m, score in scored if score.task in shared] or scored
    lengths = [n for m, score in used for n in score.lengths(m.tasks[score.task].max_tokens)]
    n = sum(sum(score.samples) for _, score in used)
    warnings = cautions_of(arm)
    marks = "†" if arm.objective != BASE and len(arm.members) == 1 else ""
    marks += "" if all(m.complete for m in arm.members) else "‡"
    return Row(
        objective=label,
        rank=None,
        seeds=tuple(m.seed for m in arm.members),
        temperature=arm.temperature,
        cells=cells,
        macro=macro,
        median_tokens=median(lengths) if lengths else None,
        truncation_rate=sum(sum(score.truncated) for _, score in used) / n if n else None,
        completed_only=_completed_only([score for _, score in used]),
        n_samples=n,
        marks=marks + (MARK if warnings else ""),
        warnings=warnings,
    )


def _completed_only(scores: Sequence[TaskCounts]) -> float | None:
    """Mean over tasks of the accuracy among the samples that were not truncated; easier questions weigh more in it."""
    by_task: dict[str, list[float]] = {}
    for score in scores:
        shares = score.completed_shares()
        if shares:
            by_task.setdefault(score.task, []).append(sum(shares) / len(shares))
    return sum(sum(means) / len(means) for means in by_task.values()) / len(by_task) if by_task else None


def _scores(arm: Arm, shared: Sequence[str]) -> tuple[dict[str, Cell], Cell | None]:
    """The cell of every task, and that of the macro mean over `shared`."""
    tasks = sorted(
        {task for m in arm.members for task in m.scores}
    )  # the draws must not depend on file order
    counts = {task: _aligned([m.scores.get(task) for m in arm.members]) for task in tasks}
    means = {task: _mean_score(*pair) for task, pair in counts.items()}
    intervals = {t: score_interval(right.sum(axis=0), n.sum(axis=0)) for t, (right, n) in counts.items()}
    replicates = None
    if len(arm.members) > 1:
        replicates = bootstrap_scores(list(counts.values()), np.random.default_rng(BOOTSTRAP_SEED), RESAMPLES)
        for column, task in enumerate(tasks):
            intervals[task] = percentile_interval(replicates[:, column]) or intervals[task]
    cells = {t: Cell(means[t], intervals[t], counts[t][0].shape[1]) for t in tasks}
    if not shared or not set(shared) <= set(tasks):
        return cells, None
    of_mean = mean_interval([means[t] for t in shared], [intervals[t] for t in shared])
    if replicates is not None:
        together = replicates[:, [tasks.index(task) for task in shared]].mean(axis=1)
        of_mean = percentile_interval(together) or of_mean
    questions = sum(counts[task][0].shape[1] for task in shared)
    return cells, Cell(sum(means[task] for task in shared) / len(shared), of_mean, questions)


Counts = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def _aligned(scores: Sequence[TaskCounts | None]) -> tuple[Counts, Counts]:
    """(correct, samples) of shape (seeds, questions), 0 samples where a seed was not asked a question."""
    ids = list(dict.fromkeys(example for score in scores if score for example in score.example_ids))
    column = {example: i for i, example in enumerate(ids)}
    correct = np.zeros((len(scores), len(ids)), dtype=np.int64)
    samples = np.zeros_like(correct)
    for row, score in enumerate(scores):
        if score is not None:
            where = [column[example] for example in score.example_ids]
            correct[row, where], samples[row, where] = score.correct, score.samples
    return correct, samples


def _mean_score(correct: Counts, samples: Counts) -> float:
    """Mean over seeds of the mean over questions of the share correct."""
    per_seed = [(c[n > 0] / n[n > 0]).mean() for c, n in zip(correct, samples, strict=True) if n.any()]
    return float(np.mean(per_seed))


def _ranked(rows: Sequence[Row]) -> list[Row]:
    """By macro mean, ties at the printed precision sharing a rank; rows that cannot be ranked come last.

    Ties stand by name, so that a table does not depend on the order in which its runs were found.
    """
    able = [row for row in rows if row.macro is not None and "‡" not in row.marks]
    able.sort(key=lambda row: (-_printed(row), natural_key(row.objective)))
    ranked = [replace(row, rank=1 + sum(_printed(o) > _printed(row) for o in able)) for row in able]
    return [*ranked, *(row for row in rows if row.macro is None or "‡" in row.marks)]


def _printed(row: Row) -> float:
    assert row.macro is not None
    return round(100 * row.macro.score, 1)


def _reported_rows(figures: Sequence[Figure]) -> list[Row]:
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for figure in figures:
        cells = rows.setdefault((figure.method, f"{figure.source}, {figure.url}"), {})
        cells[figure.task] = Cell(figure.accuracy, None, None)
    return [
        Row(method, None, (), None, cells, None, None, None, None, None, reported=source)
        for (method, source), cells in rows.items()
    ]


def _notes(arms: Sequence[Arm], rows: Sequence[Row], shared: Sequence[str], declared: bool) -> list[str]:
    """What a reader must know of the measured rows."""
    if not arms:
        return []
    temperatures = ", ".join(f"{t:g}" for t in sorted({arm.temperature for arm in arms}))
    how = "declared before the runs" if declared else "chosen for this table"
    notes = [f"Questions: {_questions(rows)}.", f"Temperature: {temperatures}, {how}."]
    if any(len(arm.members) > 1 for arm in arms):
        notes.append(
            f"Several seeds: intervals by a bootstrap over seeds and questions ({RESAMPLES} resamples); "
            "with fewer than five seeds they are somewhat too narrow."
        )
    if any("†" in row.marks for row in rows):
        notes.append("† One seed: the interval covers the questions only; training variance is not covered.")
    if any("‡" in row.marks for row in rows):
        notes.append("‡ Incomplete run: not all of its samples are there, so it is not ranked.")
    if set(shared) != {task for arm in arms for m in arm.members for task in m.scores}:
        notes.append(
            f"Macro, tokens and cut % over what every complete row has: {', '.join(shared) or 'nothing'}."
        )
    return notes + caution_notes([(row.objective, len(row.seeds), row.warnings) for row in rows])


def _questions(rows: Sequence[Row]) -> str:
    """`gsm8k 1319, svamp 300 or 1000`: the questions of each task, all sizes if rows differ."""
    sizes: dict[str, set[int]] = {}
    for row in rows:
        for task, cell in row.cells.items():
            if cell.n_questions is not None:
                sizes.setdefault(task, set()).add(cell.n_questions)
    return ", ".join(f"{task} {' or '.join(map(str, sorted(n)))}" for task, n in sizes.items())


def _differences(members: Sequence[Member]) -> list[str]:
    """What keeps rows from being comparable: other questions, prompts or limits for the same task."""
    notes = []
    for name, words in (
        ("split", "different splits"),
        ("content_sha256", "different questions"),
        ("system_prompt_hash", "different system prompts"),
        ("max_tokens", "different max_tokens"),
    ):
        seen: dict[str, set[object]] = {}
        for run in (run for member in members for run in member.runs):
            for task, info in run.info.tasks.items():
                seen.setdefault(task, set()).add(getattr(info, name))
        tasks = [task for task, values in seen.items() if len(values) > 1]
        if tasks:
            notes.append(f"Not strictly comparable: rows were run with {words} on {', '.join(tasks)}.")
    checkers = {checker for member in members for run in member.runs for checker in run.checkers}
    if len(checkers) > 1:
        notes.append(
            f"Not comparable: the verdicts are by different checkers: {', '.join(sorted(checkers))}."
        )
    return notes
