"""Rollouts by vLLM: the recipe's settings in TRL's names, and what is checked before a model is loaded.

    [rollout]
    engine = "vllm"
    [rollout.vllm]
    mode = "server"                        # started on other GPUs: trl vllm-serve --model Qwen/Qwen2.5-0.5B
    base_url = "http://10.0.0.5:8000"

TRL runs the engine and brings it the weights; docs/scaling.md says what a resume does not repeat. Source: TRL 1.16,
`trl/generation/vllm_generation.py` and `trl/import_utils.py`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from packaging.version import Version

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError, MissingExtraError, TrainingError
from pspo_bench.models import is_gguf
from pspo_bench.training.launch import process_count

OLDEST, NEWEST = "0.22.0", "0.31.0"
"""The versions of vLLM that TRL 1.16 knows; with others it warns, and the transfer of weights may fail later."""
PROCESSED = "processed_logprobs"
RETRY_S = 2.0


def uses_vllm(recipe: Recipe) -> bool:
    """Whether completions are drawn by vLLM; `sft` draws none."""
    return recipe.rollout.engine == "vllm" and recipe.objective.name != "sft"


def vllm_settings(recipe: Recipe) -> dict[str, Any]:
    """What TRL's GRPOConfig is told; nothing where another engine draws."""
    if not uses_vllm(recipe):
        return {}
    vllm = recipe.rollout.vllm
    return {
        "use_vllm": True,
        "vllm_mode": vllm.mode,
        "vllm_gpu_memory_utilization": vllm.gpu_memory_utilization,
        "vllm_tensor_parallel_size": vllm.tensor_parallel_size,
        "vllm_max_model_length": vllm.max_model_length,
        "vllm_enable_sleep_mode": vllm.sleep,
        "vllm_server_base_url": vllm.base_url if vllm.mode == "server" else None,
        "vllm_server_timeout": vllm.server_timeout_s,
        "vllm_group_port": vllm.group_port,
        "vllm_importance_sampling_correction": vllm.importance_sampling_correction,
        "vllm_importance_sampling_mode": vllm.importance_sampling_mode,
        "vllm_importance_sampling_clip_max": vllm.importance_sampling_clip_max,
        "vllm_importance_sampling_clip_min": vllm.importance_sampling_clip_min,
    }


def require_vllm(recipe: Recipe) -> None:
    """Check that vLLM is there, in a version that TRL knows, and can do what the recipe asks for.

    Raises MissingExtraError or ConfigError.
    """
    if not uses_vllm(recipe):
        return
    if importlib.util.find_spec("vllm") is None:
        raise MissingExtraError("vllm", "rollout.engine='vllm'")
    require_known_version(_vllm_version())
    if is_gguf(recipe.model.base):
        raise ConfigError(
            f"rollout.engine='vllm' cannot read the GGUF base '{recipe.model.base}'; save it as a folder first"
            " (load it with transformers, then save_pretrained), or set rollout.engine='hf'"
        )
    parallel = recipe.rollout.vllm.tensor_parallel_size
    if process_count() % parallel:
        raise ConfigError(
            f"rollout.vllm.tensor_parallel_size={parallel} must divide the number of processes, {process_count()}"
        )


def require_known_version(version: str) -> None:
    """Raise ConfigError for a version of vLLM that this TRL does not know."""
    release = Version(Version(version).base_version)  # 0.24.0+cu129 is 0.24.0
    if not Version(OLDEST) <= release <= Version(NEWEST):
        raise ConfigError(
            f"vLLM {version} is installed, but for rollouts TRL 1.16 takes {OLDEST} to {NEWEST};"
            f" install another: pip install 'vllm>={OLDEST},<={NEWEST}'"
        )


def require_server(recipe: Recipe) -> None:
    """Wait for the recipe's vLLM server, and check that it sends the log-probabilities that the loss needs.

    Raises TrainingError saying how to start one. Nothing is done in mode `colocate` or for other engines.
    """
    vllm = recipe.rollout.vllm
    if not uses_vllm(recipe) or vllm.mode != "server":
        return
    url = vllm.base_url.rstrip("/")
    _wait_for(url, vllm.server_timeout_s, _start_command(recipe))
    status, body = _get(f"{url}/server_info?config_format=json")
    if status != 200:
        raise TrainingError(
            f"The server at {url} does not take weights (/server_info: HTTP {status}); start it with:"
            f" {_start_command(recipe)}"
        )
    mode = json.loads(body)["vllm_config"]["model_config"]["logprobs_mode"]
    if vllm.importance_sampling_correction and mode != PROCESSED:
        raise TrainingError(
            f"The vLLM server at {url} runs with --logprobs-mode {mode}, which would bias the importance-sampling"
            f" correction; restart it with --logprobs-mode {PROCESSED}, as this does: {_start_command(recipe)}"
        )


def _wait_for(url: str, timeout_s: float, command: str) -> None:
    deadline = time.monotonic() + timeout_s
    said = False
    while True:
        status, problem = _get(f"{url}/health")
        if status == 200:
            return
        if time.monotonic() + RETRY_S > deadline:
            raise TrainingError(
                f"No vLLM server answers at {url} after {timeout_s:g} s ({problem}); start one with: {command}"
            )
        if not said:
            print(f"pspo-bench: waiting up to {timeout_s:g} s for the vLLM server at {url}", file=sys.stderr)
            said = True
        time.sleep(RETRY_S)


def _get(url: str) -> tuple[int, str]:
    """The HTTP status and body; 0 and the reason where there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return 0, str(getattr(error, "reason", error))


def _start_command(recipe: Recipe) -> str:
    port = urlsplit(recipe.rollout.vllm.base_url).port or 8000
    return f"trl vllm-serve --model {recipe.model.base} --port {port}"


def _vllm_version() -> str:
    try:
        return importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:  # the CPU build is a distribution of another name
        owners = importlib.metadata.packages_distributions().get("vllm", [])
        return importlib.metadata.version(owners[0]) if owners else "0"
