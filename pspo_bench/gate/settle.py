"""What would settle an inconclusive check: more data, or a wider limit.

>>> settling(Harm(value=1.0, low=-1.0, high=3.0), 2.0, 500) 'a limit of 3.1 would pass on these data; to
settle 2 takes about 4,100 questions (8.2 times these), if what was measured is the truth'
"""

from __future__ import annotations

import math

from pspo_bench.gate.records import Harm
from pspo_bench.stats import LEVEL
from pspo_bench.stats.core import z_quantile

POWER = 0.8
MOST_TIMES = 1000
"""Data that cannot be had a thousand times over cannot be had."""


def settling(
    harm: Harm | None, limit: float, n_questions: int | None, *, n_seeds: int = 1, level: float = LEVEL
) -> str:
    """One sentence for a check whose interval holds the limit.

    An interval's width falls with the root of the amount of data. It clears a limit at the distance d with 80
    % chance once d is the sum of the normal quantiles of level and power times the standard error, so it
    takes ((z_level + z_power) / z_level x half / d)^2 times the data, were the difference exactly what was
    measured. Of trained seeds both seeds and questions must be had so many times.
    """
    if harm is None:
        return "it cannot be had from these data"
    wider = f"a limit of {_above(harm.high):g} would pass on these data"
    distance, half = abs(harm.value - limit), (harm.high - harm.low) / 2
    reach = (1 + z_quantile(2 * POWER - 1) / z_quantile(level)) * half
    if reach > distance * math.sqrt(MOST_TIMES):
        return f"{wider}; what was measured is too near {limit:g} for more data to settle it"
    times = max(1.0, (reach / distance) ** 2)
    if n_seeds > 1 or n_questions is None:
        needed = f"{times:.1f} times the seeds and questions"
    else:
        needed = f"{_rounded(n_questions * times):,} questions ({times:.1f} times these)"
    return f"{wider}; to settle {limit:g} takes about {needed}, if what was measured is the truth"


def _above(value: float) -> float:
    """The next tenth above: a limit that the bound touches does not pass."""
    return (math.floor(value * 10) + 1) / 10


def _rounded(count: float) -> int:
    """Two significant digits, upward: more would feign a precision that the estimate does not have."""
    whole = math.ceil(count)
    step: int = 10 ** max(0, len(str(whole)) - 2)
    return -(-whole // step) * step
