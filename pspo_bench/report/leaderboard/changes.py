"""The rows of a table against one another: differences from a chosen row, and the groups of rows not told apart.

Only complete arms are compared, on the tasks of the macro mean, which all of them have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from pspo_bench.compare import Difference
from pspo_bench.compare.alike import mismatches
from pspo_bench.compare.cells import defect_differences, length_difference
from pspo_bench.compare.differences import macro_difference
from pspo_bench.compare.pairing import PairedTask, paired_tasks
from pspo_bench.config import BASE
from pspo_bench.errors import ConfigError, unknown
from pspo_bench.report.leaderboard.groups import letters
from pspo_bench.report.leaderboard.records import Change, Changes, Row
from pspo_bench.report.leaderboard.rows import ONE_SEED, is_ranked
from pspo_bench.results import Arm
from pspo_bench.stats import LEVEL, holm

AUTO = "auto"
SIGNIFICANT = 0.05
MANY = 60
"""Rows above which groups are not made: the pairs would take minutes, and Holm would leave few of them apart."""

Pair = tuple[Row, Arm]


def chosen(name: str | None, tables: Sequence[Sequence[str]]) -> list[str | None]:
    """For each table, given the names of its rows, the row that the others are held against; None for no such table.

    `name` is that of a row or the beginning of one alone; AUTO stands for the base model where it has a row. Raises
    ConfigError, with the names, where no table has it or it begins several.
    """
    if name is None:
        return [None] * len(tables)
    if name == AUTO:
        return [BASE if BASE in names else None for names in tables]
    found = [_named(name, names) for names in tables]
    if not any(found):
        raise ConfigError(unknown("arm", name, dict.fromkeys(one for names in tables for one in names)))
    return found


def _named(name: str, names: Sequence[str]) -> str | None:
    begun = [name] if name in names else [one for one in names if one.startswith(name)]
    if len(begun) > 1:
        raise ConfigError(f"'{name}' begins several arms: {'; '.join(begun)}; write more of the name")
    return begun[0] if begun else None


def changes(base: str | None, pairs: Sequence[Pair], shared: Sequence[str]) -> Changes | None:
    """Every complete row of `pairs` against the one called `base`; None where there is nothing to compare."""
    arms = {row.objective: _on(arm, shared) for row, arm in pairs if is_ranked(row)}
    if base is None or base not in arms or len(arms) < 2:
        return None
    start = arms.pop(base)
    found = [_change(name, start, arm) for name, arm in arms.items()]
    macro = _over_rows([one.macro for one in found])
    length = _over_rows([one.length for one in found])
    names = dict.fromkeys(metric for one in found for metric in one.defects)
    defects = {metric: _over_rows([one.defects.get(metric) for one in found]) for metric in names}
    rows = [
        Change(one.objective, macro[i], length[i], {m: d for m in names if (d := defects[m][i])})
        for i, one in enumerate(found)
    ]
    unlike = dict.fromkeys(note for arm in arms.values() for note in mismatches(start, arm, shared))
    return Changes(
        base, tuple(rows), (*_tests(rows), *(f"Not run alike: {note.rstrip('.')}." for note in unlike))
    )


def _change(name: str, base: Arm, arm: Arm) -> Change:
    """The macro figures of `compare_arms(base, arm)`, unadjusted; none where a task has no question that both have."""
    paired = _paired(base, arm)
    if paired is None:
        return Change(name, None, None, {})
    return Change(name, _macro(paired), length_difference(paired, LEVEL), defect_differences(paired, LEVEL))


def _paired(base: Arm, arm: Arm) -> list[PairedTask] | None:
    paired = paired_tasks(base, arm)
    return paired if len(paired) == len(base.members[0].scores) else None


def _macro(paired: Sequence[PairedTask]) -> Difference:
    return macro_difference([pair.accuracy() for pair in paired], LEVEL)


def _tests(rows: Sequence[Change]) -> list[str]:
    every = [d for row in rows for d in (row.macro, row.length, *row.defects.values()) if d]
    tests = sorted({difference.test for difference in every if difference.test})
    pairs = "pairs are the same question and, of trained arms, the same seed"
    return [f"Tests: {', '.join(tests)}; {pairs}."] if tests else []


def _over_rows(found: Sequence[Difference | None]) -> list[Difference | None]:
    """One figure of all rows, adjusted over them: the family is what stands in one column."""
    adjusted = holm([difference.p_value if difference else None for difference in found])
    return [d and replace(d, p_adjusted=p) for d, p in zip(found, adjusted, strict=True)]


def lettered(pairs: Sequence[Pair], shared: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows with their letters, and a note on what these rest on."""
    rows = [row for row, _ in pairs]
    ranked = [place for place, row in enumerate(rows) if is_ranked(row)]
    if not 2 <= len(ranked) <= MANY:
        return rows, []
    arms = [_accuracy_alone(_on(pairs[place][1], shared)) for place in ranked]
    couples = list(combinations(range(len(arms)), 2))
    adjusted = holm([_p_value(arms[one], arms[other]) for one, other in couples])
    apart = [couple for couple, p in zip(couples, adjusted, strict=True) if p is not None and p < SIGNIFICANT]
    for place, text in zip(ranked, letters(len(arms), apart), strict=True):
        rows[place] = replace(rows[place], letters=text)
    return rows, [_group_note(len(couples), len(apart), any(ONE_SEED in rows[i].marks for i in ranked))]


def _p_value(one: Arm, other: Arm) -> float | None:
    paired = _paired(one, other)
    return _macro(paired).p_value if paired else None


def _group_note(pairs: int, apart: int, single: bool) -> str:
    """Not being told apart is no proof of being alike."""
    note = (
        f"Group: paired tests of the macro means of all {pairs} pairs of rows, at 5 % after Holm; {apart} told apart. "
        "Rows that are not may still differ"
    )
    return (
        f"{note}; of a row with one seed it is the weights that are compared, not the method."
        if single
        else f"{note}."
    )


def _on(arm: Arm, shared: Sequence[str]) -> Arm:
    """The arm on the tasks of the macro mean."""
    members = [replace(m, scores={task: m.scores[task] for task in shared}) for m in arm.members]
    return replace(arm, members=tuple(members))


def _accuracy_alone(arm: Arm) -> Arm:
    """Without the other figures of each question, which pairing would copy for every pair of rows."""
    members = [
        replace(m, scores={task: replace(score, measures=None) for task, score in m.scores.items()})
        for m in arm.members
    ]
    return replace(arm, members=tuple(members))
