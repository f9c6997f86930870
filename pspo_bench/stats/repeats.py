"""Several samples of a question: pass@k and maj@k."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache

from pspo_bench.stats.core import LEVEL, Interval, StatsError
from pspo_bench.stats.intervals import clustered_proportion


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Unbiased pass@k of a question with `c` of `n` samples correct; None if n < k.

    1 - C(n-c, k) / C(n, k), Chen et al. 2021, arXiv 2107.03374, eq. 1; exact integers, no overflow.
    """
    if not 0 <= c <= n or k < 1:
        raise StatsError(f"pass@{k} of {c} correct among {n} is impossible; pass 0 <= c <= n and k >= 1")
    return None if n < k else 1 - math.comb(n - c, k) / math.comb(n, k)


def maj_at_k(votes: Sequence[Hashable | None], correct: Sequence[bool], k: int) -> float | None:
    """Expected score of a majority vote among k of the n samples of a question; None if n < k.

    Self-consistency (arXiv 2203.11171). Samples without an answer (vote None) do not vote; answers tied
    for most votes share the win; where nobody votes the score is 0. Exact over all C(n, k) subsets.
    An answer whose samples were judged both ways counts by its share of correct ones.
    """
    n = len(votes)
    if len(correct) != n or k < 1:
        raise StatsError(
            f"{n} votes and {len(correct)} verdicts with k={k}; pass one verdict per vote and k >= 1"
        )
    if n < k:
        return None
    sizes = Counter(vote for vote in votes if vote is not None)
    right = Counter(vote for vote, ok in zip(votes, correct, strict=True) if ok and vote is not None)
    blanks = n - sum(sizes.values())
    total = 0.0
    for vote, hits in right.items():
        others = tuple(sorted(size for other, size in sizes.items() if other != vote))
        total += _win_share(sizes[vote], others, blanks, k) * hits / sizes[vote]
    return min(total, 1.0)  # a sum of rounded shares may pass 1 by an ulp


@lru_cache(maxsize=100_000)
def _win_share(own: int, others: tuple[int, ...], blanks: int, k: int) -> float:
    """Expected share of the win of an answer with `own` votes when k of all votes and blanks are drawn."""
    if k == own + sum(others) + blanks:
        top = max(others, default=0)
        return 0.0 if own < top else 1 / (1 + others.count(own))
    wins = 0.0
    for m in range(1, min(own, k) + 1):
        ways = _ways_up_to(m, others, k - m)
        share = sum(
            count * math.comb(blanks, k - m - drawn) / (1 + tied) for (drawn, tied), count in ways.items()
        )
        wins += math.comb(own, m) * share
    return wins / math.comb(own + sum(others) + blanks, k)


def _ways_up_to(m: int, sizes: Iterable[int], budget: int) -> dict[tuple[int, int], int]:
    """(votes drawn, answers with exactly m) → number of ways; at most m from an answer, `budget` in all."""
    ways = {(0, 0): 1}
    for size in sizes:
        longer: Counter[tuple[int, int]] = Counter()
        for (drawn, tied), count in ways.items():
            for j in range(min(size, m, budget - drawn) + 1):
                longer[drawn + j, tied + (j == m)] += count * math.comb(size, j)
        ways = dict(longer)
    return ways


def pass_at_k_interval(
    samples: Sequence[int], correct: Sequence[int], k: int, level: float = LEVEL
) -> tuple[float, Interval | None] | None:
    """Mean pass@k over questions, from counts per question, and its interval over questions.

    Every question has an unbiased estimate, so their mean is one, and its spread over questions holds that of
    the samples (Miller, arXiv 2411.00640, § 3.1). None if a question has fewer than k samples.
    """
    return _mean_over_questions([pass_at_k(n, c, k) for n, c in zip(samples, correct, strict=True)], level)


def maj_at_k_interval(
    votes: Sequence[Sequence[Hashable | None]],
    correct: Sequence[Sequence[bool]],
    k: int,
    level: float = LEVEL,
) -> tuple[float, Interval | None] | None:
    """Mean maj@k over questions, from the votes and verdicts of each, and its interval, as `pass_at_k_interval`."""
    return _mean_over_questions([maj_at_k(v, c, k) for v, c in zip(votes, correct, strict=True)], level)


def _mean_over_questions(
    values: Sequence[float | None], level: float
) -> tuple[float, Interval | None] | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return sum(known) / len(known), clustered_proportion(known, level)
