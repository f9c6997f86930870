"""Names, flags and group spread of the training log; and that docs/training.md tells of every column."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from pspo_bench.config import load_recipe
from pspo_bench.training import train
from pspo_bench.training.figures import rename, with_gradient_flags, zero_spread_fraction

DOCS = Path(__file__).parents[2] / "docs" / "training.md"
SETTINGS = [
    "data.validation_rows=4", "data.limit=16", "minibatches=1", "prompts_per_step=2", "group_size=2", "max_tokens=16",
    "eval_steps=2", "budget.steps=2", "save_steps=2", "iterations=2", "loss.kl_beta=0.01",
]  # fmt: skip


def test_trls_names_become_the_fields() -> None:
    logs = {"completions/clipped_ratio": 0.25, "num_tokens": 7, "loss": 0.5, "step": 3,
            "frac_reward_zero_std": 1.0, "rewards/f/mean": 0.1, "text": "x", "reward/f": 0.1, "none": None}  # fmt: skip
    assert rename(logs) == {"truncation_rate": 0.25, "tokens_seen": 7.0, "loss": 0.5, "reward/f": 0.1}


@pytest.mark.parametrize(
    ("norm", "loss", "clipped", "bad"),
    [
        (1.0, 0.5, 0.0, 0.0),
        (1.01, 0.5, 1.0, 0.0),
        (math.nan, 0.5, 0.0, 1.0),
        (math.inf, 0.5, 1.0, 1.0),
        (0.5, math.nan, 0.0, 1.0),
    ],
)
def test_gradient_flags(norm: float, loss: float, clipped: float, bad: float) -> None:
    made = with_gradient_flags({"grad_norm": norm, "loss": loss}, max_grad_norm=1.0)
    assert (made["grad_clipped"], made["not_finite"]) == (clipped, bad)
    assert with_gradient_flags({"loss": 1.0}, 1.0) == {"loss": 1.0}


def test_spread_is_that_of_groups_not_of_the_batch() -> None:
    # groups 1 1 | 0 0 | 1 0: two of three without spread, though the batch has it
    assert zero_spread_fraction(torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]), 2) == pytest.approx(2 / 3)
    assert zero_spread_fraction(torch.tensor([1.0, 1.0, 0.0, 0.0]), 4) == 0.0
    assert zero_spread_fraction(torch.tensor([0.1 + 0.2, 0.3]), 2) == 1.0


@pytest.mark.parametrize("objective", ["clip", "sft"])
def test_the_docs_tell_of_every_column(tmp_path: Path, objective: str) -> None:
    shaping = (
        "reward.shaping={format_bonus=0.1, length_penalty={per_token=0.01, beyond_tokens=8, at_most=0.1}}"
    )
    folder = train(
        load_recipe("pocket/grpo", [*SETTINGS, shaping, f"objective.name={objective}"]), tmp_path / "out"
    )
    columns = set(pd.read_parquet(folder / "training_log.parquet").columns)
    section = DOCS.read_text().partition("## The columns of the log")[2].partition("## Warnings")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    names = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    named_after_a_part = {name for name in columns if name.startswith("reward/")}
    assert columns - named_after_a_part <= names
    if objective == "clip":
        assert named_after_a_part == {"reward/correctness", "reward/format_bonus", "reward/length_penalty"}
        assert names - {"token_accuracy", "reward/<name>"} <= columns
