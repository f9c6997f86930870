"""A study over a real local Ray cluster of two workers: the table of one that ran here; a lost cell is resumed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pspo_bench.config import Study, load_study
from pspo_bench.evaluate.cluster import Cluster
from pspo_bench.study import run_study

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

STUDY = """
name = "spread"
recipe = "pocket/grpo"
seeds = [0, 1]
[overrides]
"budget.steps" = 4
"rollout.prompts_per_step" = 4
"rollout.group_size" = 4
"rollout.max_tokens" = 16
"data.limit" = 64
"data.validation_rows" = 8
"checkpoint.save_steps" = 4
"checkpoint.eval_steps" = 4
[[arms]]
name = "clip"
[arms.overrides]
"objective.name" = "clip"
[evaluation]
tasks = ["pocket_gsm"]
limit = 16
"""


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield ray
        ray.shutdown()


@pytest.fixture
def study(tmp_path: Path) -> Study:
    file = tmp_path / "spread.toml"
    file.write_text(STUDY)
    return load_study(file)


def scores(folder: Path) -> dict[str, list[int]]:
    found = {}
    for file in sorted((folder / "results").glob("*.json")):
        found[file.name] = json.loads(file.read_text())["scores"][0]["correct"]
    return found


def kill_a_worker(stop: threading.Event, killed: list[int]) -> None:
    """As soon as a cell is under way."""
    while not stop.wait(0.2):
        for process in psutil.Process().children(recursive=True):
            try:
                busy = process.cmdline()[:1] == ["ray::_attempt_on_node"]
            except psutil.Error:
                continue
            if busy:
                time.sleep(2)
                os.kill(process.pid, signal.SIGKILL)
                killed.append(process.pid)
                return


def test_a_lost_workers_cell_is_finished_by_another(two_workers: Any, study: Study, tmp_path: Path) -> None:
    stop, killed = threading.Event(), list[int]()
    killer = threading.Thread(target=kill_a_worker, args=(stop, killed))
    killer.start()
    lines: list[str] = []
    try:
        _, failures = run_study(study, tmp_path / "ray", cluster=Cluster(), report=lines.append)
    finally:
        stop.set()
        killer.join()
    assert killed
    assert failures == []
    assert lines[0] == "3 cells, 2 at a time, 0 GPUs and 1 CPUs each"
    assert {line.split()[-1] for line in lines[1:]} == {"base", "clip-s0", "clip-s1"}
    run_study(study, tmp_path / "here")
    assert scores(tmp_path / "ray") == scores(tmp_path / "here")
    assert len(scores(tmp_path / "ray")) == 3


def test_a_cell_that_fails_on_a_worker_costs_only_itself(
    two_workers: Any, study: Study, tmp_path: Path
) -> None:
    blocked = tmp_path / "out" / "checkpoints" / "clip-s0"
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("in the way")
    _, failures = run_study(study, tmp_path / "out", cluster=Cluster(workers=1))
    assert [failure.cell for failure in failures] == ["clip-s0"]
    assert "is not a training run" in failures[0].error
