"""The trainer learns: its reward curve against a plain on-policy loop on the same prompts, batch and step size.

A trainer can have the right loss and still not learn (data type, schedule, batch, sampling), which is what this is for.
Two seeds a side, since one curve alone is noise.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.utils import RepeatSampler

from pspo_bench.answers import check
from pspo_bench.config import Recipe, load_recipe
from pspo_bench.pocket import base_path
from pspo_bench.training import plan, train

STEPS, PROMPTS, GROUP, SEEDS = 10, 32, 8, (0, 1)


def plain() -> ModuleType:
    path = Path(__file__).parent.parent / "pocket" / "plain_loop.py"
    spec = importlib.util.spec_from_file_location("plain_loop", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recipe(seed: int) -> Recipe:
    overrides = [
        f"seed={seed}",
        "objective.name=unclipped",
        f"budget.steps={STEPS}",
        f"prompts_per_step={PROMPTS}",
    ]
    overrides += [
        f"group_size={GROUP}",
        "learning_rate=2e-4",
        "iterations=1",
        "minibatches=1",
        "temperature=1.0",
        "max_tokens=64",
    ]
    made = load_recipe("pocket/grpo", overrides)
    return made.model_copy(
        update={"checkpoint": made.checkpoint.model_copy(update={"eval_steps": None, "save_steps": None})}
    )


def prompts_of(made: Recipe) -> list[list[tuple[str, str]]]:
    """The batches that TRL's sampler will draw from the same rows with the same seed."""
    rows = plan(made).training
    sampler = RepeatSampler(
        rows, mini_repeat_count=1, batch_size=PROMPTS, repeat_count=1, shuffle=True, seed=made.seed
    )
    drawn = [(rows[index].question, rows[index].gold) for index in list(sampler)[: STEPS * PROMPTS]]
    return [drawn[start : start + PROMPTS] for start in range(0, len(drawn), PROMPTS)]


def verdict(completion: str, gold: str) -> float:
    """The trainer's reward: the two sides differ in the loop alone."""
    return float(check(completion, gold, "number").correct)


def plain_curve(made: Recipe) -> list[float]:
    torch.manual_seed(made.seed)
    model = AutoModelForCausalLM.from_pretrained(base_path(), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    curve: list[float] = plain().plain_loop(
        model, tokenizer, prompts_of(made), group=GROUP, learning_rate=2e-4, reward=verdict
    )
    return curve


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_trainer_learns_as_a_plain_loop_does(tmp_path: Path) -> None:
    ours, theirs = [], []
    for seed in SEEDS:
        checkpoint = train(recipe(seed), tmp_path / str(seed))
        ours.append(pd.read_parquet(checkpoint / "training_log.parquet")["reward"].tolist())
        theirs.append(plain_curve(recipe(seed)))
    a, b = torch.tensor(ours), torch.tensor(theirs)  # (seeds, steps)
    print("trainer", a.mean(0).tolist(), "plain", b.mean(0).tolist())
    for curve in (a, b):
        assert curve[:, -3:].mean() > curve[:, :1].mean() + 0.15
    # The last 4 steps of 2 seeds are 256 prompts a side. A prompt's mean reward has a standard deviation below 0.4, so
    # the difference of two such means has a standard error below 0.4 · sqrt(2 / 256) = 0.035: 0.1 is three of them.
    assert abs(a[:, -4:].mean() - b[:, -4:].mean()) < 0.1
