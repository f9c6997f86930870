"""Runs → a board."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pspo_bench.errors import ConfigError
from pspo_bench.report.leaderboard.changes import AUTO, Pair, changes, chosen, lettered
from pspo_bench.report.leaderboard.notes import measured_notes
from pspo_bench.report.leaderboard.records import Leaderboard, Table
from pspo_bench.report.leaderboard.reported import Figure, figures, reported_rows, source_notes
from pspo_bench.report.leaderboard.rows import rows_of
from pspo_bench.results import Arm, Result, arms_of, load_entries


def leaderboard(
    runs: Sequence[str | Path],
    *,
    reported: bool | str | Path = False,
    temperature: float | None = None,
    against: str | None = AUTO,
) -> Leaderboard:
    """Tables from run folders, result files and folders of them: see `board_of`.

    Raises StoreError for a path without a run, ConfigError if no run has that temperature or no row that name.
    """
    return board_of(load_entries(runs), reported=reported, temperature=temperature, against=against)


def board_of(
    results: Iterable[Result],
    *,
    reported: bool | str | Path = False,
    temperature: float | None = None,
    against: str | None = AUTO,
) -> Leaderboard:
    """Tables from results, one for each base model.

    `reported`: add the figures that the paper states (True), or those of another such TOML file.
    `temperature`: which one to show; None for the one that each run declared as its headline beforehand.
    `against`: the row, or how its name begins, from which the differences of the others are shown; "auto" for the base
    model where it has a row, None for no differences.
    """
    entries = list(results)
    groups: dict[str, list[Arm]] = {}
    for arm in arms_of(entries, temperature):
        groups.setdefault(arm.base_model, []).append(arm)
    if not groups:
        asked = "its headline temperature" if temperature is None else f"T={temperature:g}"
        raise ConfigError(
            f"None of the {len(entries)} runs has samples at {asked}; pass another --temperature"
        )
    stated = figures(reported)
    names = dict.fromkeys([*groups, *(figure.base_model for figure in stated)])
    drafts = [
        _Draft.of(name, groups.get(name, []), [f for f in stated if f.base_model == name]) for name in names
    ]
    bases = chosen(against, [[row.objective for row, _ in draft.pairs] for draft in drafts])
    declared = temperature is None
    return Leaderboard(tuple(_table(d, base, declared) for d, base in zip(drafts, bases, strict=True)))


@dataclass(frozen=True, slots=True)
class _Draft:
    """The rows of one base model, before they are held against one another; `shared` tasks are the macro mean's."""

    base_model: str
    stated: Sequence[Figure]
    measured: Sequence[str]
    shared: tuple[str, ...]
    pairs: Sequence[Pair]

    @classmethod
    def of(cls, base_model: str, arms: Sequence[Arm], stated: Sequence[Figure]) -> _Draft:
        measured = list(dict.fromkeys(task for arm in arms for m in arm.members for task in sorted(m.scores)))
        whole = [m for arm in arms for m in arm.members if m.complete]
        shared = tuple(task for task in measured if whole and all(task in m.scores for m in whole))
        return cls(base_model, stated, measured, shared, rows_of(arms, shared))


def _table(draft: _Draft, base: str | None, declared: bool) -> Table:
    rows, group_notes = lettered(draft.pairs, draft.shared)
    paper = reported_rows(draft.stated)
    arms = [arm for _, arm in draft.pairs]
    notes = [*measured_notes(arms, rows, draft.shared, declared), *group_notes, *source_notes(paper)]
    return Table(
        base_model=draft.base_model,
        tasks=tuple(dict.fromkeys([*draft.measured, *(figure.task for figure in draft.stated)])),
        macro_tasks=draft.shared,
        rows=(*rows, *paper),
        notes=tuple(notes),
        changes=changes(base, draft.pairs, draft.shared),
    )
