"""Shared fixtures: thread counts, the folder of real data sets where it is present, and small real runs on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.records import Sample
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets: PSPO_BENCH_DATA, else `shared/data` beside the checkout; skipped if absent."""
    candidates = [os.environ.get("PSPO_BENCH_DATA"), str(ROOT.parent / "shared" / "data")]
    for candidate in candidates:
        if candidate and (Path(candidate) / "gsm8k" / "test.jsonl").is_file():
            return Path(candidate)
    pytest.skip("real data sets not found; set PSPO_BENCH_DATA to their folder")


MakeRun = Callable[..., Run]


def sample(task: str, example: str, index: int, correct: bool, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "task": task,
        "example_id": example,
        "example_hash": f"h{example}",
        "prompt_hash": f"p{example}",
        "system_prompt_hash": "s",
        "chat_template_hash": "c",
        "question": f"Secret question {example}?",
        "gold": "4",
        "answer_type": "numeric",
        "category": None,
        "difficulty": None,
        "completion": "2 + 2 = 4\n#### 4",
        "sample_index": index,
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
        "extracted": "4" if correct else "5",
        "method": "hash",
        "status": "correct" if correct else "wrong",
        "reason": "equal" if correct else "differs",
        "checker": "numeric",
        "checker_version": "1",
        "model_fingerprint": "f0",
        "engine": "hf",
        "engine_version": "5",
    }
    return Sample(**{**values, **changes})


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """make_sample("gsm8k", "12", 0, True, completion="...")"""
    return sample


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """make_run("clip-s0", {"gsm8k": [1, 0, 1]}, objective="clip", seed=0): right or not, one per question."""

    def make(
        name: str,
        scores: Mapping[str, Sequence[int]],
        *,
        objective: str | None = None,
        settings: Mapping[str, float] | None = None,
        seed: int = 0,
        base_model: str = "pocket",
        fingerprint: str | None = None,
        recipe: str | None = None,
        expected: int | None = None,
        folder: str = "runs",
        **changes: Any,
    ) -> Run:
        weights = fingerprint or f"weights-of-{name}"
        manifest = None
        if objective is not None:
            manifest = {
                "name": recipe or objective,
                "method": "grpo",
                "objective": {"name": objective, "settings": dict(settings or {})},
                "base_model": base_model,
                "seed": seed,
            }
        run_settings = RunSettings(temperatures=(0.0,), samples=1, top_p=1.0, max_tokens=128, seed=0)
        needed = {
            task: run_settings.expected_samples(expected or len(right)) for task, right in scores.items()
        }
        tasks = {
            task: TaskInfo(len(right), "sha", "p", "s", 128, needed[task]) for task, right in scores.items()
        }
        run = Run.open(tmp_path / folder / name, create=True)
        run.start(
            RunInfo(
                model=str(tmp_path / "checkpoints" / name),
                base_model=base_model,
                fingerprint=weights,
                engine="hf",
                engine_version="5",
                dtype="float32",
                device="cpu",
                settings=run_settings,
                tasks=tasks,
                versions={"torch": "2.13"},
                git_commit="abc",
                created="2026-01-01T00:00:00+00:00",
                manifest=manifest,
            )
        )
        run.append(
            [
                sample(task, str(i), 0, bool(ok), model_fingerprint=weights, **changes)
                for task, right in scores.items()
                for i, ok in enumerate(right)
            ]
        )
        run.finish()
        return run

    return make
