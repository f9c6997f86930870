"""The YAML head of the card, by huggingface_hub's own classes: https://huggingface.co/docs/hub/model-cards.

Only what is known is said. A base model or data set is named where it is one of the Hub; a license where it was given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError, PublishError
from pspo_bench.publish.checkpoint import Checkpoint
from pspo_bench.publish.markdown import one_line
from pspo_bench.publish.scores import Score
from pspo_bench.publish.settings import PublishSettings
from pspo_bench.tasks import load_task

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

    from pspo_bench.tasks import Task

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
BUILTIN_BASES = {"smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Models that are named without a path or the Hub, and are there under another name."""
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def card_data(
    checkpoint: Checkpoint, repo_id: str, scores: Sequence[Score], settings: PublishSettings
) -> ModelCardData:
    """The metadata. Raises PublishError for a license or base model that the Hub could not know."""
    from huggingface_hub import ModelCardData

    manifest = checkpoint.manifest
    name = repo_id.rpartition("/")[2]
    results = [_eval_result(score, settings.tasks_dir) for score in scores]
    tags = ["pspo-bench", "trl", manifest.method, manifest.objective.name]
    return ModelCardData(
        license=_license(settings),
        license_name=settings.license_name and one_line(settings.license_name),
        license_link=settings.license_link and one_line(settings.license_link),
        base_model=hub_base(checkpoint, settings),
        library_name="peft" if checkpoint.is_adapter else "transformers",
        pipeline_tag="text-generation",
        tags=[_tag(tag) for tag in tags],
        datasets=_datasets(checkpoint, settings.tasks_dir) or None,
        model_name=name,
        eval_results=results or None,
    )


def hub_base(checkpoint: Checkpoint, settings: PublishSettings) -> str | None:
    """The Hub id of the base model; None where it is not known to have one."""
    if settings.base_model is not None:
        if not HUB_ID.fullmatch(settings.base_model):
            raise PublishError(f"--base-model '{one_line(settings.base_model)}' is no Hub id; give USER/NAME")
        return settings.base_model
    base = checkpoint.manifest.base_model
    if base in BUILTIN_BASES:
        return BUILTIN_BASES[base]
    return base if HUB_ID.fullmatch(base) and not Path(base).exists() else None


def known_task(name: str, tasks_dir: Path | None) -> Task | None:
    """The task called `name` where it is found here; a checkpoint may have been trained on somebody's own."""
    try:
        return load_task(name, tasks_dir)
    except ConfigError:
        return None


def _license(settings: PublishSettings) -> str | None:
    if settings.license is None:
        if settings.license_name or settings.license_link:
            raise PublishError("--license-name and --license-link need --license other")
        return None
    if not _LICENSE.fullmatch(settings.license):
        raise PublishError(
            f"--license '{one_line(settings.license)}' is no identifier of the Hub, such as apache-2.0 or mit; for"
            " another one give --license other --license-name NAME --license-link URL"
        )
    return settings.license


def _tag(text: str) -> str:
    return re.sub(r"[^\w.+:-]+", "-", text).strip("-")[:60] or "unnamed"


def _datasets(checkpoint: Checkpoint, tasks_dir: Path | None) -> list[str]:
    task = known_task(str(checkpoint.manifest.data.get("task", "")), tasks_dir)
    return [task.hub] if task is not None and task.hub else []


def _eval_result(score: Score, tasks_dir: Path | None) -> EvalResult:
    """One accuracy as a fraction, with its interval and how it was drawn beside it."""
    from huggingface_hub import EvalResult

    task = known_task(score.task, tasks_dir)
    interval = score.interval
    details: dict[str, Any] = {
        "temperature": score.temperature,
        "questions": score.n_questions,
        "samples": score.n_samples,
        "low": None if interval is None else round(interval.low, 4),
        "high": None if interval is None else round(interval.high, 4),
        "complete": score.complete,
    }
    return EvalResult(
        task_type="text-generation",
        dataset_type=task.hub if task is not None and task.hub else one_line(score.task),
        dataset_name=one_line(score.task),
        dataset_config=task.hub_config if task is not None else None,
        dataset_split=one_line(score.info.split),
        metric_type="accuracy",
        metric_name=f"accuracy at T={score.temperature:g} (fraction, 95 % interval in args)",
        metric_value=round(score.accuracy, 4),
        metric_args={key: value for key, value in details.items() if value is not None},
    )
