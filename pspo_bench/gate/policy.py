"""What a gate demands: a TOML file, or its defaults.

max_drop = 2.0                 # percentage points, for every task and the macro mean unless said below
[tasks.math500]
tier = "advisory"              # reported, never blocks
[limits]
truncation_rise = 2.0          # percentage points
length_rise = {max = 20, tier = "advisory"}

load_policy("gate.toml").drop_of("math500")       # Limit(max=2.0, tier="advisory")
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pspo_bench.config import Section, read_toml, validate
from pspo_bench.stats import LEVEL

Tier = Literal["critical", "advisory"]
OnInconclusive = Literal["report", "pass", "fail"]
Points = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]
"""Percentage points. 0 asks for a proven gain to pass, and calls every proven drop a regression."""
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]

DEFAULT_MAX_DROP = 2.0


class Drop(Section):
    """How far an accuracy may fall, and whether that blocks; None for what the policy says of all."""

    max_drop: Points | None = None
    tier: Tier | None = None


class Limit(Section):
    """The largest harm allowed, in the unit of the check, and whether more of it blocks."""

    max: Amount
    tier: Tier = "critical"


def _limit(value: Any) -> Any:
    """`truncation_rise = 2.0` is short for `truncation_rise = {max = 2.0}`."""
    return value if isinstance(value, dict | Limit) else {"max": value}


ShortLimit = Annotated[Limit, BeforeValidator(_limit)]


class Limits(Section):
    """Limits besides accuracy, each on the mean over tasks.

    `truncation_rise`: percentage points. `length_rise`: per cent of the length, paired, of what both sides
    solve. `defects`: by metric of single solutions, per hundred solutions (percentage points, if the metric
    is a share); for one that is better high, the fall. `errors`: per cent of the samples of either side that
    may have ended in an error of the engine; more is a run that failed.
    """

    truncation_rise: ShortLimit | None = None
    length_rise: ShortLimit | None = None
    defects: dict[str, ShortLimit] = Field(default_factory=dict)
    errors: Points = 0.0


class Policy(Section):
    """A whole policy. `level` is that of the two-sided intervals: each check errs at most (1 - level) / 2 of
    the time.

    `on_inconclusive`: the exit code of what could not be settled is 2 (`report`), 0 (`pass`) or 1 (`fail`).
    """

    max_drop: Points = DEFAULT_MAX_DROP
    level: Annotated[float, Field(strict=True, ge=0.5, lt=1)] = LEVEL
    tier: Tier = "critical"
    on_inconclusive: OnInconclusive = "report"
    macro: Drop = Drop()
    tasks: dict[str, Drop] = Field(default_factory=dict)
    limits: Limits = Limits()

    def drop_of(self, task: str | None) -> Limit:
        """What holds for the accuracy on a task, or, for None, for the macro mean."""
        said = self.macro if task is None else self.tasks.get(task, Drop())
        most = self.max_drop if said.max_drop is None else said.max_drop
        return Limit(max=most, tier=said.tier or self.tier)

    def with_max_drop(self, points: float) -> Policy:
        """The policy with one `max_drop` in place of all that it has. Raises ConfigError if it is not from 0
        to 100.
        """
        values = self.model_dump()
        for section in (values["macro"], *values["tasks"].values()):
            section["max_drop"] = None
        return validate(Policy, {**values, "max_drop": points}, "--max-drop")


def load_policy(path: str | Path) -> Policy:
    """Read and validate a policy. Raises ConfigError naming the file, the key and what is allowed."""
    return validate(Policy, read_toml(Path(path)), str(path))
