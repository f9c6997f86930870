"""What a study comes to, checked before anything is trained: its plans, its equal budgets, its dry run.

for line in plan_lines(load_study("pocket/controls"), output=Path("runs/pocket-controls")): print(line)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Study
from pspo_bench.errors import ConfigError
from pspo_bench.evaluate import EvalSettings, workloads
from pspo_bench.study.grid import Cell, cells, trial_cells
from pspo_bench.study.tuning import METRIC, tried_points

if TYPE_CHECKING:
    from pspo_bench.training import Plan


def eval_settings(
    study: Study, limit: int | None, data_dir: Path | None, tasks_dir: Path | None
) -> EvalSettings:
    """How the study's checkpoints are scored, on no more than `limit` questions a task."""
    wanted = study.evaluation
    limits = [value for value in (wanted.limit, limit) if value is not None]
    return EvalSettings(
        temperatures=(wanted.temperature, *wanted.more_temperatures),
        samples=wanted.samples,
        top_p=wanted.top_p,
        max_tokens=wanted.max_tokens,
        seed=wanted.seed,
        limit=min(limits, default=None),
        engine=wanted.engine,
        batch_size=wanted.batch_size,
        dtype=wanted.dtype,
        data_dir=data_dir,
        tasks_dir=tasks_dir,
    )


def checked_plans(study: Study, grid: Sequence[Cell], settings: EvalSettings) -> dict[str, Plan]:
    """The plan of every recipe among the cells that train, by its name.

    Finds what is wrong with any cell or task now, not when its turn comes hours later. Raises ConfigError or DataError,
    also for arms whose budgets are not equal in what the study says is.
    """
    from pspo_bench.training import plan

    workloads(study.evaluation.tasks, settings)
    recipes = {cell.recipe.name: cell.recipe for cell in grid if cell.trains}
    if study.tuning:
        blind = [name for name, recipe in recipes.items() if not recipe.data.validation_rows]
        if blind:
            raise ConfigError(
                f"Study '{study.name}' tunes on the validation split, but {blind[0]} holds no rows out; set"
                " data.validation_rows"
            )
    plans = {
        name: plan(recipe, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)
        for name, recipe in recipes.items()
    }
    _require_equal(study, plans)
    return plans


def _require_equal(study: Study, plans: Mapping[str, Plan]) -> None:
    drawing = {name: made for name, made in plans.items() if made.completions}
    amount = {"completions": "completions", "steps": "optimizer_steps"}.get(study.equal)
    if amount is None:
        return
    found: dict[int, str] = {}
    for name, made in drawing.items():
        found.setdefault(getattr(made, amount), name)
    if len(found) > 1:
        told = ", ".join(f"{name} {count}" for count, name in sorted(found.items()))
        raise ConfigError(
            f"The arms of study '{study.name}' do not have the same number of {study.equal}: {told}; change their"
            " budgets, or say equal = 'steps' or 'none' in the study"
        )


def plan_lines(
    study: Study,
    *,
    output: Path | None = None,
    limit: int | None = None,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
) -> Iterator[str]:
    """What the study would do, one line per cell, and what that costs: for `--dry-run`.

    Where cells are finished below `output`, the time that the others will take is estimated from theirs.
    """
    from pspo_bench.study.run import limited

    settings = eval_settings(study, limit, data_dir, tasks_dir)
    trials = [limited(cell, limit) for cell in trial_cells(study, tried_points(study))]
    grid = [limited(cell, limit) for cell in cells(study)]
    plans = checked_plans(study, [*trials, *grid], settings)
    loads = workloads(study.evaluation.tasks, settings)
    samples = sum(len(load.examples) * settings.repeats(t) for load in loads for t in settings.temperatures)
    for cell in trials:
        yield f"{cell.name}: {_training_cost(cell, plans)}; {METRIC} decides"
    for cell in grid:
        scoring = f"{samples} samples to score"
        yield (
            f"{cell.name}: {_training_cost(cell, plans)}; {scoring}"
            if cell.trains
            else f"{cell.name}: {scoring}"
        )
    yield from _total([*trials, *grid], plans, samples, output)


def _training_cost(cell: Cell, plans: Mapping[str, Plan]) -> str:
    made = plans[cell.recipe.name]
    return (
        f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows, "
        f"{made.completions} completions of at most {cell.recipe.rollout.max_tokens} tokens"
    )


def _total(
    grid: Sequence[Cell], plans: Mapping[str, Plan], samples: int, output: Path | None
) -> Iterator[str]:
    trained = [plans[cell.recipe.name] for cell in grid if cell.trains]
    scored = sum(cell.trial is None for cell in grid)
    steps, drawn, tokens = (
        sum(getattr(made, name) for made in trained)
        for name in ("optimizer_steps", "completions", "max_tokens")
    )
    yield (
        f"total: {len(trained)} trainings, {steps} optimiser steps, {drawn} completions of at most {tokens} tokens; "
        f"{scored} evaluations, {scored * samples} samples"
    )
    manifests = {cell.name: _manifest(output / cell.folder) for cell in grid if cell.trains} if output else {}
    done = [
        manifest["wall_time_s"] for manifest in manifests.values() if manifest and "wall_time_s" in manifest
    ]
    left = len(trained) - len(done)
    if done and left:
        hours = left * fmean(done) / 3600
        yield (
            f"left: {left} trainings; about {hours:.1f} hours one after the other, at {fmean(done):.0f} s each as the"
            f" {len(done)} finished ones took on average (without scoring)"
        )


def _manifest(checkpoint: Path) -> dict[str, Any] | None:
    import json

    try:
        found: dict[str, Any] = json.loads((checkpoint / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    return found
