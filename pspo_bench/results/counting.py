"""The samples of a run folder → counts per question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pspo_bench.metrics import TaskScore, solution_metrics, summarise
from pspo_bench.metrics.basic import is_correct, is_truncated, split_by_question
from pspo_bench.results.measures import kept_measures, measures_of
from pspo_bench.results.result import Measured, Result, TaskCounts
from pspo_bench.store import Run

if TYPE_CHECKING:
    import pandas as pd


def result_of(run: Run, *, measure: bool = False) -> Result:
    """The run's counts, read from its samples; with what the metrics of single solutions say of them where that is
    known already or, with `measure`, in any case (2 ms a solution, with a progress bar).
    """
    frame, info = run.frame(), run.info
    measures = measures_of(run, frame, progress=True) if measure else kept_measures(run, frame)
    counts = task_counts(frame, list(info.tasks), measures)
    have = {(c.task, f"{c.temperature:g}"): (sum(c.samples), len(c.samples)) for c in counts}
    complete = all(
        task.is_complete(label, *have.get((name, label), (0, 0)))
        for name, task in info.tasks.items()
        for label in task.expected_samples
    )
    by = frame[["checker", "checker_version"]].drop_duplicates().itertuples(index=False, name=None)
    return Result(info, counts, complete, run.path, tuple(sorted(" ".join(pair) for pair in by)))


def task_counts(
    frame: pd.DataFrame, tasks: Sequence[str], measures: pd.DataFrame | None
) -> tuple[TaskCounts, ...]:
    """The counts of every task and temperature in a table of samples, in the order of `tasks`."""
    order = {task: place for place, task in enumerate(tasks)}
    scores = sorted(summarise(frame), key=lambda score: order.get(score.task, len(order)))
    groups = dict(iter(frame.groupby(["task", "temperature"])))
    return tuple(_counts(groups[score.task, score.temperature], score, measures) for score in scores)


def _counts(rows: pd.DataFrame, score: TaskScore, measures: pd.DataFrame | None) -> TaskCounts:
    right, cut = is_correct(rows), is_truncated(rows)
    counted = rows["completion_tokens"].notna()
    tokens = rows["completion_tokens"].fillna(0).astype(int)
    by_question = split_by_question(rows, right)
    questions = rows.drop_duplicates("example_id")
    return TaskCounts(
        task=score.task,
        temperature=score.temperature,
        example_ids=[str(example) for example in questions["example_id"]],
        samples=[len(part) for part in by_question],
        correct=[sum(part) for part in by_question],
        truncated=[sum(part) for part in split_by_question(rows, cut)],
        tokens_correct=split_by_question(rows, tokens, right & ~cut & counted),
        tokens_incorrect=split_by_question(rows, tokens, ~right & ~cut & counted),
        status=score.status,
        pass_at={str(k): value for k, value in score.pass_at.items()},
        maj_at={str(k): value for k, value in score.maj_at.items()},
        correct_completed=[sum(part) for part in split_by_question(rows, right & ~cut)],
        categories=_labels(questions["category"]),
        difficulties=_labels(questions["difficulty"]),
        measures=None if measures is None else _by_question(rows, measures.loc[rows.index]),
    )


def _labels(column: pd.Series[str]) -> list[str | None] | None:
    """One label a question; None where no question has one."""
    labels: list[str | None] = [label if isinstance(label, str) else None for label in column]
    return labels if any(labels) else None


def _by_question(rows: pd.DataFrame, measures: pd.DataFrame) -> dict[str, Measured]:
    """The metrics that say what is better; of the others (words, steps) no table is made."""
    applies = measures.notna()
    return {
        metric.name: Measured(
            n=[sum(part) for part in split_by_question(rows, applies[metric.name])],
            total=[
                _rounded(sum(part)) for part in split_by_question(rows, measures[metric.name].fillna(0.0))
            ],
        )
        for metric in solution_metrics()
        if metric.direction != "neither"
    }


def _rounded(value: float) -> float:
    """As an int where it is whole, which is a third as long in a result file."""
    return int(value) if value.is_integer() else round(value, 6)
