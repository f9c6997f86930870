"""Arms → rows, with their names and ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from pspo_bench.config import BASE
from pspo_bench.report.leaderboard import scores
from pspo_bench.report.leaderboard.cautions import MARK, cautions_of
from pspo_bench.report.leaderboard.records import Row
from pspo_bench.results import Arm, labels_of
from pspo_bench.store import natural_key

ONE_SEED, INCOMPLETE = "†", "‡"


def rows_of(arms: Sequence[Arm], shared: Sequence[str]) -> list[tuple[Row, Arm]]:
    """The rows in the order of the table, each with its arm."""
    ks = {name: scores.common_k(arms, shared, name) for name in ("pass_at", "maj_at")}
    labels = labels_of(arms)
    made = [(_row(arm, label, shared, ks), arm) for arm, label in zip(arms, labels, strict=True)]
    return _ranked(made)


def _row(arm: Arm, label: str, shared: Sequence[str], ks: dict[str, int | None]) -> Row:
    cells, macro = scores.accuracies(arm, shared)
    scored = [(m, score) for m in arm.members for score in m.scores.values()]
    used = [(m, score) for m, score in scored if score.task in shared] or scored
    lengths = [n for m, score in used for n in score.lengths(m.tasks[score.task].max_tokens)]
    n = sum(sum(score.samples) for _, score in used)
    warnings = cautions_of(arm)
    marks = ONE_SEED if arm.objective != BASE and len(arm.members) == 1 else ""
    marks += "" if all(m.complete for m in arm.members) else INCOMPLETE
    return Row(
        objective=label,
        rank=None,
        seeds=tuple(m.seed for m in arm.members),
        temperature=arm.temperature,
        cells=cells,
        macro=macro,
        median_tokens=median(lengths) if lengths else None,
        truncation_rate=sum(sum(score.truncated) for _, score in used) / n if n else None,
        completed_only=scores.completed_only(score for _, score in used),
        n_samples=n,
        pass_at=scores.at_k(arm, shared, "pass_at", ks["pass_at"]),
        maj_at=scores.at_k(arm, shared, "maj_at", ks["maj_at"]),
        defects=scores.defects(arm, shared),
        cost=scores.cost(arm),
        marks=marks + (MARK if warnings else ""),
        warnings=warnings,
    )


def is_ranked(row: Row) -> bool:
    return row.macro is not None and row.reported is None and INCOMPLETE not in row.marks


def _ranked(rows: Sequence[tuple[Row, Arm]]) -> list[tuple[Row, Arm]]:
    """By macro mean, ties at the printed precision sharing a rank; rows that cannot be ranked come last.

    Ties stand by name, so that a table does not depend on the order in which its runs were found.
    """
    able = [(row, arm) for row, arm in rows if is_ranked(row)]
    able.sort(key=lambda pair: (-_printed(pair[0]), natural_key(pair[0].objective)))
    printed = [_printed(row) for row, _ in able]
    ranked = [(replace(row, rank=1 + sum(p > _printed(row) for p in printed)), arm) for row, arm in able]
    return [*ranked, *((row, arm) for row, arm in rows if not is_ranked(row))]


def _printed(row: Row) -> float:
    assert row.macro is not None
    return round(100 * row.macro.score, 1)
