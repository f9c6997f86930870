"""What a recipe comes to, worked out and checked before any model is loaded: what `--dry-run` prints.

plan(load_recipe("pocket/grpo")).optimizer_steps      # 40
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError
from pspo_bench.models import is_gguf
from pspo_bench.objectives import get_objective
from pspo_bench.prompts import system_prompt
from pspo_bench.records import Example
from pspo_bench.tasks import Task, load_examples, load_task, require_readable_golds
from pspo_bench.training.data import split_validation
from pspo_bench.training.launch import require_launch
from pspo_bench.training.lora import require_peft
from pspo_bench.training.rewards import get_reward
from pspo_bench.training.trackers import require_trackers
from pspo_bench.training.vllm import require_vllm

SFT = "sft"


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe with its data, prompt and cost."""

    recipe: Recipe
    task: Task
    system_prompt: str
    training: Sequence[Example]
    validation: Sequence[Example]
    optimizer_steps: int
    generation_batches: int
    completions: int
    max_tokens: int


def plan(recipe: Recipe, *, data_dir: Path | None = None, tasks_dir: Path | None = None) -> Plan:
    """Check everything that can be checked before the model is loaded. Raises ConfigError or DataError."""
    where = f"recipe '{recipe.name}'"
    get_reward(recipe.reward.name, where).resolve(recipe.reward.settings, where)
    require_trackers(recipe)
    if recipe.objective.name != SFT:
        get_objective(recipe.objective.name, where).resolve(recipe.objective.settings, where)
    elif recipe.objective.settings:
        raise ConfigError(f"objective 'sft' has no settings, but got: {', '.join(recipe.objective.settings)}")
    _require_reference(recipe)
    require_launch(recipe)
    require_peft(recipe)
    require_vllm(recipe)
    task, examples = _readable(recipe.data.task, recipe.data.split, data_dir, tasks_dir)
    training, validation = split_validation(examples, recipe.data.validation_rows)
    training = training[: recipe.data.limit]
    steps = _optimizer_steps(recipe, len(training))
    batches = 0 if recipe.objective.name == SFT else -(-steps // recipe.rollout.steps_per_batch)
    completions = batches * recipe.rollout.completions_per_step * recipe.rollout.minibatches
    return Plan(
        recipe=recipe,
        task=task,
        system_prompt=system_prompt(task.system_prompt, recipe.data.system_prompt),
        training=training,
        validation=validation,
        optimizer_steps=steps,
        generation_batches=batches,
        completions=completions,
        max_tokens=completions * recipe.rollout.max_tokens,
    )


@lru_cache(maxsize=4)  # a study plans many recipes on one task
def _readable(
    name: str, split: str, data_dir: Path | None, tasks_dir: Path | None
) -> tuple[Task, tuple[Example, ...]]:
    task = load_task(name, tasks_dir)
    examples = load_examples(task, split, data_dir=data_dir)
    require_readable_golds(task, examples)
    return task, tuple(examples)


def _require_reference(recipe: Recipe) -> None:
    """TRL loads the reference of the KL term anew, from the folder of the base; an adapter has it in the model."""
    needed = recipe.loss.kl_beta and recipe.objective.name != SFT and recipe.model.lora is None
    if needed and is_gguf(recipe.model.base):
        raise ConfigError(
            f"loss.kl_beta needs the base a second time, which TRL cannot load from the GGUF file of"
            f" '{recipe.model.base}'; train an adapter ([model.lora]), or give a folder as model.base"
        )


def steps_per_epoch(made: Plan) -> int:
    """Optimiser steps in one pass over the training rows; a last, incomplete generation batch is left out."""
    return _steps_per_epoch(made.recipe, len(made.training))


def _steps_per_epoch(recipe: Recipe, rows: int) -> int:
    rollout = recipe.rollout
    if recipe.objective.name == SFT:
        return -(-rows // rollout.completions_per_step)
    per_batch = rollout.prompts_per_step * rollout.minibatches
    if rows < per_batch:
        raise ConfigError(
            f"A generation batch takes {per_batch} prompts (prompts_per_step × minibatches), but there are only"
            f" {rows} training rows; lower one or raise data.limit"
        )
    return rows // per_batch * rollout.steps_per_batch


def _optimizer_steps(recipe: Recipe, rows: int) -> int:
    per_epoch = _steps_per_epoch(recipe, rows)
    return recipe.budget.steps or math.ceil((recipe.budget.epochs or 1.0) * per_epoch)
