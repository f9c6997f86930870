"""How a figure is written in the tables, and its fields in CSV. What cannot be had is –, in CSV empty."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from pspo_bench.compare import Difference
from pspo_bench.report.leaderboard.records import AtK, Cell, Row
from pspo_bench.report.text import NONE, percent, percent_with_half

Value: TypeAlias = str | float | None

WRONG = "arith_wrong"
"""The metric of single solutions that the tables show; JSON and CSV have all that were kept."""


def cell_text(cell: Cell | None) -> str:
    """`39.7 ± 2.6` per cent; – for no cell."""
    if cell is None:
        return NONE
    return percent_with_half(cell.score, cell.interval.half if cell.interval else None)


def cell_fields(name: str, cell: Cell | None) -> dict[str, Value]:
    interval = cell.interval if cell else None
    return {
        f"{name}_accuracy": cell.score if cell else None,
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
    }


def rank_text(row: Row) -> str:
    return "reported" if row.reported else whole_text(row.rank)


def seeds_text(row: Row) -> str:
    return (NONE if row.reported or row.seeds == (None,) else str(len(row.seeds))) + row.marks


def tokens_text(row: Row) -> str:
    """The median length; ≥ where half or more were cut, so that the median is only a bound."""
    if row.median_tokens is None:
        return NONE
    bound = "≥ " if (row.truncation_rate or 0) >= 0.5 else ""
    return f"{bound}{row.median_tokens:.0f}"


def at_text(found: AtK | None) -> str:
    if found is None:
        return NONE
    return percent_with_half(found.score, found.interval.half if found.interval else None)


def wrong_text(row: Row) -> str:
    found = row.defects.get(WRONG)
    return percent(found.mean if found else None)


def whole_text(value: int | None) -> str:
    return NONE if value is None else str(value)


def amount_text(value: float | None) -> str:
    """`950`, `42.4k`, `1.2M`."""
    if value is None:
        return NONE
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}"


def points(fraction: float) -> str:
    return f"{100 * fraction:+.1f}"


def growth(log_ratio: float) -> str:
    return f"{100 * math.expm1(log_ratio):+.1f}"


def change_text(found: Difference | None, shown_as: Callable[[float], str]) -> str:
    """`+7.8 [+5.6, +9.9]`; – where so little is shared that nothing says how sure the difference is."""
    if found is None or found.difference is None or found.interval is None or not found.interval.half:
        return NONE
    low, high = shown_as(found.interval.low), shown_as(found.interval.high)
    return f"{shown_as(found.difference)} [{low}, {high}]"


def p_text(found: Difference | None) -> str:
    p = found.p_adjusted if found else None
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def difference_fields(name: str, found: Difference | None) -> dict[str, Value]:
    interval = found.interval if found else None
    return {
        name: found.difference if found else None,
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
        f"{name}_p": found.p_value if found else None,
        f"{name}_p_holm": found.p_adjusted if found else None,
    }
