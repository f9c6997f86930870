"""Whole runs over the engine `openai`: a bad server, a kill or a spent budget changes nothing in what a run says."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pspo_bench.errors import ModelError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.models import resolve
from pspo_bench.records import SAMPLE_KEY
from pspo_bench.store import Run
from pspo_bench.tasks import load_examples, load_task

sys.path.insert(0, str(Path(__file__).parent))

from openai_server import Body, Fault, OpenAIServer, prompt_of

LIMIT = 30
TRIES = {"backoff_s": 0.01, "timeout_s": 2.0, "max_retries": 30, "weights": "pocket"}
FAULTS = [
    *(Fault("status", 503), Fault("reset"), Fault("cut"), Fault("malformed"), Fault("hang")),
    Fault("status", 429, (("Retry-After", "0.05"),), {"error": "slow"}),
]


@pytest.fixture(scope="module")
def knowing() -> Callable[[Body], str]:
    """Answers from the gold table, wrongly for every third seed."""
    golds = {example.question: example.gold for example in load_examples(load_task("pocket_gsm"))}

    def answer(body: Body) -> str:
        seed = body["seed"]
        gold = golds.get(prompt_of(body), "")  # the engine may say Hi
        return f"I drew {seed} at {body['temperature']:g}.\n#### {gold if seed % 3 else gold + '1'}"

    return answer


def settings(server: OpenAIServer, **options: Any) -> EvalSettings:
    arguments = {"base_url": server.url, **TRIES, **options}
    return EvalSettings(
        limit=LIMIT, temperatures=(0.0, 1.0), samples=2, engine="openai", model_args=arguments
    )


def test_a_faulty_server_gives_the_run_that_a_healthy_one_gives(
    tmp_path: Path, knowing: Callable[[Body], str]
) -> None:
    rng = random.Random(1)
    failing = [rng.choice(FAULTS) if rng.random() < 0.3 else None for _ in range(3000)]
    frames = []
    for name, plan in (
        ("healthy", lambda number, body: None),
        ("faulty", lambda number, body: failing[number]),
    ):
        with OpenAIServer(answer=knowing, plan=plan) as server:
            run = evaluate("m", ["pocket_gsm"], tmp_path / name, settings(server))
            assert run.info.finished is not None
            frames.append(run.frame())
            posts = len(server.bodies)
    healthy, faulty = frames
    assert len(healthy) == LIMIT * 3 < posts
    pd.testing.assert_frame_equal(faulty, healthy)
    assert set(healthy["status"]) == {"correct", "wrong"}
    assert set(healthy["chat_template_hash"]) == {"server"}
    assert set(healthy["model_fingerprint"]) == {resolve("pocket").fingerprint}


def test_a_spent_budget_keeps_what_was_paid_for_and_the_next_run_goes_on(
    tmp_path: Path, knowing: Callable[[Body], str]
) -> None:
    with OpenAIServer(answer=knowing) as server:
        whole = evaluate("m", ["pocket_gsm"], tmp_path / "whole", settings(server)).frame()
        server.bodies.clear()
        for held in (35, 70):
            with pytest.raises(ModelError, match="max_requests=35 is used up"):
                evaluate("m", ["pocket_gsm"], tmp_path / "run", settings(server, max_requests=35))
            assert len(Run.open(tmp_path / "run").frame()) == held
        run = evaluate("m", ["pocket_gsm"], tmp_path / "run", settings(server, max_requests=35))
        assert run.info.finished is not None
        assert len(server.bodies) == LIMIT * 3
    pd.testing.assert_frame_equal(run.frame(), whole)


def test_a_server_that_dies_leaves_a_run_that_can_be_finished(
    tmp_path: Path, knowing: Callable[[Body], str]
) -> None:
    with OpenAIServer(answer=knowing) as server:
        few = settings(server, max_retries=2)
        whole = evaluate("m", ["pocket_gsm"], tmp_path / "whole", few).frame()
        so_far = len(server.bodies)
        server.plan = lambda number, body: Fault("reset") if number >= so_far + 40 else None
        with pytest.raises(ModelError, match="got no answer from"):
            evaluate("m", ["pocket_gsm"], tmp_path / "run", few)
        held = Run.open(tmp_path / "run").frame()
        assert 0 < len(held) <= 40
        assert "error" not in set(held["status"])
        server.plan = lambda number, body: None
        finished = evaluate("m", ["pocket_gsm"], tmp_path / "run", few)
    pd.testing.assert_frame_equal(finished.frame(), whole)


def test_a_prompt_that_the_server_cannot_bear_does_not_keep_a_run_from_ending(
    tmp_path: Path, knowing: Callable[[Body], str]
) -> None:
    def plan(number: int, body: Body) -> Fault | None:
        return Fault("status", 500) if prompt_of(body) == prompt_of(server.bodies[0]) else None

    with OpenAIServer(answer=knowing, plan=plan) as server:
        few = settings(server, max_retries=2)
        frame = evaluate("m", ["pocket_gsm"], tmp_path / "run", few).frame()
        posts = len(server.bodies)
        assert evaluate("m", ["pocket_gsm"], tmp_path / "run", few).info.finished is not None
        assert len(server.bodies) == posts
    failed = frame[frame["status"] == "error"]
    # Greedy once, and two draws: three samples of the one question.
    assert len(failed) == 3
    assert failed["example_id"].nunique() == 1
    assert len(frame) == LIMIT * 3


def test_a_key_and_a_login_are_nowhere_in_the_run(
    tmp_path: Path, knowing: Callable[[Body], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(answer=knowing) as server:
        login = server.url.replace("//", "//me:hunter2@")
        for name, value in (("OPENAI_API_KEY", "sk-very-secret"), ("OPENAI_BASE_URL", login)):
            monkeypatch.setenv(name, value)
        for run, options in (("key", {"base_url": server.url}), ("login", {})):
            arguments = EvalSettings(limit=2, engine="openai", model_args=options)
            evaluate("m", ["pocket_gsm"], tmp_path / run, arguments)
        assert {headers["authorization"].split()[0] for headers in server.headers} == {"Bearer", "Basic"}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    frames = "".join(Run.open(tmp_path / run).frame().to_csv() for run in ("key", "login"))
    assert b"endpoint-" in written
    for secret in ("sk-very-secret", "hunter2", "bWU6aHVudGVyMg"):
        assert secret.encode() not in written
        assert secret not in frames


COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
import pspo_bench.evaluate.run as evaluation
evaluation.PART_ROWS = 8
from pspo_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(server: OpenAIServer, run: Path) -> subprocess.Popen[bytes]:
    arguments = ["eval", "--engine", "openai", "--model", "m", "--tasks", "pocket_gsm", "-o", str(run)]
    arguments += ["--limit", str(LIMIT), "--temperature", "0,1", "--samples", "2", "--model-args"]
    arguments += [f"base_url={server.url},concurrency=2,weights=pocket"]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


@pytest.mark.timeout(300)
def test_sigkill_loses_and_doubles_nothing(tmp_path: Path, knowing: Callable[[Body], str]) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with OpenAIServer(answer=knowing, delay_s=0.05) as server:
        process = start(server, whole)
        assert process.wait() == 0, process.communicate()[1]
        before = len(server.bodies)
        kills = 0
        for wanted_parts in (1, 4):
            process = start(server, killed)
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if len(list(killed.glob("parts/*.parquet"))) >= wanted_parts:
                    break
                time.sleep(0.002)
            if process.poll() is None:
                process.kill()
                kills += 1
            process.communicate()
        assert kills == 2
        assert Run.open(killed).info.finished is None
        process = start(server, killed)
        assert process.wait() == 0, process.communicate()[1]
        # Each kill costs at most a part of 8, the 8 answers ahead of the reader, and the 2 under way.
        assert before <= len(server.bodies) - before <= before + kills * (8 + 8 + 2 + 2)
    found = Run.open(killed).frame()
    assert not found.duplicated(list(SAMPLE_KEY)).any()
    pd.testing.assert_frame_equal(found, Run.open(whole).frame())


def test_ctrl_c_ends_a_run_that_waits_for_its_server(tmp_path: Path, knowing: Callable[[Body], str]) -> None:
    hang = lambda number, body: Fault("hang") if number >= 20 else None  # noqa: E731
    with OpenAIServer(answer=knowing, plan=hang) as server:
        process = start(server, tmp_path / "run")
        deadline = time.monotonic() + 60
        while server.in_flight < 2 or len(server.bodies) < 22:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            _, error = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode not in (0, -signal.SIGKILL)
        assert b"Traceback" not in error
    assert Run.open(tmp_path / "run").info.finished is None
