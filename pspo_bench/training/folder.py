"""The checkpoint folder: claiming it, finding where to resume, and writing the finished checkpoint.

    OUT/config.json, model.safetensors, tokenizer.json, ...   the checkpoint, a Hugging Face folder; or, with
    OUT/adapter_config.json, adapter_model.safetensors, ...   [model.lora], a PEFT adapter that names its base
    OUT/manifest.json                                          recipe, versions, hardware, hashes, costs
    OUT/training_log.parquet                                   one row per optimiser step
    OUT/recipe.json, OUT/trainer/checkpoint-N                  what `resume` needs
    OUT/checkpoint-N                                           models on the way, where the recipe keeps them
    OUT/tracking                                               what trackers write, where the recipe names any

manifest.json is written last: a folder that has one is finished.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import TrainingError
from pspo_bench.models import resolve, weight_files
from pspo_bench.store import write_atomic
from pspo_bench.training.checks import check_log
from pspo_bench.training.data import rows_hash
from pspo_bench.training.distributed import whole_state
from pspo_bench.training.lora import load_adapter, save_adapter
from pspo_bench.training.plan import SFT, Plan

if TYPE_CHECKING:
    from pspo_bench.models import LoadedModel
    from pspo_bench.training.callbacks import TrainingLog

RECIPE_NAME = "recipe.json"
MANIFEST_NAME = "manifest.json"
WORK_NAME = "trainer"


def claim(made: Plan, output: Path, resume: bool) -> None:
    """Make the output folder, or check that the run in it is this one: same recipe, data and base weights.

    Raises TrainingError naming the difference, or saying why the folder cannot be used.
    """
    resolved = {
        **made.recipe.model_dump(mode="json"),
        "training_data": _data(made),
        "base_weights": _base(made),
    }
    description = output / RECIPE_NAME
    if description.is_file():
        earlier = json.loads(description.read_text())
        if not resume:
            raise TrainingError(
                f"{output} holds a training run; give --resume to continue it, or another folder"
            )
        # where the figures are sent changes nothing about the run
        if {**earlier, "tracking": None} != {**resolved, "tracking": None}:
            changed = ", ".join(_differences(earlier, {**resolved, "tracking": earlier.get("tracking")}))
            raise TrainingError(
                f"{output} was started with another recipe (differs in {changed}); use another folder,"
                " or delete this one to train anew"
            )
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise TrainingError(f"{output} exists and is not a training run; choose an empty or new folder")
    try:
        output.mkdir(parents=True, exist_ok=True)
        _write_json(description, resolved)
    except OSError as error:
        raise TrainingError(
            f"Cannot write to {output}: {error.strerror}; choose a folder you may write to"
        ) from error


def _base(made: Plan) -> str:
    model = made.recipe.model
    found = resolve(model.base, revision=model.revision, trust_remote_code=model.trust_remote_code)
    return found.fingerprint


def _data(made: Plan) -> dict[str, Any]:
    return {
        "task": made.task.name,
        "split": made.recipe.data.split,
        "training_rows": len(made.training),
        "training_sha": rows_hash(made.training),
        "validation_rows": len(made.validation),
        "validation_sha": rows_hash(made.validation),
    }


def _differences(earlier: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in sorted({*earlier, *now}):
        before, after = earlier.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before} → {after}")
    return found


def last_resume_point(work_dir: Path) -> Path | None:
    """The newest complete checkpoint; one that a kill cut short lacks the log, which is written last."""
    from pspo_bench.training.callbacks import LOG_NAME

    points = [
        p
        for p in work_dir.glob("checkpoint-*")
        if (p / LOG_NAME).is_file() and p.name.removeprefix("checkpoint-").isdigit()
    ]
    return max(points, key=step_of, default=None)


def step_of(resume_point: Path) -> int:
    """The optimiser step after which a resume point, `checkpoint-N`, was saved."""
    return int(resume_point.name.removeprefix("checkpoint-"))


def load_weights(model: Any, resume_point: Path) -> None:
    """Put the weights of a resume point into `model`, which is not spread over processes."""
    from accelerate.utils import is_peft_model
    from safetensors.torch import load_file

    state = {name: tensor for file in weight_files(resume_point) for name, tensor in load_file(file).items()}
    if is_peft_model(model):
        load_adapter(model, state)
    else:
        model.load_state_dict(state, strict=False)  # tied weights are saved once


def write_checkpoint(
    made: Plan, trainer: Any, loaded: LoadedModel, log: TrainingLog, output: Path, origin: dict[str, Any]
) -> None:
    """The finished checkpoint: `write_model`, and then drop the resume points. Collective."""
    write_model(made, trainer, int(trainer.state.global_step), loaded, log, output, origin)
    if trainer.accelerator.is_main_process:
        shutil.rmtree(output / WORK_NAME, ignore_errors=True)


def write_model(
    made: Plan,
    trainer: Any,
    step: int,
    loaded: LoadedModel,
    log: TrainingLog,
    output: Path,
    origin: dict[str, Any],
) -> None:
    """Save model, tokenizer, log and, last, the manifest, by the first process. Collective.

    `origin` is the provenance at the run's start.
    """
    from accelerate.utils import is_peft_model

    from pspo_bench.training.callbacks import LOG_NAME

    state = whole_state(trainer)
    if not trainer.accelerator.is_main_process:
        return
    model = trainer.accelerator.unwrap_model(trainer.model_wrapped)
    if is_peft_model(model):
        save_adapter(model, state, made.recipe, output)
    else:
        model.save_pretrained(output, state_dict=state)
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
        "optimizer_steps": step,
        "tokens_generated": int(log.total("tokens_generated")),
        "wall_time_s": round(log.elapsed_s(), 1),
        "warnings": [asdict(warning) for warning in check_log(log.rows.values(), recipe)],
        "data": _data(made),
        "weights_sha256": resolve(str(output)).fingerprint,
        **origin,
    }
    _write_json(output / MANIFEST_NAME, manifest)


def _write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())
