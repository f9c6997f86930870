"""How far raters agree: quadratic-weighted kappa, Krippendorff's alpha, and a judge's scores against yes/no flags.

>>> quadratic_kappa([1, 2, 3, 4], [1, 2, 3, 3])
0.875
>>> alpha([[1, 2, 3, None], [1, 2, 3, 5]])              # raters × items, None: not rated
1.0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pspo_bench.stats import Interval, StatsError, percentile_interval

Level = Literal["nominal", "ordinal", "interval"]
_RESAMPLES = 1000


def quadratic_kappa(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Cohen's kappa with squared distances as weights (1968, doi:10.1037/h0026256); None where chance alone would
    leave nothing to disagree on, or there are no pairs.

    1 - mean squared difference / that of all pairs of a value of one and a value of the other.
    """
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise StatsError(
            f"Ratings of shapes {a.shape} and {b.shape} are not paired; pass one of each per item"
        )
    if a.size == 0:
        return None
    expected = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return None if expected == 0 else 1 - float(((a - b) ** 2).mean()) / expected


def alpha(ratings: Sequence[Sequence[float | None]], level: Level = "ordinal") -> float | None:
    """Krippendorff's alpha of raters × items with gaps: 1 - observed / expected disagreement; None as for kappa.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability" (repository.upenn.edu/asc_papers/43). Items
    that fewer than two raters rated say nothing and are left out.
    """
    if len({len(row) for row in ratings}) > 1:
        raise StatsError("Raters rated lists of different lengths; pass None where one did not rate an item")
    units = [[value for value in column if value is not None] for column in zip(*ratings, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    counts = Counter(value for unit in units for value in unit)
    n = sum(counts.values())
    values = sorted(counts)
    distance = _distances(values, [counts[value] for value in values], level)
    at = {value: place for place, value in enumerate(values)}
    observed = sum(
        sum(distance[at[a], at[b]] for a in unit for b in unit) / (len(unit) - 1) for unit in units
    )
    sizes = np.array([counts[value] for value in values], dtype=np.float64)
    expected = float(sizes @ distance @ sizes) / (n - 1) if n > 1 else 0.0
    return None if expected == 0 else 1 - float(observed) / expected


def _distances(values: Sequence[float], counts: Sequence[int], level: Level) -> np.ndarray:
    """Squared distances between values; ordinal ones count the ratings between two, half of the ends.  (V, V)"""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        places = np.asarray(values, dtype=np.float64)
    else:
        sizes = np.asarray(counts, dtype=np.float64)
        places = np.cumsum(sizes) - sizes / 2
    found: np.ndarray = (places[:, None] - places[None, :]) ** 2
    return found


@dataclass(frozen=True, slots=True)
class FlagAgreement:
    """A judge's scores against one flag. `auc`: the chance that a flagged sample has a lower score than one that is
    not, ties half; ½ is no relation. Means are of the scores; all None where no sample or every one is flagged.
    """

    flag: str
    flagged: int
    unflagged: int
    mean_flagged: float | None
    mean_unflagged: float | None
    auc: float | None
    interval: Interval | None


def against_flag(
    name: str,
    scores: Sequence[float],
    flags: Sequence[bool],
    questions: Sequence[Hashable],
    rng: np.random.Generator,
) -> FlagAgreement:
    """How a judge's scores go with a yes/no column, such as "wrong" or a defect. The interval redraws questions."""
    score, flag = np.asarray(scores, dtype=np.float64), np.asarray(flags, dtype=bool)
    if not score.shape == flag.shape == (len(questions),):
        raise StatsError("Scores, flags and questions have different lengths; pass one of each per sample")
    auc = _auc(score, flag)
    interval = None if auc is None else _auc_interval(score, flag, questions, rng)
    return FlagAgreement(
        flag=name,
        flagged=int(flag.sum()),
        unflagged=int((~flag).sum()),
        mean_flagged=float(score[flag].mean()) if flag.any() else None,
        mean_unflagged=float(score[~flag].mean()) if (~flag).any() else None,
        auc=auc,
        interval=interval,
    )


def _auc(score: np.ndarray, flag: np.ndarray) -> float | None:
    """Mann–Whitney: from the midranks of the unflagged."""
    from scipy.stats import rankdata

    high, low = int((~flag).sum()), int(flag.sum())
    if not high or not low:
        return None
    ranks = rankdata(score)
    return float((ranks[~flag].sum() - high * (high + 1) / 2) / (high * low))


def _auc_interval(
    score: np.ndarray, flag: np.ndarray, questions: Sequence[Hashable], rng: np.random.Generator
) -> Interval | None:
    rows: dict[Hashable, list[int]] = {}
    for place, question in enumerate(questions):
        rows.setdefault(question, []).append(place)
    groups = [np.array(places) for places in rows.values()]
    found = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        value = _auc(score[drawn], flag[drawn])
        if value is not None:
            found.append(value)
    return percentile_interval(found)
