"""Engines: prompts + sampling settings → completions, handed back as they finish.

One interface for transformers (`hf`), recorded completions (`replay`) and whatever another package announces
in the entry-point group `pspo_bench.engines` or is named as `module:attr`.

    from pspo_bench.engines import ENGINES

    engine = ENGINES.get("hf")("pocket", batch_size=64)
    prompt = engine.render([{"role": "user", "content": "What is 17 * 3?"}])
    for index, completion in engine.generate([Request(prompt, Sampling(max_tokens=64), seed=0)]):
        ...

A new engine is one class that fits `Engine`, registered by its factory:

    @ENGINES.register("mine")
    def mine(model: str, **options) -> Engine: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from pspo_bench.records import Completion, Request
from pspo_bench.registry import Registry

__all__ = ["ENGINES", "Engine", "Swapping"]


@runtime_checkable
class Engine(Protocol):
    """What turns prompts into completions.

    `name` and `version` say what ran (with the versions of the libraries that can change the text),
    `fingerprint` which weights, `chat_template_hash` how conversations were rendered ("" for plain prompts),
    `dtype` and `device` the arithmetic ("" where the engine cannot know), `manifest` the checkpoint's
    manifest.json, None if it has none.
    """

    name: str
    version: str
    fingerprint: str
    chat_template_hash: str
    dtype: str
    device: str
    manifest: dict[str, Any] | None

    def render(self, messages: list[dict[str, str]]) -> str:
        """The prompt text of a conversation, up to where the model's answer begins."""
        ...

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """Each request's index and completion, once each, in the order in which they finish."""
        ...

    def close(self) -> None:
        """Free the model, connections and files. Afterwards the engine cannot be used."""
        ...


@runtime_checkable
class Swapping(Engine, Protocol):
    """What an engine may offer beside: taking other weights without a restart, for sweeps over checkpoints."""

    def swap(self, model: str) -> bool:
        """Load `model` in place, `fingerprint` and `manifest` with it; False, and nothing changed, if it cannot."""
        ...


ENGINES: Registry[Callable[..., Engine]] = Registry(
    "engine", group="pspo_bench.engines", home="pspo_bench.engines.builtin"
)
"""Engine name → factory `(model: str, **options) -> Engine`."""
