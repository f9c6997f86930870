"""How this run was launched, as torchrun and `accelerate launch` tell it, and whether that is supported.

accelerate launch --config_file recipes/accelerate/fsdp2.yaml -m pspo_bench train RECIPE -o OUT
"""

from __future__ import annotations

import os

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError

FSDP_FILE = "recipes/accelerate/fsdp2.yaml"


def process_count() -> int:
    """The processes that train together, over all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this is the process that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def require_launch(recipe: Recipe) -> None:
    """Raise ConfigError if the recipe's batch cannot be split over the processes, or the launch is not supported."""
    per_step, processes = recipe.rollout.completions_per_step, process_count()
    each = recipe.rollout.micro_batch or max(per_step // processes, 1)
    if per_step % (each * processes):
        raise ConfigError(
            f"prompts_per_step × group_size = {per_step} cannot be split into {processes} processes ×"
            f" micro_batch {each}"
        )
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true":
        _require_fsdp(recipe)


def _require_fsdp(recipe: Recipe) -> None:
    wanted = {"FSDP_VERSION": "2", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT"}
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            raise ConfigError(
                f"FSDP is supported with {name.lower()}: {value}, not {os.environ.get(name)}; see {FSDP_FILE}"
            )
    if recipe.model.lora and recipe.rollout.engine == "vllm":
        raise ConfigError(
            "TRL cannot bring a LoRA adapter that FSDP spreads to vLLM; launch with DDP, or set rollout.engine='hf'"
        )
