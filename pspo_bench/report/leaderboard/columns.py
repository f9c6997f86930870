"""What a row shows, declared once: a header, a text for the tables, fields for CSV, and what the header means.

A new figure is one `Column` in `row_columns` or `change_columns`; every form takes it from there. Columns that are
`optional` stand in a table only where some row has a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pspo_bench.compare import Difference
from pspo_bench.report.leaderboard import texts
from pspo_bench.report.leaderboard.records import AtK, Change, Row
from pspo_bench.report.leaderboard.texts import WRONG, Value
from pspo_bench.report.text import NONE, percent

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """`header` is empty for fields that only the data forms have. `aside`: about what was spent and written, not about
    scores; forms that are short of room show these columns in a table of their own.
    """

    header: str
    text: Callable[[R], str]
    fields: Callable[[R], Mapping[str, Value]]
    meaning: str = ""
    left: bool = False
    aside: bool = False
    optional: bool = False


def row_columns(tasks: Sequence[str], rows: Sequence[Row]) -> list[Column[Row]]:
    """The columns of measured and reported rows; `rows` say what k and which defects there are."""
    return [
        Column("rank", texts.rank_text, lambda row: {"rank": row.rank}, "ties share a rank"),
        Column("objective", lambda row: row.objective, lambda row: {"objective": row.objective}, left=True),
        Column("seeds", texts.seeds_text, lambda row: {"seeds": len(row.seeds) or None}),
        _data(lambda row: {"temperature": row.temperature, "reported": row.reported}),
        *(_score(task) for task in tasks),
        Column(
            "macro",
            lambda row: texts.cell_text(row.macro),
            lambda row: texts.cell_fields("macro", row.macro),
            "plain mean over tasks",
            optional=True,
        ),
        Column(
            "group",
            lambda row: row.letters or NONE,
            lambda row: {"group": row.letters},
            "rows that share a letter are not told apart",
            optional=True,
        ),
        _at(
            "pass", lambda row: row.pass_at, rows, "share of questions that at least one of k samples solves"
        ),
        _at("maj", lambda row: row.maj_at, rows, "accuracy of the majority vote of k samples"),
        *_aside(rows),
    ]


def _aside(rows: Sequence[Row]) -> list[Column[Row]]:
    return [
        Column(
            "tokens",
            texts.tokens_text,
            lambda row: {"median_tokens": row.median_tokens},
            "median completion length",
            aside=True,
            optional=True,
        ),
        Column(
            "cut %",
            lambda row: percent(row.truncation_rate),
            lambda row: {"truncation_rate": row.truncation_rate},
            "share of samples truncated at max_tokens",
            aside=True,
            optional=True,
        ),
        Column(
            "uncut",
            lambda row: percent(row.completed_only),
            lambda row: {"completed_only": row.completed_only},
            "macro over the samples that were not",
            aside=True,
            optional=True,
        ),
        Column(
            "samples",
            lambda row: texts.whole_text(row.n_samples),
            lambda row: {"samples": row.n_samples},
            aside=True,
            optional=True,
        ),
        _data(
            lambda row: {"marks": row.marks, "warnings": "; ".join(warning.name for warning in row.warnings)}
        ),
        Column(
            "wrong /100",
            texts.wrong_text,
            lambda row: {},
            "wrong calculations in 100 solutions that show any which can be checked",
            aside=True,
            optional=True,
        ),
        *(_defect(name) for name in sorted({name for row in rows for name in row.defects})),
        *(
            _cost(*which)
            for which in (
                ("eval tokens", "evaluation_tokens", "generated for the scores of one seed"),
                ("train tokens", "training_tokens", "generated in the training of one seed"),
                ("train s", "training_s", "seconds of the training of one seed, on whatever machine it ran"),
            )
        ),
    ]


def change_columns(base: str, changes: Sequence[Change]) -> list[Column[Change]]:
    """The columns of the rows against the row called `base`, named in the CSV fields as well."""
    names = sorted({name for change in changes for name in change.defects})
    return [
        Column("objective", lambda change: change.objective, lambda _: {"against": base}, left=True),
        *_difference("Δ macro", "macro_change", lambda c: c.macro, texts.points, "accuracy, in points"),
        *_difference(
            "Δ length %",
            "log_length_change",
            lambda c: c.length,
            texts.growth,
            "of the tokens of what both solve, the mean of its logarithm",
        ),
        *_difference(
            "Δ wrong /100",
            "",
            lambda c: c.defects.get(WRONG),
            texts.points,
            "wrong calculations in 100 solutions",
        ),
        *(_data(_defect_fields(name)) for name in names),
    ]


def shown(columns: Sequence[Column[R]], rows: Sequence[R]) -> list[Column[R]]:
    """Those that a table of `rows` has."""
    return [
        column
        for column in columns
        if column.header and not (column.optional and all(column.text(row) in (NONE, "") for row in rows))
    ]


# Kinds of columns


def _data(fields: Callable[[R], Mapping[str, Value]]) -> Column[R]:
    return Column("", lambda row: "", fields)


def _score(task: str) -> Column[Row]:
    return Column(
        task,
        lambda row: texts.cell_text(row.cells.get(task)),
        lambda row: texts.cell_fields(task, row.cells.get(task)),
    )


def _at(name: str, of: Callable[[Row], AtK | None], rows: Sequence[Row], meaning: str) -> Column[Row]:
    k = next((found.k for row in rows if (found := of(row))), None)

    def fields(row: Row) -> dict[str, Value]:
        found = of(row)
        interval = found.interval if found else None
        return {
            f"{name}_k": found.k if found else None,
            f"{name}_at_k": found.score if found else None,
            f"{name}_at_k_low": interval.low if interval else None,
            f"{name}_at_k_high": interval.high if interval else None,
        }

    return Column(
        f"{name}@{k}" if k else f"{name}@k",
        lambda row: texts.at_text(of(row)),
        fields,
        meaning.replace(" k ", f" {k} "),
        optional=True,
    )


def _defect(name: str) -> Column[Row]:
    def fields(row: Row) -> dict[str, Value]:
        found = row.defects.get(name)
        return {name: found.mean if found else None, f"{name}_coverage": found.coverage if found else None}

    return _data(fields)


def _cost(header: str, name: str, meaning: str) -> Column[Row]:
    def amount(row: Row) -> float | None:
        found: float | None = getattr(row.cost, name)
        return found

    return Column(
        header,
        lambda row: texts.amount_text(amount(row)),
        lambda row: {name: amount(row)},
        meaning,
        aside=True,
        optional=True,
    )


def _difference(
    header: str,
    field: str,
    of: Callable[[Change], Difference | None],
    shown_as: Callable[[float], str],
    meaning: str,
) -> list[Column[Change]]:
    """The difference with its interval, and beside it its p-value."""
    fields = (lambda change: texts.difference_fields(field, of(change))) if field else (lambda change: {})
    return [
        Column(
            header, lambda change: texts.change_text(of(change), shown_as), fields, meaning, optional=True
        ),
        Column("p", lambda change: texts.p_text(of(change)), lambda change: {}, optional=True),
    ]


def _defect_fields(name: str) -> Callable[[Change], dict[str, Value]]:
    return lambda change: texts.difference_fields(f"{name}_change", change.defects.get(name))
