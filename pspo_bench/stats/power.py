"""What a comparison could have found: the smallest true difference that it detects, and the questions that
one needs.

    >>> minimum_detectable_flips(1319, 0.10)  # GSM8K, one question in ten judged differently
    0.0252...

Power is the chance that a two-sided test at 1 - `level` rejects. Effects are fractions.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from pspo_bench.stats.core import LEVEL, StatsError, checked_shares, t_quantile, z_quantile

POWER = 0.8


def minimum_detectable_effect(
    standard_error: float, level: float = LEVEL, power: float = POWER, df: float | None = None
) -> float:
    """The true difference that a test detects with `power`, from the standard error of the difference.

    df None: z(1 - α/2) + z(power) standard errors (Bloom 1995, doi:10.1177/0193841X9501900504; Miller, arXiv
    2411.00640, eq. 9). With `df` Student's t, whose statistic is then noncentral t.
    """
    checked_shares(level=level, power=power)
    if standard_error < 0:
        raise StatsError(f"A standard error of {standard_error} is impossible; pass one of at least 0")
    if df is None:
        return (z_quantile(level) + z_quantile(2 * power - 1)) * standard_error
    return detectable_shift(t_quantile(level, df), df, power) * standard_error


def detectable_shift(critical: float, df: float, power: float = POWER) -> float:
    """Standard errors that a true difference must have for |T| to exceed `critical` with `power`."""
    from scipy.optimize import brentq

    top = 1.0
    while _t_power(top, critical, df) < power:
        top *= 2
    return float(brentq(lambda shift: _t_power(shift, critical, df) - power, 0.0, top, xtol=1e-12))


def _t_power(shift: float, critical: float, df: float) -> float:
    """Chance that |T| exceeds `critical`, T noncentral t with `shift` standard errors."""
    from scipy.special import nctdtr

    wrong_side = 1 - nctdtr(df, -shift, critical)  # scipy gives NaN where it is all but 0
    return float(1 - nctdtr(df, shift, critical) + np.nan_to_num(wrong_side))


def required_questions(
    effect: float, variance_of_question_difference: float, level: float = LEVEL, power: float = POWER
) -> int:
    """Questions after which a true difference `effect` is detected with `power` (Miller, eq. 9, solved for
    n).

    variance_of_question_difference: of candidate minus base of one question, each the mean of its samples.
    For single samples that is discordance - effect², and `required_questions_single` allows for the exact
    test.
    """
    checked_shares(level=level, power=power)
    if effect == 0 or variance_of_question_difference < 0:
        raise StatsError(
            f"An effect of {effect} with a variance of {variance_of_question_difference} needs no finite number of"
            " questions; pass an effect other than 0 and a variance of at least 0"
        )
    steps = z_quantile(level) + z_quantile(2 * power - 1)
    return max(2, math.ceil(steps**2 * variance_of_question_difference / effect**2))


def mcnemar_power(n: int, discordance: float, effect: float, level: float = LEVEL) -> float:
    """Power of the exact McNemar test on `n` questions, of which the share `discordance` is judged
    differently.

    Exact: sums over how many questions flip, Binomial(n, discordance), and how many of these are won.
    An effect cannot exceed the discordance, which is raised to it.
    """
    checked_shares(level=level, discordance=discordance, effect=abs(effect))
    from scipy.special import bdtr, gammaln, xlog1py, xlogy

    effect = abs(effect)
    flips = max(discordance, effect)
    if n < 1 or flips == 0:
        return 0.0
    spread = 8 * math.sqrt(n * flips * (1 - flips)) + 1  # beyond lie less than 1e-14 of the chance
    m = np.arange(max(1, math.floor(n * flips - spread)), min(n, math.ceil(n * flips + spread)) + 1)
    chance = np.exp(
        gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + xlogy(m, flips) + xlog1py(n - m, -flips)
    )
    tail = (1 - level) / 2
    able = m[0.5**m <= tail]  # fewer flips never reject
    if able.size == 0:
        return 0.0
    # The most losses at which the test rejects: near the normal quantile, then exactly.
    lost = np.clip(np.floor((able - z_quantile(level) * np.sqrt(able)) / 2), 0, None)
    for _ in range(3):
        lost -= (bdtr(lost, able, 0.5) > tail) & (lost > 0)
        lost += bdtr(lost + 1, able, 0.5) <= tail
    wins = (flips + effect) / (2 * flips)
    rejects = bdtr(lost, able, 1 - wins) + bdtr(lost, able, wins)
    return float((chance[-able.size :] * rejects).sum())


@lru_cache(maxsize=10_000)
def minimum_detectable_flips(
    n: int, discordance: float, level: float = LEVEL, power: float = POWER
) -> float | None:
    """The true difference that the exact McNemar test detects with `power`; None where no difference is."""
    if mcnemar_power(n, discordance, 1.0, level) < power:
        return None
    from scipy.optimize import brentq

    return float(
        brentq(lambda effect: mcnemar_power(n, discordance, effect, level) - power, 0.0, 1.0, xtol=1e-9)
    )


def required_questions_single(
    effect: float, discordance: float, level: float = LEVEL, power: float = POWER
) -> int:
    """Questions, one sample each, after which the exact McNemar test detects `effect` with `power`.

    Starts at Connor's formula (1987, doi:10.2307/2531961), which is that of a test without continuity
    correction, and goes on to the number that is enough.
    """
    flips = max(discordance, abs(effect))
    n = required_questions(effect, flips - effect**2, level, power)
    while mcnemar_power(n, flips, effect, level) < power:
        n += max(1, n // 200)
    return n
