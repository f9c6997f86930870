"""The library in a notebook or a script: the verbs of the command line, with DataFrames going in and coming
out.

    import pspo_bench.api as pb

    pb.leaderboard("results/measured/pocket-controls")        # shows as a table; .to_frame(), .to_markdown()
    pb.compare("results/measured/pocket-demo", base="clip")   # shows as tables; .to_frame()
    run = pb.evaluate("pocket", "pocket_gsm", "runs/mine", limit=50)
    pb.scores(run)                                            # a DataFrame
    pb.compare(my_samples, base="clip")                       # a DataFrame of one's own: see pb.results
    pb.plots.differences(pb.compare(...).comparisons)         # a matplotlib Figure

The verbs live here and not in `pspo_bench` itself, where `evaluate`, `compare` and `study` are the packages
that do the work. Importing this module loads neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pspo_bench.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from pspo_bench.records import Verdict
    from pspo_bench.report import Leaderboard, plots
    from pspo_bench.report.comparison import ComparisonReport
    from pspo_bench.results import Result
    from pspo_bench.store import Run
    from pspo_bench.study import Failure

    Source: TypeAlias = str | Path | Run | Result | pd.DataFrame
    Sources: TypeAlias = Source | Iterable[Source]

__all__ = [
    "check",
    "compare",
    "evaluate",
    "leaderboard",
    "load_run",
    "plots",
    "results",
    "samples",
    "scores",
    "study",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "plots":
        import pspo_bench.report.plots

        return pspo_bench.report.plots
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Runs


def evaluate(model: str, tasks: str | Sequence[str], output: str | Path, **settings: Any) -> Run:
    """Score `model` on tasks into the run folder `output`, as `pspo-bench eval` does; an unfinished run is
    continued.

    `settings` are the fields of `evaluate.EvalSettings`: `limit=50, temperatures=(0.0, 0.8), samples=16`.
    Raises ConfigError for one that there is not, and what `evaluate.evaluate` raises.
    """
    from dataclasses import fields

    from pspo_bench.errors import unknown
    from pspo_bench.evaluate import EvalSettings
    from pspo_bench.evaluate import evaluate as run_evaluation

    known = [field.name for field in fields(EvalSettings)]
    for name in settings:
        if name not in known:
            raise ConfigError(unknown("setting", name, known))
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    return run_evaluation(model, names, Path(output), EvalSettings(**settings))


def load_run(path: str | Path) -> Run:
    """The run folder at `path`. Raises StoreError where there is none."""
    from pspo_bench.store import Run

    return Run.open(path)


def samples(runs: str | Path | Run | Iterable[str | Path | Run]) -> pd.DataFrame:
    """The samples of run folders: a row each, led by `run`, `model` (the base model), `arm` and `seed`.

    `arm` is the recipe's name, or `base`. What `scores`, `compare` and `leaderboard` take. Raises StoreError.
    """
    import pandas as pd

    from pspo_bench.config import BASE
    from pspo_bench.results import Result
    from pspo_bench.store import Run

    frames = []
    for one in _several(runs):
        run = one if isinstance(one, Run) else load_run(cast("str | Path", one))
        result = Result(run.info, (), complete=True, source=run.path)
        first = {"run": str(run.path), "model": run.info.base_model}
        frame = run.frame()
        lead = pd.DataFrame({**first, "arm": result.recipe or BASE, "seed": result.seed}, index=frame.index)
        frames.append(
            pd.concat([lead.astype({"seed": "Int64"}), frame.rename(columns={"seed": "draw_seed"})], axis=1)
        )
    if not frames:
        raise ConfigError("No run was given; pass a run folder or several")
    return pd.concat(frames, ignore_index=True)


def results(sources: Sources) -> list[Result]:
    """Counts per question from run folders, result files, folders of them, `Run`s or tables of samples of
    one's own.

    A table needs the columns `task`, `example_id` and `correct` or `status`; `arm`, `seed`, `model`,
    `temperature`, `tokens` and others are used where they are there: see `results.frames`. Raises StoreError
    for a path without results, DataError for a table that lacks a column.
    """
    import pandas as pd

    from pspo_bench.results import Result, load_entries, result_of, results_from_frame
    from pspo_bench.store import Run

    found: list[Result] = []
    for one in _several(sources):
        if isinstance(one, pd.DataFrame):
            found += results_from_frame(one)
        elif isinstance(one, Run):
            found.append(result_of(one))
        elif isinstance(one, Result):
            found.append(one)
        else:
            found += load_entries([one])
    if not found:
        raise ConfigError("No results were given; pass a run folder, a result file or a table of samples")
    return found


def _several(given: Any) -> list[Any]:
    """One source, or each of several; a DataFrame is one."""
    alone = isinstance(given, str | Path) or not isinstance(given, Iterable) or hasattr(given, "columns")
    return [given] if alone else list(given)


# Figures


def scores(given: pd.DataFrame | str | Path | Run | Iterable[str | Path | Run]) -> pd.DataFrame:
    """A row for each arm, seed, task and temperature: accuracy with its interval, pass@k, maj@k, lengths.

    `given`: run folders, or a table of samples as `results` takes it.
    """
    import pandas as pd

    from pspo_bench.report.notebook import scores_frame
    from pspo_bench.results import samples_of

    if not isinstance(given, pd.DataFrame):
        given = samples(given)
    return scores_frame(samples_of(given))


def leaderboard(sources: Sources, **options: Any) -> Leaderboard:
    """The table of everything in `sources` (see `results`); `options` are those of `report.leaderboard`."""
    from pspo_bench.report.leaderboard import board_of

    return board_of(results(sources), **options)


def compare(
    sources: Sources,
    *,
    base: str | None = None,
    temperature: float | None = None,
    level: float = 0.95,
    by: str | None = None,
) -> ComparisonReport:
    """Every other arm in `sources` against the first, or the one called `base` (or beginning so).

    The report shows as tables and has `comparisons`, `to_frame()`, `to_markdown()` and `to_json()`. `by`:
    "category" or "difficulty" adds a table of these. Raises ConfigError where there are not two arms, or no
    such base.
    """
    from pspo_bench.compare import comparisons, contest_of
    from pspo_bench.report.comparison import ComparisonReport
    from pspo_bench.results import arms_of

    found = contest_of(arms_of(results(sources), temperature), base=base)
    return ComparisonReport(tuple(comparisons(found, level=level)), by=by)


# Answers and training


def check(completion: str, gold: str, answer_type: str = "auto", *, scoring: str = "symbolic") -> Verdict:
    """Whether the final answer of `completion` equals `gold`: see `answers.check`."""
    from pspo_bench.answers import check as check_answer

    return check_answer(completion, gold, answer_type, scoring=scoring)


def train(
    recipe: str | Path,
    overrides: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    **options: Any,
) -> Path:
    """Train as `pspo-bench train` does and return the checkpoint folder: `train("pocket/grpo", {"seed": 1})`.

    `output` is runs/<name>-s<seed> where it is not given; `options` are those of `training.train`: resume,
    data_dir, tasks_dir.
    """
    from pspo_bench.config import load_recipe
    from pspo_bench.training import train as run_training

    loaded = load_recipe(recipe, overrides or {})
    folder = Path("runs") / f"{loaded.name}-s{loaded.seed}" if output is None else Path(output)
    return run_training(loaded, folder, **options)


def study(name: str | Path, output: str | Path, **options: Any) -> tuple[Leaderboard, list[Failure]]:
    """Train and score a whole study: see `study.run_study`, whose `options` these are (limit, data_dir,
    cluster, report).
    """
    from pspo_bench.config import load_study
    from pspo_bench.study import run_study

    return run_study(load_study(name), Path(output), **options)
