"""The engines that ship with the package, by name. Each factory imports its own engine only when called.

ENGINES.get("hf")("smollm2", dtype="float32", batch_size=32)
"""

from __future__ import annotations

from typing import Any, Literal

from pspo_bench.engines import ENGINES, Engine


@ENGINES.register("hf")
def hf(
    model: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    chat_template_args: dict[str, Any] | None = None,
) -> Engine:
    """transformers on this machine, see `pspo_bench.engines.hf.HFEngine`. Raises as `models.load`."""
    from pspo_bench.engines.hf import HFEngine
    from pspo_bench.models import load

    loaded = load(model, dtype=dtype, device=device, revision=revision, trust_remote_code=trust_remote_code)
    return HFEngine(loaded, batch_size=batch_size, chat_template_args=chat_template_args)


@ENGINES.register("vllm")
def vllm(
    model: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    chat_template_args: dict[str, Any] | None = None,
    **options: Any,
) -> Engine:
    """vLLM on this machine, see `pspo_bench.engines.vllm.VLLMEngine`; `options` are vLLM's own."""
    from pspo_bench.engines.vllm import VLLMEngine

    return VLLMEngine(
        model,
        dtype=dtype,
        device=device,
        revision=revision,
        trust_remote_code=trust_remote_code,
        batch_size=batch_size,
        chat_template_args=chat_template_args,
        **options,
    )


@ENGINES.register("replay")
def replay(model: str, *, tokenizer: str | None = None) -> Engine:
    """Recorded completions; `model` is the path of the JSONL file. Raises DataError if it cannot be read."""
    from pspo_bench.engines.replay import ReplayEngine

    return ReplayEngine(model, tokenizer=tokenizer)


@ENGINES.register("openai")
def openai(model: str, **options: Any) -> Engine:
    """A model behind an OpenAI-compatible server. `options` are those of `pspo_bench.engines.openai.options.Options`.
    Raises ConfigError, ModelError, or MissingExtraError without the HTTP library.
    """
    from pspo_bench.engines.openai import OpenAIEngine

    return OpenAIEngine(model, **options)
