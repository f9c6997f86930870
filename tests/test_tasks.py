"""Tasks: the shipped files, loading from every source, limits, and what each mistake is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.errors import ConfigError, DataError
from pspo_bench.tasks import (
    check_golds,
    content_hash,
    load_examples,
    load_task,
    require_readable_golds,
    task_files,
)

TASK = """
name = "mine"
title = "My own"
license = "CC0"
answer_type = "number"
[columns]
question = "{body} {ask}"
gold = "{answer}"
category = "{kind}"
[splits.test]
file = "mine.jsonl"
"""

ROWS = [
    {"body": "Ann has 3 pens.", "ask": "How many is twice that?", "answer": 6, "kind": "twice"},
    {"body": "Bo has 5 cups.", "ask": "How many after 2 break?", "answer": "3", "kind": None},
]


def write_task(folder: Path, text: str = TASK, rows: list[dict[str, Any]] | None = None) -> Path:
    (folder / "mine.toml").write_text(text)
    (folder / "mine.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in (ROWS if rows is None else rows))
    )
    return folder


def load(folder: Path) -> list[Any]:
    return load_examples(load_task("mine", folder))


def test_columns_fill_an_example(tmp_path: Path) -> None:
    first, second = load(write_task(tmp_path))
    assert first.question == "Ann has 3 pens. How many is twice that?"
    assert (first.id, first.gold, first.category, second.category) == ("0", "6", "twice", "")


def test_the_hash_is_blind_to_row_order_and_white_space_but_not_to_a_gold(tmp_path: Path) -> None:
    original = content_hash(load(write_task(tmp_path)))
    spaced = [ROWS[1], {**ROWS[0], "body": "Ann  has 3 pens. "}]
    assert content_hash(load(write_task(tmp_path, rows=spaced))) == original
    assert content_hash(load(write_task(tmp_path, rows=[ROWS[0], {**ROWS[1], "answer": "4"}]))) != original


def test_limits_are_nested_and_keep_the_order() -> None:
    task = load_task("pocket_svamp")
    whole, ten, twenty = (load_examples(task, limit=n) for n in (None, 10, 20))
    assert len(ten) == 10
    assert {e.id for e in ten} < {e.id for e in twenty}
    order = [e.id for e in whole]
    assert [order.index(e.id) for e in twenty] == sorted(order.index(e.id) for e in twenty)
    assert len(load_examples(task, limit=0.1)) == len(whole) // 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('gold = "{answer}"', 'gold = "{anwser}"'),
            "row 0 of .*mine.jsonl has no column 'anwser'; it has: answer, ask",
        ),
        (('title = "My own"', 'titel = "My own"'), "Unknown key 'titel' .did you mean 'title'"),
        (('name = "mine"', 'name = "other"'), "name = 'other' must be the file's name, 'mine'"),
        (('file = "mine.jsonl"', 'file = "mine.jsonl"\nrows = 3'), "has 2 rows, but mine.toml says 3"),
        (
            ('file = "mine.jsonl"', 'file = "mine.jsonl"\nsha256 = "00"'),
            "hash to [0-9a-f]{64}, but mine.toml says 00",
        ),
        (('file = "mine.jsonl"', 'file = "gone.jsonl"'), "gone.jsonl does not exist; put it there"),
        (
            ('gold = "{answer}"', 'gold = "{answer}"\ngold_after = "####"'),
            "row 0 .* has no '####' in its gold",
        ),
        (('"{body} {ask}"', '"{body.__class__}"'), "may hold plain {column} names only"),
        (("[splits.test]", "[splits.dev]"), "splits.test is missing"),
        (('license = "CC0"', ""), "key 'license' is missing"),
    ],
)
def test_a_wrong_task_file_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        load(write_task(tmp_path, TASK.replace(*change)))


@pytest.mark.parametrize(
    ("line", "message"),
    [('{"body": ', "mine.jsonl, line 3 is not JSON"), ("[1]", "mine.jsonl, line 3 is not a JSON object")],
)
def test_a_broken_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_task(tmp_path)
    with (tmp_path / "mine.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_two_rows_with_one_id_are_refused(tmp_path: Path) -> None:
    text = TASK.replace("[columns]", '[columns]\nid = "{ask}"')
    rows = [ROWS[0], {**ROWS[1], "ask": ROWS[0]["ask"]}]
    with pytest.raises(DataError, match="two rows with one id"):
        load(write_task(tmp_path, text, rows))


def test_a_gold_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_task(tmp_path, rows=[ROWS[0], {**ROWS[1], "answer": "a few"}])
    task = load_task("mine", tmp_path)
    examples = load_examples(task)
    with pytest.raises(
        DataError, match=r"Task 'mine', example '1': .*a few.*; mend the row or the task's answer_type"
    ):
        require_readable_golds(task, examples)
    report = check_golds(task, examples)
    (failure,) = report.failures
    assert (failure.id, failure.kind, failure.status) == ("1", "gold", "error")
    assert str(failure).startswith("mine/1: gold 'a few', gold (unreadable)")
    assert (report.golds, report.failing("gold"), report.failing("respelling")) == (2, 1, 0)


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="Unknown task 'gsm8' .did you mean 'gsm8k'"):
        load_task("gsm8")


def test_a_data_folder_without_the_file_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="svamp/test.jsonl does not exist; put it there, or give another --data-dir"
    ):
        load_examples(load_task("svamp"), data_dir=tmp_path)


def test_offline_the_hub_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PSPO_BENCH_DATA", raising=False)
    with pytest.raises(
        DataError, match="Cannot load 'openai/gsm8k' .test. from the Hugging Face Hub: .*--data-dir DIR"
    ):
        load_examples(load_task("gsm8k"))


def test_hub_splits_are_read_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local folder stands for the Hub repository: `load_dataset` reads both by the same code."""
    hub = tmp_path / "hub"
    hub.mkdir()
    for split, row in zip(("train", "test"), ROWS, strict=True):
        (hub / f"{split}.jsonl").write_text(json.dumps({**row, "answer": str(row["answer"])}) + "\n")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    text = TASK.replace('file = "mine.jsonl"', 'rows = 2\nhub_splits = ["train", "test"]')
    folder = write_task(tmp_path, text.replace("license", f'hub = "{hub}"\nlicense'))
    monkeypatch.delenv("PSPO_BENCH_DATA", raising=False)
    assert [example.gold for example in load(folder)] == ["6", "3"]


