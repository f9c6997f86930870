"""Shards over a real local Ray cluster of two workers, one of which is killed half-way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from pspo_bench.cli import main
from pspo_bench.errors import ConfigError
from pspo_bench.evaluate import EvalSettings, evaluate, targets, workloads
from pspo_bench.evaluate.cluster import Cluster
from pspo_bench.evaluate.ray import evaluate_on_ray, shards
from pspo_bench.report import leaderboard
from pspo_bench.store import Run

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(300)
TASKS = ["pocket_gsm", "pocket_asdiv"]
SETTINGS = EvalSettings(temperatures=(0.0, 1.0), samples=2, limit=48, batch_size=8, device="cpu")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "deadly.py").write_text("import os\ndef engine(model):\n    os._exit(1)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(plugins))
        ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield ray
        ray.shutdown()


def test_shards_cover_every_example_once(tmp_path: Path) -> None:
    loads = workloads(TASKS, EvalSettings(limit=10))
    wanted = targets(["pocket", "smollm2"], [], tmp_path)
    cut = shards(wanted, loads, questions=4)
    assert len(cut) == 2 * 2 * 3  # models, tasks, and 4 + 4 + 2 questions
    for target in wanted:
        for task in TASKS:
            ranges = [(s.start, s.stop) for s in cut if s.target == target and s.task == task]
            assert ranges == [(0, 4), (4, 8), (8, 10)]


def worker_processes() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] == ["ray::Worker.run"]:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(two_workers: Any, tmp_path: Path) -> None:
    alone = evaluate("pocket", TASKS, tmp_path / "alone", SETTINGS)
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not killed:
            if len(list((tmp_path / "spread").glob("parts/*.parquet"))) >= 3 and (busy := worker_processes()):
                os.kill(busy[0].pid, signal.SIGKILL)
                killed.append(busy[0].pid)
            time.sleep(0.01)

    notes: list[str] = []
    killer = threading.Thread(target=kill_one)
    killer.start()
    wanted = targets(["pocket"], [], tmp_path / "spread")
    cluster = Cluster(shard_questions=8, workers=2)
    (spread,), failures = evaluate_on_ray(wanted, TASKS, SETTINGS, cluster, report=notes.append)
    killer.join()
    assert killed
    assert failures == []
    assert any("a worker was lost over pocket" in note for note in notes)
    pd.testing.assert_frame_equal(spread.frame(), alone.frame())
    boards = []
    for run in (alone, spread):
        text = leaderboard([run.path]).to_json()
        boards.append(text.replace(str(run.path), "RUN"))
    assert boards[0] == boards[1]
    assert spread.info.finished is not None
    assert spread.info.finished["samples"] == alone.info.finished["samples"]
    assert worker_processes() == []


@pytest.mark.slow
def test_a_model_that_fails_costs_only_itself(two_workers: Any, tmp_path: Path) -> None:
    wanted = targets(["pocket", str(tmp_path / "none.gguf")], [], tmp_path / "out")
    settings = EvalSettings(limit=4, device="cpu")
    runs, failures = evaluate_on_ray(wanted, ["pocket_gsm"], settings, Cluster(shard_questions=2))
    assert [run.path.name for run in runs] == ["pocket"]
    assert [failure.name for failure in failures] == ["none.gguf"]
    assert failures[0].error.startswith("No model at ")


@pytest.mark.slow
def test_workers_that_always_die_are_a_failure_and_end(two_workers: Any, tmp_path: Path) -> None:
    settings = EvalSettings(limit=4, engine="deadly:engine")
    wanted = targets(["pocket"], [], tmp_path / "run")
    runs, failures = evaluate_on_ray(wanted, ["pocket_gsm"], settings, Cluster())
    assert runs == []
    assert "3 workers were lost over pocket, pocket_gsm 0–4" in failures[0].error


@pytest.mark.slow
def test_a_cluster_without_room_is_said(two_workers: Any, tmp_path: Path) -> None:
    wanted = targets(["pocket"], [], tmp_path)
    with pytest.raises(
        ConfigError, match="A worker needs 1 GPUs and 1 CPUs, and the cluster has 2 CPUs, 0 GPUs"
    ):
        evaluate_on_ray(wanted, ["pocket_gsm"], SETTINGS, Cluster(gpus_per_worker=1))


@pytest.mark.slow
def test_the_command(two_workers: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "eval",
        "--model",
        "pocket",
        "--tasks",
        "pocket_gsm",
        "--limit",
        "6",
        "-o",
        str(tmp_path / "run"),
    ]
    assert main([*command, "--executor", "ray", "--shard-questions", "3"]) == 0
    shown = capsys.readouterr()
    assert "2 shards over 2 workers" in shown.err
    assert "pocket_gsm" in shown.out
    assert len(Run.open(tmp_path / "run").frame()) == 6
