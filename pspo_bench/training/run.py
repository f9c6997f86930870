"""One training run: plan → trainer → checkpoint folder (see `folder` for what is in it)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Recipe
from pspo_bench.errors import TrainingError
from pspo_bench.objectives import get_objective
from pspo_bench.provenance import provenance
from pspo_bench.training.data import demonstration_dataset, rollout_dataset
from pspo_bench.training.folder import (
    MANIFEST_NAME,
    WORK_NAME,
    claim,
    last_resume_point,
    step_of,
    write_checkpoint,
    write_model,
)
from pspo_bench.training.plan import SFT, Plan, plan, steps_per_epoch

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.models import LoadedModel
    from pspo_bench.objectives import PolicyBatch
    from pspo_bench.training.callbacks import TrainingLog


DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.ENOENT}
DISK_SIGNS = ("(os error ", "inline_container", "PytorchStreamWriter")


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
    if _claim_once(made, output, resume):
        return output
    return _train(made, output)


def _claim_once(made: Plan, output: Path, resume: bool) -> bool:
    """`claim` by the first process alone, under torchrun and accelerate too; True if there is nothing left to do."""
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    if state.is_main_process:
        claim(made, output, resume)
    state.wait_for_everyone()
    return (output / MANIFEST_NAME).is_file()


def _train(made: Plan, output: Path) -> Path:
    from transformers.utils.logging import disable_progress_bar

    from pspo_bench.models import load
    from pspo_bench.training.callbacks import (
        LOG_NAME,
        Alarm,
        Progress,
        Snapshots,
        TrainingLog,
        ValidationCurve,
    )
    from pspo_bench.training.trackers import tracking

    disable_progress_bar()  # one for each save; ours is the one of the whole run
    recipe = made.recipe
    loaded = load(
        recipe.model.base,
        dtype="float32",
        device="cpu",  # the trainer moves it to its own device, one for each process
        revision=recipe.model.revision,
        trust_remote_code=recipe.model.trust_remote_code,
    )
    origin = provenance()  # now: the checkout may move on while this runs
    log = TrainingLog(recipe.optimizer.max_grad_norm)
    callbacks: list[Any] = [Alarm(log, recipe), Progress(recipe.name)]
    if recipe.checkpoint.keep:
        callbacks.append(Snapshots(partial(_snapshot, made, loaded, log, output, origin)))
    trainer = _build_trainer(made, loaded, output / WORK_NAME, callbacks)
    trainer.callback_handler.callbacks.insert(0, log)
    scores = partial(_validation_score, made, loaded)
    trainer.add_callback(ValidationCurve(log, scores, recipe.checkpoint.eval_steps, trainer.log))
    resume_point = last_resume_point(output / WORK_NAME)
    if resume_point is not None:
        log.load(resume_point / LOG_NAME)
        if recipe.objective.name != SFT:
            trainer.epochs_done = step_of(resume_point) // steps_per_epoch(made)
    done_steps = step_of(resume_point) if resume_point else 0
    with _disk_errors(output):
        with tracking(trainer, recipe, output, done_steps):
            _run_to_the_end(trainer, made, resume_point)
        if trainer.accelerator.is_main_process:
            write_checkpoint(made, trainer, loaded, log, output, origin)
            _tell_warnings(recipe, log)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()  # a study scores the checkpoint next, in this process
    return output


def _tell_warnings(recipe: Recipe, log: TrainingLog) -> None:
    from pspo_bench.training.callbacks import tell
    from pspo_bench.training.checks import check_log

    for warning in check_log(log.rows.values(), recipe):
        tell(recipe, warning.name, warning.message)


def _snapshot(
    made: Plan,
    loaded: LoadedModel,
    log: TrainingLog,
    output: Path,
    origin: dict[str, Any],
    model: Any,
    step: int,
) -> None:
    write_model(made, model, step, loaded, log, output / f"checkpoint-{step}", origin)


def _run_to_the_end(trainer: Any, made: Plan, resume_point: Path | None) -> None:
    if resume_point is not None and step_of(resume_point) >= made.optimizer_steps:
        # killed after the last step: the trainer would take one more before it looks at the budget
        from transformers import TrainerState

        trainer._load_from_checkpoint(str(resume_point))
        trainer.state = TrainerState.load_from_json(str(resume_point / "trainer_state.json"))
        return
    trainer.train(resume_from_checkpoint=str(resume_point) if resume_point else None)
    if trainer.state.global_step != made.optimizer_steps:
        raise TrainingError(
            f"Training stopped after {trainer.state.global_step} of {made.optimizer_steps} optimiser steps;"
            " please report this with the recipe"
        )


@contextmanager
def _disk_errors(output: Path) -> Iterator[None]:
    """A full disk or a lost folder as one clear error. safetensors and torch report it as errors of their own."""
    try:
        yield
    except Exception as error:
        of_disk = isinstance(error, OSError) and error.errno in DISK_ERRORS
        if of_disk or any(sign in str(error) for sign in DISK_SIGNS):
            first = str(error).splitlines()[0]
            raise TrainingError(
                f"Cannot write to {output}: the disk is full or the folder is gone ({first});"
                " mend that, then --resume: the last resume point is kept"
            ) from error
        raise


def _build_trainer(made: Plan, loaded: LoadedModel, work_dir: Path, callbacks: list[Any]) -> Any:
    from transformers import PrinterCallback, ProgressCallback

    recipe = made.recipe
    common: dict[str, Any] = {
        "model": loaded.model,
        "processing_class": loaded.tokenizer,
        "callbacks": callbacks,
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

        trainer = TrustRegionTrainer(
            args=grpo_config(recipe, work_dir, made.optimizer_steps),
            train_dataset=rollout_dataset(made.training, made.system_prompt, loaded.tokenizer),
            reward_funcs=[
                RewardFunction(recipe.reward, seed=recipe.seed, ends=eos_ids(loaded.model, loaded.tokenizer))
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


def _validation_score(made: Plan, loaded: LoadedModel) -> dict[str, float]:
    """Greedy accuracy, mean length in tokens and truncation on the validation rows, with the weights as they are."""
    from pspo_bench.answers import CheckRow, check_many
    from pspo_bench.engines.hf import HFEngine
    from pspo_bench.prompts import messages
    from pspo_bench.records import Completion, Request, Sampling

    engine = HFEngine(replace(loaded, device=str(loaded.model.device)))
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
        CheckRow(c.text, e.gold, e.answer_type, question=e.question, truncated=c.finish_reason == "length")
        for c, e in zip(ordered, made.validation, strict=True)
    ]
    verdicts = check_many(rows)
    count = len(ordered)
    return {
        "validation_accuracy": sum(verdict.correct for verdict in verdicts) / count,
        "validation_length_tokens": sum(c.completion_tokens or 0 for c in ordered) / count,
        "validation_truncation_rate": sum(c.finish_reason == "length" for c in ordered) / count,
    }
