"""One model on its tasks: make the completions that are missing, check them, append them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.errors import ConfigError
from pspo_bench.evaluate.jobs import Job, Workload, jobs, workloads
from pspo_bench.evaluate.samples import checked_samples
from pspo_bench.evaluate.settings import EvalSettings
from pspo_bench.provenance import provenance
from pspo_bench.records import Completion, short_hash
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo
from pspo_bench.tasks import content_hash

if TYPE_CHECKING:
    from pspo_bench.engines import Engine

PART_ROWS = 512
PART_SECONDS = 30.0
"""A part is written with the sample that makes so many, or comes so late, since the last one: what a kill can cost."""


def evaluate(model: str, task_names: Sequence[str], output_path: Path, settings: EvalSettings) -> Run:
    """Score `model` on the tasks and return the finished run.

    Raises ConfigError, DataError, ModelError, or StoreError where the folder cannot be written or holds a run
    of another model or of other settings. What was finished before an error or a kill stays in the run.
    """
    loads = workloads(task_names, settings)
    run = Run.open(output_path, create=True)
    engine = open_engine(model, settings)
    try:
        score(model, engine, loads, run, settings)
    finally:
        engine.close()
    return run


def open_engine(model: str, settings: EvalSettings) -> Engine:
    """The engine of `settings` with `model` loaded. Raises ConfigError for an option that it does not have."""
    from pspo_bench.engines import ENGINES

    factory = ENGINES.get(settings.engine)
    options = settings.engine_options()
    try:
        inspect.signature(factory).bind(model, **options)
    except TypeError as error:
        hint = "; the model is --model" if "pretrained" in options else ""
        raise ConfigError(
            f"Engine '{settings.engine}' cannot be used with these options: {error}{hint}"
        ) from error
    return factory(model, **options)


def score(model: str, engine: Engine, loads: Sequence[Workload], run: Run, settings: EvalSettings) -> None:
    """Start or continue `run` with an engine that is already open."""
    info = run_info(model, engine, loads, settings)
    run.start(info)
    fill(run, engine, list(jobs(engine.render, loads, settings)))
    run.start(info)  # another process may have started the run at the same moment, and not seen ours
    run.finish()


def fill(run: Run, engine: Engine, wanted: Sequence[Job]) -> None:
    """Make, check and append every sample of `wanted` that the run does not hold yet."""
    from tqdm import tqdm

    done = run.done_keys()
    todo = [job for job in wanted if job.key(engine.fingerprint) not in done]
    held = len(wanted) - len(todo)
    with tqdm(total=len(wanted), initial=held, desc="eval", unit="sample", disable=None) as bar:
        for batch in _batches(engine.generate([job.request for job in todo])):
            run.append(checked_samples([(todo[index], completion) for index, completion in batch], engine))
            bar.update(len(batch))


def _batches(stream: Iterator[tuple[int, Completion]]) -> Iterator[list[tuple[int, Completion]]]:
    batch: list[tuple[int, Completion]] = []
    started = time.monotonic()
    try:
        for item in stream:
            batch.append(item)
            if len(batch) >= PART_ROWS or time.monotonic() - started > PART_SECONDS:
                yield batch
                batch, started = [], time.monotonic()
    except (Exception, KeyboardInterrupt):
        if batch:
            yield batch  # what was made, and perhaps paid for, is saved before the error is told
        raise
    if batch:
        yield batch


def run_info(model: str, engine: Engine, loads: Sequence[Workload], settings: EvalSettings) -> RunInfo:
    """What run.json says of a run of `model` with these workloads and settings."""
    origin = provenance()
    manifest = engine.manifest
    recorded = settings.recorded()
    return RunInfo(
        model=model,
        base_model=str(manifest["base_model"]) if manifest and "base_model" in manifest else model,
        fingerprint=engine.fingerprint,
        engine=engine.name,
        engine_version=engine.version,
        dtype=engine.dtype,
        device=engine.device,
        settings=recorded,
        tasks={
            load.task.name: _task_info(load, engine, recorded, settings.split or load.task.eval_split)
            for load in loads
        },
        versions=origin["versions"],
        git_commit=origin["git_commit"],
        created=origin["created"],
        manifest=manifest,
    )


def _task_info(load: Workload, engine: Engine, settings: RunSettings, split: str) -> TaskInfo:
    return TaskInfo(
        n_questions=len(load.examples),
        content_sha256=content_hash(load.examples),
        prompt_hash=short_hash(load.system_prompt, engine.chat_template_hash, *(s.hash for s in load.shots)),
        system_prompt_hash=short_hash(load.system_prompt),
        max_tokens=load.max_tokens,
        split=split,
        expected_samples=settings.expected_samples(len(load.examples)),
        expected_questions={f"{t:g}": len(load.examples) for t in settings.temperatures},
    )
