"""What the statistics share: the interval, the error, quantiles, and counts that are checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pspo_bench.errors import PspoBenchError

Floats: TypeAlias = NDArray[np.float64]
LEVEL = 0.95


class StatsError(PspoBenchError, ValueError):
    """Numbers were passed that no data can give, such as more successes than trials."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval and the method that made it."""

    low: float
    high: float
    method: str

    @property
    def half(self) -> float:
        """Half the width: the ± of a table."""
        return (self.high - self.low) / 2


def checked_counts(correct: ArrayLike, samples: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    right, drawn = np.asarray(correct, dtype=np.int64), np.asarray(samples, dtype=np.int64)
    if right.shape != drawn.shape:
        raise StatsError(
            f"Counts of shapes {right.shape} and {drawn.shape} differ; pass one per question each"
        )
    if bool((right < 0).any() or (right > drawn).any()):
        raise StatsError("A question has more correct samples than samples; check the counts")
    return right, drawn


def checked_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise StatsError(f"{name} = {value} is no share; pass a number from 0 to 1")


@lru_cache
def z_quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


@lru_cache
def t_quantile(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


def t_tail(t: float, df: float) -> float:
    """Two-sided p-value of a Student t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))
