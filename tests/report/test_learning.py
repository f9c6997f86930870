"""Arms at the same cost: interpolation, the largest common cost, and the interval over seeds, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pspo_bench.report.learning import learning_curves, matched, matched_markdown


def checkpoint(folder: Path, seed: int, rows: dict[str, list[float | None]], model: str = "pocket") -> Path:
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(folder / "training_log.parquet")
    (folder / "manifest.json").write_text(json.dumps({"seed": seed, "base_model": model}))
    return folder


@pytest.fixture
def curves(tmp_path: Path) -> pd.DataFrame:
    """`a` draws 100 tokens every second step and is scored at steps 0 and 4; `b` draws 100 tokens a step, to step 2."""
    places = {}
    for seed, end in ((0, 0.8), (1, 0.6)):
        rows: dict[str, list[float | None]] = {
            "step": [0, 1, 2, 3, 4],
            "validation_accuracy": [0.4, None, None, None, end],
            "tokens_generated": [None, 100, None, 100, None],
            "step_time_s": [None, 1, 1, 1, 1],
        }
        places[f"a-s{seed}"] = checkpoint(tmp_path / f"a-s{seed}", seed, rows)
    rows = {
        "step": [0, 1, 2],
        "validation_accuracy": [0.4, None, 0.5],
        "tokens_generated": [None, 100, 100],
        "step_time_s": [None, 1, 1],
    }
    places["b-s0"] = checkpoint(tmp_path / "b-s0", 0, rows)
    return learning_curves(places)


def test_curves_are_the_logs_with_their_arms_and_tokens(curves: pd.DataFrame) -> None:
    assert list(curves.columns) == [
        "run",
        "model",
        "arm",
        "seed",
        "step",
        "tokens",
        "validation_accuracy",
        "tokens_generated",
    ]
    assert curves.loc[curves["run"] == "a-s1", "tokens"].tolist() == [0, 100, 100, 200, 200]
    assert set(curves["arm"]) == {"a", "b"}


def test_at_the_same_steps(curves: pd.DataFrame) -> None:
    """All reach step 2, half-way of a's line: .6 and .5, whose mean is .55. b is scored there: .5.

    The interval of a: t with one degree of freedom, 12.7062 · sd / sqrt(2) = 12.7062 · .0707107 / 1.41421 = .63531.
    It is cut to 0 and 1, as accuracies are.
    """
    found = matched(curves, "step")
    assert found is not None
    reached, arms = found
    assert reached == 2
    assert [(arm.arm, arm.seeds) for arm in arms] == [("a", 2), ("b", 1)]
    assert [arm.accuracy for arm in arms] == pytest.approx([0.55, 0.5])
    assert arms[0].interval is not None
    assert (arms[0].interval.low, arms[0].interval.high) == (0.0, 1.0)
    assert arms[1].interval is None


def test_at_the_same_tokens(curves: pd.DataFrame) -> None:
    """All reach 200 tokens, where all end: .8 and .6 for a, .5 for b."""
    found = matched(curves, "tokens")
    assert found is not None
    reached, arms = found
    assert reached == 200
    assert [arm.accuracy for arm in arms] == pytest.approx([0.7, 0.5])


def test_a_run_that_draws_nothing_is_compared_by_steps_alone(curves: pd.DataFrame, tmp_path: Path) -> None:
    rows: dict[str, list[float | None]] = {"step": [0, 2], "validation_accuracy": [0.4, 0.9]}
    sft = learning_curves({"sft-s0": checkpoint(tmp_path / "sft-s0", 0, rows)})
    both = pd.concat([curves, sft], ignore_index=True)
    by_tokens, by_steps = matched(both, "tokens"), matched(both, "step")
    assert by_tokens is not None
    assert by_steps is not None
    assert {arm.arm for arm in by_tokens[1]} == {"a", "b"}
    assert (by_tokens[0], by_steps[0]) == (200, 2)
    assert by_steps[1][0].arm == "sft"
    text = matched_markdown(both)
    assert "## At 200 generated tokens" in text
    assert "| a | 2 | 70.0 | 0.0 – 100.0 |" in text
    assert "| sft | 1 | 90.0 | – |" in text


def test_without_a_validation_curve_there_is_nothing_to_match(tmp_path: Path) -> None:
    bare = learning_curves({"x-s0": checkpoint(tmp_path / "x-s0", 0, {"step": [1.0], "reward": [0.5]})})
    assert matched(bare, "step") is None
    assert "## At" not in matched_markdown(bare)
    assert learning_curves({}).empty


def test_models_are_not_compared_with_one_another(tmp_path: Path) -> None:
    rows: dict[str, list[float | None]] = {
        "step": [0, 1],
        "validation_accuracy": [0.4, 0.5],
        "tokens_generated": [None, 100],
    }
    places = {f"{m}-clip-s0": checkpoint(tmp_path / m, 0, rows, f"org/{m}") for m in ("one", "two")}
    text = matched_markdown(learning_curves(places))
    parts = text.split("\n## ")
    assert [part.split("\n")[0] for part in parts[1:]] == ["org/one", "org/two"]
    assert "one-clip" in parts[1]
    assert "two-clip" not in parts[1]
    assert text.count("### At 1 optimiser steps") == 2
