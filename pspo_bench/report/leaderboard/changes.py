"""The rows of a table against one another: differences from a chosen row, and the groups of rows not told apart.

Only complete arms are compared, on the tasks of the macro mean, which all of them have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from pspo_bench.compare import Comparison, Contest, Difference, comparisons
from pspo_bench.compare.differences import macro_difference
from pspo_bench.compare.pairing import paired_tasks
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
    others = tuple((name, arm) for name, arm in arms.items() if name != base)
    found = comparisons(Contest((base, arms[base]), others))
    macro = _over_rows([one.macro for one in found])
    length = _over_rows([one.macro_length for one in found])
    names = dict.fromkeys(metric for one in found for metric in one.macro_defects)
    defects = {metric: _over_rows([one.macro_defects.get(metric) for one in found]) for metric in names}
    rows = [
        Change(name, macro[i], length[i], {m: d for m in names if (d := defects[m][i])})
        for i, (name, _) in enumerate(others)
    ]
    return Changes(base, tuple(rows), tuple(_notes(found)))


def _over_rows(found: Sequence[Difference | None]) -> list[Difference | None]:
    """One figure of all rows, adjusted over them: the family is what stands in one column."""
    adjusted = holm([difference.p_value if difference else None for difference in found])
    return [d and replace(d, p_adjusted=p) for d, p in zip(found, adjusted, strict=True)]


def _notes(found: Sequence[Comparison]) -> list[str]:
    every = [d for one in found for d in (one.macro, one.macro_length, *one.macro_defects.values()) if d]
    tests = sorted({difference.test for difference in every if difference.test})
    unlike = dict.fromkeys(sentence for one in found for sentence in one.mismatches)
    return [
        *(
            [f"Tests: {', '.join(tests)}; pairs are the same question and, of trained arms, the same seed."]
            if tests
            else []
        ),
        *(f"Not run alike: {sentence.rstrip('.')}." for sentence in unlike),
    ]


def lettered(pairs: Sequence[Pair], shared: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows with their letters, and a note on what these rest on."""
    rows = [row for row, _ in pairs]
    ranked = [place for place, row in enumerate(rows) if is_ranked(row)]
    if not 2 <= len(ranked) <= MANY:
        return rows, []
    arms = [_on(pairs[place][1], shared) for place in ranked]
    couples = list(combinations(range(len(arms)), 2))
    adjusted = holm([_p_value(arms[one], arms[other]) for one, other in couples])
    apart = [couple for couple, p in zip(couples, adjusted, strict=True) if p is not None and p < SIGNIFICANT]
    for place, text in zip(ranked, letters(len(arms), apart), strict=True):
        rows[place] = replace(rows[place], letters=text)
    return rows, [_group_note(len(couples), len(apart), any(ONE_SEED in rows[i].marks for i in ranked))]


def _p_value(one: Arm, other: Arm) -> float | None:
    """The p-value of `compare_arms(one, other).macro`, without the rest of a comparison."""
    return macro_difference([pair.accuracy() for pair in paired_tasks(one, other)], LEVEL).p_value


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