def test_another_packages_tasks_are_found_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package as pip would install it: a module, and metadata that announces its folder of task files."""
    package = tmp_path / "site"
    (package / "their_tasks-1.0.dist-info").mkdir(parents=True)
    (package / "their_tasks-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: their-tasks\nVersion: 1.0\n"
    )
    (package / "their_tasks-1.0.dist-info" / "entry_points.txt").write_text(
        "[pspo_bench.tasks]\ntheirs = their_tasks_module:folder\n"
    )
    (package / "their_tasks_module.py").write_text(
        f"def folder():\n    return {str(write_task(tmp_path))!r}\n"
    )
    monkeypatch.syspath_prepend(str(package))
    assert "mine" in task_files()
    assert len(load_examples(load_task("mine"))) == 2
    sys.modules.pop("their_tasks_module", None)


def test_task_files_are_short_and_hold_values_only() -> None:
    for name, path in task_files().items():
        assert len(path.read_text().splitlines()) <= 30, name
        load_task(name)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "split", "rows"),
    [
        ("gsm8k", "test", 1319),
        ("gsm8k", "train", 7473),
        ("svamp", "test", 1000),
        ("asdiv", "test", 2305),
        ("math500", "test", 500),
    ],
)
def test_real_data_load_with_their_counts_and_hashes(
    data_dir: Path, name: str, split: str, rows: int
) -> None:
    task = load_task(name)
    assert task.splits[split].sha256
    assert len(load_examples(task, split, data_dir=data_dir)) == rows


@pytest.mark.data
@pytest.mark.parametrize("name", ["gsm8k", "svamp", "asdiv", "math500"])
def test_real_golds_pass_their_own_checker_in_every_form(data_dir: Path, name: str) -> None:
    """A fixed subset; tests/answers/test_golds.py has them all."""
    task = load_task(name)
    report = check_golds(task, load_examples(task, data_dir=data_dir, limit=50))
    assert report.failures == ()


@pytest.mark.parametrize("name", ["pocket_gsm", "pocket_svamp", "pocket_asdiv", "pocket_math"])
def test_pocket_golds_pass_their_own_checker(name: str) -> None:
    task = load_task(name)
    done: list[int] = []
    report = check_golds(task, load_examples(task, limit=120), progress=done.append)
    assert report.failures == ()
    assert (report.golds, done) == (120, [100, 20])
    assert report.respellings > 10 * 120
    assert report.near_misses > 10 * 120


def test_a_checker_that_errs_is_reported_with_gold_variant_and_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A type that takes whatever begins as the gold does: it accepts 60 for 6 and refuses six."""
    from pspo_bench.answers import answer_types, variants
    from pspo_bench.answers.kinds import AnswerType
    from pspo_bench.answers.match import Match
    from pspo_bench.answers.numeric import parse_number

    def same_start(gold: Any, answer: str, _context: Any) -> Match:
        return Match(answer.startswith(str(gold.value)), "by its start")

    answer_types.register("same_start")(AnswerType("same_start", parse_number, same_start))
    monkeypatch.setitem(variants._MAKERS, "same_start", variants._MAKERS["number"])
    write_task(tmp_path, TASK.replace('"number"', '"same_start"'), rows=[ROWS[0]])
    task = load_task("mine", tmp_path)
    report = check_golds(task, load_examples(task))
    assert (report.golds, report.failing("gold"), report.passed) == (1, 0, False)
    lines = [str(failure) for failure in report.failures]
    assert "mine/0: gold '6', near miss (times 10) '#### 60' is correct, not wrong: by its start" in lines
    assert (
        "mine/0: gold '6', respelling (number words) '#### six' is wrong, not correct: by its start" in lines
    )
    assert len([f for f in report.failures if f.answer == "60"]) == 3  # in each of the three forms
    assert report.failing("near miss") == len({f.answer for f in report.failures if f.kind == "near miss"})
