"""Lengths and their changes, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from pspo_bench.metrics.length import answer_position, length_scores

COLUMNS = ["example_id", "status", "finish_reason", "completion_tokens", "completion", "extracted"]
CONSTANT = {"task": "t", "temperature": 0.0, "max_tokens": 64, "example_hash": "h", "question": "?"}


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).assign(**CONSTANT)


def solved(example: str, tokens: int, status: str = "correct", finish: str = "stop") -> tuple[object, ...]:
    return (example, status, finish, tokens, "2 + 2 = 4\n#### 4", "4")


def test_lengths_are_split_and_truncated_ones_are_in_no_average() -> None:
    rows = [solved("a", 10), solved("b", 20), solved("c", 30), solved("d", 40), solved("e", 50, "wrong")]
    (score,) = length_scores(table(*rows, ("f", "truncated", "length", 64, "2 + 2 + 2", None)))
    assert score.truncation_rate == pytest.approx(1 / 6)
    assert score.correct is not None
    assert (score.correct.n, score.correct.mean, score.correct.median) == (4, 25, 25)
    # positions 0.75, 2.25 and 2.85 of 10 20 30 40
    assert (score.correct.q1, score.correct.q3, score.correct.p95) == (17.5, 32.5, 38.5)
    assert score.correct.iqr == 15
    assert score.all is not None
    assert (score.all.n, score.all.mean) == (5, 30)
    assert score.incorrect is not None
    assert (score.incorrect.n, score.incorrect.mean) == (1, 50)
    assert (score.all.words, score.all.steps) == (7, 2)
    # 4 right answers for 10 + 20 + 30 + 40 + 50 + 64 tokens
    assert score.correct_per_1000 == pytest.approx(4000 / 214)
    # the 4 of "= 4" ends the fifth of the ten pieces 2 + 2 = 4 # # # # 4
    assert score.answer_at == pytest.approx(0.5)
    assert score.accuracy_at == {16: 1 / 6, 32: 3 / 6, 64: 4 / 6}


def test_uncounted_tokens_are_said() -> None:
    (score,) = length_scores(table(solved("a", 10), ("b", "correct", "stop", None, "#### 4", "4")))
    assert (score.uncounted, score.correct_per_1000) == (1, None)
    assert score.correct is not None
    assert score.correct.n == 1
    # one tokenizer for all: characters here, 16 and 6 of them
    (score,) = length_scores(table(solved("a", 10), ("b", "correct", "stop", None, "#### 4", "4")), len)
    assert score.correct is not None
    assert (score.uncounted, score.correct.mean) == (0, (16 + 6) / 2)


@pytest.mark.parametrize(
    ("text", "answer", "share"),
    [
        ("so 1,200 it is", "1200", 4 / 6),  # so 1 , 200 it is: the figure ends the fourth piece of six
        ("yes, it is", "yes", 1 / 4),
        ("nothing", "7", None),
        ("7", None, None),
    ],
)
def test_where_the_answer_first_appears(text: str, answer: str | None, share: float | None) -> None:
    found = answer_position(text, answer)
    assert found == (None if share is None else pytest.approx(share))
