"""Comparison + policy → checks, each a pass, a regression or inconclusive.

    checks_of(comparison, Policy(max_drop=2.0))

Every check is one of non-inferiority (Piaggio et al. 2012, doi:10.1001/jama.2012.87802). Harm is what was
lost, in the unit of the limit, so that a pass is an interval that lies below the limit, and a regression one
that lies above it; an interval that holds the limit settles nothing. Differences are in the same unit as the
limits, never standardised: an effect size in standard deviations says nothing about points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pspo_bench.compare import Comparison, Difference
from pspo_bench.errors import ConfigError, unknown
from pspo_bench.gate.policy import Limit, Policy
from pspo_bench.gate.records import Check, Harm, Verdict
from pspo_bench.gate.settle import settling
from pspo_bench.metrics import solution_metrics

POINTS, PER_CENT, PER_HUNDRED = "points", "%", "per 100"
MACRO = "macro"
FEW = 30
"""Fewer questions that all changed alike are no evidence."""


def checks_of(comparison: Comparison, policy: Policy) -> tuple[Check, ...]:
    """The checks that the policy asks for: tasks, macro mean, limits. Raises ConfigError for a metric that is
    not one.
    """
    n_seeds = max((task.n_seeds for task in comparison.tasks), default=1)
    return tuple(_check(asked, n_seeds, policy.level) for asked in _asked(comparison, policy))


def three_way(harm: Harm | None, limit: float) -> Verdict:
    """Where the interval lies; one that touches the limit, or is not there, settles nothing."""
    if harm is not None and harm.high < limit:
        return Verdict.PASS
    if harm is not None and harm.low > limit:
        return Verdict.REGRESSION
    return Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class _Asked:
    """A limit and the figure that it is held against.

    `harm` turns a difference into what was lost, in `unit`, rising or falling throughout; `shown` a figure
    into that unit.
    """

    name: str
    limit: Limit
    unit: str
    figure: Difference | None
    harm: Callable[[float], float]
    n_questions: int | None
    shown: Callable[[float], float] = lambda share: 100 * share


def _check(asked: _Asked, n_seeds: int, level: float) -> Check:
    figure, limit, n = asked.figure, asked.limit, asked.n_questions
    harm = _harm(asked)
    verdict = three_way(harm, limit.max)
    open_ = verdict is Verdict.INCONCLUSIVE
    base, candidate = (None, None) if figure is None else (figure.base, figure.candidate)
    return Check(
        name=asked.name,
        tier=limit.tier,
        unit=asked.unit,
        limit=limit.max,
        base=None if base is None else asked.shown(base),
        candidate=None if candidate is None else asked.shown(candidate),
        harm=harm,
        verdict=verdict,
        n_questions=n,
        advice=settling(harm, limit.max, n, n_seeds=n_seeds, level=level) if open_ else "",
    )


def _harm(asked: _Asked) -> Harm | None:
    """None where there is no interval, but for lengths and defects that changed alike on every question: these
    have none because nothing varies, as with the same checkpoint on both sides.
    """
    figure = asked.figure
    if figure is None or figure.difference is None:
        return None
    value = asked.harm(figure.difference)
    if figure.interval is not None:
        low, high = sorted(map(asked.harm, (figure.interval.low, figure.interval.high)))
        return Harm(value, low, high)
    alike = asked.unit != POINTS and (asked.n_questions or 0) >= FEW
    return Harm(value, value, value) if alike else None


# What a policy asks for


def _asked(comparison: Comparison, policy: Policy) -> Iterator[_Asked]:
    several = len({task.temperature for task in comparison.tasks}) > 1
    for task in comparison.tasks:
        name = f"{task.task} T={task.temperature:g}" if several else task.task
        yield _Asked(name, policy.drop_of(task.task), POINTS, task.accuracy, _lost, task.n_questions)
    for missing in sorted(set(policy.tasks) - {task.task for task in comparison.tasks}):
        yield _Asked(missing, policy.drop_of(missing), POINTS, None, _lost, None)
    n = sum(task.n_questions for task in comparison.tasks)
    if len(comparison.tasks) > 1:
        yield _Asked(MACRO, policy.drop_of(None), POINTS, comparison.macro, _lost, n)
    limits = policy.limits
    if limits.truncation_rise is not None:
        figure = comparison.macro_truncation
        yield _Asked("truncation", limits.truncation_rise, POINTS, figure, _risen, n)
    if limits.length_rise is not None:
        figure = comparison.macro_length
        yield _Asked("length", limits.length_rise, PER_CENT, figure, _longer, _known(figure), float)
    for name, limit in limits.defects.items():
        figure = comparison.macro_defects.get(name)
        harm = _lost if _direction(name) == "higher" else _risen
        yield _Asked(f"defect {name}", limit, PER_HUNDRED, figure, harm, _known(figure))


def _lost(difference: float) -> float:
    return -100 * difference


def _risen(difference: float) -> float:
    return 100 * difference


def _longer(log_ratio: float) -> float:
    return 100 * math.expm1(log_ratio)


def _known(figure: Difference | None) -> int | None:
    """On how many questions a figure is known: lengths and defects are not on all."""
    return None if figure is None else figure.n_questions


def _direction(name: str) -> str:
    directions = {metric.name: metric.direction for metric in solution_metrics()}
    known = [metric for metric, direction in directions.items() if direction != "neither"]
    if name not in known:
        why = ": neither more nor less of it is better" if name in directions else ""
        raise ConfigError(unknown("defect", name, known, f"the policy's [limits.defects]{why}"))
    return directions[name]
