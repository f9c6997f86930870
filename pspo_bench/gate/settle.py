"""What would settle an inconclusive check: more data, or a wider limit.

>>> settling(Harm(value=1.0, low=-1.0, high=3.0), 2.0, 500)
'a limit of 3.1 would pass on these data; to settle 2 takes about 4,100 questions (8.2 times these), if what was
measured is the truth'
"""

from __future__ import annotations

import math

from pspo_bench.gate.records import Harm
from pspo_bench.stats import LEVEL, required_questions
from pspo_bench.stats.core import z_quantile

MOST_TIMES = 1000
"""Data that cannot be had a thousand times over cannot be had."""


def settling(
    harm: Harm | None, limit: float, n_questions: int | None, *, n_seeds: int = 1, level: float = LEVEL
) -> str:
    """One sentence for a check whose interval holds the limit.

    The questions are those after which the interval clears the limit with 80 % power, were the difference exactly
    what was measured; the variance of one question is read off the width of the interval. Of trained seeds both
    seeds and questions must be had so many times.
    """
    if harm is None or not n_questions:
        return "it cannot be had from these data"
    wider = f"a limit of {_above(harm.high):g} would pass on these data"
    distance, error = abs(harm.value - limit), (harm.high - harm.low) / 2 / z_quantile(level)
    too_near = f"{wider}; what was measured is too near {limit:g} for more data to settle it"
    if distance == 0:
        return too_near
    needed = max(n_questions, required_questions(distance, n_questions * error**2, level))
    if needed > MOST_TIMES * n_questions:
        return too_near
    times = f"{needed / n_questions:.1f} times"
    data = (
        f"{times} the seeds and questions"
        if n_seeds > 1
        else f"{_rounded(needed):,} questions ({times} these)"
    )
    return f"{wider}; to settle {limit:g} takes about {data}, if what was measured is the truth"


def _above(value: float) -> float:
    """The next tenth above: a limit that the bound touches does not pass."""
    return (math.floor(value * 10) + 1) / 10


def _rounded(count: int) -> int:
    """Two significant digits, upward: more would feign a precision that the estimate does not have."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
