"""Recipes and studies: TOML files, validated; unknown keys are errors that name the file and the key.

    recipe = load_recipe("recipes/pocket/grpo.toml", ["objective.name=pspo", "seed=3"])

A recipe is found as a path, or by its name below the shipped recipes folder (`pocket/grpo`).
Overrides are `key=value`; the key is a dotted path (`optimizer.learning_rate`) or, where only
one section has it, the last part alone (`learning_rate`). Values are read as TOML, else as text.
"""

from pspo_bench.config.base import Section
from pspo_bench.config.files import load_recipe, load_study, read_toml, validate
from pspo_bench.config.sections import Recipe
from pspo_bench.config.studies import BASE, Range, Study

__all__ = [
    "BASE",
    "Range",
    "Recipe",
    "Section",
    "Study",
    "load_recipe",
    "load_study",
    "read_toml",
    "validate",
]
