"""Runs with known solutions, and judges whose preferences are known, behind a real server on loopback."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.records import Sample, short_hash
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo

sys.path.insert(0, str(Path(__file__).parent))

from sums import question

MakeRun = Callable[..., Run]


def sample(i: int, text: str, correct: bool, fingerprint: str, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "task": "sums",
        "example_id": str(i),
        "example_hash": short_hash(question(i)),
        "prompt_hash": f"p{i}",
        "system_prompt_hash": "s",
        "chat_template_hash": "c",
        "question": question(i),
        "gold": str(3 * i + 14),
        "answer_type": "number",
        "category": None,
        "difficulty": None,
        "completion": text,
        "sample_index": 0,
        "temperature": 0.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "stop": "[]",
        "max_tokens": 128,
        "seed": 0,
        "finish_reason": "stop",
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "extracted": "1",
        "method": "hash",
        "status": "correct" if correct else "wrong",
        "reason": "equal",
        "checker": "symbolic",
        "checker_version": "1",
        "model_fingerprint": fingerprint,
        "engine": "hf",
        "engine_version": "5",
    }
    return Sample(**{**values, **changes})


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """make_run("clip", [text, ...], right=[True, ...], seed=0): one greedy sample a question, by objective."""

    def make(
        objective: str | None,
        texts: Sequence[str],
        *,
        right: Sequence[bool] | None = None,
        seed: int = 0,
        **changes: Any,
    ) -> Run:
        name = f"{objective}-s{seed}"
        manifest = None
        if objective is not None:
            manifest = {
                "name": objective,
                "method": "grpo",
                "objective": {"name": objective, "settings": {}},
                "base_model": "pocket",
                "seed": seed,
            }
        settings = RunSettings(temperatures=(0.0,), samples=1, top_p=1.0, max_tokens=128, seed=0)
        expected = settings.expected_samples(len(texts))
        run = Run.open(tmp_path / "runs" / name, create=True)
        run.start(
            RunInfo(
                model=name,
                base_model="pocket",
                fingerprint=f"weights-of-{name}",
                engine="hf",
                engine_version="5",
                dtype="float32",
                device="cpu",
                settings=settings,
                tasks={"sums": TaskInfo(len(texts), "sha", "p", "s", 128, expected)},
                versions={},
                git_commit=None,
                created="2026-01-01T00:00:00+00:00",
                manifest=manifest,
            )
        )
        marks = [True] * len(texts) if right is None else right
        rows = zip(range(len(texts)), texts, marks, strict=True)
        run.append([sample(i, text, ok, f"weights-of-{name}", **changes) for i, text, ok in rows])
        run.finish()
        return run

    return make


@pytest.fixture(autouse=True)
def no_key_no_leak(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment says nothing of servers and keys, and no thread of an engine outlives its test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield
    gc.collect()
    assert [thread for thread in threading.enumerate() if thread.name == "openai-engine"] == []
