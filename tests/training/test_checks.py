"""Each warning on a log made by hand, on both sides of its threshold."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pspo_bench.config import Recipe, load_recipe
from pspo_bench.training.checks import alarms, check_log


def recipe(*overrides: str) -> Recipe:
    return load_recipe("pocket/grpo", overrides)


REUSED, ON_POLICY = recipe(), recipe("iterations=1", "minibatches=1")
HEALTHY = {
    "loss": 0.1,
    "grad_norm": 0.5,
    "not_finite": 0.0,
    "kl_old_new": 0.01,
    "clip_fraction": 0.02,
    "no_gradient_fraction": 0.0,
    "entropy": 0.5,
    "reward": 0.5,
    "zero_spread_fraction": 0.3,
    "truncation_rate": 0.1,
}


def log(steps: int = 20, **columns: Any) -> list[dict[str, float]]:
    """Rows 1 to `steps`, a column as one value or as one for each step."""
    given = {**HEALTHY, **columns}
    return [
        {"step": step + 1} | {k: v[step] if isinstance(v, list) else v for k, v in given.items()}
        for step in range(steps)
    ]


def names(rows: list[dict[str, float]], made: Recipe = REUSED) -> list[str]:
    return [warning.name for warning in check_log(rows, made)]


def test_a_healthy_log_has_no_warning() -> None:
    assert check_log(log(), REUSED) == []
    assert check_log([], REUSED) == []
    assert check_log([{"step": 0, "validation_accuracy": 0.4}], REUSED) == []


def test_an_objective_of_sequences_summed_over_tokens_is_another_objective() -> None:
    assert names(log(), recipe("objective.name=gspo", "aggregation=grpo")) == []
    assert names(log(), recipe("objective.name=gspo", "aggregation=dapo")) == ["other-objective"]


class TestClipping:
    def test_both_sides_of_one_in_a_thousand(self) -> None:
        # the mean over the run counts: one step of 20 at 0.02 is 0.001 on average, at 0.018 it is 0.0009
        assert names(log(clip_fraction=[0.0] * 19 + [0.02])) == []
        assert names(log(clip_fraction=[0.0] * 19 + [0.018])) == ["clipping-not-tested"]

    def test_an_arm_that_clips_elsewhere_did_test_it(self) -> None:
        assert names(log(clip_fraction=0.0, no_gradient_fraction=0.7)) == []
        assert names(log(clip_fraction=0.0, no_gradient_fraction=0.0005)) == ["clipping-not-tested"]

    def test_the_message_says_whether_it_could_have_been_otherwise(self) -> None:
        (reused,) = check_log(log(clip_fraction=0.0), REUSED)
        assert reused.message.startswith(
            "Clipping touched 0 % of the tokens, although each generation batch served 4"
        )
        (on_policy,) = check_log(log(clip_fraction=0.0), ON_POLICY)
        assert (
            "0 % of the tokens, by construction: each generation batch served one optimiser step"
            in on_policy.message
        )


def test_reward_spread() -> None:
    assert names(log(zero_spread_fraction=0.89)) == []
    (found,) = check_log(log(zero_spread_fraction=[0.8] * 10 + [1.0] * 10, reward=0.75), REUSED)
    assert found.name == "no-reward-spread"
    assert found.message.startswith(
        "In 90 % of the groups, on average, all completions were paid the same (mean reward 0.75)"
    )


def test_rows_without_a_rollout_do_not_count() -> None:
    gaps = [0.95, math.nan] * 10  # a generation batch serves two steps
    assert names(log(zero_spread_fraction=gaps, truncation_rate=gaps)) == [
        "no-reward-spread",
        "all-truncated",
    ]


def test_truncation() -> None:
    assert names(log(truncation_rate=0.89)) == []
    (found,) = check_log(log(truncation_rate=0.9), REUSED)
    assert found.message == "90 % of the completions were cut at the token limit; raise rollout.max_tokens"


class TestEntropy:
    def test_both_sides_of_a_tenth(self) -> None:
        # start and end are means over 2 of 20 steps
        assert names(log(entropy=[1.0] * 18 + [0.05, 0.15])) == []
        (found,) = check_log(log(entropy=[0.8, 1.2] + [0.5] * 16 + [0.05, 0.14]), REUSED)
        assert found.name == "entropy-collapse"
        assert "fell from 1 to 0.095 nats per token" in found.message

    def test_a_policy_without_entropy_at_the_start_collapsed_nothing(self) -> None:
        assert names(log(entropy=[0.009] * 10 + [0.0] * 10)) == []
        assert names(log(entropy=[0.011] * 10 + [0.0] * 10)) == ["entropy-collapse"]


def test_kl_blow_up() -> None:
    assert names(log(kl_old_new=0.5)) == []
    (found,) = check_log(log(kl_old_new=[0.01] * 11 + [0.6, math.inf] + [0.01] * 7), REUSED)
    assert found.name == "kl-blow-up"
    assert "above 0.5 nats per token at step 12 and 1 more (largest inf)" in found.message


def test_not_finite() -> None:
    (found,) = check_log(log(not_finite=[0.0] * 4 + [1.0] + [0.0] * 15), REUSED)
    assert found.name == "not-finite"
    assert found.message.startswith("The loss or the gradient norm was nan or infinite at step 5: ")


def test_what_cannot_be_saved_is_found_from_one_row() -> None:
    assert alarms(log(1), REUSED) == []
    row = log(1, kl_old_new=3.0, not_finite=1.0, zero_spread_fraction=1.0)
    assert [warning.name for warning in alarms(row, REUSED)] == ["not-finite", "kl-blow-up"]


@pytest.mark.parametrize("column", ["entropy", "clip_fraction", "zero_spread_fraction", "truncation_rate"])
def test_a_supervised_run_is_checked_for_what_it_has(column: str) -> None:
    sft = recipe("objective.name=sft")
    falling = log(entropy=[1.0] * 10 + [0.01] * 10, **({} if column == "entropy" else {column: 1.0}))
    assert names(falling, sft) == []
    assert names(log(not_finite=1.0), sft) == ["not-finite"]
