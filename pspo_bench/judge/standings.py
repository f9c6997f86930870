"""Judged pairs → win rates, Bradley–Terry strengths, flip rates and the figures at equal length, by stratum.

All intervals are of one bootstrap over questions, then seeds (`bradley_terry.bootstrap`). Strengths are differences
to the first arm: log-odds of winning against it. With two arms and 75 wins to 25 that is log 3.

At equal length there is a figure only where it need not be extrapolated: each of two arms must have had the longer text
in LEAST_LONGER of their pairs (or all were of one length). Where one arm is nearly always the longer one, what the
judge thinks of it and what it thinks of length cannot be told apart, and the regression would return a number with a
narrow interval all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pspo_bench.judge.bradley_terry import Fit, Games, bootstrap
from pspo_bench.judge.reply import FIRST, SECOND
from pspo_bench.stats import Floats, Interval, percentile_interval

if TYPE_CHECKING:
    from pspo_bench.judge.arena import Judged

STRATA = ("both correct", "both wrong", "mixed")
"""The first is the primary one."""
RESAMPLES = 1000
LEAST_LONGER = 0.05


@dataclass(frozen=True, slots=True)
class Duel:
    """Two arms in one stratum. `win_rate` is of the first, ties half; `controlled` the same at equal length.

    Of the `pairs`, `identical` had equal texts (ties, not asked), `invalid` at least one reply that was none, and
    `unasked` were not reached before a cap. `flip_rate` is among the pairs that were validly asked.
    """

    first: str
    second: str
    pairs: int
    wins: int
    ties: int
    losses: int
    identical: int
    invalid: int
    unasked: int
    flip_rate: float | None
    win_rate: float | None
    interval: Interval | None
    controlled: float | None
    controlled_interval: Interval | None
    mean_length_difference: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An arm's Bradley–Terry log-strength less that of the first arm, raw and at equal length."""

    arm: str
    strength: float | None
    interval: Interval | None
    controlled: float | None
    controlled_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Stratum:
    """`first_place`: the share of the calls naming a winner that named the text shown first; ½ is no bias.
    `length_effect`: the coefficient of the gap in length; above 0 longer texts win.
    """

    name: str
    duels: list[Duel]
    standings: list[Standing]
    flip_rate: float | None
    first_place: float | None
    length_effect: float | None
    length_interval: Interval | None


def strata_of(rows: Sequence[Judged], arms: Sequence[str], seed: int = 0) -> list[Stratum]:
    """Every stratum that has pairs."""
    found = []
    for name in STRATA:
        chosen = [row for row in rows if row.pair.stratum == name]
        if chosen:
            found.append(_stratum(name, chosen, arms, np.random.default_rng(seed)))
    return found


def _stratum(name: str, rows: Sequence[Judged], arms: Sequence[str], rng: np.random.Generator) -> Stratum:
    known = [row for row in rows if row.score is not None]
    fitted = _Fitted.of(known, arms, rng)
    n = len(arms)
    level = all(_overlap([row for row in known if _arms(row) == pair]) for pair in combinations(arms, 2))
    effect = fitted.at(2 * n) if level else (None, None)
    return Stratum(
        name=name,
        duels=[
            _duel(chosen, one, other, fitted, place)
            for place, (one, other) in enumerate(combinations(arms, 2))
            if (chosen := [row for row in rows if _arms(row) == (one, other)])
        ],
        standings=[
            Standing(arm, *fitted.at(place), *(fitted.at(n + place) if level else (None, None)))
            for place, arm in enumerate(arms)
        ],
        flip_rate=_flip_rate(rows),
        first_place=_first_place(rows),
        length_effect=effect[0],
        length_interval=effect[1],
    )


def _overlap(rows: Sequence[Judged]) -> bool:
    """Whether each arm was often enough the longer one to speak of equal length; no pairs are no hindrance."""
    gaps = [row.length_difference for row in rows]
    least = min(sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps))
    return not any(gaps) or least >= LEAST_LONGER * len(gaps)


