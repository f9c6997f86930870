"""What a study comes to, checked before anything is trained: its plans, its equal budgets, its dry run.

for line in plan_lines(load_study("pocket/controls"), output=Path("runs/pocket-controls")): print(line)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Study
from pspo_bench.engines import ENGINES
from pspo_bench.errors import ConfigError
from pspo_bench.evaluate import EvalSettings, workloads
from pspo_bench.study.grid import Cell, cells, limited, trial_cells
from pspo_bench.study.tuning import METRIC, tried_points

if TYPE_CHECKING:
    from pspo_bench.training import Plan

PlanKey = tuple[str, int | None]
"""An arm, and a trial of it or None."""


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


def checked_plans(
    study: Study, grid: Sequence[Cell], settings: EvalSettings, limit: int | None = None
) -> dict[PlanKey, Plan]:
    """The plan of every arm and trial among the cells that train, which are those without a limit, with `limit`.

    Finds what is wrong with any cell or task now, not when its turn comes hours later. Raises ConfigError or DataError,
    also for arms whose budgets are not equal in what the study says is: whole, since a limit cuts arms that take
    another number of steps on a batch at other places.
    """
    _require_one_process()
    ENGINES.get(study.evaluation.engine, f"study '{study.name}'")
    workloads(study.evaluation.tasks, settings)
    one_each = {plan_key(cell): cell for cell in grid if cell.trains}
    if study.tuning:
        _require_validation(study, one_each.values())
    plans = _plans(one_each, settings)
    _require_equal(study, plans.values())
    return plans if limit is None else _plans({k: limited(c, limit) for k, c in one_each.items()}, settings)


def plan_key(cell: Cell) -> PlanKey:
    """What tells the plans of a study apart: seeds do not."""
    return cell.arm, cell.trial


def _plans(one_each: Mapping[PlanKey, Cell], settings: EvalSettings) -> dict[PlanKey, Plan]:
    from pspo_bench.training import plan

    return {
        key: plan(cell.recipe, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)
        for key, cell in one_each.items()
    }


def _require_one_process() -> None:
    from pspo_bench.training.launch import process_count

    if process_count() > 1:
        raise ConfigError(
            f"A study is run by one process, not by {process_count()}; start it without a launcher, and spread its"
            " cells with --executor ray"
        )


def _require_validation(study: Study, grid: Iterable[Cell]) -> None:
    for recipe in (cell.recipe for cell in grid):
        what = f"Study '{study.name}' tunes on the validation split, but {recipe.name}"
        if not recipe.data.validation_rows:
            raise ConfigError(f"{what} holds no rows out; set data.validation_rows")
        if not recipe.checkpoint.eval_steps:
            raise ConfigError(f"{what} never scores it; set checkpoint.eval_steps")


def _require_equal(study: Study, plans: Iterable[Plan]) -> None:
    drawing = [made for made in plans if made.completions]
    amount = {"completions": "completions", "steps": "optimizer_steps"}.get(study.equal)
    if amount is None:
        return
    found: dict[int, str] = {}
    for made in drawing:
        found.setdefault(getattr(made, amount), made.recipe.name)
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
    settings = eval_settings(study, limit, data_dir, tasks_dir)
    trials, grid = trial_cells(study, tried_points(study)), cells(study)
    plans = checked_plans(study, [*trials, *grid], settings, limit)
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


def _training_cost(cell: Cell, plans: Mapping[PlanKey, Plan]) -> str:
    made = plans[plan_key(cell)]
    return (
        f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows, "
        f"{made.completions} completions of at most {cell.recipe.rollout.max_tokens} tokens"
    )


def _total(
    grid: Sequence[Cell], plans: Mapping[PlanKey, Plan], samples: int, output: Path | None
) -> Iterator[str]:
    trained = [plans[plan_key(cell)] for cell in grid if cell.trains]
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
