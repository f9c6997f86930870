"""Recipe → the settings of TRL's trainers. Every default that could tilt a comparison is set here, in sight.

TRL's own defaults that are overruled: bfloat16 autocast (on by default, also on a CPU), gradient checkpointing
(on by default), a learning rate that decays linearly to zero, and its choice of loss: the objective registry
decides that, see `trainer`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from trl import GRPOConfig, SFTConfig

from pspo_bench.config import Recipe
from pspo_bench.training.launch import process_count
from pspo_bench.training.trackers import run_name
from pspo_bench.training.vllm import vllm_settings


def grpo_config(recipe: Recipe, work_dir: Path, steps: int) -> GRPOConfig:
    """TRL's configuration for a recipe with a trust-region objective."""
    rollout = recipe.rollout
    return GRPOConfig(
        **_common(recipe, work_dir, steps),
        num_generations=rollout.group_size,
        steps_per_generation=_accumulation(recipe) * rollout.minibatches,
        num_iterations=rollout.iterations,
        max_completion_length=rollout.max_tokens,
        temperature=rollout.temperature,
        top_p=rollout.top_p,
        top_k=0,
        beta=recipe.loss.kl_beta,
        scale_rewards=recipe.loss.advantage_scale,
        disable_dropout=True,
        **vllm_settings(recipe),
    )


def sft_config(recipe: Recipe, work_dir: Path, steps: int) -> SFTConfig:
    """TRL's configuration for the supervised baseline: loss on the completion only, nothing packed."""
    return SFTConfig(
        **_common(recipe, work_dir, steps),
        completion_only_loss=True,
        packing=False,
        max_length=None,
        dataset_num_proc=None,
    )


def _common(recipe: Recipe, work_dir: Path, steps: int) -> dict[str, Any]:
    optimizer = recipe.optimizer
    return {
        "output_dir": str(work_dir),
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "bf16": uses_bfloat16(recipe),
        "use_cpu": not torch.cuda.is_available(),
        "per_device_train_batch_size": _micro_batch(recipe),
        "gradient_accumulation_steps": _accumulation(recipe),
        "max_steps": steps,
        "learning_rate": optimizer.learning_rate,
        "lr_scheduler_type": optimizer.schedule,
        "warmup_steps": optimizer.warmup_steps,
        "max_grad_norm": optimizer.max_grad_norm,
        "weight_decay": optimizer.weight_decay,
        "adam_beta1": optimizer.adam_beta1,
        "adam_beta2": optimizer.adam_beta2,
        "adam_epsilon": optimizer.adam_epsilon,
        _checkpointing_name(): recipe.model.gradient_checkpointing,
        "save_strategy": "steps" if recipe.checkpoint.save_steps else "no",
        "save_steps": recipe.checkpoint.save_steps or 500,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": list(recipe.tracking.report_to),
        "run_name": run_name(recipe),
        "project": recipe.tracking.project,
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "trust_remote_code": recipe.model.trust_remote_code,
        "ddp_find_unused_parameters": False,  # every weight has a gradient: no search for others at every step
    }


def _checkpointing_name() -> str:
    """transformers 5.23 renames the setting and warns about the old name; older ones know only that."""
    names = SFTConfig.__dataclass_fields__
    return "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing"


def uses_bfloat16(recipe: Recipe) -> bool:
    """Whether the forward passes run under bfloat16 autocast; the weights are float32 in either case."""
    if recipe.model.dtype == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return recipe.model.dtype == "bfloat16"


def _micro_batch(recipe: Recipe) -> int:
    return recipe.rollout.micro_batch or recipe.rollout.completions_per_step // process_count()


def _accumulation(recipe: Recipe) -> int:
    """Micro-batches per optimiser step on one process."""
    return recipe.rollout.completions_per_step // (_micro_batch(recipe) * process_count())
