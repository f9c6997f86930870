"""Study → its arms with everything that they change, and its cells.

[cell.name for cell in cells(load_study("pocket/demo"))]     # ["base", "sft-s0", "clip-s0", ...]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pspo_bench.config import Range, Recipe, Study, load_recipe

BASE = "base"

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
    """Every arm on every model, those with a grid taken apart."""
    found = []
    for prefix, of_model in _models(study):
        for section in study.arms:
            space = {**(study.tuning.space if study.tuning else {}), **section.space}
            for point in points(section.grid):
                name = "-".join([section.name, *(_named(key, value) for key, value in point.items())])
                changes = {**study.overrides, **of_model, **section.overrides, **point}
                found.append(Arm(prefix + name, changes, space))
    return found


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


def _models(study: Study) -> list[tuple[str, dict[str, Any]]]:
    """(what stands before a cell's name, what is changed in the recipe) of every base model."""
    if not study.models:
        return [("", {})]
    return [(f"{model.name}-", {**model.overrides, "model.base": model.base}) for model in study.models]


def _recipe(study: Study, changes: Mapping[str, Any], name: str, seed: int) -> Recipe:
    return load_recipe(study.recipe, {**changes, "name": f"{study.name}-{name}", "seed": seed})


def _named(key: str, value: Any) -> str:
    """`objective.alpha` and 0.1 → `alpha0.1`."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", f"{key.rpartition('.')[2]}{text}")
