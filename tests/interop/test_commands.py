"""`import`, `export` and `rescore` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pspo_bench.answers import CHECKER_VERSION
from pspo_bench.cli import main
from pspo_bench.store import Run


def test_a_log_becomes_a_run_that_can_be_rescored_and_handed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": "a", "question": "What is 1/4 + 1/2?", "gold": "\\frac{3}{4}", "completion": "0.75"},
        {"id": "b", "question": "What is 3 + 1?", "gold": "4", "completion": "The answer is 5."},
    ]
    log = tmp_path / "mine.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run, command = tmp_path / "run", ["import", str(log), "--task", "none", "-o"]
    assert main([*command, str(run)]) == 0
    assert "2 samples, 2 new" in capsys.readouterr().out
    assert Run.open(run).frame()["status"].tolist() == ["correct", "wrong"]

    # The published scorer reads numbers alone: 0.75 is not the last number of \frac{3}{4}.
    assert main(["rescore", str(run), "--scoring", "paper", "--dry-run"]) == 0
    assert "1 verdicts change: 1 correct → wrong" in capsys.readouterr().out
    assert Run.open(run).frame()["status"].tolist() == ["correct", "wrong"]
    assert main(["rescore", str(run), "--scoring", "paper"]) == 0
    assert Run.open(run).frame()["status"].tolist() == ["wrong", "wrong"]
    capsys.readouterr()

    # Two runs whose verdicts are by different checkers are told apart.
    assert main([*command, str(tmp_path / "other")]) == 0
    assert main(["leaderboard", str(run), str(tmp_path / "other")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    v = CHECKER_VERSION
    assert f"the verdicts are by different checkers: pspo-answers {v}, pspo-answers-paper {v}" in shown

    assert main(["export", str(tmp_path / "other"), "--format", "lm-eval", "-o", str(tmp_path / "out")]) == 0
    written = capsys.readouterr().out.split()
    assert {Path(path).name.split("_")[0] for path in written} == {"results", "samples"}
    assert main(["import", str(tmp_path / "nothing.jsonl"), "--task", "none", "-o", str(run)]) == 1
    assert "nothing.jsonl" in capsys.readouterr().err
