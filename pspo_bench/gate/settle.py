"""What would settle an inconclusive check: more questions, or a wider limit.

>>> settling(Harm(value=1.0, low=-1.0, high=3.0), 2.0, n_questions=500)
'a limit of 3.1 would pass on these data; to settle 2 takes about 4,090 questions, if what was measured is the truth'
"""

from __future__ import annotations

import math

from pspo_bench.gate.records import Harm
from pspo_bench.stats.core import z_quantile

POWER = 0.8
MOST_TIMES = 1000
"""Data that cannot be had a thousand times over cannot be had."""


def settling(harm: Harm | None, limit: float, n_questions: int | None, level: float = 0.95) -> str:
    """One sentence for a check whose interval holds the limit.

    An interval's width falls with the root of the number of questions. It clears a limit at the distance d with 80 % chance
    once d is the sum of the two normal quantiles of level and power times its standard error, so it takes
    ((z_level + z_power) / z_level x half / d)^2 times the questions, were the difference exactly what was measured.
    """
    if harm is None:
        return "it cannot be had from these data"
    wider = f"a limit of {_up(harm.high):g} would pass on these data"
    distance, half = abs(harm.value - limit), (harm.high - harm.low) / 2
    reach = (1 + z_quantile(2 * POWER - 1) / z_quantile(level)) * half
    if n_questions is None or distance * math.sqrt(MOST_TIMES) < reach:
        return f"{wider}; what was measured is too near the limit for more questions to settle it"
    needed = max(n_questions, math.ceil(n_questions * (reach / distance) ** 2))
    return f"{wider}; to settle {limit:g} takes about {_rounded(needed):,} questions, if what was measured is the truth"


def _up(value: float) -> float:
    """The next tenth above: a limit equal to the bound does not pass."""
    return (math.floor(value * 10) + 1) / 10


def _rounded(count: int) -> int:
    """Two significant digits, upward: more would feign a precision that the estimate does not have."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
