"""What a reward sees, the registry of rewards, and the check of their settings against their signatures.

@reward("brevity", summary="1 - length / limit", bounds={"limit": Interval(low=1)})
def brevity(batch: RewardBatch, *, limit: float = 128) -> list[float]:
    return [max(0.0, 1 - n / limit) for n in batch.length_tokens]
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pspo_bench.errors import ConfigError, unknown
from pspo_bench.objectives import Interval
from pspo_bench.registry import Registry


@dataclass(frozen=True, slots=True)
class RewardBatch:
    """The completions of one generation batch on one process; entry i of every tuple belongs to completion i.

    `length_tokens` counts the end token; `truncated` is whether the completion was cut at the token limit; `correct`
    is the checker's verdict. `positions` are the places in the generation batch over all processes, `step` the
    optimiser steps taken before it was generated, and `seed` the recipe's: (seed, step, position) names a completion
    in the same way in a resumed run and with any number of processes.
    """

    completions: tuple[str, ...]
    length_tokens: tuple[int, ...]
    truncated: tuple[bool, ...]
    correct: tuple[bool, ...]
    questions: tuple[str, ...]
    golds: tuple[str, ...]
    answer_types: tuple[str, ...]
    positions: tuple[int, ...]
    step: int
    seed: int

    def __len__(self) -> int:
        return len(self.completions)


RewardRule = Callable[..., Sequence[float]]
"""`(batch: RewardBatch, *, setting: float = default, ...) -> Sequence[float]`, one finite number a completion."""


@dataclass(frozen=True)
class Reward:
    """A named reward with its settings: their defaults are the keyword arguments', their ranges `bounds`."""

    name: str
    function: RewardRule
    summary: str
    bounds: Mapping[str, Interval] = field(default_factory=dict)

    @cached_property
    def defaults(self) -> dict[str, float | None]:
        """Every setting and its default; None marks one that must be given."""
        settings = list(inspect.signature(self.function).parameters.values())[1:]
        named = (s for s in settings if s.kind in (s.KEYWORD_ONLY, s.POSITIONAL_OR_KEYWORD))
        return {s.name: None if s.default is s.empty else s.default for s in named}

    def resolve(self, settings: Mapping[str, Any], where: str | None = None) -> dict[str, float]:
        """All settings with their values. Raises ConfigError for one that is unknown, missing or out of its range."""
        for name in settings:
            if name not in self.defaults:
                raise ConfigError(unknown(f"setting for reward {self.name}:", name, self.defaults, where))
        return {
            name: self._checked(name, settings.get(name, default), where)
            for name, default in self.defaults.items()
        }

    def _checked(self, name: str, value: Any, where: str | None) -> float:
        place = f"Reward '{self.name}'" + (f" in {where}" if where else "")
        if value is None:
            raise ConfigError(f"{place} needs the setting '{name}'")
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ConfigError(f"{place}: {name} must be a number, got {value!r}")
        bounds = self.bounds.get(name, Interval())
        if value not in bounds:
            raise ConfigError(f"{place}: {name} must lie in {bounds}, got {value:g}")
        return float(value)


REWARDS: Registry[Reward] = Registry(
    "reward", group="pspo_bench.rewards", home="pspo_bench.training.rewards.builtin"
)


def reward(
    name: str, *, summary: str, bounds: Mapping[str, Interval] | None = None
) -> Callable[[RewardRule], Reward]:
    """Decorator that registers a rule as the reward `name`. Raises ConfigError if the name is taken."""

    def register(function: RewardRule) -> Reward:
        return REWARDS.register(name)(Reward(name, function, summary, bounds or {}))

    return register


def get_reward(name: str, where: str | None = None) -> Reward:
    """The reward called `name`: built in, announced by another package, or `module:function`.

    A plain function of the right form is taken as it is, without ranges. Raises ConfigError, naming the known rewards
    and `where`, if there is none, or if what was found cannot be called.
    """
    found: Any = REWARDS.get(name, where)
    if isinstance(found, Reward):
        return found
    if not callable(found):
        raise ConfigError(f"Reward '{name}' is a {type(found).__name__}, not a function of a RewardBatch")
    return Reward(name, found, (inspect.getdoc(found) or "").partition("\n")[0])
