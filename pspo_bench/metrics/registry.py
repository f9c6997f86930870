"""What a metric is, and the registry of them.

@metric("truncation_rate", definition="share of ...", range=(0, 1), direction="lower", source="...")
def truncation_rate(samples: DataFrame) -> float | None: ...

@solution_metric("words", definition="words of ...", range=(0, None), direction="neither", source="...")
def words(solution: Solution) -> float | None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from pspo_bench.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from pspo_bench.metrics.reasoning.solution import Solution

Direction = Literal["higher", "lower", "neither"]
Range: TypeAlias = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the samples of one task at one temperature, with what a reader must know to trust it.

    `range` is its smallest and largest value (None: unbounded), `direction` which way is better, `source`
    where the definition comes from. `compute` takes the rows (columns are `Sample`'s fields) and gives
    None where there is too little data.
    """

    name: str
    definition: str
    range: Range
    direction: Direction
    source: str
    compute: Callable[[pd.DataFrame], float | None]

    def __call__(self, samples: pd.DataFrame) -> float | None:
        return self.compute(samples)


@dataclass(frozen=True, slots=True)
class SolutionMetric:
    """A figure of one solution; of many solutions it is their mean, with the share that has one (the coverage).

    The fields are those of `Metric`; `compute` gives None where the metric does not apply.
    """

    name: str
    definition: str
    range: Range
    direction: Direction
    source: str
    compute: Callable[[Solution], float | None]

    def __call__(self, solution: Solution) -> float | None:
        return self.compute(solution)


METRICS_VERSION = "1"
"""To be raised when a metric of this package comes to give another figure for some text: what was measured before then
is measured anew (`results.measures`)."""

METRICS: Registry[Metric | SolutionMetric] = Registry(
    "metric", group="pspo_bench.metrics", home="pspo_bench.metrics.builtin"
)


def sample_metrics() -> list[Metric]:
    """The metrics of tables of samples, by name."""
    return [found for name in METRICS if isinstance(found := METRICS.get(name), Metric)]


def solution_metrics() -> list[SolutionMetric]:
    """The metrics of single solutions, by name."""
    return [found for name in METRICS if isinstance(found := METRICS.get(name), SolutionMetric)]


M = TypeVar("M", Metric, SolutionMetric)


def metric(
    name: str, *, definition: str, range: Range, direction: Direction, source: str
) -> Callable[[Callable[[pd.DataFrame], float | None]], Metric]:
    """Decorator that makes a function of a table of samples a `Metric` and registers it."""

    def make(compute: Callable[[pd.DataFrame], float | None]) -> Metric:
        return _registered(Metric(name, definition, range, direction, source, compute))

    return make


def solution_metric(
    name: str, *, definition: str, range: Range, direction: Direction, source: str
) -> Callable[[Callable[[Solution], float | None]], SolutionMetric]:
    """Decorator that makes a function of one solution a `SolutionMetric` and registers it."""

    def make(compute: Callable[[Solution], float | None]) -> SolutionMetric:
        return _registered(SolutionMetric(name, definition, range, direction, source, compute))

    return make


def _registered(made: M) -> M:
    METRICS.register(made.name)(made)
    return made
