"""A whole study: tune, train, score, tabulate.

board, failures = run_study(load_study("pocket/demo"), Path("runs/pocket-demo"), report=print)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.config import Study
from pspo_bench.errors import TrainingError
from pspo_bench.report.text import escape_markdown
from pspo_bench.store import Run, write_atomic, write_error
from pspo_bench.study.cell import Failure, Work, run_path
from pspo_bench.study.executors import STUDY_NAME, do_cells
from pspo_bench.study.grid import cells, limited, trial_cells
from pspo_bench.study.plan import checked_plans, eval_settings
from pspo_bench.study.tuning import tried_points, tuning_results, untuned
from pspo_bench.tasks import data_folder

if TYPE_CHECKING:
    from pspo_bench.evaluate.cluster import Cluster
    from pspo_bench.report import Leaderboard


def run_study(
    study: Study,
    output: Path,
    *,
    limit: int | None = None,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    cluster: Cluster | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[Leaderboard, list[Failure]]:
    """Tune, train and score every cell; returns the leaderboard of what finished, and what failed.

    `limit` caps the optimiser steps of each cell and the questions of each task, to try a study out. `cluster`: do the
    cells side by side on Ray instead of one after the other here. `report` gets one line per cell. Raises ConfigError
    or DataError before anything is trained.
    """
    from pspo_bench.report import leaderboard

    settings = eval_settings(study, limit, data_dir, tasks_dir)
    tried = tried_points(study)
    trials = trial_cells(study, tried)
    checked_plans(study, [*trials, *cells(study)], settings, limit)
    _begin(study, output)
    # in full: the workers of a cluster are in another folder, and have other environment variables
    settings = replace(settings, data_dir=_absolute(data_folder(data_dir)), tasks_dir=_absolute(tasks_dir))
    work = Work(tuple(study.evaluation.tasks), settings, output.resolve())
    do = partial(do_cells, work=work, cluster=cluster, report=report)

    failures = do([limited(cell, limit) for cell in trials], what="tuning") if trials else []
    tuning = tuning_results(study, tried, output, {failure.cell for failure in failures})
    grid = [limited(cell, limit) for cell in cells(study, tuning.chosen)]
    hopeless = untuned(study, tuning, grid)
    failures += [Failure(cell.name, "no trial of its tuning finished") for cell in hopeless]
    grid = [cell for cell in grid if cell not in hopeless]
    failures += do(grid, what=study.name)

    failed = {failure.cell for failure in failures}
    runs = [Run.open(run_path(cell, output)) for cell in grid if cell.name not in failed]
    if not runs:
        raise TrainingError(f"No cell of study '{study.name}' finished; first failure: {failures[0].error}")
    _write_results(runs, output)  # measures the runs, which the leaderboard shows
    board = leaderboard([run.path for run in runs])
    done = [cell for cell in grid if cell.trains and cell.name not in failed]
    _write_tables(board, {cell.name: output / cell.folder for cell in done}, failures, output)
    if tuning.trials:
        write_atomic(output / "tuning.json", tuning.to_json().encode())
    return board, failures


def _absolute(folder: Path | None) -> Path | None:
    return folder.resolve() if folder else None


def _begin(study: Study, output: Path) -> None:
    try:
        (output / "results").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(output, error) from error
    write_atomic(output / STUDY_NAME, (study.model_dump_json(indent=2) + "\n").encode())


def _write_results(runs: Sequence[Run], output: Path) -> None:
    """A result file a run, and no others: those of cells that have left the study or fail now would be read as its."""
    from pspo_bench.results import dump_result, export_result

    for file in (output / "results").glob("*.json"):
        if file.stem not in {run.path.name for run in runs}:
            file.unlink()
    for run in runs:
        write_atomic(
            output / "results" / f"{run.path.name}.json",
            dump_result(export_result(run, measure=True)).encode(),
        )


def _write_tables(
    board: Leaderboard, checkpoints: Mapping[str, Path], failures: Sequence[Failure], output: Path
) -> None:
    from pspo_bench.report.learning import learning_curves, matched_markdown

    command = f"pspo-bench leaderboard {output / 'results'} -o {output / 'LEADERBOARD.md'}"
    write_atomic(output / "LEADERBOARD.md", (board.to_markdown(command) + _not_finished(failures)).encode())
    write_atomic(output / "leaderboard.json", board.to_json().encode())
    curves = learning_curves(checkpoints)
    write_atomic(output / "curves.csv", curves.to_csv(index=False, float_format="%.5g").encode())
    write_atomic(output / "MATCHED.md", matched_markdown(curves).encode())


def _not_finished(failures: Sequence[Failure]) -> str:
    """What the table lacks, in its own file: an arm without some of its seeds is not what was asked for."""
    if not failures:
        return ""
    lines = [f"- {escape_markdown(f'{failure.cell}: {failure.error}')}" for failure in failures]
    return "\n".join(["", "## Not finished", "", *lines, ""])
