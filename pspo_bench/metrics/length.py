"""Response length, always split by correctness.

    (score,) = length_scores(run.frame())          # one per task and temperature
    score.correct.median, score.truncation_rate

A completion that was cut at `max_tokens` is only known to be at least so long: it is counted in `truncation_rate`,
never averaged. Pooled lengths measure how hard questions are as much as how a model writes: among real solutions
shorter ones are right more often pooled, and not within a question. So runs are compared on the questions that both
solve (`compare.cells`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from pspo_bench.metrics.basic import accuracy_at_budget, is_correct, is_truncated
from pspo_bench.metrics.reasoning.solution import Solution, number_of
from pspo_bench.metrics.summary import SMALLEST_BUDGET, powers_of_two

if TYPE_CHECKING:
    import pandas as pd

TokenCounter: TypeAlias = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class LengthSummary:
    """Tokens of `n` completions that ended by themselves; `q1` to `q3` is the interquartile range; means of words and
    steps beside it."""

    n: int
    mean: float
    median: float
    q1: float
    q3: float
    p95: float
    words: float
    steps: float

    @property
    def iqr(self) -> float:
        return self.q3 - self.q1


@dataclass(frozen=True, slots=True)
class LengthScore:
    """The lengths of one task at one temperature; None where there is too little data.

    `uncounted`: samples whose tokens nobody counted, left out of every figure in tokens. `correct_per_1000`: correct
    answers
    per 1,000 tokens spent, truncated ones included. `answer_at`: the mean share of a completed solution at which its
    final answer first appears, in tokens or, without a tokenizer, in words, figures and marks. `accuracy_at`: see
    `basic.accuracy_at_budget`.
    """

    task: str
    temperature: float
    n_samples: int
    uncounted: int
    truncation_rate: float
    all: LengthSummary | None
    correct: LengthSummary | None
    incorrect: LengthSummary | None
    correct_per_1000: float | None
    answer_at: float | None
    accuracy_at: dict[int, float]


def length_scores(frame: pd.DataFrame, count: TokenCounter | None = None) -> list[LengthScore]:
    """The lengths of every task and temperature in a table of samples (`Run.frame`), sorted by both.

    `count`: tokens of a text under one tokenizer for all; without it the engine's own counts are taken.
    """
    frame = frame if count is None else recounted(frame, count)
    groups = frame.groupby(["task", "temperature"], sort=True)
    return [_score(rows, count or count_pieces) for _, rows in groups]


def recounted(frame: pd.DataFrame, count: TokenCounter) -> pd.DataFrame:
    """`frame` with `completion_tokens` counted anew."""
    return frame.assign(completion_tokens=[count(text) for text in frame["completion"]])


def count_pieces(text: str) -> int:
    """Words, figures and marks: what tokens are counted in where no tokenizer is given."""
    return len(_PIECE.findall(text))


_PIECE = re.compile(r"\w+|[^\w\s]")


def _score(rows: pd.DataFrame, count: TokenCounter) -> LengthScore:
    right, cut = is_correct(rows), is_truncated(rows)
    done = rows[~cut & rows["completion_tokens"].notna()]
    budgets = powers_of_two(int(rows["max_tokens"].max()))[SMALLEST_BUDGET:]
    shares = [
        answer_position(text, answer, count)
        for text, answer in zip(done["completion"], done["extracted"], strict=True)
    ]
    known = [share for share in shares if share is not None]
    return LengthScore(
        task=str(rows["task"].iloc[0]),
        temperature=float(rows["temperature"].iloc[0]),
        n_samples=len(rows),
        uncounted=int(rows["completion_tokens"].isna().sum()),
        truncation_rate=float(cut.mean()),
        all=_summary(done),
        correct=_summary(done[right[done.index]]),
        incorrect=_summary(done[~right[done.index]]),
        correct_per_1000=_per_1000(rows),
        answer_at=sum(known) / len(known) if known else None,
        accuracy_at=accuracy_at_budget(rows, budgets),
    )


def _summary(done: pd.DataFrame) -> LengthSummary | None:
    if done.empty:
        return None
    tokens = done["completion_tokens"].astype(float)
    solutions = [Solution.of(text) for text in done["completion"]]
    return LengthSummary(
        n=len(done),
        mean=float(tokens.mean()),
        median=float(tokens.median()),
        q1=float(tokens.quantile(0.25)),
        q3=float(tokens.quantile(0.75)),
        p95=float(tokens.quantile(0.95)),
        words=sum(len(solution.text.split()) for solution in solutions) / len(done),
        steps=sum(len(solution.pieces) for solution in solutions) / len(done),
    )


def _per_1000(rows: pd.DataFrame) -> float | None:
    tokens = rows["completion_tokens"]
    spent = float(tokens.sum())
    return None if tokens.isna().any() or spent == 0 else 1000 * float(is_correct(rows).sum()) / spent


_FIGURE = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+")
MAX_FIGURE_CHARS = 60


def answer_position(text: str, answer: str | None, count: TokenCounter = count_pieces) -> float | None:
    """The share of `text` that is written when its final answer first appears, as a figure of the same value or as the
    same text; None where it does not."""
    if not isinstance(answer, str) or not answer:
        return None
    end = _first_figure(text, number_of(answer))
    if end is None:
        at = text.find(answer)
        end = at + len(answer) if at >= 0 else None
    total = count(text)
    return None if end is None or total == 0 else min(1.0, count(text[:end]) / total)


def _first_figure(text: str, value: Fraction | None) -> int | None:
    if value is None:
        return None
    for found in _FIGURE.finditer(text):
        figure = found.group().replace(",", "")
        if len(figure) <= MAX_FIGURE_CHARS and Fraction(figure) == abs(value):
            return found.end()
    return None
