"""Hand-made comparisons, whose differences and intervals the tests choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from pspo_bench.compare import Comparison, Difference, TaskComparison
from pspo_bench.stats import Interval

Numbers = tuple[
    float, float, float
]  # difference, low, high: fractions, positive where the candidate has more


def difference(numbers: Numbers | None, base: float = 0.5, n: int = 500) -> Difference:
    if numbers is None:
        return Difference(base, base, None, None, None, None, n_questions=n)
    value, low, high = numbers
    return Difference(base, base + value, value, Interval(low, high, "by hand"), None, None, n_questions=n)


@pytest.fixture
def comparison() -> Callable[..., Comparison]:
    """comparison({"gsm8k": (-0.01, -0.03, 0.01)}, macro=..., truncation=..., length=..., defects={...})"""

    def make(
        tasks: Mapping[str, Numbers | None],
        *,
        macro: Numbers | None = None,
        truncation: Numbers | None = None,
        length: Numbers | None = None,
        defects: Mapping[str, Numbers] | None = None,
        n: int = 500,
        n_seeds: int = 1,
        notes: tuple[str, ...] = (),
    ) -> Comparison:
        return Comparison(
            base="base",
            candidate="candidate",
            tasks=tuple(
                TaskComparison(task, 0.0, n, n_seeds, difference(found), 0, 0, difference(None), None, {})
                for task, found in tasks.items()
            ),
            macro=difference(macro),
            macro_truncation=difference(truncation, base=0.02),
            macro_length=None if length is None else difference(length, base=100.0, n=n),
            macro_defects={name: difference(found, base=0.1, n=n) for name, found in (defects or {}).items()},
            notes=notes,
        )

    return make
