"""One training run: recipe in, checkpoint folder out.

    OUT/config.json, model.safetensors, tokenizer.json, ...   the checkpoint, a Hugging Face folder
    OUT/manifest.json                                          recipe, versions, hardware, hashes, costs
    OUT/training_log.parquet                                   one row per optimiser step
    OUT/recipe.json, OUT/trainer/checkpoint-N                  what `resume` needs

manifest.json is written last: a folder that has one is finished.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError, TrainingError
from pspo_bench.objectives import get_objective
from pspo_bench.prompts import system_prompt
from pspo_bench.provenance import provenance
from pspo_bench.records import Example
from pspo_bench.store import write_atomic
from pspo_bench.tasks import Task, load_examples, load_task, require_readable_golds
from pspo_bench.training.data import demonstration_dataset, rollout_dataset, rows_hash, split_validation

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.models import LoadedModel
    from pspo_bench.objectives import PolicyBatch
    from pspo_bench.training.callbacks import TrainingLog

SFT = "sft"
RECIPE_NAME = "recipe.json"
MANIFEST_NAME = "manifest.json"
WORK_NAME = "trainer"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe comes to, worked out without loading the model: what `--dry-run` prints."""

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
    if recipe.objective.name != SFT:
        where = f"recipe '{recipe.name}'"
        get_objective(recipe.objective.name, where).resolve(recipe.objective.settings, where)
    elif recipe.objective.settings:
        raise ConfigError(f"objective 'sft' has no settings, but got: {', '.join(recipe.objective.settings)}")
    task = load_task(recipe.data.task, tasks_dir)
    examples = load_examples(task, recipe.data.split, data_dir=data_dir)
    require_readable_golds(task, examples)
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


def train(
    recipe: Recipe,
    output: Path,
    *,
    resume: bool = False,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
) -> Path:
    """Train to the recipe's budget and return the checkpoint folder.

    `resume` continues an unfinished run of the same recipe in `output`, returns at once if it is finished, and
    starts one if there is none. Without it, an `output` that holds a run is an error. Raises ConfigError,
    DataError, ModelError or TrainingError; an interrupted run keeps its last resume point.
    """
    made = plan(recipe, data_dir=data_dir, tasks_dir=tasks_dir)
    if _prepare_folder(recipe, output, resume):
        return output
    return _train(made, output)


def _train(made: Plan, output: Path) -> Path:
    from transformers.utils.logging import disable_progress_bar

    from pspo_bench.models import load
    from pspo_bench.training.callbacks import LOG_NAME, Progress, TrainingLog, ValidationCurve

    disable_progress_bar()  # one for each save; ours is the one of the whole run
    recipe = made.recipe
    started = time.monotonic()
    loaded = load(
        recipe.model.base,
        dtype="float32",
        revision=recipe.model.revision,
        trust_remote_code=recipe.model.trust_remote_code,
    )
    log = TrainingLog(recipe.optimizer.max_grad_norm)
    curve = ValidationCurve(log, partial(_validation_score, made, loaded), recipe.checkpoint.eval_steps)
    trainer = _build_trainer(made, loaded, output / WORK_NAME, [log, curve, Progress(recipe.name)])
    resume_point = _last_resume_point(output / WORK_NAME)
    if resume_point is not None:
        log.load(resume_point / LOG_NAME)
    trainer.train(resume_from_checkpoint=str(resume_point) if resume_point else None)
    if trainer.accelerator.is_main_process:
        _write_checkpoint(made, trainer, loaded, log, output, time.monotonic() - started)
    trainer.accelerator.wait_for_everyone()
    return output


def _build_trainer(made: Plan, loaded: LoadedModel, work_dir: Path, callbacks: list[Any]) -> Any:
    from transformers import PrinterCallback, ProgressCallback

    recipe = made.recipe
    chat = bool(loaded.tokenizer.chat_template)
    common: dict[str, Any] = {
        "model": loaded.model,
        "processing_class": loaded.tokenizer,
        "callbacks": callbacks,
    }
    if recipe.objective.name == SFT:
        from trl import SFTTrainer

        from pspo_bench.training.settings import sft_config

        dataset = demonstration_dataset(made.training, made.system_prompt, chat=chat)
        trainer: Any = SFTTrainer(args=sft_config(recipe, work_dir), train_dataset=dataset, **common)
    else:
        from pspo_bench.training.reward import correctness
        from pspo_bench.training.settings import grpo_config
        from pspo_bench.training.trainer import TrustRegionTrainer

        trainer = TrustRegionTrainer(
            args=grpo_config(recipe, work_dir),
            train_dataset=rollout_dataset(made.training, made.system_prompt, chat=chat),
            reward_funcs=[correctness],
            objective=_objective_function(recipe),
            aggregation=recipe.loss.aggregation,
            **common,
        )
    for noisy in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(noisy)
    return trainer


def _objective_function(recipe: Recipe) -> Callable[[PolicyBatch], Tensor]:
    objective = get_objective(recipe.objective.name)
    return partial(objective.function, **objective.resolve(recipe.objective.settings))


