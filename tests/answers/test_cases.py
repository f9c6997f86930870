"""The labelled cases of cases.jsonl: every right form is accepted, every wrong one is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pspo_bench.answers import ANSWER_TYPES, check, check_many, detect_type
from pspo_bench.records import Status

FILES = sorted((Path(__file__).parent / "cases").glob("*.jsonl"))
CASES = [json.loads(line) for file in FILES for line in file.open(encoding="utf-8")]
"""{"rule": …, "type": …, "gold": …, "question": …, "right": [answers], "wrong": [answers]}: bare answers, or whole
completions where "as" says so."""


def written(case: dict, answer: str) -> str:
    return answer if case.get("as") == "completion" else f"\\boxed{{{answer}}}"


@pytest.mark.parametrize("case", CASES, ids=[f"{case['rule']}: {case['gold']}" for case in CASES])
def test_rule(case: dict) -> None:
    verdicts = {
        answer: check(written(case, answer), case["gold"], case["type"], question=case.get("question"))
        for answer in case["right"] + case["wrong"]
    }
    refused = {answer: verdicts[answer] for answer in case["right"] if not verdicts[answer].correct}
    accepted = {answer: verdicts[answer] for answer in case["wrong"] if verdicts[answer].correct}
    broken = [v for v in verdicts.values() if v.status in (Status.ERROR, Status.TIMEOUT)]
    assert not refused
    assert not accepted
    assert not broken


def test_the_table_is_large_and_covers_every_type() -> None:
    assert sum(len(case["right"]) + len(case["wrong"]) for case in CASES) >= 16_000
    named = {case["type"] for case in CASES}
    named |= {detect_type(case["gold"], case.get("question")) for case in CASES if case["type"] == "auto"}
    assert set(ANSWER_TYPES) <= named


def test_one_and_many_agree_in_order() -> None:
    rows = [
        (written(case, answer), case["gold"], case["type"], case.get("question"))
        for case in CASES[::6]
        for answer in (*case["right"], *case["wrong"])
    ]
    single = [check(row[0], row[1], row[2], question=row[3]) for row in rows]
    assert check_many(rows, workers=2) == single


@pytest.mark.parametrize(
    ("gold", "answer"), [("1/3", "0.33"), ("\\frac{3}{4}", "1/4"), ("10", "10%"), ("(1,2)", "\\{1,2\\}")]
)
def test_neither_order_of_two_unequal_answers_is_accepted(gold: str, answer: str) -> None:
    assert not check(f"#### {answer}", gold).correct
    if answer != "10%":  # where the gold is the percentage, its sign may be left out
        assert not check(f"#### {gold}", answer).correct
