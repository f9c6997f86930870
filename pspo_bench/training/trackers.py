"""Experiment trackers (TensorBoard, trackio, W&B, ...): which there are, where they write, and which run is whose.

    [tracking]
    report_to = ["tensorboard"]

transformers has a callback for each and TRL reports to them; they get the columns of the training log under their
names, with `train/` in front. TensorBoard writes to OUT/tracking/tensorboard and W&B to OUT/tracking, unless
TENSORBOARD_LOGGING_DIR or WANDB_DIR say otherwise. trackio keeps one database for all runs, in TRACKIO_DIR.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError, unknown

FOLDER = "tracking"
PACKAGES = {"azure_ml": "azureml-core mlflow", "flyte": "flytekit", "kubeflow": "kubeflow-trainer"}
"""What to install for a tracker that is not called as its package is."""


def require_trackers(recipe: Recipe) -> None:
    """Raises ConfigError for a tracker that transformers does not know, or whose package is not installed."""
    if not recipe.tracking.report_to:
        return
    from transformers.integrations import integration_utils as known

    ready = {
        *known.get_available_reporting_integrations(),
        *(["flyte"] if known.is_flytekit_available() else []),
    }
    where = f"tracking.report_to of recipe '{recipe.name}'"
    for name in recipe.tracking.report_to:
        if name not in known.INTEGRATION_TO_CALLBACK:
            raise ConfigError(unknown("tracker", name, known.INTEGRATION_TO_CALLBACK, where))
        if name not in ready:
            package = PACKAGES.get(name, name)
            raise ConfigError(
                f"Tracker '{name}' in {where} is not ready: its package is not installed, or not set up;"
                f" install it with: pip install {package}"
            )


def run_name(recipe: Recipe) -> str:
    """What the trackers call the run: recipe and seed."""
    return f"{recipe.name}-s{recipe.seed}"


@contextmanager
def tracking(trainer: Any, recipe: Recipe, output: Path, done_steps: int) -> Iterator[None]:
    """For the time of a training: the trackers write below `output`, and W&B's run is this one's alone.

    Of a resumed run TensorBoard forgets what was written after step `done_steps`, so that no step is shown twice.
    """
    _direct_tensorboard(trainer, output / FOLDER / "tensorboard", done_steps)
    if "wandb" not in recipe.tracking.report_to or not trainer.is_world_process_zero():
        yield
        return
    with _wandb_run(recipe, output / FOLDER):
        yield


def _direct_tensorboard(trainer: Any, folder: Path, done_steps: int) -> None:
    from transformers.integrations.integration_utils import TensorBoardCallback

    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and trainer.is_world_process_zero():
            from torch.utils.tensorboard import SummaryWriter

            place = callback.logging_dir or str(folder)
            callback.tb_writer = SummaryWriter(place, purge_step=done_steps + 1 if done_steps else None)


@contextmanager
def _wandb_run(recipe: Recipe, folder: Path) -> Iterator[None]:
    """A run of its own, which transformers takes over; it would leave it open, and a study's next cell go on in it."""
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    wandb.init(
        project=os.environ.get("WANDB_PROJECT", recipe.tracking.project),
        name=run_name(recipe),
        dir=os.environ.get("WANDB_DIR", str(folder)),
    )
    try:
        yield
    finally:
        wandb.finish()
