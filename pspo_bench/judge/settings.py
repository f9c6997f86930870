"""Who judges, and how much it may cost.

JudgeSettings(model="Qwen/Qwen2.5-7B-Instruct", engine="openai", model_args={"base_url": "http://127.0.0.1:8000/v1"})
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError

if TYPE_CHECKING:
    from pspo_bench.engines import Engine

_REMOTE = {"timeout_s": 120.0, "max_response_bytes": 1 << 20}
"""A judge's reply is short: one that is not is refused early. `model_args` may say otherwise."""


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The judge's engine and sampling, the caps on texts and on spending. Raises ConfigError for what cannot be.

    - max_chars: of each text that is shown, the same for all; what is longer is cut and marked.
    - constrain: hold replies to a JSON schema where the engine can.
    - max_calls: calls of this process, repairs included; None is no limit.
    - max_usd: spending of this process, for which the prices (US dollars per million tokens) must be given.
    """

    model: str
    engine: str = "openai"
    model_args: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    max_chars: int = 6000
    constrain: bool = True
    max_calls: int | None = None
    max_usd: float | None = None
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        _require(self.temperature >= 0, "temperature", self.temperature, "at least 0")
        for name in ("max_tokens", "max_chars"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("max_calls", "max_usd", "price_in", "price_out"):
            value = getattr(self, name)
            _require(value is None or 0 <= value < float("inf"), name, value, "at least 0")
        if self.max_usd is not None and not self.priced:
            raise ConfigError(
                "--max-usd needs to know what a token costs; give --price-in and --price-out, in US dollars per million"
            )

    @property
    def priced(self) -> bool:
        return self.price_in is not None and self.price_out is not None

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """What so many tokens cost; 0 without prices."""
        return (prompt_tokens * (self.price_in or 0) + completion_tokens * (self.price_out or 0)) / 1e6


def _require(fits: bool, name: str, value: object, wanted: str) -> None:
    if not fits:
        raise ConfigError(f"--{name.replace('_', '-')} must be {wanted}, not {value}")


def open_judge(settings: JudgeSettings) -> Engine:
    """The judge's engine, loaded or connected. Raises ConfigError for options that it does not have, and as it does."""
    from pspo_bench.engines import ENGINES

    factory = ENGINES.get(settings.engine)
    options = {**(_REMOTE if settings.engine == "openai" else {}), **settings.model_args}
    try:
        inspect.signature(factory).bind(settings.model, **options)
    except TypeError as error:
        raise ConfigError(
            f"Engine '{settings.engine}' cannot be used with these options: {error}; see --model-args"
        ) from error
    return factory(settings.model, **options)