def _arms(row: Judged) -> tuple[str, str]:
    return row.pair.first.arm, row.pair.second.arm


@dataclass(frozen=True, slots=True)
class _Fitted:
    """All estimates of a stratum in one row, and their replicates: strengths, strengths at equal length, the effect of
    length, then for each pair of arms the win rate and that at equal length. nan where there were no games.
    """

    values: Floats
    replicates: Floats
    n_arms: int

    @classmethod
    def of(cls, rows: Sequence[Judged], arms: Sequence[str], rng: np.random.Generator) -> _Fitted:
        n, duels = len(arms), list(combinations(range(len(arms)), 2))
        if not rows:
            return cls(np.full(2 * n + 1 + 2 * len(duels), np.nan), np.empty((0, 0)), n)
        games = _games(rows, arms)
        raw, controlled = Fit.of(games, n), Fit.of(games, n, length=True)
        of_duel = np.array([duels.index((i, j)) for i, j in zip(games.first, games.second, strict=True)])
        played = np.isin(np.arange(n), np.concatenate([games.first, games.second]))

        def estimates(weights: Floats) -> Floats:
            s, c = raw(weights), controlled(weights)
            total = np.bincount(of_duel, weights, len(duels))
            won = np.bincount(of_duel, weights * games.score, len(duels))
            with np.errstate(invalid="ignore"):
                rates = won / total
            level = np.array([1 / (1 + np.exp(c[j] - c[i])) for i, j in duels])
            level[total == 0] = np.nan
            bare = [np.where(played, x - x[0], np.nan) for x in (s, c[:n])]
            return np.concatenate([*bare, c[n:], rates, level])

        replicates = bootstrap(games, estimates, rng, RESAMPLES)
        return cls(estimates(np.ones(games.score.size)), replicates, n)

    def at(self, place: int) -> tuple[float | None, Interval | None]:
        """The estimate at a place of the row, with its interval."""
        value = float(self.values[place])
        if np.isnan(value):
            return None, None
        return value, percentile_interval(self.replicates[:, place]) if self.replicates.size else None


def _games(rows: Sequence[Judged], arms: Sequence[str]) -> Games:
    at = {arm: place for place, arm in enumerate(arms)}
    return Games.of(
        [at[row.pair.first.arm] for row in rows],
        [at[row.pair.second.arm] for row in rows],
        [row.score if row.score is not None else 0.5 for row in rows],
        [row.length_difference for row in rows],
        [row.pair.first.question_key for row in rows],
        [(row.pair.first.seed, row.pair.second.seed) for row in rows],
    )


def _duel(rows: Sequence[Judged], first: str, second: str, fitted: _Fitted, place: int) -> Duel:
    known = [row for row in rows if row.score is not None]
    start = 2 * fitted.n_arms + 1
    n_duels = (len(fitted.values) - start) // 2
    rate, interval = fitted.at(start + place)
    level, level_interval = fitted.at(start + n_duels + place) if _overlap(known) else (None, None)
    lengths = [row.length_difference for row in known]
    return Duel(
        first=first,
        second=second,
        pairs=len(rows),
        wins=sum(row.score == 1 for row in known),
        ties=sum(row.score == 0.5 for row in known),
        losses=sum(row.score == 0 for row in known),
        identical=sum(row.identical for row in rows),
        invalid=sum(row.asked and row.score is None for row in rows),
        unasked=sum(not row.asked for row in rows),
        flip_rate=_flip_rate(rows),
        win_rate=rate,
        interval=interval,
        controlled=level,
        controlled_interval=level_interval,
        mean_length_difference=sum(lengths) / len(lengths) if lengths else None,
    )


def _flip_rate(rows: Sequence[Judged]) -> float | None:
    asked = [row for row in rows if row.score is not None and not row.identical]
    return sum(row.flipped for row in asked) / len(asked) if asked else None


def _first_place(rows: Sequence[Judged]) -> float | None:
    named = [winner for row in rows for winner in (row.forward, row.backward) if winner in (FIRST, SECOND)]
    return named.count(FIRST) / len(named) if named else None
