"""Figures of a handful of rows, worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from pspo_bench.errors import ConfigError
from pspo_bench.metrics import METRICS, metric, summarise
from pspo_bench.metrics.basic import accuracy_at_budget
from pspo_bench.metrics.summary import powers_of_two

COLUMNS = ["task", "temperature", "max_tokens", "example_id", "status", "finish_reason"]
COLUMNS += ["completion_tokens", "extracted"]


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame([("t", 0.7, 100, *row) for row in rows], columns=COLUMNS)


ROWS = table(
    ("a", "correct", "stop", 10, "4"),
    ("a", "correct", "stop", 20, "4.0"),
    ("a", "wrong", "stop", 30, "5"),
    ("a", "truncated", "length", 100, None),
    ("b", "no_answer", "stop", 40, None),
    ("b", "wrong", "stop", 50, "7"),
    ("b", "wrong", "stop", 60, "7"),
    ("b", "correct", "stop", 70, "8"),
)


def test_summary_by_hand() -> None:
    (score,) = summarise(ROWS)
    assert (score.task, score.temperature, score.n_questions, score.n_samples) == ("t", 0.7, 2, 8)
    assert score.accuracy == pytest.approx((2 / 4 + 1 / 4) / 2)
    # without the truncated row: a 2 of 3, b 1 of 4
    assert score.accuracy_completed_only == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert score.truncation_rate == pytest.approx(1 / 8)
    assert score.mean_tokens == pytest.approx(280 / 7)
    assert score.median_tokens == pytest.approx(45)  # 10 20 30 40 | 50 60 70 100
    assert score.median_tokens_completed == pytest.approx(40)
    # pass@2: a 1 - C(2,2)/C(4,2) = 5/6, b 1 - C(3,2)/C(4,2) = 1/2
    assert score.pass_at == {1: pytest.approx(0.375), 2: pytest.approx((5 / 6 + 1 / 2) / 2), 4: 1.0}
    # a: "4" and "4.0" are one answer with 2 of 3 votes; b: 7 wins 2 to 1
    assert score.maj_at == {4: 0.5}
    assert score.status == {"correct": 3, "no_answer": 1, "truncated": 1, "wrong": 3}
    assert score.interval == "clustered-wilson"


def test_accuracy_at_a_budget_by_hand() -> None:
    (score,) = summarise(ROWS)
    # correct within 16 tokens: a 1 of 4 (10), b none; within 32: a 2 of 4 (10, 20); within 64 no more; 100: b's 70
    assert score.accuracy_at == {16: 1 / 8, 32: 2 / 8, 64: 2 / 8, 100: (2 / 4 + 1 / 4) / 2}
    # beyond the run's limit nothing is known, and nothing at all where a length is not known
    assert accuracy_at_budget(ROWS, [8, 100, 200]) == {8: 0.0, 100: 0.375}
    unknown = ROWS.assign(completion_tokens=[None, *ROWS["completion_tokens"][1:]])
    assert accuracy_at_budget(unknown, [8, 100]) == {}
    (score,) = summarise(unknown)
    assert (score.median_tokens, score.mean_tokens) == (
        50,
        45,
    )  # of the seven, and of the six uncut, that are known


def test_one_greedy_sample_per_question() -> None:
    rows = table(("a", "correct", "stop", 1, "4"), ("b", "wrong", "stop", 3, "5"))
    (score,) = summarise(rows)
    assert score.interval == "wilson"
    # 1 of 2: half = sqrt(3.841459 (1·1/2 + 0.960365)) / 5.841459 = 2.368556 / 5.841459
    assert score.low == pytest.approx(0.5 - 0.405473, abs=1e-5)
    assert score.maj_at == {1: 0.5}


def test_too_little_is_none() -> None:
    rows = table(("a", "truncated", "length", 100, None), ("a", "truncated", "length", 100, None))
    (score,) = summarise(rows, ks=[1, 4])
    assert score.mean_tokens is None
    assert score.accuracy_completed_only is None
    assert score.low is None  # one question is no sample of questions
    assert score.pass_at == {1: 0.0}  # two samples: no pass@4
    assert summarise(ROWS.iloc[:0]) == []


def test_uneven_samples_use_what_all_have() -> None:
    (score,) = summarise(ROWS.iloc[:6])  # b has two samples
    assert sorted(score.pass_at) == [1, 2]
    assert sorted(score.maj_at) == [2]


def test_temperatures_are_apart() -> None:
    cold = ROWS.assign(temperature=0.0)
    assert [s.temperature for s in summarise(pd.concat([ROWS, cold]))] == [0.0, 0.7]


def test_powers_of_two() -> None:
    assert powers_of_two(1) == [1]
    assert powers_of_two(12) == [1, 2, 4, 8, 12]


def test_registry_plugs_in() -> None:
    assert {"accuracy", "median_tokens", "truncation_rate"} <= set(METRICS)
    found = METRICS.get("truncation_rate")
    assert (found.range, found.direction) == ((0, 1), "lower")

    @metric("test_rows", definition="Rows.", range=(0, None), direction="neither", source="here")
    def rows(samples: pd.DataFrame) -> float | None:
        return float(len(samples))

    try:
        assert summarise(ROWS)[0].metrics["test_rows"] == 8.0
        with pytest.raises(ConfigError, match="registered twice"):
            metric("test_rows", definition="", range=(0, 1), direction="lower", source="")(rows.compute)
    finally:
        del METRICS._items["test_rows"]
