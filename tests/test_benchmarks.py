"""The benchmark scripts, each at a tiny size: they end in time, find no fault, and write what they measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("psutil")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def run(script: str, tmp_path: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    """The JSON of one run; a fault that a script finds is its exit code."""
    output = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *arguments, "-o", str(output)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(output.read_text())
    assert found["versions"]["sympy"]
    assert found["hardware"]["cores"]
    return found


@pytest.mark.data
def test_answers(data_dir: Path, tmp_path: Path) -> None:
    found = run("answers.py", tmp_path, "--limit", "4", PSPO_BENCH_DATA=str(data_dir))
    assert set(found["sets"]) == {"gsm8k", "processbench", "math500"}
    for figures in found["sets"].values():
        assert figures["right"] + figures["wrong"] == figures["items"] > 0
        for tool in figures["tools"].values():
            assert sum(tool["ended"].values()) == figures["items"]
            assert tool["cold_checks_per_s"] > 0
            assert tool["warm_checks_per_s"] > 0
    # 4 golds in 4 styles, each right once and wrong two or three times (a single digit cannot be swapped).
    gsm8k = found["sets"]["gsm8k"]
    assert gsm8k["right"] == 16
    assert 32 <= gsm8k["wrong"] <= 48
    assert gsm8k["tools"]["pspo-bench"]["false_accepts"] == []
    assert gsm8k["tools"]["pspo-bench"]["false_rejects"] == []


def test_fuzz(tmp_path: Path) -> None:
    figures = run("fuzz_answers.py", tmp_path, "--limit", "120", "--seed", "7")["figures"]
    assert figures["checks"] == sum(figures["statuses"].values()) == 120
    assert figures["escapes"] == []
    assert len(figures["slowest"]) == 10
    assert figures["slowest"][0]["seconds"] >= figures["slowest"][9]["seconds"]


def test_pool(tmp_path: Path) -> None:
    found = run("pool.py", tmp_path, "--checks", "300", "--batch", "100", "--interrupt-after-s", "0.5")
    assert [one["workers"] for one in found["runs"]] == [1, 2]
    for one in found["runs"]:
        # 80.8, 15 and 4 % of 300, and one that hangs: 0.2 % is less than one.
        counts = {kind: sum(statuses.values()) for kind, statuses in one["statuses"].items()}
        assert counts == {"number": 242, "formula": 45, "words": 12, "hang": 1}
        assert one["statuses"]["hang"] == {"timeout": 1}
        assert one["workers_seen"] >= 1
    assert found["faults"] == []
    assert all(one["good"] for one in found["interrupts"])


def test_scale(tmp_path: Path) -> None:
    found = run("scale.py", tmp_path, "--questions", "30", "--samples", "2")
    assert found["samples"] == 30 * 2 * 5
    assert [stage["stage"] for stage in found["stages"]] == ["store", "resume", "metrics", "leaderboard"]
    assert found["peak_mib"] == max(stage["peak_mib"] for stage in found["stages"]) > 0


def test_training(tmp_path: Path) -> None:
    small = [
        "prompts_per_step=2",
        "group_size=2",
        "iterations=1",
        "minibatches=1",
        "max_tokens=8",
        "data.limit=16",
    ]
    found = run("training.py", tmp_path, "--steps", "3", "--seeds", "0", *small)
    for kind, figures in found["figures"].items():
        assert figures["cpu_s"] == pytest.approx(
            sum(figures[f"{part}_s"] for part in ("rollout", "reward", "update"))
        )
        assert min(figures["rollout_s"], figures["update_s"], figures["peak_mib"]) > 0, kind
    assert found["figures"]["trl"]["to_trl"] == 1


def test_controls(tmp_path: Path) -> None:
    """On the results that docs/findings.md quotes: smoothing by 0 is no smoothing, to the last answer."""
    study = ROOT / "results" / "measured" / "pocket-controls"
    output, figure = tmp_path / "controls.json", tmp_path / "controls.svg"
    command = [sys.executable, str(ROOT / "benchmarks" / "controls.py"), str(study), "-o", str(output)]
    done = subprocess.run([*command, "--figure", str(figure)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    differences = json.loads(output.read_text())["differences"]["macro"]
    same = next(d for d in differences if (d["candidate"], d["base"]) == ("pspo-alpha0", "unclipped-mu2"))
    assert same["points"] == {"difference": 0, "low": 0, "high": 0, "p": 1}
    findings = (ROOT / "docs" / "findings.md").read_text()
    for row in done.stdout.splitlines():
        if row.startswith("| pspo"):
            assert row in findings, "docs/findings.md quotes what the script prints"
    assert figure.read_text().startswith("<?xml")


def test_stats_simulation(tmp_path: Path) -> None:
    """A hundred repetitions of a few corners: 95 % is known to 2.2 points, 5 % as well; limits at three of these."""
    found = run("stats_simulation.py", tmp_path, "--quick", "--repetitions", "100")
    figures = found["figures"]
    assert set(figures) == {"coverage", "bootstrap", "pass", "false positives", "families", "power", "gate"}
    assert all(row["covered"] >= 0.88 for row in figures["coverage"] + figures["pass"])
    several = [row for row in figures["coverage"] if row["seeds"] > 1 and row["samples"] > 1]
    assert several
    assert all(row["naive"] < 0.88 for row in several)
    assert all(row["rejected"] <= 0.12 for row in figures["false positives"])
    assert all(row["holm"] <= 0.15 for row in figures["families"])  # of 50
    assert all(0.68 <= row["power"] <= 0.92 for row in figures["power"])
    for row in figures["gate"]:
        assert row["equal"]["regression"] <= 0.08
        assert row["twice"]["pass"] <= 0.08
    small, large = (row["equal"]["inconclusive"] for row in figures["gate"])
    assert large < small
    assert found["speed"]["plain_cpu_s"] > 5 * found["speed"]["cpu_s"]


def test_report(tmp_path: Path) -> None:
    """The report of a small run set, opened where there is a Chromium."""
    pytest.importorskip("playwright")
    found = run("report.py", tmp_path, "--questions", "20", "--samples", "2")
    assert found["samples"] == 5 * 2 * 20 * 3  # runs, tasks, questions, solutions
    assert found["build"]["file_mb"] > 0.1
