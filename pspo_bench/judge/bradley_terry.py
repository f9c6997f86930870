"""Bradley–Terry strengths from games with ties, raw and at equal length, with a bootstrap.

    P(i beats j) = 1 / (1 + exp(-(s_i - s_j)))                        Bradley & Terry 1952, doi:10.2307/2334029
    P(i beats j) = 1 / (1 + exp(-(s_i - s_j + b * gap)))              gap = tanh((length_i - length_j) / sd), sd about 0

A tie is half a win for each. The second line follows length-controlled AlpacaEval (arXiv 2404.04475), which adds a
term of length to the logistic regression and reads off the win rate at a gap of 0. Deviations: its term for how hard an
instruction is for the baseline is left out (it is fitted on the judgements of many models, which we have not), and the
games of all arms are fitted together. Both fits are penalised by RIDGE / 2 times the sum of squares, so that an arm
that wins every game has a finite strength; 75 wins against 25 give log 3 less 0.0003. The coefficient b is penalised a
hundredth as much: where length alone explains every game, it shall, and not the arm that is longer more often.

    >>> s = Fit.of(Games.of([0] * 100, [1] * 100, [1.0] * 75 + [0.0] * 25), 2)()
    >>> round(float(s[0] - s[1]), 2)                                    # log 3 = 1.0986
    1.1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pspo_bench.stats import Floats

Ints: TypeAlias = NDArray[np.intp]

RIDGE = 0.01
LENGTH_RIDGE = RIDGE / 100
_STEPS = 100
_TOLERANCE = 1e-9
_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class Games:
    """Games of arm `first` against arm `second`, all of shape (G,). `score`: 1, ½ or 0 for the first; `gap`: how much
    longer the first was, as above; `question` and `seed` number what the bootstrap draws.
    """

    first: Ints
    second: Ints
    score: Floats
    gap: Floats
    question: Ints
    seed: Ints

    @classmethod
    def of(
        cls,
        first: Sequence[int],
        second: Sequence[int],
        score: Sequence[float],
        length_difference: Sequence[float] | None = None,
        question: Sequence[Any] | None = None,
        seed: Sequence[Any] | None = None,
    ) -> Games:
        """Without questions each game is its own; without seeds all are of one."""
        size = len(score)
        return cls(
            np.asarray(first, dtype=np.intp),
            np.asarray(second, dtype=np.intp),
            np.asarray(score, dtype=np.float64),
            _gap(np.asarray(length_difference if length_difference is not None else [0.0] * size, float)),
            _codes(question if question is not None else range(size)),
            _codes(seed if seed is not None else [0] * size),
        )


def _gap(difference: Floats) -> Floats:
    spread = float(np.sqrt((difference**2).mean())) if difference.size else 0.0
    return np.tanh(difference / spread) if spread else difference


def _codes(values: Sequence[Any]) -> Ints:
    index: dict[Any, int] = {}
    return np.fromiter((index.setdefault(v, len(index)) for v in values), dtype=np.intp, count=len(values))


@dataclass(frozen=True, slots=True)
class Fit:
    """Ridge logistic regression of games, equal ones grouped once for all replicates of a bootstrap.

    `fit(weights)` gives the log-strengths (n_arms,), with mean 0, and with `length` the coefficient of the gap behind
    them (n_arms + 1,).
    """

    rows: Floats  # (R, values): +1 for the first arm, -1 for the second, the gap
    score: Floats  # (R,)
    group: Ints  # (G,): the row of each game
    ridge: Floats  # (values,)

    @classmethod
    def of(cls, games: Games, n_arms: int, *, length: bool = False) -> Fit:
        design = np.zeros((games.score.size, n_arms + length))
        each = np.arange(games.score.size)
        design[each, games.first] += 1
        design[each, games.second] -= 1
        if length:
            design[:, n_arms] = games.gap
        rows, group = np.unique(np.column_stack([design, games.score]), axis=0, return_inverse=True)
        ridge = np.array([RIDGE] * n_arms + [LENGTH_RIDGE] * length)
        return cls(rows[:, :-1], rows[:, -1], group.ravel(), ridge)

    def __call__(self, weights: Floats | None = None) -> Floats:
        """Newton's method with step halving; the penalised loss is strictly convex, so there is one solution."""
        count = np.bincount(self.group, weights=weights, minlength=self.score.size).astype(np.float64)
        found = np.zeros(self.rows.shape[1])
        loss = self._loss(found, count)
        for _ in range(_STEPS):
            p = 1 / (1 + np.exp(-(self.rows @ found)))
            gradient = self.rows.T @ (count * (p - self.score)) + self.ridge * found
            if float(np.abs(gradient).max(initial=0.0)) < _TOLERANCE:
                break
            curvature = (self.rows * (count * p * (1 - p))[:, None]).T @ self.rows + np.diag(self.ridge)
            step, share = np.linalg.solve(curvature, gradient), 1.0
            while (tried := self._loss(found - share * step, count)) > loss and share > _SMALLEST_SHARE:
                share /= 2
            found, loss = found - share * step, tried
        return found

    def _loss(self, found: Floats, count: Floats) -> float:
        z = self.rows @ found
        losses = np.logaddexp(0, z) - self.score * z
        return float(count @ losses + self.ridge @ found**2 / 2)


def bootstrap(
    games: Games, statistic: Callable[[Floats], Floats], rng: np.random.Generator, resamples: int = 1000
) -> Floats:
    """Replicates of `statistic(weights)`, questions and seeds both drawn anew.  (resamples, values)

    The two are crossed, as in `stats.bootstrap_scores`: one draw of questions serves all seeds and pairs of arms. With
    one seed only the questions are drawn.
    """
    n_questions = int(games.question.max(initial=-1)) + 1
    n_seeds = int(games.seed.max(initial=-1)) + 1
    found = []
    for _ in range(resamples if n_questions > 1 else 0):
        asked = np.bincount(rng.integers(n_questions, size=n_questions), minlength=n_questions)
        seeds = np.bincount(rng.integers(n_seeds, size=n_seeds), minlength=n_seeds)
        weights = (asked[games.question] * seeds[games.seed]).astype(np.float64)
        if weights.any():
            found.append(statistic(weights))
    return np.array(found)
