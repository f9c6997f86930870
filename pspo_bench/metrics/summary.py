"""One `TaskScore` per task and temperature.

TaskScore(task="gsm8k", temperature=0.0, n_questions=1319, n_samples=1319, accuracy=0.397,
          low=0.371, high=0.424, interval="wilson", pass_at={1: 0.397}, maj_at={1: 0.397}, ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pspo_bench.answers import vote_key
from pspo_bench.metrics.basic import accuracy_at_budget, is_correct, split_by_question
from pspo_bench.metrics.registry import sample_metrics
from pspo_bench.stats import maj_at_k, pass_at_k, score_interval

if TYPE_CHECKING:
    import pandas as pd


SMALLEST_BUDGET = 4
"""Accuracy at a budget is given from 2 ** 4 tokens on: fewer hold no worked step."""


@dataclass(frozen=True, slots=True)
class TaskScore:
    """The scores of one task at one temperature; fractions and tokens, None where there is too little data.

    `low` to `high` is the 95 % interval of the accuracy, `interval` its method. `pass_at` and `maj_at` are by
    k, with only the k that every question has the samples for; `accuracy_at` is by token budget, at powers of two
    up to max_tokens. `metrics` holds every metric by name.
    """

    task: str
    temperature: float
    n_questions: int
    n_samples: int
    accuracy: float | None
    low: float | None
    high: float | None
    interval: str | None
    pass_at: dict[int, float]
    maj_at: dict[int, float]
    mean_tokens: float | None
    median_tokens: float | None
    median_tokens_completed: float | None
    truncation_rate: float | None
    accuracy_completed_only: float | None
    accuracy_at: dict[int, float]
    status: dict[str, int]
    metrics: dict[str, float | None]


def summarise(frame: pd.DataFrame, ks: Sequence[int] | None = None) -> list[TaskScore]:
    """Scores of every task and temperature in a table of samples (`Run.frame`), sorted by both.

    `ks`: the k of pass@k and maj@k. By default pass@k at the powers of two up to the samples a question has,
    and maj@k at all of its samples.
    """
    groups = frame.groupby(["task", "temperature"], sort=True)
    return [_score(rows, ks) for _, rows in groups]


def _score(rows: pd.DataFrame, ks: Sequence[int] | None) -> TaskScore:
    by_question = is_correct(rows).groupby(rows["example_id"], sort=False)
    correct, samples = by_question.sum().to_numpy(int), by_question.size().to_numpy(int)
    interval = score_interval(correct, samples)
    metrics = {metric.name: metric(rows) for metric in sample_metrics()}
    core = ("accuracy", "accuracy_completed_only", "mean_tokens", "median_tokens", "median_tokens_completed")
    n = int(samples.min())
    return TaskScore(
        task=str(rows["task"].iloc[0]),
        temperature=float(rows["temperature"].iloc[0]),
        n_questions=samples.size,
        n_samples=len(rows),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        interval=interval.method if interval else None,
        pass_at=_pass_at(correct.tolist(), samples.tolist(), powers_of_two(n) if ks is None else ks),
        maj_at=_maj_at(rows, [n] if ks is None else ks),
        truncation_rate=metrics["truncation_rate"],
        accuracy_at=accuracy_at_budget(rows, powers_of_two(int(rows["max_tokens"].max()))[SMALLEST_BUDGET:]),
        status={str(name): int(count) for name, count in rows["status"].value_counts().sort_index().items()},
        metrics=metrics,
        **{name: metrics[name] for name in core},
    )


def powers_of_two(n: int) -> list[int]:
    """1, 2, 4, ... up to n, and n itself."""
    return sorted({n, *(2**i for i in range(n.bit_length()) if 2**i <= n)})


def _pass_at(correct: Sequence[int], samples: Sequence[int], ks: Sequence[int]) -> dict[int, float]:
    """Mean pass@k over questions, for each k that every question has the samples for."""
    found = {}
    for k in ks:
        values = [pass_at_k(n, c, k) for n, c in zip(samples, correct, strict=True)]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[k] = sum(known) / len(known)
    return found


def _maj_at(rows: pd.DataFrame, ks: Sequence[int]) -> dict[int, float]:
    """Mean maj@k over questions, for each k that every question has the samples for."""
    answers = {text: vote_key(text) for text in rows["extracted"].dropna().unique()}
    cast = rows["extracted"].astype(object).map(lambda text: answers.get(text))  # NaN → None
    votes = split_by_question(rows, cast.where(cast.notna(), None))
    right = split_by_question(rows, is_correct(rows))
    questions = list(zip(votes, right, strict=True))
    found = {}
    for k in ks:
        values = [maj_at_k(vote, ok, k) for vote, ok in questions]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[k] = sum(known) / len(known)
    return found
