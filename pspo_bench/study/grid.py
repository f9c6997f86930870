"""Study → its arms with everything that they change, and its cells.

[cell.name for cell in cells(load_study("pocket/demo"))]     # ["base", "sft-s0", "clip-s0", ...]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from pspo_bench.config import BASE, Range, Recipe, Study, load_recipe
from pspo_bench.config.files import flat
from pspo_bench.errors import ConfigError
from pspo_bench.models import full_spec

Space = Mapping[str, Sequence[Any] | Range]
Point = Mapping[str, Any]
"""A value for each key of a grid or a space."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm on one model, with its grid taken apart: what it changes in the recipe, and what is tuned for it."""

    name: str
    overrides: Point
    space: Space


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of work: an arm with one seed, or a base model, which is only scored.

    A trial is trained to be compared with others of its arm on the validation split, and never scored on a task.
    """

    name: str
    recipe: Recipe
    arm: str = BASE
    trial: int | None = None

    @property
    def trains(self) -> bool:
        return self.arm != BASE

    @property
    def folder(self) -> str:
        """Where its checkpoint lies, below the study's folder."""
        return f"checkpoints/{self.name}" if self.trial is None else f"tuning/{self.name}"


def arms(study: Study) -> list[Arm]:
    """Every arm on every model, those with a grid taken apart.

    Raises ConfigError for two arms of one name, whose cells would share a folder, and for an arm that is tuned in what
    it sets itself.
    """
    found: list[Arm] = []
    for prefix, of_model in _models(study):
        for section in study.arms:
            space = {**(study.tuning.space if study.tuning else {}), **section.space}
            _require_free(study, section.name, space, {**of_model, **section.overrides, **section.grid})
            for point in points(section.grid):
                name = "-".join([section.name, *(_named(key, value) for key, value in point.items())])
                changes = {**study.overrides, **of_model, **section.overrides, **point}
                found.append(Arm(prefix + name, changes, space))
    names = [arm.name for arm in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Two arms of study '{study.name}' come to be called '{name}'; rename one")
    return found


def _require_free(study: Study, arm: str, space: Space, own: Mapping[str, Any]) -> None:
    given = [name for key, value in own.items() for name, _ in flat(key, value)]
    for key in space:
        if any(_same(key, name) for name in given):
            raise ConfigError(
                f"Arm '{arm}' of study '{study.name}' sets {key}, which is tuned too: its value would not count;"
                " take it out of the arm (or its model), or out of the tuning"
            )


def _same(key: str, other: str) -> bool:
    """Whether two keys of a recipe may mean one: `alpha` is short for `objective.alpha`."""
    if "." in key and "." in other:
        return key == other
    return key.rpartition(".")[2] == other.rpartition(".")[2]


def points(space: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every combination of the values, the last key changing fastest; of nothing, one empty combination."""
    return [dict(zip(space, values, strict=True)) for values in product(*space.values())]


def cells(study: Study, chosen: Mapping[str, Point] | None = None) -> list[Cell]:
    """The cells that are reported: the base models, then every arm and seed, with the tuned values that are `chosen`.

    Raises ConfigError naming the arm whose recipe is not valid.
    """
    grid = []
    if study.include_base:
        grid += [Cell(prefix + BASE, _recipe(study, changes, BASE, 0)) for prefix, changes in _models(study)]
    for arm in arms(study):
        changes = {**arm.overrides, **(chosen or {}).get(arm.name, {})}
        grid += [
            Cell(f"{arm.name}-s{seed}", _recipe(study, changes, arm.name, seed), arm.name)
            for seed in study.seeds
        ]
    return grid


def trial_cells(study: Study, tried: Mapping[str, Sequence[Point]]) -> list[Cell]:
    """The cells of the tuning: of every arm, each point that is `tried` with each tuning seed."""
    seeds = study.tuning.seeds if study.tuning else []
    return [
        Cell(
            f"{arm.name}/t{number}-s{seed}",
            _recipe(study, {**arm.overrides, **point}, f"{arm.name}-t{number}", seed),
            arm.name,
            number,
        )
        for arm in arms(study)
        for number, point in enumerate(tried.get(arm.name, ()))
        for seed in seeds
    ]


def limited(cell: Cell, limit: int | None) -> Cell:
    """The cell with at most `limit` optimiser steps, in whole generation batches as resume points ask for."""
    if limit is None or not cell.trains:
        return cell
    steps = min(limit, cell.recipe.budget.steps or limit)
    per_batch = cell.recipe.rollout.steps_per_batch
    budget = cell.recipe.budget.model_copy(
        update={"steps": max(per_batch, steps - steps % per_batch), "epochs": None}
    )
    return replace(cell, recipe=cell.recipe.model_copy(update={"budget": budget}))


def _models(study: Study) -> list[tuple[str, dict[str, Any]]]:
    """(what stands before a cell's name, what is changed in the recipe) of every base model."""
    if not study.models:
        return [("", {})]
    return [(f"{model.name}-", {**model.overrides, "model.base": model.base}) for model in study.models]


def _recipe(study: Study, changes: Mapping[str, Any], name: str, seed: int) -> Recipe:
    recipe = load_recipe(study.recipe, {**changes, "name": f"{study.name}-{name}", "seed": seed})
    # in full: the workers of a cluster are in another folder
    model = recipe.model.model_copy(update={"base": full_spec(recipe.model.base)})
    return recipe.model_copy(update={"model": model})


def _named(key: str, value: Any) -> str:
    """`objective.alpha` and 0.1 → `alpha0.1`."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", f"{key.rpartition('.')[2]}{text}")
