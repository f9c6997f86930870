"""What two runs were not run alike in is said; what they were is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pspo_bench.compare import Comparison, compare_arms
from pspo_bench.results import result_of
from pspo_bench.store import Run

MakeRun = Callable[..., Run]


def of_two(base: Run, candidate: Run) -> Comparison:
    return compare_arms([result_of(base)], [result_of(candidate)])


def changed(run: Run, **changes: Any) -> Run:
    """The run with another description: of its task `a` where a task has such a field, else of the settings."""
    info = run.info
    for name, value in changes.items():
        if hasattr(info.tasks["a"], name):
            info = replace(info, tasks={"a": replace(info.tasks["a"], **{name: value})})
        else:
            info = replace(info, settings=replace(info.settings, **{name: value}))
    run.update_info(tasks=info.tasks, settings=info.settings)
    return run


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("prompt_hash", "q", "a: prompt (prompt_hash) differs: p in the base, q in the candidate"),
        (
            "system_prompt_hash",
            "r",
            "a: system prompt (system_prompt_hash) differs: s in the base, r in the candidate",
        ),
        ("split", "train", "a: split differs: test in the base, train in the candidate"),
        ("max_tokens", 64, "a: max_tokens differs: 128 in the base, 64 in the candidate"),
        ("top_p", 0.9, "top_p differs: 1.0 in the base, 0.9 in the candidate"),
        ("num_fewshot", 4, "num_fewshot differs: 0 in the base, 4 in the candidate"),
        ("stop", ("\n",), r"stop differs: () in the base, ('\n',) in the candidate"),
    ],
)
def test_a_setting_that_differs_is_one_sentence(
    make_run: MakeRun, name: str, value: object, sentence: str
) -> None:
    base, after = make_run("base", {"a": [1, 0]}), make_run("c-s0", {"a": [1, 1]}, objective="c")
    if name == "max_tokens":  # a setting of the run too, which says nothing of one task
        tasks = {"a": replace(after.info.tasks["a"], max_tokens=64)}
        after.update_info(tasks=tasks)
    else:
        changed(after, **{name: value})
    assert of_two(base, after).mismatches == (sentence,)


def test_graders(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0]})
    after = make_run("c-s0", {"a": [1, 1]}, objective="c", checker_version="2")
    assert of_two(base, after).mismatches == (
        "Grader differs: numeric 1 in the base, numeric 2 in the candidate",
    )


def test_temperatures(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0]})
    after = changed(make_run("c-s0", {"a": [1, 1]}, objective="c", temperature=0.7), temperatures=(0.7,))
    assert "Temperature differs: 0.0 in the base, 0.7 in the candidate" in of_two(base, after).mismatches


def test_other_questions_are_a_mismatch(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0]})
    after = changed(
        make_run("c-s0", {"a": [1, 1]}, objective="c", example_hash="other"), content_sha256="other"
    )
    (sentence,) = of_two(base, after).mismatches
    assert sentence.startswith(
        "a: the questions differ (content_sha256 sha in the base, other in the candidate"
    )


def test_a_part_of_the_same_questions_is_none(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0, 1]})
    after = changed(make_run("c-s0", {"a": [1, 1]}, objective="c"), content_sha256="of two", limit=2)
    found = of_two(base, after)
    assert found.mismatches == ()
    assert "a: questions that not all runs were asked, left out: 1" in found.notes


def test_another_engine_is_a_note(make_run: MakeRun) -> None:
    base, after = make_run("base", {"a": [1, 0]}), make_run("c-s0", {"a": [1, 1]}, objective="c")
    after.update_info(engine="vllm", dtype="bfloat16")
    found = of_two(base, after)
    assert found.mismatches == ()
    assert "Engine differs: hf in the base, vllm in the candidate" in found.notes
    assert "Number format differs: float32 in the base, bfloat16 in the candidate" in found.notes


def test_incomplete_runs_and_lone_tasks_are_notes(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0], "b": [1]}, expected=3)
    found = of_two(base, make_run("c-s0", {"a": [1, 1]}, objective="c"))
    assert "The base is incomplete: not all of its samples are there" in found.notes
    assert "Only the base was asked b" in found.notes
