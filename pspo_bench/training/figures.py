"""The names and units of the training log's columns: TRL's figures in the field's terms, and those added here.

rename({"completions/clipped_ratio": 0.25, "rewards/f/std": 0.1})      # {"truncation_rate": 0.25}

docs/training.md has a line for every column, and a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

RENAMED = {
    "completions/clipped_ratio": "truncation_rate",
    "completions/mean_length": "length_tokens",
    "completions/min_length": "length_tokens_min",
    "completions/max_length": "length_tokens_max",
    "completions/mean_terminated_length": "completed_length_tokens",
    "completions/min_terminated_length": "completed_length_tokens_min",
    "completions/max_terminated_length": "completed_length_tokens_max",
    "mean_token_accuracy": "token_accuracy",
    "num_tokens": "tokens_seen",
    "step_time": "step_time_s",
}
DROPPED = (
    "step",
    "frac_reward_zero_std",  # of the whole batch, not of groups, where advantages are scaled by the batch
)
RUN_TOTALS = (
    "total_flos",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
)
"""What transformers gives once, at the end of a run: for the trackers, and no curve."""
TRL_REWARDS = "rewards/"
"""TRL's mean and spread of each reward function; there is one function here, so they are `reward` again."""
SPREAD = 1e-6
"""Rewards of a group closer together than this are equal: float32 sums of shaping terms differ by less."""


def rename(logs: Mapping[str, Any]) -> dict[str, float]:
    """What of a trainer's log entry is a figure of a step, under its column's name."""
    return {
        RENAMED.get(key, key): float(value)
        for key, value in logs.items()
        if isinstance(value, int | float) and key not in DROPPED and not key.startswith(TRL_REWARDS)
    }


def with_gradient_flags(figures: dict[str, float], max_grad_norm: float) -> dict[str, float]:
    """Adds `grad_clipped` and `not_finite` where there is a gradient norm.

    `not_finite` keeps what Parquet does not: there a nan in `loss` cannot be told from a gap.
    """
    if "grad_norm" not in figures:
        return figures
    norm, loss = figures["grad_norm"], figures.get("loss", 0.0)
    return figures | {
        "grad_clipped": float(norm > max_grad_norm),
        "not_finite": float(not (math.isfinite(norm) and math.isfinite(loss))),
    }


def zero_spread_fraction(rewards: Tensor, group_size: int) -> float:
    """The share of groups in which all completions are paid the same; `rewards` (groups * group_size,)."""
    groups = rewards.view(-1, group_size)
    spread = groups.amax(dim=1) - groups.amin(dim=1)  # (groups,)
    return (spread < SPREAD).float().mean().item()
