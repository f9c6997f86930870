"""Doing many cells: one after the other here, or side by side on a Ray cluster.

    failures = do_cells(grid, work)                                        # here
    failures = do_cells(grid, work, Cluster(address="auto"))               # a task a cell

On a cluster a cell whose worker is lost is given to another one, where it resumes; so the study's folder must be on a
file system that all nodes share. Ray: https://docs.ray.io/en/latest/ray-core/fault_tolerance/tasks.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pspo_bench.study.cell import Failure, Work, attempt, sentence
from pspo_bench.study.grid import Cell

if TYPE_CHECKING:
    from pspo_bench.evaluate.cluster import Cluster

STUDY_NAME = "study.json"


def do_cells(
    grid: Sequence[Cell],
    work: Work,
    cluster: Cluster | None = None,
    *,
    what: str = "cells",
    report: Callable[[str], None] = lambda line: None,
) -> list[Failure]:
    """Do every cell of `grid`; returns those that failed. `report` gets a line for each, when it begins or ends."""
    from tqdm import tqdm

    failures = []
    done = _here(grid, work, report) if cluster is None else _on_ray(grid, work, cluster, report)
    with tqdm(total=len(grid), desc=what, unit="cell", disable=None) as bar:
        for cell, failure in done:
            bar.update()
            if failure is not None:
                failures.append(failure)
                report(f"{cell.name} failed: {failure.error}")
    return failures


def _here(
    grid: Sequence[Cell], work: Work, report: Callable[[str], None]
) -> Iterator[tuple[Cell, Failure | None]]:
    for number, cell in enumerate(grid, 1):
        report(f"[{number}/{len(grid)}] {cell.name}")
        yield cell, attempt(cell, work)


def _on_ray(
    grid: Sequence[Cell], work: Work, cluster: Cluster, report: Callable[[str], None]
) -> Iterator[tuple[Cell, Failure | None]]:
    """As cells end. No more are under way than the cluster is said to have workers for."""
    from pspo_bench.evaluate.cluster import MAX_LOSSES, connected, room

    with connected(cluster) as ray:
        gpus, workers = room(ray, cluster)
        report(
            f"{len(grid)} cells, {workers} at a time, {gpus:g} GPUs and {cluster.cpus_per_worker:g} CPUs each"
        )
        task = ray.remote(_attempt_on_node).options(
            num_cpus=cluster.cpus_per_worker, num_gpus=gpus, max_retries=MAX_LOSSES - 1
        )
        waiting = list(reversed(grid))
        running: dict[Any, Cell] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    cell = waiting.pop()
                    running[task.remote(cell, work)] = cell
                (reference,) = ray.wait(list(running), num_returns=1)[0]
                cell = running.pop(reference)
                failure = _outcome(ray, reference, cell)
                if failure is None:
                    report(f"[{len(grid) - len(waiting) - len(running)}/{len(grid)}] {cell.name}")
                yield cell, failure
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _outcome(ray: Any, reference: Any, cell: Cell) -> Failure | None:
    from pspo_bench.evaluate.cluster import first_line, losses

    try:
        failure: Failure | None = ray.get(reference)
    except losses(ray) as error:
        return Failure(
            cell.name, f"its worker was lost, again and again ({first_line(error)}); what it saved is kept"
        )
    except Exception as error:  # what could not be sent back from a worker
        return Failure(cell.name, sentence(error))
    return failure


def _attempt_on_node(cell: Cell, work: Work) -> Failure | None:
    if not (work.output / STUDY_NAME).is_file():
        return Failure(
            cell.name,
            f"a node does not see {work.output}; the study's folder must be on a file system that all share",
        )
    return attempt(cell, work)
