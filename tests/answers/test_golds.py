"""Every gold of the four data sets is accepted by its own checker, in every way of stating it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pspo_bench.answers import CheckRow, check_many

FORMS = ("#### {}", "\\boxed{{{}}}", "The answer is {}.")


def golds(data_dir: Path, task: str) -> Iterator[tuple[str, str, str, str | None]]:
    """(gold, type, question, worked solution) of each row."""
    for path in sorted((data_dir / task).glob("*.jsonl")):
        for row in map(json.loads, path.open(encoding="utf-8")):
            match task:
                case "gsm8k":
                    yield row["answer"].split("####")[-1].strip(), "number", row["question"], row["answer"]
                case "svamp":
                    yield str(row["Answer"]), "number", row["question_concat"], None
                case "asdiv":
                    yield row["answer"], "auto", f"{row['body']} {row['question']}", None
                case "math500":
                    yield row["answer"], "auto", row["problem"], row["solution"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("task", "rows"), [("gsm8k", 8792), ("svamp", 1000), ("asdiv", 2305), ("math500", 500)]
)
def test_every_gold_passes_its_own_checker(data_dir: Path, task: str, rows: int) -> None:
    found = list(golds(data_dir, task))
    assert len(found) == rows
    checks = [
        CheckRow(completion, gold, answer_type, asked)
        for gold, answer_type, question, solution in found
        for completion in (*(form.format(gold) for form in FORMS), *filter(None, [solution]))
        for asked in (question, None)
    ]
    verdicts = check_many(checks)
    failures = [
        (row.completion[-80:], row.gold, v) for row, v in zip(checks, verdicts, strict=True) if not v.correct
    ]
    assert not failures


@pytest.mark.data
@pytest.mark.parametrize("task", ["gsm8k", "svamp", "math500"])
def test_a_gold_does_not_accept_the_next_different_one(data_dir: Path, task: str) -> None:
    found = list(golds(data_dir, task))
    pairs = [
        (f"#### {left[0]}", right[0], right[1]) for left, right in pairwise(found) if left[0] != right[0]
    ]
    accepted = [(pair[:2], v.reason) for pair, v in zip(pairs, check_many(pairs), strict=True) if v.correct]
    # Equal values in other words (one half twice) are few; anything above that is a checker that says yes.
    assert len(accepted) <= len(pairs) * 0.01, accepted
