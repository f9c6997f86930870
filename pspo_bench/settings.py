"""Settings of what a recipe names: the keyword arguments of a function, their defaults and their ranges.

    @dataclass(frozen=True)
    class Reward(Configurable):
        kind = "reward"
        ...

    get_reward("random").resolve({"p": 0.3})      # {"p": 0.3}

Objectives and rewards are both functions of a batch with numbers for settings, and are told what is wrong alike.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from pspo_bench.errors import ConfigError, unknown


@dataclass(frozen=True)
class Interval:
    """The values a setting may take: `[low, high]`, or `[low, high)` when `high_open`."""

    low: float = -math.inf
    high: float = math.inf
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        return self.low <= value < self.high or (value == self.high and not self.high_open)

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


class Configurable:
    """Base of a frozen dataclass around `function`, whose first argument is a batch and whose others are settings.

    `bounds` is the range of each setting, `shorthands` names that set several at once, such as
    `{"epsilon": ("epsilon_low", "epsilon_high")}`; `kind` is what errors call it.
    """

    kind: ClassVar[str]
    name: str
    function: Callable[..., Any]
    bounds: Mapping[str, Interval]
    shorthands: Mapping[str, tuple[str, ...]] = {}

    @cached_property
    def defaults(self) -> dict[str, float | None]:
        """Every setting and its default; None marks one that must be given."""
        settings = list(inspect.signature(self.function).parameters.values())[1:]
        named = (s for s in settings if s.kind in (s.KEYWORD_ONLY, s.POSITIONAL_OR_KEYWORD))
        return {s.name: None if s.default is s.empty else s.default for s in named}

    def resolve(self, settings: Mapping[str, Any], where: str | None = None) -> dict[str, float]:
        """All settings with their values, shorthands expanded and defaults filled in.

        A setting given by its own name counts more than a shorthand: epsilon 0.2 with epsilon_high 0.28 is clip-higher.
        `where` (a file name) is named in errors. Raises ConfigError for a setting that is unknown, missing, not a
        number, or out of its range.
        """
        given = self._expand(settings, where)
        resolved: dict[str, float] = {}
        for name, default in self.defaults.items():
            value = given.get(name, default)
            if value is None:
                raise ConfigError(f"{self._place(where)} needs the setting '{name}'")
            resolved[name] = self._checked(name, value, where)
        return resolved

    def _expand(self, settings: Mapping[str, Any], where: str | None) -> dict[str, Any]:
        for name in settings:
            if name not in self.defaults and name not in self.shorthands:
                known = (*self.defaults, *self.shorthands)
                raise ConfigError(unknown(f"setting for {self.kind} {self.name}:", name, known, where))
        wide = {
            target: settings[name]
            for name, targets in self.shorthands.items()
            if name in settings
            for target in targets
        }
        return wide | {name: value for name, value in settings.items() if name in self.defaults}

    def _checked(self, name: str, value: Any, where: str | None) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ConfigError(f"{self._place(where)}: {name} must be a number, got {value!r}")
        bounds = self.bounds.get(name, Interval())
        if value not in bounds:
            raise ConfigError(f"{self._place(where)}: {name} must lie in {bounds}, got {value}")
        return float(value)

    def _place(self, where: str | None) -> str:
        return f"{self.kind.capitalize()} '{self.name}'" + (f" in {where}" if where else "")
