"""The grid: every arm × seed trained from one recipe, then scored on the same tasks; it ends in a leaderboard.

    OUT/checkpoints/<arm>-s<seed>/   a checkpoint each
    OUT/runs/base, OUT/runs/<arm>-s<seed>/   a run each
    OUT/results/*.json               the runs' scores and provenance, without any question text
    OUT/LEADERBOARD.md, leaderboard.json

A cell that is finished is not done again; one that fails is reported and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.config import Recipe, Study, load_recipe
from pspo_bench.errors import PspoBenchError, TrainingError
from pspo_bench.evaluate import EvalSettings, evaluate, workloads
from pspo_bench.store import Run, write_atomic, write_error

if TYPE_CHECKING:
    from pspo_bench.report import Leaderboard

BASE = "base"


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm with one seed, or the base model of the study's recipe, which is only scored."""

    name: str
    recipe: Recipe
    trains: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be finished, and why."""

    cell: str
    error: str


def cells(study: Study) -> list[Cell]:
    """Every cell of the grid, the base model first. Raises ConfigError naming the arm whose recipe is not valid."""
    common = load_recipe(study.recipe)
    grid = [Cell(BASE, common, trains=False)] if study.include_base else []
    for arm in study.arms:
        for seed in study.seeds:
            name = f"{arm.name}-s{seed}"
            overrides = {**arm.overrides, "name": f"{study.name}-{arm.name}", "seed": seed}
            grid.append(Cell(name, load_recipe(study.recipe, overrides)))
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
    _check_all(grid, study, settings)
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
        if cell.trains:
            made = plan(cell.recipe, data_dir=data_dir, tasks_dir=tasks_dir)
            cost = (
                f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows, "
                f"{made.completions} completions of at most {cell.recipe.rollout.max_tokens} tokens; {cost}"
            )
        yield f"{cell.name}: {cost}"


def _check_all(grid: Sequence[Cell], study: Study, settings: EvalSettings) -> None:
    """Find what is wrong with any cell or task now, not when its turn comes hours later."""
    from pspo_bench.training import plan

    workloads(study.evaluation.tasks, settings)
    for recipe in {cell.recipe.name: cell.recipe for cell in grid if cell.trains}.values():
        plan(recipe, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)


def _run_cell(cell: Cell, study: Study, output: Path, settings: EvalSettings) -> Run:
    """Train the cell if it trains, and score it with the prompt and the model settings of its recipe."""
    from pspo_bench.training import train

    recipe = cell.recipe
    settings = replace(
        settings, system_prompt=recipe.data.system_prompt, trust_remote_code=recipe.model.trust_remote_code
    )
    if cell.trains:
        model = str(output / "checkpoints" / cell.name)
        train(recipe, Path(model), resume=True, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)
    else:
        model = recipe.model.base
        settings = replace(settings, revision=recipe.model.revision)
    return evaluate(model, study.evaluation.tasks, output / "runs" / cell.name, settings)


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PspoBenchError) else f"{type(error).__name__}: {text}"


def _limited(cell: Cell, limit: int | None) -> Cell:
    if limit is None or not cell.trains:
        return cell
    steps = min(limit, cell.recipe.budget.steps or limit)
    # whole generation batches only, as the recipe's resume points ask for
    per_batch = cell.recipe.rollout.steps_per_batch
    budget = cell.recipe.budget.model_copy(
        update={"steps": max(per_batch, steps - steps % per_batch), "epochs": None}
    )
    return replace(cell, recipe=cell.recipe.model_copy(update={"budget": budget}))


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

    try:
        (output / "results").mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(output, error) from error
    for run in runs:
        write_atomic(output / "results" / f"{run.path.name}.json", dump_result(export_result(run)).encode())
    command = f"pspo-bench leaderboard {output / 'runs'} -o {output / 'LEADERBOARD.md'}"
    write_atomic(output / "LEADERBOARD.md", board.to_markdown(command).encode())
    write_atomic(output / "leaderboard.json", board.to_json().encode())
    write_atomic(output / "study.json", (study.model_dump_json(indent=2) + "\n").encode())
