"""What a metric is, and the registry of them.

@metric("truncation_rate", definition="share of ...", range=(0, 1), direction="lower", source="...")
def truncation_rate(samples: DataFrame) -> float | None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pspo_bench.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the samples of one task at one temperature, with what a reader must know to trust it.

    `range` is its smallest and largest value (None: unbounded), `direction` which way is better, `source`
    where the definition comes from. `compute` takes the rows (columns are `Sample`'s fields) and gives
    None where there is too little data.
    """

    name: str
    definition: str
    range: tuple[float | None, float | None]
    direction: Direction
    source: str
    compute: Callable[[pd.DataFrame], float | None]

    def __call__(self, samples: pd.DataFrame) -> float | None:
        return self.compute(samples)


METRICS: Registry[Metric] = Registry("metric", group="pspo_bench.metrics", home="pspo_bench.metrics.basic")


def metric(
    name: str, *, definition: str, range: tuple[float | None, float | None], direction: Direction, source: str
) -> Callable[[Callable[[pd.DataFrame], float | None]], Metric]:
    """Decorator that makes a function a `Metric` and registers it."""

    def make(compute: Callable[[pd.DataFrame], float | None]) -> Metric:
        return METRICS.register(name)(Metric(name, definition, range, direction, source, compute))

    return make
