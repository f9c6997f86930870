"""Rollouts by our generation: what TRL's hook gets, what is drawn, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from pspo_bench.config import Recipe, load_recipe
from pspo_bench.engines.hf import HFEngine
from pspo_bench.errors import ModelError
from pspo_bench.models import load
from pspo_bench.pocket import base_path
from pspo_bench.records import Request, Sampling
from pspo_bench.training import train
from pspo_bench.training.rollout import draw_seed

SMALL = [
    "objective.name=clip", "budget.steps=4", "prompts_per_step=4", "group_size=4", "minibatches=1",
    "data.limit=64", "validation_rows=8", "max_tokens=24",
]  # fmt: skip


def recipe(base: Path, *overrides: str) -> Recipe:
    made = load_recipe("pocket/grpo", [*SMALL, *overrides])
    model = made.model.model_copy(update={"base": str(base)})
    checkpoint = made.checkpoint.model_copy(update={"eval_steps": None, "save_steps": None})
    return made.model_copy(update={"model": model, "checkpoint": checkpoint})


def log(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "training_log.parquet")


def test_tokens_come_with_the_token_that_ended_them() -> None:
    engine = HFEngine(load("pocket", dtype="float32", device="cpu"))
    prompt = engine.render(
        [{"role": "user", "content": "Ann has 3 pens. She buys 4 more. How many has she?"}]
    )
    requests = [
        Request(prompt, Sampling(1.0, max_tokens=limit), seed) for seed, limit in ((1, 64), (2, 64), (3, 3))
    ]
    drawn = engine.generate_tokens(requests)
    texts = dict(engine.generate(requests))
    tokenizer = load("pocket").tokenizer
    for index, (prompt_ids, completion) in enumerate(drawn):
        assert prompt_ids == tokenizer(prompt, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(completion, skip_special_tokens=True) == texts[index].text
    assert [completion[-1] == tokenizer.eos_token_id for _, completion in drawn] == [True, True, False]
    assert len(drawn[2][1]) == 3


def test_a_prompt_that_leaves_no_room_is_an_error() -> None:
    engine = HFEngine(load("pocket", dtype="float32", device="cpu"))
    with pytest.raises(ModelError, match=r"A prompt of \d+ tokens leaves the model no room"):
        engine.generate_tokens([Request("1 + " * 4000, Sampling(max_tokens=4), 0)])


def test_a_completion_has_a_seed_of_its_own() -> None:
    seeds = {draw_seed(seed, step, place) for seed in (0, 1) for step in (0, 4) for place in range(64)}
    assert len(seeds) == 2 * 2 * 64


def test_the_draws_do_not_depend_on_torchs_random_state(tiny_folder: Path, tmp_path: Path) -> None:
    logs = []
    for place in ("a", "b"):
        torch.rand(17 if place == "b" else 3)
        logs.append(log(train(recipe(tiny_folder), tmp_path / place)))
    timing = {"step_time_s", "wall_time_s"}
    columns = [c for c in logs[0].columns if c not in timing]
    pd.testing.assert_frame_equal(logs[0][columns], logs[1][columns])


def test_both_engines_train_on_the_same_questions(tiny_folder: Path, tmp_path: Path) -> None:
    """The sampler's order is TRL's either way, so the prompts, and with them their lengths, are the same."""
    ours = log(train(recipe(tiny_folder), tmp_path / "hf"))
    trls = log(train(recipe(tiny_folder, "rollout.engine=trl", "shared_prompts=false"), tmp_path / "trl"))
    prompts = [frame["tokens_seen"] - frame["tokens_generated"].fillna(0).cumsum() for frame in (ours, trls)]
    assert prompts[0].dropna().tolist() == prompts[1].dropna().tolist()
    assert prompts[0].iloc[0] > 16 * 40  # 4 questions of 4 copies each, none of them shorter than 40 tokens


def test_the_hook_is_not_warned_of(
    tiny_folder: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    train(recipe(tiny_folder, "budget.steps=2"), tmp_path / "run")
    assert not [warning for warning in recwarn if "rollout_func" in str(warning.message)]


def test_the_first_step_on_a_batch_is_exactly_on_policy(tmp_path: Path) -> None:
    """With two passes: ratios of the first are 1 to the last bit (a clip at 0 would decide by rounding), then not."""
    made = recipe(base_path(), "objective.epsilon=0", "max_tokens=48")
    rows = log(train(made, tmp_path / "run"))
    first, second = rows.iloc[0], rows.iloc[1]
    assert first["grad_norm"] > 0, "no question of the batch had both right and wrong answers"
    assert (first["kl_old_new"], first["ratio_max"], first["outside_band_fraction"]) == (0, 1, 0)
    assert second["kl_old_new"] > 0


def test_a_reference_model_reads_shared_prompts_too(tmp_path: Path) -> None:
    """KL to the base: 0 at the first step, positive once the policy has moved."""
    rows = log(train(recipe(base_path(), "kl_beta=0.1", "max_tokens=48"), tmp_path / "run"))
    assert rows["kl_to_reference"].iloc[0] == pytest.approx(0, abs=1e-8)
    assert rows["kl_to_reference"].iloc[-1] > 1e-4
