"""A Ray cluster as evaluations and studies use it: how to reach it, and how many workers it has room for.

    with connected(Cluster(address="auto", gpus_per_worker=1)) as ray:
        gpus, workers = room(ray, cluster)

Ray: https://docs.ray.io/en/latest/ray-core/walkthrough.html.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pspo_bench.errors import ConfigError, MissingExtraError

MAX_LOSSES = 3
"""Workers that may be lost over one piece of work before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the work runs. `address` None is RAY_ADDRESS or else this machine; `workers` None as many as fit.

    `gpus_per_worker` None is 1 where the cluster has GPUs, or what vLLM's parallelism asks for.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float | None = None
    cpus_per_worker: float = 1.0
    shard_questions: int = 64

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("shard_questions", 1), ("gpus_per_worker", 0)):
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ConfigError(f"{name} must be at least {least}, not {value}")
        if not 0 < self.cpus_per_worker < math.inf:
            raise ConfigError(f"cpus_per_worker must be above 0, not {self.cpus_per_worker}")


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, connected as `cluster` says; a connection that was there before is used and stays."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "--executor ray") from error
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"No Ray cluster at '{cluster.address or 'this machine'}': {first_line(error)}; check --ray-address"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def room(ray: Any, cluster: Cluster, *, gpus: int = 1) -> tuple[float, int]:
    """(GPUs of a worker, workers), from what the cluster has; `gpus` where `cluster` leaves it open and there are any.

    Raises ConfigError if not one worker fits.
    """
    has = ray.cluster_resources()
    each = cluster.gpus_per_worker
    if each is None:
        each = float(gpus) if has.get("GPU") else 0.0
    needs = {"CPU": cluster.cpus_per_worker, "GPU": each}
    fit = min(int(has.get(name, 0) // amount) for name, amount in needs.items() if amount)
    if fit < 1:
        there = ", ".join(f"{has.get(name, 0):g} {name}s" for name in needs)
        raise ConfigError(
            f"A worker needs {each:g} GPUs and {cluster.cpus_per_worker:g} CPUs, and the cluster has {there}; "
            "change --gpus-per-worker or --cpus-per-worker"
        )
    return each, min(fit, cluster.workers or fit)


def losses(ray: Any) -> tuple[type[Exception], ...]:
    """What Ray raises where not the work but its worker failed."""
    return (
        ray.exceptions.RayActorError,
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.OutOfMemoryError,
    )


def cause_of(error: Exception) -> BaseException:
    """Ray raises a double of the worker's error; what the worker raised is inside."""
    return getattr(error, "cause", None) or error


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
