"""`pspo-bench judge` as a user meets it: tables, files, dry runs, caps, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.cli import main
from pspo_bench.judge import Selection, agreements, load_items, read_key
from pspo_bench.judge.items import Loaded
from pspo_bench.judge.raters import judge_ratings

sys.path.insert(0, str(Path(__file__).parents[1] / "engines"))
sys.path.insert(0, str(Path(__file__).parent))

from openai_server import OpenAIServer
from scripted import expert
from sums import question, solution

MakeRun = Callable[..., Any]


@pytest.fixture
def runs(make_run: MakeRun) -> list[str]:
    """A argues well, B says its steps twice; six questions, all right."""
    good = [solution(i) for i in range(6)]
    worse = [text.replace("Then", f"{text}\nThen") for text in good]
    return [str(make_run("A", good).path), str(make_run("B", worse).path)]


def command(kind: str, runs: list[str], server: OpenAIServer, output: Path, *more: str) -> list[str]:
    judge = ["--model", "m", "--model-args", f"base_url={server.url},backoff_s=0.01"]
    return ["judge", kind, *runs, *judge, "-o", str(output), *more]


def test_arena_prints_and_writes(runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    with OpenAIServer(answer=expert) as server:
        assert main(command("arena", runs, server, out, "--canaries", "2")) == 0
        shown = capsys.readouterr().out
        assert main(command("arena", runs, server, out, "--canaries", "2", "--format", "json")) == 0
    assert "A : B" in shown
    assert "6–0–0" in shown
    assert "Canaries" in shown
    assert "Replies about samples: 12 valid, 0 invalid (0.0 %), 0 not asked" in shown
    data = json.loads(capsys.readouterr().out)
    assert data["account"]["calls"] == 0  # the second time all was known
    duel = data["strata"][0]["duels"][0]
    assert (duel["first"], duel["wins"], duel["flip_rate"], duel["win_rate"]) == ("A", 6, 0.0, 1.0)
    assert {rate["name"]: rate["passed"] for rate in data["canaries"]}["self"] == 2
    assert "| A : B | 6–0–0 | 100.0 |" in (out / "arena.md").read_text()
    lines = [json.loads(line) for line in (out / "pairs.jsonl").read_text().splitlines()]
    assert [line["score"] for line in lines] == [1.0] * 6
    everything = "".join(path.read_text() for path in out.iterdir())
    assert question(0) not in everything  # no text of a data set is written
    assert solution(0) not in everything


def test_rubric_prints_and_meets_the_humans(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "out", tmp_path / "sheet"
    with OpenAIServer(answer=expert) as server:
        assert main(command("rubric", runs, server, out, "--canaries", "0", "--limit", "4")) == 0
    shown = capsys.readouterr().out
    assert "8 valid" in shown
    assert "no canary was asked" in shown
    assert main(["judge", "export-sheet", *runs, "-o", str(sheet)]) == 0
    key = read_key(sheet / "key.json")
    judge = judge_ratings(key, out)
    assert len(key.items) == 12
    assert len(judge) == 8  # of the four questions that were judged
    human = {"ann": {item: {"informativeness": scores["informativeness"]} for item, scores in judge.items()}}
    lines = {line.column: line for line in agreements(key, human, judge)}
    assert (lines["informativeness"].judge_kappa, lines["informativeness"].judged_items) == (1.0, 8)


def test_a_dry_run_asks_nobody(runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAIServer(answer=expert) as server:
        arguments = command("arena", runs, server, tmp_path / "out", "--dry-run", "--canaries", "2")
        assert main([*arguments, "--price-in", "1", "--price-out", "2", "--max-calls", "9"]) == 0
        assert server.bodies == []
    assert not (tmp_path / "out").exists()
    first, tokens, cost, stop = capsys.readouterr().out.splitlines()
    # 6 pairs in both orders; 11 canaries of 2 solutions in both orders
    assert first == "12 calls about samples, 44 about canaries"
    assert f"at most {56 * 512:,} to write" in tokens
    assert cost.startswith("about 0.")
    assert stop == "--max-calls 9 would stop before the end"
    arguments[1] = "rubric"
    assert main(arguments) == 0
    # 12 samples; 2 clean solutions and 10 canaries of each (the text itself is not graded twice)
    assert capsys.readouterr().out.startswith("12 calls about samples, 22 about canaries\n")


def test_a_cap_is_an_exit_code_and_a_caution(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(answer=expert) as server:
        arguments = command("arena", runs, server, tmp_path, "--canaries", "0", "--max-calls", "5")
        assert main(arguments) == 1
        assert "7 of 12 calls were not made (--max-calls 5)" in capsys.readouterr().out
        assert main(arguments) == 1
        assert main(arguments) == 0
        assert len(server.bodies) == 12


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-usd", "1"], "give --price-in and --price-out"),
        (["--max-tokens", "0"], "--max-tokens must be at least 1"),
        (["--temperature", "-1"], "--temperature must be at least 0"),
        (["--engine", "opnai"], "Unknown engine 'opnai'"),
        (["--limit", "0"], "must be at least 1"),
        (["--tasks", "gsm8k"], "holds no samples at temperature 0 of the tasks gsm8k"),
        (["--at-temperature", "0.7"], "holds no samples at temperature 0.7"),
    ],
)
def test_a_mistake_is_one_line(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    with OpenAIServer(answer=expert) as server:
        assert main(command("rubric", runs, server, tmp_path / "out", *more)) in (1, 2)
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_label_of_arms_says_no_more_than_it_must(make_run: MakeRun) -> None:
    runs = [make_run("clip", ["x"], seed=0), make_run("clip", ["x"], seed=1), make_run(None, ["x"])]
    loaded: Loaded = load_items([run.path for run in runs], Selection())
    assert [(item.arm, item.seed) for item in loaded.items] == [("clip", 0), ("clip", 1), ("base", None)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_costs_what_was_under_way(runs: list[str], tmp_path: Path) -> None:
    calls = tmp_path / "out" / "calls.jsonl"
    with OpenAIServer(answer=expert, delay_s=0.2) as server:
        arguments = command("arena", runs, server, tmp_path / "out", "--canaries", "0")
        arguments[arguments.index("--model-args") + 1] += ",concurrency=1"
        process = subprocess.Popen(
            [sys.executable, "-m", "pspo_bench", *arguments], stdout=subprocess.DEVNULL
        )
        while process.poll() is None and not (calls.exists() and calls.read_bytes().count(b"\n") >= 4):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        held = calls.read_bytes().count(b"\n")
        assert 4 <= held < 12
        assert main(arguments) == 0
        assert calls.read_bytes().count(b"\n") == 12
        assert len(server.bodies) <= 12 + 1  # at most the one that was under way is asked again
