"""What an evaluation has to make: tasks with their questions, and one job per completion.

    loads = workloads(["gsm8k", "svamp"], settings)
    for job in jobs(engine.render, loads, settings): job.prompt, job.sampling, job.draw_seed

A job knows the key that its sample will have before anything is generated, so what a run already holds can be
left out, whoever made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pspo_bench.errors import ConfigError
from pspo_bench.evaluate.settings import EvalSettings
from pspo_bench.prompts import messages, system_prompt
from pspo_bench.records import Example, Request, Sampling, short_hash
from pspo_bench.tasks import Task, load_examples, load_task, require_readable_golds


@dataclass(frozen=True, slots=True)
class Workload:
    """One task with its examples, and the system prompt and the worked examples that they are asked with."""

    task: Task
    examples: tuple[Example, ...]
    system_prompt: str
    max_tokens: int
    shots: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One completion to make. `seed` is the run's, `draw_seed` that of this completion alone."""

    example: Example
    system_prompt: str
    prompt: str
    prompt_hash: str
    sampling: Sampling
    sample_index: int
    seed: int

    @property
    def request(self) -> Request:
        return Request(self.prompt, self.sampling, self.draw_seed)

    @property
    def draw_seed(self) -> int:
        """Of this (example, temperature, sample) alone, so that order and resume change nothing that is drawn.

        It does not depend on the model: two checkpoints are compared under common random numbers.
        """
        example, temperature = self.example, self.sampling.temperature
        parts = (self.seed, example.task, example.hash, temperature, self.sample_index)
        text = "\x1f".join(map(str, parts))
        return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1

    def key(self, fingerprint: str) -> tuple[Any, ...]:
        """The `Sample.key` that the sample will have (`records.SAMPLE_KEY`)."""
        drawn = self.sampling
        return (
            fingerprint,
            self.example.task,
            self.example.id,
            self.prompt_hash,
            drawn.temperature,
            drawn.top_p,
            drawn.top_k,
            drawn.min_p,
            drawn.max_tokens,
            drawn.stop_conditions,
            self.seed,
            self.sample_index,
        )


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
        limit = settings.max_tokens or task.max_tokens
        loads.append(Workload(task, tuple(examples), prompt, limit, _shots(task, settings)))
    return loads


def _shots(task: Task, settings: EvalSettings) -> tuple[Example, ...]:
    """The worked examples, the same for every question and model: a fixed subset of the train split."""
    if not settings.num_fewshot:
        return ()
    if "train" not in task.splits or (settings.split or task.eval_split) == "train":
        raise ConfigError(
            f"Task '{task.name}' has no train split apart from what is scored, so --num-fewshot has nothing to show;"
            f" its splits: {', '.join(task.splits)}"
        )
    shots = load_examples(task, "train", data_dir=settings.data_dir, limit=settings.num_fewshot)
    if len(shots) < settings.num_fewshot:
        raise ConfigError(
            f"--num-fewshot {settings.num_fewshot} is more than the {len(shots)} rows of the train split of"
            f" '{task.name}'"
        )
    return tuple(shots)


def jobs(
    render: Callable[[list[dict[str, str]]], str], loads: Sequence[Workload], settings: EvalSettings
) -> Iterator[Job]:
    """Every completion of the grid: example by example, temperature by temperature, sample by sample."""
    for load in loads:
        grid = [
            (settings.sampling(temperature, load.max_tokens), index)
            for temperature in settings.temperatures
            for index in range(settings.repeats(temperature))
        ]
        for example in load.examples:
            prompt = render(messages(example, load.system_prompt, load.shots))
            prompt_hash = short_hash(prompt)
            for sampling, index in grid:
                yield Job(example, load.system_prompt, prompt, prompt_hash, sampling, index, settings.seed)
