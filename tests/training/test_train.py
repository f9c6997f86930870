"""Whole training runs on the pocket base: what they leave behind, resume after a kill, and what is refused."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from pspo_bench.config import Recipe, load_recipe
from pspo_bench.errors import ConfigError, ModelError, StoreError, TrainingError
from pspo_bench.models import resolve
from pspo_bench.training import plan, train
from pspo_bench.training.callbacks import TIMING

SETTINGS = [
    "data.validation_rows=4", "data.limit=64", "minibatches=1", "prompts_per_step=4", "group_size=4", "max_tokens=48",
    "eval_steps=2", "learning_rate=1e-3",
]  # fmt: skip


def recipe(*overrides: str) -> Recipe:
    return load_recipe("pocket/grpo", [*SETTINGS, *overrides])


def log_of(checkpoint: Path) -> pd.DataFrame:
    return pd.read_parquet(checkpoint / "training_log.parquet").set_index("step")


def parameters() -> set[int]:
    """The weights that are in memory, by identity."""
    return {id(found) for found in gc.get_objects() if isinstance(found, torch.nn.Parameter)}


@pytest.mark.parametrize("objective", ["clip", "unclipped", "pspo", "sft"])
def test_a_run_leaves_a_checkpoint_a_manifest_and_a_log(tmp_path: Path, objective: str) -> None:
    made = recipe(f"objective.name={objective}", "iterations=2", "budget.steps=4", "save_steps=2")
    gc.collect()
    others = parameters()
    checkpoint = train(made, tmp_path / "out")
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    assert manifest["objective"]["name"] == objective
    assert manifest["optimizer_steps"] == 4
    assert manifest["recipe"] == made.model_dump(mode="json")
    assert manifest["weights_sha256"] == resolve(str(checkpoint)).fingerprint != manifest["base_fingerprint"]
    assert manifest["versions"]["trl"].startswith("1.16")
    assert manifest["data"]["training_rows"] == 64
    assert not parameters() - others, "its model would stand in the way of what a study scores next"
    log = log_of(checkpoint)
    assert list(log.index) == [0, 1, 2, 3, 4]
    assert list(log["validation_accuracy"].dropna().index) == [0, 2, 4]
    assert log["grad_norm"].notna().sum() == 4
    if objective == "sft":
        assert manifest["method"] == "sft"
        assert manifest["tokens_generated"] == 0
        return
    # two generation batches of 4 × 4 completions of at most 48 tokens
    assert 0 < manifest["tokens_generated"] <= 2 * 4 * 4 * 48
    assert log["clip_fraction"].notna().sum() == log["ess"].notna().sum() == 4
    # the first step on a batch is on-policy, the second is not
    assert log.loc[1, "kl_old_new"] == pytest.approx(0, abs=1e-7)


def test_one_recipe_gives_one_model(tmp_path: Path) -> None:
    made = recipe("budget.steps=2")
    first, second = (train(made, tmp_path / name) for name in ("a", "b"))
    other = train(recipe("budget.steps=2", "seed=1"), tmp_path / "c")
    assert (
        resolve(str(first)).fingerprint == resolve(str(second)).fingerprint != resolve(str(other)).fingerprint
    )


COMMAND = """
import sys; from pathlib import Path
import torch; torch.set_num_threads(1)
from pspo_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], env=environment, stdout=subprocess.DEVNULL
    )


