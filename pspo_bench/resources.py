"""Where the files that ship with pspo-bench are: tasks, recipes and the figures that the paper states.

In a checkout (also when installed editable) they are the folders at its root; a wheel carries copies of them
in `pspo_bench/_data`, as `[tool.hatch.build.targets.wheel]` in pyproject.toml says. Example:

    >>> sorted(path.stem for path in tasks_dir().glob("*.toml"))
    ['asdiv', 'gsm8k', 'math500', ...]
"""

from __future__ import annotations

from pathlib import Path

from pspo_bench.errors import DataError

PACKAGE = Path(__file__).resolve().parent


def tasks_dir() -> Path:
    """The folder of task files, one TOML each. Raises DataError if the installation lacks it."""
    return _shipped("tasks")


def recipes_dir() -> Path:
    """The folder of recipes and studies, one subfolder a model. Raises DataError if it is not there."""
    return _shipped("recipes")


def results_dir(name: str) -> Path:
    """The folder `results/<name>`; a wheel carries `paper` alone. Raises DataError if it is not there."""
    return _shipped(f"results/{name}")


def _shipped(folder: str) -> Path:
    """`folder` in the wheel's data if this is a wheel, else in the checkout around the package."""
    data = PACKAGE / "_data"
    root = data if data.is_dir() else PACKAGE.parent
    path = root / folder
    if not path.is_dir():
        raise DataError(
            f"pspo-bench ships a folder '{folder}', but it is not in {root}; reinstall pspo-bench"
        )
    return path
