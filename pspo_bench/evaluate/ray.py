"""One evaluation in shards over a Ray cluster: (model, task, range of examples), into the same run folders.

    cluster = Cluster(address="auto", gpus_per_worker=1)
    runs, failures = evaluate_on_ray(targets(["runs/clip"], [], Path("out")), ["gsm8k"], settings, cluster)

A worker is a Ray actor that holds one engine and appends its own Parquet parts, which need no lock. A shard whose
worker is lost goes to another one, which makes only what is missing. Draws belong to (example, sample), so the table
does not depend on who made what. The run folders must be on a file system that all nodes share, and every node needs
pspo-bench installed. vLLM's tensor parallelism is inside a worker: give it the GPUs with `gpus_per_worker`.
Ray: https://docs.ray.io/en/latest/ray-core/actors.html, fault tolerance /ray-core/fault_tolerance/actors.html.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import EvaluationError, PspoBenchError
from pspo_bench.evaluate.cluster import MAX_LOSSES, Cluster, cause_of, connected, first_line, losses, room
from pspo_bench.evaluate.jobs import Workload, jobs, workloads
from pspo_bench.evaluate.run import fill, run_info
from pspo_bench.evaluate.settings import EvalSettings
from pspo_bench.evaluate.sweep import Failure, HeldEngine, Target
from pspo_bench.store import Run

if TYPE_CHECKING:
    from pspo_bench.engines import Engine

logger = logging.getLogger(__name__)

STILL_WAITING_S = 60.0


@dataclass(frozen=True, slots=True)
class Shard:
    """Examples `start` to `stop` of a task, for one model."""

    target: Target
    task: str
    start: int
    stop: int


class Worker:
    """What runs in an actor: an engine, and the shards that it is given."""

    def __init__(self, loads: Sequence[Workload], settings: EvalSettings) -> None:
        self._loads, self._settings = loads, settings
        self._held = HeldEngine(settings)
        self._runs: dict[Path, Run] = {}

    def ready(self) -> None:
        """Returns once the actor runs."""

    def run(self, shard: Shard) -> int:
        """Make what the shard's run lacks of it; returns how many samples the shard has."""
        engine = self._held.engine_for(shard.target.model)
        run = self._run_of(shard.target, engine)
        (load,) = (load for load in self._loads if load.task.name == shard.task)
        part = replace(load, examples=load.examples[shard.start : shard.stop])
        wanted = list(jobs(engine.render, [part], self._settings))
        fill(run, engine, wanted)
        return len(wanted)

    def _run_of(self, target: Target, engine: Engine) -> Run:
        """The target's run, started by this worker's first shard of it; what it has read of it, it remembers."""
        if target.path not in self._runs:
            run = Run.open(target.path, create=True)
            run.start(run_info(target.model, engine, self._loads, self._settings))
            self._runs[target.path] = run
        return self._runs[target.path]


def shards(wanted: Sequence[Target], loads: Sequence[Workload], questions: int) -> list[Shard]:
    """All the work, model by model, so that few workers load more than one model."""
    return [
        Shard(target, load.task.name, start, min(start + questions, len(load.examples)))
        for target in wanted
        for load in loads
        for start in range(0, len(load.examples), questions)
    ]


def evaluate_on_ray(
    wanted: Sequence[Target],
    task_names: Sequence[str],
    settings: EvalSettings,
    cluster: Cluster,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[Run], list[Failure]]:
    """As `evaluate_all`, over the workers of a cluster.

    Raises ConfigError or DataError before anything is loaded, and ConfigError for a cluster that cannot be reached
    or has no room for a worker.
    """
    loads = workloads(task_names, settings)
    with connected(cluster) as ray:
        gpus, workers = room(ray, cluster, gpus=_parallel_ways(settings))
        work = shards(wanted, loads, cluster.shard_questions)
        workers = min(workers, len(work))
        report(
            f"{len(work)} shards over {workers} workers of {gpus:g} GPUs, {cluster.cpus_per_worker:g} CPUs"
        )
        make = ray.remote(Worker).options(
            num_cpus=cluster.cpus_per_worker, num_gpus=gpus, max_restarts=0, max_task_retries=0
        )
        shared_loads, shared_settings = ray.put(loads), ray.put(settings)
        board = _Board(ray, lambda: make.remote(shared_loads, shared_settings), work, report)
        failures = board.run(workers, _samples_per_question(settings))
    failed = {failure.name for failure in failures}
    runs = [Run.open(target.path) for target in wanted if target.name not in failed]
    for run in runs:
        run.finish()
    return runs, failures