@pytest.mark.timeout(300)
def test_sigkill_then_the_same_command_gives_the_same_model(tmp_path: Path) -> None:
    overrides = [*SETTINGS, "data.limit=16", "iterations=2", "budget.steps=20", "save_steps=2"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    commands = {
        path: ["train", "pocket/grpo", *overrides, "-o", str(path), "--resume"] for path in (whole, killed)
    }
    assert start(commands[whole]).wait() == 0
    process = start(commands[killed])
    deadline = time.monotonic() + 120
    # one pass over 16 rows is 16 / 4 prompts × 2 iterations = 8 steps: killed in the second pass
    while (
        not list(killed.glob("trainer/checkpoint-1[0-9]/training_log.parquet"))
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "manifest.json").exists(), "the run was over before it could be killed"
    assert start(commands[killed]).wait() == 0
    assert resolve(str(killed)).fingerprint == resolve(str(whole)).fingerprint
    expected, found = (log_of(path).drop(columns=list(TIMING), errors="ignore") for path in (whole, killed))
    pd.testing.assert_frame_equal(found, expected, check_like=True)
    before = (killed / "manifest.json").read_bytes()
    assert start(commands[killed]).wait() == 0
    assert (killed / "manifest.json").read_bytes() == before, "a finished run is left as it is"


def test_a_kill_between_the_last_step_and_the_manifest_adds_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe("budget.steps=4", "save_steps=2", "iterations=2")
    whole = train(made, tmp_path / "whole")

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pspo_bench.training.run.write_checkpoint", cut)
        with pytest.raises(KeyboardInterrupt):
            train(made, tmp_path / "cut")
    train(made, tmp_path / "cut", resume=True)
    manifest = json.loads((tmp_path / "cut" / "manifest.json").read_text())
    assert manifest["optimizer_steps"] == 4
    assert manifest["weights_sha256"] == resolve(str(whole)).fingerprint
    assert list(log_of(tmp_path / "cut").index) == [0, 1, 2, 3, 4]


def test_other_data_or_another_base_do_not_continue_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe("budget.steps=1")
    train(made, tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    monkeypatch.setattr("pspo_bench.training.folder.rows_hash", lambda _: "other")
    with pytest.raises(TrainingError, match="differs in training_data.training_sha: [0-9a-f]+ → other"):
        train(made, tmp_path / "out", resume=True)


def test_too_few_rows_for_one_batch_are_refused() -> None:
    with pytest.raises(ConfigError, match="A generation batch takes 32 prompts .* only 8 training rows"):
        plan(recipe("data.limit=8", "prompts_per_step=32", "micro_batch=4"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_train_one_checkpoint(tmp_path: Path) -> None:
    """gloo on this machine's loopback; both processes share one folder, one data order and one log."""
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "pspo_bench",
    ]
    arguments = ["train", "pocket/grpo", *SETTINGS, "iterations=2", "budget.steps=4", "save_steps=4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*launch, *arguments, "-o", str(tmp_path / "out")], env=environment, check=True)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["optimizer_steps"] == 4
    log = log_of(tmp_path / "out")
    assert list(log.index) == [0, 1, 2, 3, 4]
    # the reward is the mean over both processes' 8 completions each: a multiple of 1/16
    assert (log["reward"].dropna() * 16 % 1).abs().max() < 1e-6
    assert manifest["tokens_generated"] > 2 * 16 * 4, (
        "two batches of 16 completions, counted over both processes"
    )


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    train(recipe("budget.steps=1"), tmp_path / "out")
    with pytest.raises(TrainingError, match="holds a training run; give --resume"):
        train(recipe("budget.steps=1"), tmp_path / "out")
    with pytest.raises(TrainingError, match=r"started with another recipe \(differs in seed: 0 → 5\)"):
        train(recipe("budget.steps=1", "seed=5"), tmp_path / "out", resume=True)


def test_a_folder_of_other_things_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(TrainingError, match="exists and is not a training run"):
        train(recipe(), tmp_path)


def test_an_unwritable_output_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"Cannot write to .*/file/out: .*; choose"):
        train(recipe(), tmp_path / "file" / "out")


def test_a_full_disk_costs_the_steps_since_the_last_resume_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe("budget.steps=12", "save_steps=4", "prompts_per_step=2")
    synced, saves = os.fsync, [0]

    def full_at_the_second_save(handle: int) -> None:
        saves[0] += 1
        if saves[0] > 4:  # the recipe, then the first log: file and folder each
            raise OSError(28, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full_at_the_second_save)
    with pytest.raises((TrainingError, StoreError), match="No space left on device"):
        train(made, tmp_path / "out")
    monkeypatch.undo()
    assert (tmp_path / "out" / "trainer" / "checkpoint-4" / "training_log.parquet").exists()
    train(made, tmp_path / "out", resume=True)
    whole = train(made, tmp_path / "whole")
    assert resolve(str(tmp_path / "out")).fingerprint == resolve(str(whole)).fingerprint


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (
            ["objective.name=psop"],
            ConfigError,
            "Unknown objective 'psop' in recipe 'pocket-clip' .did you mean 'pspo'",
        ),
        (
            ["objective.beta=1"],
            ConfigError,
            "Unknown setting for objective clip: 'beta' in recipe 'pocket-clip'",
        ),
        (["objective.name=pspo", "objective.alpha=1"], ConfigError, r"alpha must lie in \[0, 1\)"),
        (["objective.name=sft", "objective.alpha=0.1"], ConfigError, "objective 'sft' has no settings"),
        (["data.task=gsm"], ConfigError, "Unknown task 'gsm'"),
        (["data.split=dev"], ConfigError, "Unknown split 'dev'"),
    ],
)
def test_mistakes_are_found_before_a_model_is_loaded(overrides: list[str], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        plan(load_recipe("pocket/grpo", ["model.base=/no/such/model", *overrides]))


def test_pickled_weights_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text((tiny_folder / "config.json").read_text())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is a pickled weights file"):
        train(recipe(f"model.base={folder}", "budget.steps=1"), tmp_path / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_torchs_own_full_disk_error_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.save reports a full disk as a RuntimeError of its writer."""
    save = torch.save

    def to_a_full_disk(value: Any, path: Any, *rest: Any, **options: Any) -> None:
        save(value, "/dev/full" if str(path).endswith("optimizer.pt") else path, *rest, **options)

    monkeypatch.setattr(torch, "save", to_a_full_disk)
    with pytest.raises(
        TrainingError, match="the disk is full or the folder is gone .*; mend that, then --resume"
    ):
        train(recipe("budget.steps=2", "save_steps=2"), tmp_path / "out")


def test_epochs_become_the_steps_that_are_taken(tmp_path: Path) -> None:
    """32 rows / (4 prompts × 2 minibatches) = 4 generation batches a pass, each for 2 × 2 optimiser steps."""
    made = recipe("data.limit=32", "iterations=2", "minibatches=2", "epochs=0.5", "save_steps=4")
    assert plan(made).optimizer_steps == 8
    assert plan(made).completions == 2 * (4 * 4 * 2)
    manifest = json.loads((train(made, tmp_path / "out") / "manifest.json").read_text())
    assert manifest["optimizer_steps"] == 8
