"""The grid: every arm × seed trained from one recipe, then scored on the same tasks; it ends in a leaderboard.

    OUT/checkpoints/<arm>-s<seed>/   a checkpoint each
    OUT/runs/base, OUT/runs/<arm>-s<seed>/   a run each
    OUT/results/*.json               the runs' scores and provenance, without any question text
    OUT/LEADERBOARD.md, leaderboard.json

A cell that is finished is not done again; one that fails is reported and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.config import Recipe, Study, load_recipe
from pspo_bench.errors import PspoBenchError, TrainingError
from pspo_bench.evaluate import EvalSettings, evaluate, workloads
from pspo_bench.store import Run, write_atomic

if TYPE_CHECKING:
    from pspo_bench.report import Leaderboard

BASE = "base"


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm with one seed. `recipe` is None for the base model, which is only scored."""

    name: str
    recipe: Recipe | None
    model: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be finished, and why."""

    cell: str
    error: str


def cells(study: Study) -> list[Cell]:
    """Every cell of the grid, the base model first. Raises ConfigError naming the arm whose recipe is not valid."""
    common = load_recipe(study.recipe)
    grid = [Cell(BASE, None, common.model.base)] if study.include_base else []
    for arm in study.arms:
        for seed in study.seeds:
            name = f"{arm.name}-s{seed}"
            overrides = {**arm.overrides, "name": f"{study.name}-{arm.name}", "seed": seed}
            recipe = load_recipe(study.recipe, overrides)
            grid.append(Cell(name, recipe, recipe.model.base))
    return grid


def run_study(
    study: Study,
    output: Path,
    *,
    limit: int | None = None,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[Leaderboard, list[Failure]]:
    """Train and score every cell; returns the leaderboard of what finished, and what failed.

    `limit` caps the optimiser steps of each cell and the questions of each task, to try a study out.
    `report` gets one line per cell. Raises ConfigError or DataError before anything is trained.
    """
    from pspo_bench.report import leaderboard

    grid = [_limited(cell, limit) for cell in cells(study)]
    settings = _eval_settings(study, limit, data_dir, tasks_dir)
    workloads(study.evaluation.tasks, settings)
    failures, runs = [], []
    for number, cell in enumerate(grid, 1):
        report(f"[{number}/{len(grid)}] {cell.name}")
        try:
            runs.append(_run_cell(cell, study, output, settings))
        except Exception as error:  # whatever a library raises costs this cell, not the others
            failures.append(Failure(cell.name, _sentence(error)))
            report(f"[{number}/{len(grid)}] {cell.name} failed: {error}")
    if not runs:
        raise TrainingError(f"No cell of study '{study.name}' finished; first failure: {failures[0].error}")
    board = leaderboard([run.path for run in runs])
    _write_results(board, runs, study, output)
    return board, failures


def plan_lines(study: Study, *, data_dir: Path | None = None, tasks_dir: Path | None = None) -> Iterator[str]:
    """What the study would do, one line per cell: for `--dry-run`."""
    from pspo_bench.training import plan

    settings = _eval_settings(study, None, data_dir, tasks_dir)
    loads = workloads(study.evaluation.tasks, settings)
    per_model = sum(len(load.examples) * settings.repeats(t) for load in loads for t in settings.temperatures)
    for cell in cells(study):
        cost = f"{per_model} samples to score"
        if cell.recipe is not None:
            made = plan(cell.recipe, data_dir=data_dir, tasks_dir=tasks_dir)
            cost = (
                f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows, "
                f"{made.completions} completions of at most {cell.recipe.rollout.max_tokens} tokens; {cost}"
            )
        yield f"{cell.name}: {cost}"


def _run_cell(cell: Cell, study: Study, output: Path, settings: EvalSettings) -> Run:
    from pspo_bench.training import train

    model = cell.model
    if cell.recipe is not None:
        checkpoint = output / "checkpoints" / cell.name
        train(cell.recipe, checkpoint, resume=True, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)
        model = str(checkpoint)
    return evaluate(model, study.evaluation.tasks, output / "runs" / cell.name, settings)


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PspoBenchError) else f"{type(error).__name__}: {text}"


def _limited(cell: Cell, limit: int | None) -> Cell:
    if limit is None or cell.recipe is None:
        return cell
    steps = min(limit, cell.recipe.budget.steps or limit)
    # whole generation batches only, as the recipe's resume points ask for
    steps = max(cell.recipe.rollout.steps_per_batch, steps - steps % cell.recipe.rollout.steps_per_batch)
    budget = cell.recipe.budget.model_copy(update={"steps": steps, "epochs": None})
    return Cell(cell.name, cell.recipe.model_copy(update={"budget": budget}), cell.model)


def _eval_settings(
    study: Study, limit: int | None, data_dir: Path | None, tasks_dir: Path | None
) -> EvalSettings:
    wanted = study.evaluation
    limits = [value for value in (wanted.limit, limit) if value is not None]
    return EvalSettings(
        temperatures=(wanted.temperature, *wanted.more_temperatures),
        samples=wanted.samples,
        top_p=wanted.top_p,
        max_tokens=wanted.max_tokens,
        seed=wanted.seed,
        limit=min(limits, default=None),
        batch_size=wanted.batch_size,
        dtype=wanted.dtype,
        data_dir=data_dir,
        tasks_dir=tasks_dir,
    )


def _write_results(board: Leaderboard, runs: list[Run], study: Study, output: Path) -> None:
    from pspo_bench.report import dump_result, export_result

    (output / "results").mkdir(exist_ok=True)
    for run in runs:
        write_atomic(output / "results" / f"{run.path.name}.json", dump_result(export_result(run)).encode())
    command = f"pspo-bench leaderboard {output / 'runs'} -o {output / 'LEADERBOARD.md'}"
    write_atomic(output / "LEADERBOARD.md", board.to_markdown(command).encode())
    write_atomic(output / "leaderboard.json", board.to_json().encode())
    write_atomic(output / "study.json", (study.model_dump_json(indent=2) + "\n").encode())
