"""Lengths and their changes, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from pspo_bench.metrics.length import answer_position, length_changes, length_scores

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


def test_paired_change_is_about_what_both_solve() -> None:
    base = table(solved("a", 100), solved("b", 50), solved("c", 10), solved("d", 10, "wrong"), solved("e", 8))
    after = table(solved("a", 50), solved("b", 100), solved("c", 10, "wrong"), solved("d", 2), solved("e", 2))
    (change,) = length_changes([(base, after)])
    # a halves, b doubles, e is a quarter: (-1 + 1 - 2) log 2 / 3; c and d are not solved by both
    assert change.n_questions == change.n_cells == 3
    assert change.log_change == pytest.approx(-2 / 3 * math.log(2))
    assert change.relative == pytest.approx(2 ** (-2 / 3) - 1)
    assert change.interval is not None
    # Student's t with 2 degrees of freedom, 4.303; deviations (-1, 5, -4)/3 log 2: variance 42/9/2, of the mean /3
    half = 4.302653 * math.sqrt(42 / 9 / 2 / 3) * math.log(2)
    assert change.interval.half == pytest.approx(half, rel=1e-5)


def test_change_averages_samples_and_crosses_seeds() -> None:
    base = table(solved("a", 4), solved("a", 16), solved("b", 8))
    pairs = [(base, table(solved("a", 16), solved("b", 16))), (base, table(solved("a", 32), solved("b", 8)))]
    (change,) = length_changes(pairs)
    # a: log 8 on average before; so (1, 1) log 2 in the first seed, (2, 0) in the second
    assert (change.n_questions, change.n_seeds, change.n_cells) == (2, 2, 4)
    assert change.log_change == pytest.approx(math.log(2))


def test_nothing_shared_gives_no_change() -> None:
    assert length_changes([(table(solved("a", 4)), table(solved("b", 4)))]) == []
    (change,) = length_changes([(table(solved("a", 4)), table(solved("a", 8)))])
    assert change.interval is None
    assert change.relative_interval is None
