"""One cell: train it if it trains, score it if it is reported. What an executor runs, here or on another machine.

work = Work(study.evaluation.tasks, EvalSettings(limit=500), Path("runs/controls"))
do_cell(cell, work)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pspo_bench.errors import PspoBenchError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.study.grid import Cell
from pspo_bench.study.tuning import drop_weights


@dataclass(frozen=True, slots=True)
class Work:
    """What all cells of a study share: how they are scored, and the folder that holds them."""

    tasks: tuple[str, ...]
    settings: EvalSettings
    output: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be finished, and why."""

    cell: str
    error: str


def do_cell(cell: Cell, work: Work) -> None:
    """Do what the cell lacks; a finished one is left as it is. Raises whatever training or scoring raises."""
    from pspo_bench.training import train

    recipe = cell.recipe
    checkpoint = work.output / cell.folder
    settings = work.settings
    if cell.trains:
        train(recipe, checkpoint, resume=True, data_dir=settings.data_dir, tasks_dir=settings.tasks_dir)
    if cell.trial is not None:
        drop_weights(checkpoint)
        return
    settings = replace(
        settings, system_prompt=recipe.data.system_prompt, trust_remote_code=recipe.model.trust_remote_code
    )
    if not cell.trains:
        settings = replace(settings, revision=recipe.model.revision)
    model = str(checkpoint) if cell.trains else recipe.model.base
    evaluate(model, list(work.tasks), run_path(cell, work.output), settings)


def run_path(cell: Cell, output: Path) -> Path:
    return output / "runs" / cell.name


def attempt(cell: Cell, work: Work) -> Failure | None:
    """`do_cell`; whatever a library raises costs this cell, not the others."""
    try:
        do_cell(cell, work)
    except Exception as error:
        return Failure(cell.name, sentence(error))
    return None


def sentence(error: BaseException) -> str:
    """An error in one line, with its kind where it is not one of ours."""
    text = " ".join(str(error).split())[:1000]
    return text if isinstance(error, PspoBenchError) else f"{type(error).__name__}: {text}"
