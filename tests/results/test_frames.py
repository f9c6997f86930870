"""Tables of samples from elsewhere as results: what is counted, and what is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pspo_bench.compare import compare_arms
from pspo_bench.errors import DataError
from pspo_bench.results import arms_of, results_from_frame


def rows(*given: dict[str, Any], **same: Any) -> pd.DataFrame:
    return pd.DataFrame([{"task": "t", **same, **row} for row in given])


def test_counts_by_question() -> None:
    """Question a: 2 samples, 1 right, of 5 and 7 tokens; b: 1 sample, wrong, cut."""
    frame = rows(
        {"example_id": "a", "correct": True, "tokens": 5},
        {"example_id": "b", "correct": False, "tokens": 9, "truncated": True},
        {"example_id": "a", "correct": False, "tokens": 7, "truncated": False},
    )
    (result,) = results_from_frame(frame)
    (score,) = result.scores
    assert (score.example_ids, score.samples, score.correct) == (["a", "b"], [2, 1], [1, 0])
    assert (score.truncated, score.correct_completed) == ([0, 1], [1, 0])
    assert (score.tokens_correct, score.tokens_incorrect) == ([[5], []], [[7], []])
    assert score.maj_at == {}  # nobody said what the answers were
    assert result.complete


def test_statuses_and_votes() -> None:
    """Of three samples two answer 4: the majority is right."""
    frame = rows(
        {"status": "correct", "extracted": "4"},
        {"status": "correct", "extracted": "4"},
        {"status": "wrong", "extracted": "5"},
        example_id="a",
        temperature=0.7,
    )
    (score,) = results_from_frame(frame)[0].scores
    assert (score.temperature, score.status) == (0.7, {"correct": 2, "wrong": 1})
    assert score.maj_at == {"3": 1.0}


def test_arms_and_seeds() -> None:
    frame = pd.concat(
        [rows({"example_id": 1, "correct": 1}, arm="ours", seed=seed, model="m") for seed in (0, 1)]
        + [rows({"example_id": 1, "correct": 0}, arm="base", seed=None, model="m")]
    )
    arms = arms_of(results_from_frame(frame), None)
    assert [(a.base_model, a.objective, [m.seed for m in a.members]) for a in arms] == [
        ("m", "ours", [0, 1]),
        ("m", "base", [None]),
    ]


def test_the_lowest_temperature_is_the_headline() -> None:
    (result,) = results_from_frame(
        rows({"temperature": 0.8}, {"temperature": -0.0}, example_id="a", correct=True)
    )
    assert result.info.settings.headline == 0.0


def test_other_questions_are_a_mismatch() -> None:
    one = results_from_frame(rows(*[{"example_id": i} for i in (1, 2, 3)], correct=True, arm="a"))
    other = results_from_frame(rows(*[{"example_id": i} for i in (2, 3, 4)], correct=False, arm="b"))
    comparison = compare_arms(one, other)
    assert comparison.tasks[0].n_questions == 2
    assert comparison.tasks[0].accuracy.difference == -1.0
    assert any("the questions differ" in sentence for sentence in comparison.mismatches)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.DataFrame({"task": ["t"], "right": [1]}),
            r"no column example_id, correct \(or status\); it has task, right",
        ),
        (pd.DataFrame({"task": [], "example_id": [], "correct": []}), "no rows"),
        (rows({"example_id": None, "correct": 1}), "example_id is empty in 1 of 1 rows"),
        (rows({"example_id": 1, "correct": "yes"}), "true or false .* not 'yes'"),
        (rows({"example_id": 1, "correct": 0.5}), "true or false .* not 0.5"),
        (rows({"example_id": 1, "correct": None}), "true or false .* not None"),
        (
            rows({"example_id": "q", "correct": 1}).astype({"correct": "Int64"}).replace({1: pd.NA}),
            "not <NA>",
        ),
        (rows({"example_id": 1, "status": "right"}), "Unknown status 'right'"),
        (
            rows({"example_id": 1, "correct": 1, "temperature": "hot"}),
            "temperature must hold numbers, not 'hot'",
        ),
        (
            rows(*[{"example_id": 7, "sample_index": 0, "correct": 1}] * 2),
            "1 rows are there twice, such as sample 0 of t 7",
        ),
    ],
)
def test_what_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        results_from_frame(frame)
