"""The engines that ship with the package, by name. Each factory imports its own engine only when called.

ENGINES.get("hf")("smollm2", dtype="float32", batch_size=32)
"""

from __future__ import annotations

from typing import Any

from pspo_bench.engines import ENGINES, Engine


@ENGINES.register("hf")
def hf(
    model: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> Engine:
    """transformers on this machine. `options` are those of `pspo_bench.engines.hf.HFEngine`. Raises as
    `models.load`.
    """
    from pspo_bench.engines.hf import HFEngine
    from pspo_bench.models import load

    loaded = load(model, dtype=dtype, device=device, revision=revision, trust_remote_code=trust_remote_code)
    return HFEngine(loaded, **options)


@ENGINES.register("replay")
def replay(model: str, *, tokenizer: str | None = None) -> Engine:
    """Recorded completions; `model` is the path of the JSONL file. Raises DataError if it cannot be read."""
    from pspo_bench.engines.replay import ReplayEngine

    return ReplayEngine(model, tokenizer=tokenizer)
