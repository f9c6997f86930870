"""What saves memory changes the weights by rounding alone: gradient checkpointing, bfloat16, micro-batches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from pspo_bench.config import load_recipe
from pspo_bench.pocket import base_path
from pspo_bench.training import train

SETTINGS = [
    "data.validation_rows=1", "eval_steps=1000", "data.limit=32", "minibatches=1", "iterations=2",
    "prompts_per_step=2", "group_size=4", "max_tokens=40", "learning_rate=1e-3", "budget.steps=2", "save_steps=2",
]  # fmt: skip


def run(folder: Path, *overrides: str) -> Path:
    return train(load_recipe("pocket/grpo", [*SETTINGS, *overrides]), folder)


def moved(checkpoint: Path, other: Path) -> tuple[float, float]:
    """The norms of what two checkpoints differ by, and of what the first has learned."""
    one, two, base = (load_file(folder / "model.safetensors") for folder in (checkpoint, other, base_path()))
    apart = sum((one[name] - two[name]).square().sum().item() for name in base) ** 0.5
    learned = sum((one[name] - base[name].float()).square().sum().item() for name in base) ** 0.5
    return apart, learned


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("plain") / "out", "seed=3")


@pytest.mark.parametrize("override", ["model.gradient_checkpointing=true", "micro_batch=4"])
def test_the_same_weights_up_to_rounding(plain: Path, tmp_path: Path, override: str) -> None:
    apart, learned = moved(plain, run(tmp_path / "out", "seed=3", override))
    assert learned > 0.1
    assert apart < 1e-3 * learned


def test_bfloat16_learns_about_the_same_and_keeps_the_weights_in_float32(plain: Path, tmp_path: Path) -> None:
    """The forward passes run under autocast. Adam's steps are of one size, so that their directions can be compared."""
    checkpoint = run(tmp_path / "out", "seed=3", "model.dtype=bfloat16")
    state = load_file(checkpoint / "model.safetensors")
    assert {str(weight.dtype) for weight in state.values()} == {"torch.float32"}
    first, second = (pd.read_parquet(folder / "training_log.parquet") for folder in (plain, checkpoint))
    # (the loss of an on-policy step is minus the mean advantage in any precision)
    assert first["grad_norm"].dropna().iloc[0] != second["grad_norm"].dropna().iloc[0], "autocast was not on"
    apart, learned = moved(plain, checkpoint)
    assert 0 < apart < learned
