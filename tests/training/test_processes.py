"""Two processes on CPUs (gloo) against one with the same global batch: the same curves and weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
from safetensors.torch import load_file

from pspo_bench.config import load_recipe
from pspo_bench.models import fingerprint
from pspo_bench.training import train
from pspo_bench.training.callbacks import TIMING

SCRIPT = Path(__file__).parent / "several_runs.py"
# 4 questions × 4 completions a step, in micro-batches of 4: one process takes 4 of them a step, each of two takes 2.
# A generation batch is 2 minibatches × 2 iterations = 4 steps; 4 validation rows are 2 for each of two processes.
SETTINGS = [
    "data.limit=64", "data.validation_rows=4", "prompts_per_step=4", "group_size=4", "max_tokens=40", "micro_batch=4",
    "minibatches=2", "iterations=2", "learning_rate=5e-4", "budget.steps=4", "save_steps=4", "eval_steps=4",
]  # fmt: skip

TIMEOUT_S = 400

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@contextmanager
def launched(runs: list[tuple[list[str], Path]], *, fsdp: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """The runs in two processes, one run after the other; whatever still runs at the end is killed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    argument = json.dumps([["pocket/grpo", [*SETTINGS, *overrides], str(out)] for overrides, out in runs])
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({"FSDP_ON_CPU": "1"} if fsdp else {})
    process = subprocess.Popen([*command, str(SCRIPT), argument], env=environment)
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill torchrun and its workers, which are of process groups of their own."""
    if process.poll() is None:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for member in family:
            member.kill()
        process.wait()


def run_in_two(runs: list[tuple[list[str], Path]], *, fsdp: bool = False) -> None:
    with launched(runs, fsdp=fsdp) as process:
        assert process.wait(TIMEOUT_S) == 0


def log_of(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "training_log.parquet").set_index("step")
    return frame.drop(columns=list(TIMING), errors="ignore")


def distance(first: Path, second: Path) -> float:
    """The largest difference between two weights."""
    (one,), (two,) = first.glob("*.safetensors"), second.glob("*.safetensors")
    left, right = load_file(one), load_file(two)
    assert left.keys() == right.keys()
    return max((left[name] - right[name]).abs().max().item() for name in left)


def assert_same_training(first: Path, second: Path, unlike: Sequence[str] = ()) -> None:
    left, right = (log_of(folder).drop(columns=list(unlike)) for folder in (first, second))
    assert (left["grad_norm"].dropna() > 0).any(), "nothing was learned: the comparison would say nothing"
    pd.testing.assert_frame_equal(left, right, check_like=True, rtol=2e-4, atol=2e-5)
    exact = ["reward", "validation_accuracy", "validation_length_tokens", "tokens_generated"]
    here = [column for column in exact if column in left]
    pd.testing.assert_frame_equal(left[here], right[here])
    assert distance(first, second) < 1e-5


ARMS = {
    "grpo": ["aggregation=grpo"],
    "bnpo": ["aggregation=bnpo"],
    "dapo": ["aggregation=dapo", "loss.kl_beta=0.05", "budget.steps=8"],
    "dr_grpo": ["aggregation=dr_grpo", "objective.name=pspo"],
    "sft": ["objective.name=sft"],
}


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Every aggregation, with accumulation; bnpo, a mean over a micro-batch's tokens, with the same micro-batches."""
    runs = [(overrides, tmp_path / f"two-{name}") for name, overrides in ARMS.items()]
    # what a micro-batch is decides about bnpo: one of 8 completions is another mean than two of 4
    runs.append((["aggregation=bnpo", "micro_batch=8"], tmp_path / "two-bnpo-8"))
    run_in_two(runs)
    for name, overrides in ARMS.items():
        train(load_recipe("pocket/grpo", [*SETTINGS, *overrides]), tmp_path / f"one-{name}")
    for name in ARMS:
        # SFTTrainer's own figures are means over micro-batches of means over tokens
        unlike = ["entropy", "token_accuracy"] if name == "sft" else []
        assert_same_training(tmp_path / f"one-{name}", tmp_path / f"two-{name}", unlike)
    assert distance(tmp_path / "one-bnpo", tmp_path / "two-bnpo-8") > 1e-5


def test_a_model_spread_by_fsdp_trains_as_a_whole_one_does(tmp_path: Path) -> None:
    """Weights, validation and rollouts need the weights whole; a checkpoint is that of one process, by its hash too."""
    arms = {
        "full": ["loss.kl_beta=0.05", "checkpoint.keep=true", "budget.steps=8"],
        "lora": ["model.lora.r=4"],
    }
    run_in_two([(overrides, tmp_path / f"fsdp-{name}") for name, overrides in arms.items()], fsdp=True)
    for name, overrides in arms.items():
        train(load_recipe("pocket/grpo", [*SETTINGS, *overrides]), tmp_path / f"one-{name}")
    for name in arms:
        assert_same_training(tmp_path / f"one-{name}", tmp_path / f"fsdp-{name}")
    names = [
        sorted(load_file(tmp_path / f"{kind}-full" / "checkpoint-4" / "model.safetensors"))
        for kind in ("one", "fsdp")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("fsdp", [False, True], ids=["ddp", "fsdp"])
def test_two_processes_that_were_killed_go_on_bit_for_bit(tmp_path: Path, fsdp: bool) -> None:
    overrides = ["budget.steps=12"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_in_two([(overrides, whole)], fsdp=fsdp)
    with launched([(overrides, killed)], fsdp=fsdp) as process:
        deadline = time.monotonic() + TIMEOUT_S
        while not (killed / "trainer" / "checkpoint-4" / "training_log.parquet").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
    assert not (killed / "manifest.json").exists(), "the run was over before it could be killed"
    run_in_two([(overrides, killed)], fsdp=fsdp)
    assert fingerprint(killed) == fingerprint(whole)
    pd.testing.assert_frame_equal(log_of(killed), log_of(whole), check_like=True)
