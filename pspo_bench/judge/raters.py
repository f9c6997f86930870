"""Human ratings against each other and against the judge.

lines = agreements(read_key(folder / "key.json"), {"ann": ratings, "bob": ratings}, judge)
lines[0]        # AgreementLine(column="validity", raters=2, items=50, alpha=0.71, human_kappa=0.72, judge_kappa=0.55)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from pspo_bench.errors import DataError
from pspo_bench.judge.agreement import alpha, quadratic_kappa
from pspo_bench.judge.sheets import BETTER, Key, rated_columns

Ratings = Mapping[str, Mapping[str, float]]
"""Item → column → rating."""
JUDGED_FILES = {"rubric": "scores.jsonl", "arena": "pairs.jsonl"}


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """One column. `alpha` is Krippendorff's (ordinal) of the humans; kappas are quadratic-weighted, the mean over pairs
    of humans, and over humans against the judge. `items` had a rating, `judged_items` one of the judge beside.
    """

    column: str
    raters: int
    items: int
    alpha: float | None
    human_kappa: float | None
    judged_items: int
    judge_kappa: float | None


def agreements(key: Key, humans: Mapping[str, Ratings], judge: Ratings | None) -> list[AgreementLine]:
    """Every column that raters filled in."""
    return [_line(column, key, humans, judge or {}) for column in rated_columns(key.kind)]


def _line(column: str, key: Key, humans: Mapping[str, Ratings], judge: Ratings) -> AgreementLine:
    table = [[ratings.get(item, {}).get(column) for item in key.items] for ratings in humans.values()]
    judged = [judge.get(item, {}).get(column) for item in key.items]
    rated = [any(row[place] is not None for row in table) for place in range(len(key.items))]
    return AgreementLine(
        column=column,
        raters=len(humans),
        items=sum(rated),
        alpha=alpha(table),
        human_kappa=_mean(_kappa(one, other) for one, other in combinations(table, 2)),
        judged_items=sum(there and value is not None for there, value in zip(rated, judged, strict=True)),
        judge_kappa=_mean(_kappa(row, judged) for row in table),
    )


def _kappa(one: Sequence[float | None], other: Sequence[float | None]) -> float | None:
    both = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return quadratic_kappa([a for a, _ in both], [b for _, b in both])


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def judge_ratings(key: Key, folder: Path) -> dict[str, dict[str, float]]:
    """What the judge said of the key's items, from the files that `judge rubric` or `judge arena` wrote.

    Raises DataError if the folder lacks them.
    """
    path = folder / JUDGED_FILES[key.kind]
    said: dict[str, dict[str, float]] = {}
    for row in _lines(path):
        if key.kind == "rubric" and row["scores"] is not None:
            said[_text(row["sample"])] = row["scores"]
        elif key.kind == "arena" and row["score"] is not None:
            preference = 2 * row["score"] - 1
            said[_text(row["first"], row["second"])] = {BETTER: preference}
            said[_text(row["second"], row["first"])] = {BETTER: -preference}
    places = {
        item: _text(secret) if key.kind == "rubric" else _text(secret["first"], secret["second"])
        for item, secret in key.items.items()
    }
    return {item: said[place] for item, place in places.items() if place in said}


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise DataError(
            f"Cannot read the judge's opinions in {path}: {error}; pass the folder that judge rubric or arena wrote"
        ) from error


def _text(*places: Mapping[str, Any]) -> str:
    return json.dumps(places, sort_keys=True)
