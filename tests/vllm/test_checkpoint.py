"""Swapping checkpoints in a running engine: the outputs must be those of a fresh one."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines.vllm import VLLMEngine
from pspo_bench.engines.vllm.backend import Backend
from pspo_bench.engines.vllm.checkpoint import open_checkpoint
from pspo_bench.errors import ModelError
from pspo_bench.models import resolve
from pspo_bench.pocket import base_path


# In bfloat16 vLLM computes with other kernels on a CPU, which pack weights in another way.
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_swapped_equals_fresh(
    dtype: str, perturbed: Path, run: Any, pocket_requests: Any, capsys: Any
) -> None:
    probe = list(range(5, 105))
    started = time.monotonic()
    with closing(VLLMEngine("pocket", dtype=dtype)) as engine:
        start_s = time.monotonic() - started
        requests = pocket_requests(engine, 32) + pocket_requests(engine, 8, temperature=1.0)
        base = run(engine, requests)
        started = time.monotonic()
        assert engine.swap(str(perturbed))
        swap_s = time.monotonic() - started
        assert engine.fingerprint == resolve(str(perturbed)).fingerprint != resolve("pocket").fingerprint
        swapped, log_probs = run(engine, requests), engine._backend.log_probs(probe)
        assert engine.swap("pocket")
        assert run(engine, requests) == base, "and back"
        assert engine.swap("pocket"), "the weights it has already"
    with closing(VLLMEngine(str(perturbed), dtype=dtype)) as fresh:
        assert log_probs == fresh._backend.log_probs(probe), "to the last bit"
        assert swapped == run(fresh, requests)
    assert sum(one != other for one, other in zip(base, swapped, strict=True)) > 20
    with capsys.disabled():
        print(f"\n{dtype}: start {start_s:.1f} s, swap {swap_s:.2f} s")
    assert swap_s < start_s


def changed(folder: Path, name: str, **values: Any) -> Path:
    shutil.copytree(base_path(), folder)
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return folder


def test_what_does_not_fit_is_refused_and_changes_nothing(
    engine: Any, tmp_path: Path, run: Any, pocket_requests: Any
) -> None:
    requests = pocket_requests(engine, 4)
    before = run(engine, requests)
    other_rope = changed(tmp_path / "rope", "config.json", rms_norm_eps=1e-5)
    other_eos = changed(tmp_path / "eos", "tokenizer_config.json", eos_token="<|endoftext|>")
    other_template = tmp_path / "template"
    shutil.copytree(base_path(), other_template)
    (other_template / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    for folder in (other_rope, other_eos, other_template):
        assert not engine.swap(str(folder)), folder.name
    with pytest.raises(ModelError):
        engine.swap(str(tmp_path / "nowhere"))
    assert engine.fingerprint == resolve("pocket").fingerprint
    assert run(engine, requests) == before


def test_a_moved_copy_fits(tmp_path: Path) -> None:
    same = changed(tmp_path / "same", "config.json", _name_or_path="elsewhere", transformers_version="5.0.0")
    assert open_checkpoint("pocket").fits(open_checkpoint(str(same)))


def test_weights_that_do_not_arrive_are_noticed(
    engine: Any, perturbed: Path, run: Any, pocket_requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = pocket_requests(engine, 4)
    before = run(engine, requests)
    with monkeypatch.context() as patch:  # a vLLM whose reload silently does nothing
        patch.setattr(Backend, "reload", lambda self, folder: None)
        assert not engine.swap(str(perturbed))
    assert engine.fingerprint == resolve("pocket").fingerprint
    assert run(engine, requests) == before


def test_a_reload_that_fails_half_way_is_undone(
    engine: Any, perturbed: Path, run: Any, pocket_requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = pocket_requests(engine, 16)
    before = run(engine, requests)
    reload = Backend.reload

    def fail(self: Backend, folder: Path) -> None:
        reload(self, folder)
        if folder == perturbed:
            raise ModelError("half-way")

    monkeypatch.setattr(Backend, "reload", fail)
    assert not engine.swap(str(perturbed))
    assert engine.fingerprint == resolve("pocket").fingerprint
    assert run(engine, requests) == before
