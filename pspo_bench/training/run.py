"""One training run: plan → trainer → checkpoint folder (see `folder` for what is in it)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Recipe
from pspo_bench.errors import TrainingError
from pspo_bench.provenance import provenance
from pspo_bench.training.folder import (
    MANIFEST_NAME,
    WORK_NAME,
    claim,
    last_resume_point,
    load_weights,
    step_of,
    write_checkpoint,
    write_model,
)
from pspo_bench.training.plan import SFT, Plan, plan, steps_per_epoch
from pspo_bench.training.vllm import require_server

if TYPE_CHECKING:
    from pspo_bench.models import LoadedModel
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
    from pspo_bench.training.distributed import agreed

    made = plan(recipe, data_dir=data_dir, tasks_dir=tasks_dir)
    if agreed(partial(_claimed_and_finished, made, output, resume)):
        return output
    agreed(partial(require_server, recipe))
    try:
        return _train(made, output, agreed(partial(last_resume_point, output / WORK_NAME)))
    finally:
        _release_memory()


def _release_memory() -> None:
    """Free what the training held, which refers to itself in circles, for the scoring that follows in a study.

    torch keeps freed memory of a GPU; vLLM, in a process of its own, would not get it.
    """
    from accelerate.utils.memory import clear_device_cache

    clear_device_cache(garbage_collection=True)


def _claimed_and_finished(made: Plan, output: Path, resume: bool) -> bool:
    claim(made, output, resume)
    return (output / MANIFEST_NAME).is_file()


def _train(made: Plan, output: Path, resume_point: Path | None) -> Path:
    from transformers.utils.logging import disable_progress_bar

    from pspo_bench.models import load
    from pspo_bench.training.build import build_trainer
    from pspo_bench.training.callbacks import (
        LOG_NAME,
        Alarm,
        Progress,
        Snapshots,
        TrainingLog,
        ValidationCurve,
    )
    from pspo_bench.training.distributed import keep_twin
    from pspo_bench.training.trackers import tracking
    from pspo_bench.training.validation import validation_score

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
    callbacks = [Alarm(log, recipe), Progress(recipe.name)]
    trainer = build_trainer(made, loaded, output / WORK_NAME, callbacks)
    keep_twin(trainer)
    trainer.callback_handler.callbacks.insert(0, log)
    scores = partial(validation_score, made, loaded, trainer)
    trainer.add_callback(ValidationCurve(log, scores, recipe.checkpoint.eval_steps, trainer.log))
    if recipe.checkpoint.keep:
        trainer.add_callback(Snapshots(partial(_snapshot, made, trainer, loaded, log, output, origin)))
    if resume_point is not None:
        log.load(resume_point / LOG_NAME)
        if recipe.objective.name != SFT:
            trainer.epochs_done = step_of(resume_point) // steps_per_epoch(made)
    done_steps = step_of(resume_point) if resume_point else 0
    with _disk_errors(output):
        with tracking(trainer, recipe, output, done_steps):
            _run_to_the_end(trainer, made, resume_point)
        write_checkpoint(made, trainer, loaded, log, output, origin)
    if trainer.accelerator.is_main_process:
        _tell_warnings(recipe, log)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()
    return output


def _tell_warnings(recipe: Recipe, log: TrainingLog) -> None:
    from pspo_bench.training.callbacks import tell
    from pspo_bench.training.checks import check_log

    for warning in check_log(log.rows.values(), recipe):
        tell(recipe, warning.name, warning.message)


def _snapshot(
    made: Plan,
    trainer: Any,
    loaded: LoadedModel,
    log: TrainingLog,
    output: Path,
    origin: dict[str, Any],
    step: int,
) -> None:
    write_model(made, trainer, step, loaded, log, output / f"checkpoint-{step}", origin)


def _run_to_the_end(trainer: Any, made: Plan, resume_point: Path | None) -> None:
    if resume_point is not None and step_of(resume_point) >= made.optimizer_steps:
        # killed after the last step: the trainer would take one more before it looks at the budget
        from transformers import TrainerState

        load_weights(trainer.model, resume_point)
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