class _Board:
    """Which worker does what: `idle` workers take shards from the `queue`, `running` ones have one."""

    def __init__(
        self, ray: Any, start: Callable[[], Any], work: Sequence[Shard], report: Callable[[str], None]
    ) -> None:
        self._ray, self._start, self._report = ray, start, report
        self._lost = losses(ray)
        self._queue = deque(work)
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._running: dict[Any, tuple[Any, Shard]] = {}
        self._losses: Counter[Shard] = Counter()
        self._failures: dict[str, Failure] = {}
        self._failed_starts = 0

    def run(self, workers: int, samples_per_question: int) -> list[Failure]:
        """Work through the queue; returns the models that failed. Workers are ended in any case."""
        from tqdm import tqdm

        total = samples_per_question * sum(shard.stop - shard.start for shard in self._queue)
        try:
            for _ in range(workers):
                self._add_worker()
            with tqdm(total=total, desc="eval", unit="sample", disable=None) as bar:
                while self._queue or self._running:
                    self._hand_out()
                    for reference in self._wait():
                        bar.update(self._take(reference))
        finally:
            for actor in (*self._idle, *self._starting.values(), *(a for a, _ in self._running.values())):
                self._ray.kill(actor)
        return list(self._failures.values())

    def _add_worker(self) -> None:
        actor = self._start()
        self._starting[actor.ready.remote()] = actor

    def _hand_out(self) -> None:
        while self._idle and self._queue:
            actor, shard = self._idle.pop(), self._queue.popleft()
            self._running[actor.run.remote(shard)] = (actor, shard)

    def _wait(self) -> list[Any]:
        while True:
            waited = [*self._running, *self._starting]
            done: list[Any] = self._ray.wait(waited, num_returns=1, timeout=STILL_WAITING_S)[0]
            if done:
                return done
            if not self._running:
                logger.warning("no worker could start for %.0f s; the cluster has no room", STILL_WAITING_S)

    def _take(self, reference: Any) -> int:
        """Deal with what has come back; returns the samples that are done with it."""
        if reference in self._starting:
            self._welcome(reference)
            return 0
        actor, shard = self._running.pop(reference)
        try:
            samples = int(self._ray.get(reference))
        except self._lost as error:
            self._lose(shard, error)
            return 0
        except PspoBenchError as error:
            self._idle.append(actor)
            self._fail(shard.target, " ".join(str(cause_of(error)).split()))
            return 0
        self._idle.append(actor)
        return samples

    def _welcome(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._lost as error:
            self._failed_starts += 1
            if self._failed_starts >= MAX_LOSSES:
                raise EvaluationError(
                    f"{self._failed_starts} workers ended before they could start ({first_line(error)}); is "
                    "pspo-bench installed on every node of the cluster?"
                ) from error
            self._add_worker()
        else:
            self._failed_starts = 0
            self._idle.append(actor)

    def _lose(self, shard: Shard, error: Exception) -> None:
        """A worker is gone: its shard goes first in the queue, and another worker takes its place."""
        if shard.target.name in self._failures:
            self._replace_worker()
            return
        self._losses[shard] += 1
        place = f"{shard.target.name}, {shard.task} {shard.start}–{shard.stop}"
        if self._losses[shard] >= MAX_LOSSES:
            why = f"{MAX_LOSSES} workers were lost over {place} ({first_line(error)}); what was finished is kept"
            self._fail(shard.target, why)
        else:
            self._report(f"a worker was lost over {place}; the shard goes to another one")
            self._queue.appendleft(shard)
        self._replace_worker()

    def _replace_worker(self) -> None:
        if self._queue:
            self._add_worker()

    def _fail(self, target: Target, why: str) -> None:
        self._failures.setdefault(target.name, Failure(target.name, why))
        self._queue = deque(shard for shard in self._queue if shard.target != target)
        self._report(f"{target.name} failed: {why}")


def _parallel_ways(settings: EvalSettings) -> int:
    """Over how many GPUs vLLM is asked to spread one model."""
    ways = [settings.model_args.get(f"{kind}_parallel_size", 1) for kind in ("tensor", "pipeline")]
    return math.prod(way for way in ways if isinstance(way, int) and way > 0)


def _samples_per_question(settings: EvalSettings) -> int:
    return sum(settings.repeats(temperature) for temperature in settings.temperatures)
