"""The judge against vLLM's own server with SmolLM2-135M-Instruct. `make test-vllm` runs these.

PSPO_BENCH_VLLM_PYTHON names a Python that has vLLM, as in tests/engines/test_openai_real.py. A model of this size
judges nothing; what is shown is that a real server takes the requests, holds the replies to the schema, and that
every reply ends as a valid one or as invalid.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.cli import main
from pspo_bench.models import resolve

sys.path.insert(0, str(Path(__file__).parents[1] / "engines"))
sys.path.insert(0, str(Path(__file__).parent))

from sums import solution
from test_openai_real import PYTHON, free_port, served

CONTEXT_TOKENS = 4096

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON, reason="needs PSPO_BENCH_VLLM_PYTHON, the path of a Python that has vLLM"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from pspo_bench.engines.vllm.folder import readable

    port, folder = free_port(), readable(resolve("smollm2"), trust_remote_code=False)
    with served(port, tmp_path_factory.mktemp("vllm"), folder, "smollm2", CONTEXT_TOKENS):
        yield f"http://127.0.0.1:{port}/v1"


# Of one solution all canaries but other-question can be made; self is for the arena alone.
@pytest.mark.parametrize(("kind", "n_canaries"), [("rubric", 9), ("arena", 10)])
def test_end_to_end(
    url: str,
    kind: str,
    n_canaries: int,
    make_run: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = [solution(i) for i in range(3)]
    runs = [str(make_run("A", texts).path), str(make_run("B", [f"{text}\nDone." for text in texts]).path)]
    judge = [
        "--model",
        "smollm2",
        "--model-args",
        f"base_url={url}",
        "--max-tokens",
        "300",
        "--canaries",
        "1",
    ]
    arguments = ["judge", kind, *runs, *judge, "-o", str(tmp_path / "out"), "--format", "json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    account = first["account"]
    assert account["valid"] + account["invalid"] == 6  # 6 samples, or 3 pairs in both orders
    assert account["unasked"] == 0
    # Held to the schema, a reply can be invalid only where its note did not end before the limit of tokens.
    for line in (tmp_path / "out" / "calls.jsonl").read_text().splitlines():
        reply = json.loads(line)
        assert reply["finish"] == "length" or set(json.loads(reply["reply"])) >= {"note"}
    assert sum(rate["asked"] for rate in first["canaries"]) == n_canaries
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["account"]["calls"] == 0
