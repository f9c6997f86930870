"""How to sample, on which engine, and where to look for things.

EvalSettings(temperatures=(0.0, 0.8), samples=16, max_tokens=1024, engine="vllm",
             model_args={"tensor_parallel_size": 2})
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pspo_bench.errors import ConfigError
from pspo_bench.records import Sampling
from pspo_bench.store import RunSettings

WHOLE = {"samples": 1, "max_tokens": 1, "batch_size": 1, "top_k": 0, "num_fewshot": 0, "seed": -(2**63)}
"""Whole numbers among the settings, and the least of each."""
LEAST_TEMPERATURE = 1e-6
"""Below it logits divided by the temperature overflow float32."""


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """How to sample and where to look for things. Greedy (temperature 0) gets one sample per question.

    The first temperature is the headline, declared before the run. `max_tokens` None means each task's own.
    `num_fewshot` worked examples of the task's train split stand before each question. `model_args` are options
    of the engine, passed on as they are. Raises ConfigError for a value out of range.
    """

    temperatures: tuple[float, ...] = (0.0,)
    samples: int = 1
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    stop_at_answer_line: bool = False
    seed: int = 0
    limit: int | float | None = None
    split: str | None = None
    system_prompt: str | None = None
    num_fewshot: int = 0
    engine: str = "hf"
    model_args: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int | None = None
    dtype: str = "auto"
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    data_dir: Path | None = None
    tasks_dir: Path | None = None

    def __post_init__(self) -> None:
        # -0.0 and 1 are 0.0 and 1.0: draws are seeded by the text of a temperature.
        given = tuple(float(t) + 0.0 for t in self.temperatures)
        object.__setattr__(self, "temperatures", given)
        if not given or len(set(given)) < len(given):
            raise ConfigError(f"temperatures must be different numbers, not {list(given)}")
        if not all(t == 0 or LEAST_TEMPERATURE <= t < math.inf for t in given):
            raise ConfigError(
                f"temperatures must be 0 (greedy) or finite numbers of at least {LEAST_TEMPERATURE:g},"
                f" not {list(given)}"
            )
        for name, least in WHOLE.items():
            value = getattr(self, name)
            if value is None and name in ("max_tokens", "batch_size"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}")
        if isinstance(self.limit, float) and not (0 < self.limit < 1 or self.limit.is_integer()):
            raise ConfigError(f"limit must be a number of questions or a share below 1, not {self.limit}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ConfigError(f"min_p must be between 0 and 1, not {self.min_p}")
        if "" in self.stop:
            raise ConfigError("A stop string is empty; leave it out")

    def repeats(self, temperature: float) -> int:
        """Samples per question at this temperature."""
        return 1 if temperature == 0 else self.samples

    def sampling(self, temperature: float, max_tokens: int) -> Sampling:
        return Sampling(
            temperature,
            self.top_p,
            max_tokens,
            self.stop,
            self.top_k,
            self.min_p,
            self.stop_at_answer_line,
        )

    def engine_options(self) -> dict[str, Any]:
        """What the engine is told: only what the user has set, for not every engine has every option."""
        default = EvalSettings()
        names = ("batch_size", "dtype", "device", "revision", "trust_remote_code")
        changed = {
            name: getattr(self, name) for name in names if getattr(self, name) != getattr(default, name)
        }
        if twice := sorted(changed.keys() & self.model_args.keys()):
            raise ConfigError(f"{twice[0]} is given both by itself and in model_args; leave one out")
        return {**changed, **self.model_args}

    def recorded(self) -> RunSettings:
        """What run.json says of them."""
        return RunSettings(
            temperatures=self.temperatures,
            samples=self.samples,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed,
            limit=self.limit,
            headline_temperature=self.temperatures[0],
            top_k=self.top_k,
            min_p=self.min_p,
            stop=self.stop,
            stop_at_answer_line=self.stop_at_answer_line,
            num_fewshot=self.num_fewshot,
            engine_options={name: str(value) for name, value in self.engine_options().items()},
        )
