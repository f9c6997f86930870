"""Runs of three arms with texts, some of them hostile, for the HTML report: real store, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.records import Sample
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo

HOSTILE = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    '<svg onload="window.pwned = 1"></svg><!-- {{ 7 * 7 }} \u2028 ]]> &lt;b&gt; \u202e javascript:window.pwned=1'
)
QUESTIONS = 12
SETTINGS = RunSettings(temperatures=(0.0, 0.8), samples=2, top_p=1.0, max_tokens=64, seed=0)
ARMS = (("base", None), ("clip", 0), ("clip", 1), ("pspo", 0), ("pspo", 1))


def is_right(objective: str, question: int) -> bool:
    """clip solves the even questions, pspo every third, the base model none."""
    return {"base": False, "clip": question % 2 == 0, "pspo": question % 3 == 0}[objective]


@pytest.fixture(scope="session")
def hostile() -> str:
    """What is in the texts, names and manifests of `report_runs` that must not do anything."""
    return HOSTILE


@pytest.fixture(scope="session")
def report_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five runs: 12 questions, greedy and two samples at 0.8, so 36 samples each and 180 in all.

    Question 7 speaks of Zürich; pspo, seed 0, writes "needle" for question 5; question 11 and every answer to it, its
    category, and the recipe of pspo are hostile.
    """
    folder = tmp_path_factory.mktemp("report") / "runs"
    for objective, seed in ARMS:
        name = objective if seed is None else f"{objective}-s{seed}"
        run = Run.open(folder / name, create=True)
        run.start(_info(name, objective, seed))
        run.append(list(_samples(name, objective)))
        run.finish()
    return folder


def _info(name: str, objective: str, seed: int | None) -> RunInfo:
    task = TaskInfo(QUESTIONS, "sha", "p", "s", 64, SETTINGS.expected_samples(QUESTIONS))
    manifest: dict[str, Any] | None = None
    if seed is not None:
        manifest = {
            "name": f"{objective}-s{seed}",
            "method": "grpo",
            "base_model": "tiny",
            "seed": seed,
            "objective": {"name": objective, "settings": {"alpha": HOSTILE} if objective == "pspo" else {}},
            "note": HOSTILE,
        }
    return RunInfo(
        model=name,
        base_model="tiny",
        fingerprint=f"weights-of-{name}",
        engine="hf",
        engine_version="5",
        dtype="float32",
        device="cpu",
        settings=SETTINGS,
        tasks={"sums": task},
        versions={"torch": "2.13"},
        git_commit="abc",
        created="2026-01-01T00:00:00+00:00",
        manifest=manifest,
    )


def _samples(name: str, objective: str) -> Iterator[Sample]:
    for question in range(QUESTIONS):
        for temperature in SETTINGS.temperatures:
            for index in range(1 if temperature == 0 else 2):
                yield _sample(name, objective, question, temperature, index)


def _sample(name: str, objective: str, question: int, temperature: float, index: int) -> Sample:
    right = is_right(objective, question)
    asked = f"Question {question}: what is {question} + 2?"
    asked += {7: " Ann bought them in Zürich.", 11: HOSTILE}.get(question, "")
    said = question + 2 if right else question + 9
    completion = f"{name} says, at {temperature:g}/{index}:\n{question} + 2 = {said}\n#### {said}"
    completion += {5: " a Needle" if name == "pspo-s0" else "", 11: HOSTILE}.get(question, "")
    return Sample(
        task="sums",
        example_id=str(question),
        example_hash=f"h{question}",
        prompt_hash=f"p{question}",
        system_prompt_hash="s",
        chat_template_hash="c",
        question=asked,
        gold=str(question + 2),
        answer_type="number",
        category={11: HOSTILE}.get(question, "odd" if question % 2 else "even"),
        difficulty=None,
        completion=completion,
        sample_index=index,
        temperature=temperature,
        top_p=1.0,
        top_k=0,
        min_p=0.0,
        max_tokens=64,
        stop="[]",
        seed=0,
        finish_reason="stop",
        prompt_tokens=20,
        completion_tokens=10 + question + (3 if objective == "pspo" else 0),
        extracted=str(said),
        method="hash",
        status="correct" if right else "wrong",
        reason="equal" if right else HOSTILE,
        checker="answers",
        checker_version="1",
        model_fingerprint=f"weights-of-{name}",
        engine="hf",
        engine_version="5",
    )
