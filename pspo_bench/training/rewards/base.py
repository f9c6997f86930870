"""What a reward sees, and the registry of rewards; their settings are checked against their signatures.

@reward("brevity", summary="1 - length / limit", bounds={"limit": Interval(low=1)})
def brevity(batch: RewardBatch, *, limit: float = 128) -> list[float]:
    return [max(0.0, 1 - n / limit) for n in batch.length_tokens]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pspo_bench.errors import ConfigError
from pspo_bench.registry import Registry
from pspo_bench.settings import Configurable, Interval


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
class Reward(Configurable):
    """A named reward with its settings: their defaults are the keyword arguments', their ranges `bounds`."""

    kind = "reward"

    name: str
    function: RewardRule
    summary: str
    bounds: Mapping[str, Interval] = field(default_factory=dict)


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
