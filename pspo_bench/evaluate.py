"""Task + model → Run: make the completions that are missing, check them, append them.

    run = evaluate("runs/pspo-s0", ["gsm8k", "svamp"], Path("runs/pspo-s0-eval"), EvalSettings(limit=200))

A run resumes by itself: what its parts already hold is not made again, whatever killed the run before.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError
from pspo_bench.prompts import messages, system_prompt
from pspo_bench.provenance import provenance
from pspo_bench.records import Completion, Example, Request, Sample, Sampling, short_hash
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo
from pspo_bench.tasks import Task, content_hash, load_examples, load_task, require_readable_golds

if TYPE_CHECKING:
    from pspo_bench.engines import Engine

PART_ROWS = 512
PART_SECONDS = 30.0
"""A part is written when this many samples or seconds have gathered: what a kill can cost."""


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """How to sample and where to look for things. Greedy (temperature 0) gets one sample per question.

    The first temperature is the headline, declared before the run. `max_tokens` None means each task's own.
    """

    temperatures: tuple[float, ...] = (0.0,)
    samples: int = 1
    top_p: float = 1.0
    max_tokens: int | None = None
    seed: int = 0
    limit: int | float | None = None
    split: str | None = None
    system_prompt: str | None = None
    engine: str = "hf"
    batch_size: int | None = None
    dtype: str = "auto"
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    data_dir: Path | None = None
    tasks_dir: Path | None = None

    def __post_init__(self) -> None:
        if (
            not self.temperatures
            or min(self.temperatures) < 0
            or len(set(self.temperatures)) < len(self.temperatures)
        ):
            raise ConfigError(
                f"temperatures must be different numbers of at least 0, not {list(self.temperatures)}"
            )
        for name, value in (
            ("samples", self.samples),
            ("max_tokens", self.max_tokens),
            ("batch_size", self.batch_size),
        ):
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1, not {self.top_p}")

    def repeats(self, temperature: float) -> int:
        """Samples per question at this temperature."""
        return 1 if temperature == 0 else self.samples


@dataclass(frozen=True, slots=True)
class Workload:
    """One task with its examples and the prompt that is asked."""

    task: Task
    examples: tuple[Example, ...]
    system_prompt: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class _Job:
    """One completion to make."""

    workload: Workload
    example: Example
    prompt: str
    prompt_hash: str
    temperature: float
    sample_index: int


def workloads(task_names: Sequence[str], settings: EvalSettings) -> list[Workload]:
    """Load and check the tasks. Raises ConfigError or DataError before any model is touched."""
    if not task_names:
        raise ConfigError("No task given; name one or more with --tasks, see: pspo-bench tasks list")
    loads = []
    for name in dict.fromkeys(task_names):
        task = load_task(name, settings.tasks_dir)
        examples = load_examples(task, settings.split, data_dir=settings.data_dir, limit=settings.limit)
        require_readable_golds(task, examples)
        prompt = system_prompt(task.system_prompt, settings.system_prompt)
        loads.append(Workload(task, tuple(examples), prompt, settings.max_tokens or task.max_tokens))
    return loads


def evaluate(model: str, task_names: Sequence[str], output_path: Path, settings: EvalSettings) -> Run:
    """Score `model` on the tasks and return the finished run.

    Raises ConfigError, DataError, ModelError, or StoreError where the folder cannot be written or holds a run
    of another model or of other settings. What was finished before an error or a kill stays in the run.
    """
    loads = workloads(task_names, settings)
    run = Run.open(output_path, create=True)
    engine = _engine(model, settings)
    try:
        run.start(_run_info(model, engine, loads, settings))
        _fill(run, engine, _jobs(engine, loads, settings), settings)
        run.finish()
    finally:
        engine.close()
    return run


def _engine(model: str, settings: EvalSettings) -> Engine:
    """The engine, told only what the user has set: not every engine has every option."""
    from pspo_bench.engines import ENGINES

    factory = ENGINES.get(settings.engine)
    default = EvalSettings()
    names = ("batch_size", "dtype", "device", "revision", "trust_remote_code")
    options = {
        name: getattr(settings, name) for name in names if getattr(settings, name) != getattr(default, name)
    }
    try:
        inspect.signature(factory).bind(model, **options)
    except TypeError as error:
        raise ConfigError(f"Engine '{settings.engine}' cannot be used with these options: {error}") from error
    return factory(model, **options)


def _fill(run: Run, engine: Engine, jobs: list[_Job], settings: EvalSettings) -> None:
    """Make, check and append every sample that the run does not hold yet."""
    from tqdm import tqdm

    done = run.done_keys()
    todo = [job for job in jobs if _key(job, engine, settings) not in done]
    requests = [_request(job, settings) for job in todo]
    with tqdm(
        total=len(jobs), initial=len(jobs) - len(todo), desc="eval", unit="sample", disable=None
    ) as bar:
        for batch in _batches(engine.generate(requests)):
            run.append(_samples([(todo[index], completion) for index, completion in batch], engine, settings))
            bar.update(len(batch))


def _batches(stream: Iterator[tuple[int, Completion]]) -> Iterator[list[tuple[int, Completion]]]:
    batch: list[tuple[int, Completion]] = []
    started = time.monotonic()
    for item in stream:
        batch.append(item)
        if len(batch) >= PART_ROWS or time.monotonic() - started > PART_SECONDS:
            yield batch
            batch, started = [], time.monotonic()
    if batch:
        yield batch


def _jobs(engine: Engine, loads: Sequence[Workload], settings: EvalSettings) -> list[_Job]:
    jobs = []
    for load in loads:
        for example in load.examples:
            prompt = engine.render(messages(example, load.system_prompt))
            prompt_hash = short_hash(prompt)
            jobs += [
                _Job(load, example, prompt, prompt_hash, temperature, index)
                for temperature in settings.temperatures
                for index in range(settings.repeats(temperature))
            ]
    return jobs


def _request(job: _Job, settings: EvalSettings) -> Request:
    sampling = Sampling(job.temperature, settings.top_p, job.workload.max_tokens)
    return Request(job.prompt, sampling, _draw_seed(job, settings.seed))


def _draw_seed(job: _Job, seed: int) -> int:
    """A seed of this (example, temperature, sample) alone, so that order and resume change nothing that is drawn.

    It does not depend on the model: two checkpoints are compared under common random numbers.
    """
    text = "\x1f".join(
        map(str, (seed, job.example.task, job.example.hash, job.temperature, job.sample_index))
    )
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def _key(job: _Job, engine: Engine, settings: EvalSettings) -> tuple[Any, ...]:
    """The `Sample.key` that the job's sample will have (`records.SAMPLE_KEY`)."""
    return (
        engine.fingerprint,
        job.example.task,
        job.example.id,
        job.prompt_hash,
        job.temperature,
        settings.top_p,
        job.workload.max_tokens,
        settings.seed,
        job.sample_index,
    )


