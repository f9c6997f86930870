"""The golds of the four data sets: accepted by their own checker however stated or respelt; no near miss is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from pspo_bench.answers import CheckRow, check_many
from pspo_bench.answers.variants import near_misses, respellings

FORMS = ("#### {}", "\\boxed{{{}}}", "The answer is {}.")
TASKS = [("gsm8k", 8792), ("svamp", 1000), ("asdiv", 2305), ("math500", 500)]


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
@pytest.mark.parametrize(("task", "rows"), TASKS)
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
@pytest.mark.parametrize("task", [task for task, _ in TASKS])
def test_respellings_are_accepted_and_near_misses_refused(data_dir: Path, task: str) -> None:
    """Each variant in one of the forms, in turn; `pspo-bench tasks check` states each in all of them."""
    made = [
        ((gold, answer_type, question), variant, wanted)
        for gold, answer_type, question, _ in dict.fromkeys(golds(data_dir, task))
        for variants, wanted in ((respellings, "correct"), (near_misses, "wrong"))
        for variant in variants(gold, answer_type, question)
    ]
    rows = [
        CheckRow(FORMS[number % len(FORMS)].format(variant.text), *gold)
        for number, (gold, variant, _) in enumerate(made)
    ]
    verdicts = check_many(rows, workers=2)
    failures = [
        (row.gold, variant.rule, row.completion, verdict.status, verdict.reason)
        for row, (_, variant, wanted), verdict in zip(rows, made, verdicts, strict=True)
        if verdict.status != wanted
    ]
    assert len(made) > 10 * len(set(golds(data_dir, task)))
    assert failures == []


_PLAIN = re.compile(r"(-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)(?: \([A-Za-z ./-]+\))?")


def plain_value(gold: str) -> Fraction | None:
    """The value of a plain number, with or without a unit behind it in brackets, read without the checker."""
    found = _PLAIN.fullmatch(gold)
    return Fraction(found.group(1).replace(",", "")) if found else None


@pytest.mark.data
@pytest.mark.parametrize(
    ("task", "share"), [("gsm8k", 1.0), ("svamp", 1.0), ("asdiv", 0.9), ("math500", 0.6)]
)
def test_a_gold_never_accepts_a_neighbour_of_another_value(data_dir: Path, task: str, share: float) -> None:
    """Of two neighbouring golds that are plain numbers of different value, neither is an answer to the other."""
    found = list(golds(data_dir, task))
    plain = [(gold, kind, question, plain_value(gold)) for gold, kind, question, _ in found]
    known = [row for row in plain if row[3] is not None]
    assert len(known) >= share * len(found)
    pairs = [
        (str(mine[3]), gold, kind, question)
        for left, right in pairwise(known)
        for mine, (gold, kind, question, value) in ((left, right), (right, left))
        if mine[3] != value
    ]
    assert len(pairs) > len(known)
    rows = [CheckRow(f"#### {answer}", gold, kind, question) for answer, gold, kind, question in pairs]
    accepted = [(row, v.reason) for row, v in zip(rows, check_many(rows), strict=True) if v.correct]
    assert accepted == []
