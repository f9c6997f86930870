"""The engine's options → what vLLM is told, and the environment it starts in.

An option that is not named here is one of vLLM's own (`vllm.EngineArgs`) and is passed on: tensor_parallel_size,
pipeline_parallel_size, gpu_memory_utilization, max_model_len, enforce_eager, kv_cache_dtype ...

    >>> arguments({"tensor_parallel_size": "2"}, folder=Path("model"), dtype="auto", device="auto", batch_size=64)
    {'tensor_parallel_size': 2, 'max_num_seqs': 64, 'dtype': 'bfloat16', 'model': 'model', ...}
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pspo_bench.engines.vllm.folder import Tensors
from pspo_bench.errors import ConfigError, MissingExtraError, unknown
from pspo_bench.models import DTYPES, SMALL_MODEL_PARAMETERS, cpu_has_bfloat16

CPU_KV_CACHE_BYTES = 2 * 2**30
"""Of main memory, for keys and values; vLLM would take 92% of what there is."""

# The name, and what to use instead.
_OURS = {
    "model": "--model",
    "tokenizer": "--model",
    "generation_config": "the sampling options: a model's own defaults are never applied",
    "load_format": "a folder of safetensors: no other format is read",
    "worker_extension_cls": "an engine of your own: the worker is extended for swapping weights",
    "enable_lora": "--model with the adapter's folder, which is merged",
    "data_parallel_size": "tensor_parallel_size, `--executor ray`, or one process per GPU: vLLM refuses data "
    "parallelism within one offline process",
}
# Quiet and without a network, unless the user has said otherwise.
_ENVIRONMENT = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
# Only while the processes of vLLM start, for they inherit it: warnings that say nothing about the run.
_STARTING = {"TORCH_CPP_LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}


def require_vllm() -> None:
    """Set the environment that vLLM reads when it is imported. Raises MissingExtraError without the package."""
    if importlib.util.find_spec("vllm") is None:
        raise MissingExtraError("vllm", "the engine vllm")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are passed on, text made numbers. Raises ConfigError for one that cannot be used."""
    from dataclasses import fields

    from vllm import EngineArgs

    options = {name: _value(value) for name, value in options.items()}
    if options.get("data_parallel_size") == 1:
        del options["data_parallel_size"]
    known = {field.name for field in fields(EngineArgs)}
    for name in options:
        if name in _OURS:
            raise ConfigError(f"The engine vllm does not take the option '{name}'; use {_OURS[name]}")
        if name not in known:
            raise ConfigError(unknown("option of the engine vllm", name, known - set(_OURS)))
    return options


def arguments(
    options: dict[str, Any], *, folder: Path, dtype: str, trust_remote_code: bool, batch_size: int | str
) -> dict[str, Any]:
    """What `vllm.LLM` is called with; what the user has set stands, whatever our default would be."""
    given = dict(options)
    number = max_num_seqs(batch_size)
    if number is not None:
        if "max_num_seqs" in given:
            raise ConfigError("Give the engine vllm either batch_size or max_num_seqs: they are the same")
        given["max_num_seqs"] = number
    defaults: dict[str, Any] = {"enable_prefix_caching": True, "use_tqdm_on_load": False}
    if platform() == "cpu":
        defaults["enforce_eager"] = True  # compiling makes the start longer
        if not {"gpu_memory_utilization", "VLLM_CPU_KVCACHE_SPACE"} & {*given, *os.environ}:
            defaults["kv_cache_memory_bytes"] = CPU_KV_CACHE_BYTES
    ours = {
        "model": str(folder),
        "dtype": dtype,
        "trust_remote_code": trust_remote_code,
        "load_format": "safetensors",
        "generation_config": "vllm",  # none of the model's
        "worker_extension_cls": "pspo_bench.engines.vllm.worker.WeightSwapper",
    }
    return {**defaults, **given, **ours}


def max_num_seqs(batch_size: int | str) -> int | None:
    """The number of requests that run together; None for "auto": vLLM's own. Raises ConfigError."""
    if batch_size == "auto":
        return None
    with contextlib.suppress(ValueError):
        if int(batch_size) >= 1:
            return int(batch_size)
    raise ConfigError(f"Batch size '{batch_size}' is not a number of at least 1; give one, or auto")


def resolved_dtype(name: str, weights: Tensors) -> str:
    """The dtype to compute in, by the rule of `models.load`, so that the engines agree. Raises ConfigError."""
    if name not in DTYPES:
        raise ConfigError(f"Unknown dtype '{name}' for the engine vllm; known: {', '.join(DTYPES)}")
    if name != "auto":
        return name
    if weights.dtype == "float16" and platform() != "cpu":
        return "float16"
    small = weights.parameters < SMALL_MODEL_PARAMETERS
    return "bfloat16" if _has_bfloat16() and not small else "float32"


def checked_device(name: str) -> str:
    """The device that this build of vLLM runs on. Raises ConfigError if `name` is another."""
    found = platform()
    if name not in ("auto", found):
        raise ConfigError(
            f"Device '{name}' is asked for, but the installed vLLM runs on {found}; use auto, and "
            "CUDA_VISIBLE_DEVICES to choose among GPUs"
        )
    return found


def platform() -> str:
    """torch's name for the kind of device that the installed vLLM runs on. It starts no CUDA in this process."""
    from vllm.platforms import current_platform

    name: str = current_platform.device_type
    return name


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """The environment in which vLLM's processes are started; afterwards it is as before."""
    before = {name: os.environ.get(name) for name in _STARTING}
    for name, value in _STARTING.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)


def _value(value: Any) -> Any:
    """Text from a command line as what it says: "2" → 2, "true" → True; other text stays."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _has_bfloat16() -> bool:
    from vllm.platforms import current_platform

    if platform() == "cpu":
        return cpu_has_bfloat16()
    if platform() == "cuda" and not current_platform.is_rocm():
        return bool(current_platform.has_device_capability(80))  # asked of NVML
    return True
