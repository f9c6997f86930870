"""Plan → trainer: the one place where a recipe, a model and TRL meet.

trainer = build_trainer(plan(recipe), load("pocket"), Path("runs/x/trainer"))
trainer.train()
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Recipe
from pspo_bench.objectives import get_objective
from pspo_bench.training.data import demonstration_dataset, rollout_dataset
from pspo_bench.training.plan import SFT, Plan

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.models import LoadedModel
    from pspo_bench.objectives import PolicyBatch


def build_trainer(made: Plan, loaded: LoadedModel, work_dir: Path, callbacks: Sequence[Any] = ()) -> Any:
    """TRL's trainer for the plan: `SFTTrainer` for sft, else `TrustRegionTrainer`. `work_dir` holds resume points."""
    from transformers import PrinterCallback, ProgressCallback

    from pspo_bench.training.lora import lora_config

    recipe = made.recipe
    common: dict[str, Any] = {
        "model": loaded.model,
        "processing_class": loaded.tokenizer,
        "callbacks": list(callbacks),
        "peft_config": lora_config(recipe, loaded.model),
    }
    if recipe.objective.name == SFT:
        from trl import SFTTrainer

        from pspo_bench.training.settings import sft_config

        dataset = demonstration_dataset(made.training, made.system_prompt, loaded.tokenizer)
        trainer: Any = SFTTrainer(
            args=sft_config(recipe, work_dir, made.optimizer_steps), train_dataset=dataset, **common
        )
    else:
        from pspo_bench.engines.stopping import eos_ids
        from pspo_bench.training.rewards import RewardFunction
        from pspo_bench.training.rollout import HFRollout
        from pspo_bench.training.settings import grpo_config
        from pspo_bench.training.trainer import TrustRegionTrainer

        with warnings.catch_warnings():
            # TRL calls the hook experimental at every use; tests hold its contract
            warnings.filterwarnings("ignore", message="You are using 'rollout_func'")
            trainer = TrustRegionTrainer(
                args=grpo_config(recipe, work_dir, made.optimizer_steps),
                train_dataset=rollout_dataset(made.training, made.system_prompt, loaded.tokenizer),
                reward_funcs=[
                    RewardFunction(
                        recipe.reward, seed=recipe.seed, ends=eos_ids(loaded.model, loaded.tokenizer)
                    )
                ],
                objective=_objective_function(recipe),
                aggregation=recipe.loss.aggregation,
                shared_prompts=recipe.rollout.shared_prompts,
                rollout_func=HFRollout(loaded, seed=recipe.seed) if recipe.rollout.engine == "hf" else None,
                **common,
            )
    for noisy in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(noisy)
    return trainer


def _objective_function(recipe: Recipe) -> Callable[[PolicyBatch], Tensor]:
    objective = get_objective(recipe.objective.name)
    return partial(objective.function, **objective.resolve(recipe.objective.settings))