def _samples(made: Sequence[tuple[_Job, Completion]], engine: Engine, settings: EvalSettings) -> list[Sample]:
    """Check completions and make them rows. A completion the engine failed on is an `error`, never left out."""
    from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION, CheckRow, check_many

    rows = [
        CheckRow(
            c.text,
            job.example.gold,
            job.example.answer_type,
            question=job.example.question,
            truncated=c.finish_reason == "length",
        )
        for job, c in made
    ]
    samples = []
    for (job, completion), verdict in zip(made, check_many(rows), strict=True):
        failed = completion.finish_reason == "error"
        example, load = job.example, job.workload
        samples.append(
            Sample(
                task=example.task,
                example_id=example.id,
                example_hash=example.hash,
                prompt_hash=job.prompt_hash,
                system_prompt_hash=short_hash(load.system_prompt),
                chat_template_hash=engine.chat_template_hash,
                question=example.question,
                gold=example.gold,
                answer_type=example.answer_type,
                category=example.category,
                difficulty=example.difficulty,
                completion=completion.text,
                sample_index=job.sample_index,
                temperature=job.temperature,
                top_p=settings.top_p,
                max_tokens=load.max_tokens,
                seed=settings.seed,
                finish_reason=completion.finish_reason,
                prompt_tokens=completion.prompt_tokens,
                completion_tokens=completion.completion_tokens,
                extracted=verdict.extracted,
                method=verdict.method,
                status="error" if failed else verdict.status.value,
                reason="the engine made no completion" if failed else verdict.reason,
                checker=CHECKER_NAME,
                checker_version=CHECKER_VERSION,
                model_fingerprint=engine.fingerprint,
                engine=engine.name,
                engine_version=engine.version,
            )
        )
    return samples


def _run_info(model: str, engine: Engine, loads: Sequence[Workload], settings: EvalSettings) -> RunInfo:
    origin = provenance()
    manifest = engine.manifest
    run_settings = RunSettings(
        temperatures=settings.temperatures,
        samples=settings.samples,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        seed=settings.seed,
        limit=settings.limit,
        headline_temperature=settings.temperatures[0],
    )
    return RunInfo(
        model=model,
        base_model=str(manifest["base_model"]) if manifest and "base_model" in manifest else model,
        fingerprint=engine.fingerprint,
        engine=engine.name,
        engine_version=engine.version,
        dtype=engine.dtype,
        device=engine.device,
        settings=run_settings,
        tasks={
            load.task.name: _task_info(load, engine, run_settings, settings.split or load.task.eval_split)
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
        prompt_hash=short_hash(load.system_prompt, engine.chat_template_hash),
        system_prompt_hash=short_hash(load.system_prompt),
        max_tokens=load.max_tokens,
        split=split,
        expected_samples=settings.expected_samples(len(load.examples)),
    )