def _validation_score(made: Plan, loaded: LoadedModel) -> dict[str, float]:
    """Greedy accuracy, mean length in tokens and truncation on the validation rows, with the weights as they are."""
    from pspo_bench.answers import CheckRow, check_many
    from pspo_bench.engines.hf import HFEngine
    from pspo_bench.prompts import messages
    from pspo_bench.records import Completion, Request, Sampling

    engine = HFEngine(loaded)
    sampling = Sampling(temperature=0.0, max_tokens=made.recipe.rollout.max_tokens)
    requests = [
        Request(engine.render(messages(example, made.system_prompt)), sampling, seed=0)
        for example in made.validation
    ]
    was_training = loaded.model.training
    loaded.model.eval()
    try:
        completions: dict[int, Completion] = dict(engine.generate(requests))
    finally:
        loaded.model.train(was_training)
    ordered = [completions[index] for index in range(len(requests))]
    rows = [
        CheckRow(c.text, e.gold, e.answer_type, question=e.question)
        for c, e in zip(ordered, made.validation, strict=True)
    ]
    verdicts = check_many(rows)
    count = len(ordered)
    return {
        "validation_accuracy": sum(verdict.correct for verdict in verdicts) / count,
        "validation_length_tokens": sum(c.completion_tokens for c in ordered) / count,
        "validation_truncation": sum(c.finish_reason == "length" for c in ordered) / count,
    }


def _optimizer_steps(recipe: Recipe, rows: int) -> int:
    """The budget in optimiser steps: given, or passes over `rows` prompts as TRL counts them."""
    if recipe.budget.steps:
        return recipe.budget.steps
    epochs = recipe.budget.epochs or 1.0
    if recipe.objective.name == SFT:
        return round(epochs * -(-rows // recipe.rollout.completions_per_step))
    prompts_per_batch = recipe.rollout.prompts_per_step * recipe.rollout.minibatches
    return round(epochs * (rows // prompts_per_batch) * recipe.rollout.steps_per_batch)


def _prepare_folder(recipe: Recipe, output: Path, resume: bool) -> bool:
    """Make or check the output folder. Returns True if a finished run of this recipe is already there."""
    resolved = recipe.model_dump(mode="json")
    description = output / RECIPE_NAME
    if description.is_file():
        earlier = json.loads(description.read_text())
        if not resume:
            raise TrainingError(
                f"{output} holds a training run; give --resume to continue it, or another folder"
            )
        if earlier != resolved:
            changed = ", ".join(_differences(earlier, resolved))
            raise TrainingError(
                f"{output} was started with another recipe (differs in {changed}); use another folder"
            )
        return (output / MANIFEST_NAME).is_file()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise TrainingError(f"{output} exists and is not a training run; choose an empty or new folder")
    try:
        output.mkdir(parents=True, exist_ok=True)
        _write_json(description, resolved)
    except OSError as error:
        raise TrainingError(
            f"Cannot write to {output}: {error.strerror}; choose a folder you may write to"
        ) from error
    return False


def _differences(earlier: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in sorted({*earlier, *now}):
        before, after = earlier.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before} → {after}")
    return found


def _last_resume_point(work_dir: Path) -> Path | None:
    """The newest complete checkpoint; one that a kill cut short lacks the log, which is written last."""
    from pspo_bench.training.callbacks import LOG_NAME

    points = [p for p in work_dir.glob("checkpoint-*") if (p / LOG_NAME).is_file() and p.name[11:].isdigit()]
    return max(points, key=lambda p: int(p.name[11:]), default=None)


def _write_checkpoint(
    made: Plan, trainer: Any, loaded: LoadedModel, log: TrainingLog, output: Path, seconds: float
) -> None:
    from pspo_bench.models import resolve
    from pspo_bench.training.callbacks import LOG_NAME

    model = trainer.accelerator.unwrap_model(trainer.model)
    model.save_pretrained(output)
    loaded.tokenizer.save_pretrained(output)
    log.write(output / LOG_NAME)
    recipe = made.recipe
    manifest = {
        "name": recipe.name,
        "method": SFT if recipe.objective.name == SFT else "grpo",
        "objective": {"name": recipe.objective.name, "settings": recipe.objective.settings},
        "base_model": recipe.model.base,
        "base_fingerprint": loaded.fingerprint,
        "seed": recipe.seed,
        "recipe": recipe.model_dump(mode="json"),
        "system_prompt": made.system_prompt,
        "optimizer_steps": int(trainer.state.global_step),
        "tokens_generated": int(log.total("tokens_generated")),
        "wall_time_s": round(log.total("step_time") or seconds, 1),
        "data": {
            "task": made.task.name,
            "split": recipe.data.split,
            "training_rows": len(made.training),
            "training_sha": rows_hash(made.training),
            "validation_rows": len(made.validation),
            "validation_sha": rows_hash(made.validation),
        },
        "weights_sha256": resolve(str(output)).fingerprint,
        **provenance(),
    }
    _write_json(output / MANIFEST_NAME, manifest)
    shutil.rmtree(output / WORK_NAME, ignore_errors=True)


def _write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())
