"""Rows find their examples by id, question or the data set's row, and golds must be the task's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.errors import DataError
from pspo_bench.interop import import_run
from pspo_bench.interop.matching import TaskMatcher
from pspo_bench.interop.source import Drawn, SourceRow
from pspo_bench.records import Example
from pspo_bench.tasks import Task

WriteRows = Callable[..., Path]
TASK = Task.model_validate(
    {
        "name": "sums",
        "title": "Sums",
        "license": "MIT",
        "answer_type": "number",
        "columns": {"question": "{Body} {Ask}", "gold": "{answer}", "gold_after": "####", "id": "{key}"},
        "splits": {"test": {}},
    }
)


def example(id: str, question: str, gold: str) -> Example:
    return Example("sums", id, question, gold, "number")


EXAMPLES = [
    example("a", "Ann has 3 pens. How many?", "3"),
    example("b", "Bob has 4 pens. How many?", "4"),
    example("c", "Bob has 4 pens. How many? And Ann?", "7"),
    example("d1", "Say it twice.", "5"),
    example("d2", "Say it twice.", "5"),
    example("d3", "Say it twice.", "6"),
]


def matched(golds: tuple[str, ...] = (), **values: Any) -> str | None:
    """The id of the example that a row with these values finds."""
    matcher = TaskMatcher(TASK, EXAMPLES)
    found = matcher.match(SourceRow("file, line 1", "text", golds, Drawn(), **values))
    matcher.require_all()
    return found.id if found else None


def test_by_id_and_by_question() -> None:
    assert matched(id="b") == "b"
    assert matched(questions=("Ann has  3 pens.\nHow many? ",)) == "a"
    assert matched(id="unknown", questions=("Ann has 3 pens. How many?",)) == "a"


def test_by_the_row_of_the_data_set() -> None:
    fields = {"Body": "Ann has 3 pens.", "Ask": "How many?", "answer": "3 pens\n#### 3", "key": 1}
    assert matched(fields=fields) == "a"
    with pytest.raises(DataError, match="1 rows match no example"):
        matched(fields={"Body": "Ann has 3 pens."})


def test_by_a_prompt_that_holds_the_question() -> None:
    assert matched(questions=("Question: Ann has 3 pens. How many?\nAnswer:",)) == "a"
    # b's question is part of c's, so a prompt with c's holds both, and c's is meant
    assert matched(questions=("Q: Bob has 4 pens. How many? And Ann? A:",)) == "c"
    with pytest.raises(DataError, match="match no example"):  # two different ones: a few-shot prompt
        matched(questions=("Ann has 3 pens. How many? 3. Bob has 4 pens. How many?",))


def test_one_question_twice_is_told_by_id_place_or_gold() -> None:
    assert matched(questions=("Say it twice.",), position=4) == "d2"
    assert matched(questions=("Say it twice.",), fields={"key": "d1"}) == "d1"
    assert matched(("6",), questions=("Say it twice.",)) == "d3"
    with pytest.raises(DataError, match="it may be any of the examples d1, d2, d3; give its id"):
        matched(("5",), questions=("Say it twice.",))


def test_an_id_with_the_question_of_another_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"id 'a' \(there 'Ann has 3 pens. How many\?'\), 'Bob has 4 pens. How many\?'"
    ):
        matched(id="a", questions=("Bob has 4 pens. How many?",))


@pytest.mark.parametrize("gold", ["7", "7.0", " 7 ", "4 + 3 = 7\n#### 7", "So it is \\boxed{7}."])
def test_golds_that_are_the_task_s(gold: str) -> None:
    assert matched((gold,), id="c") == "c"


@pytest.mark.parametrize("gold", ["8", "4 + 3 = 7\n#### 8", "There are 8, not 7"])
def test_golds_that_are_not(gold: str) -> None:
    with pytest.raises(DataError, match="1 rows have another gold than task 'sums': file, line 1: .*has '7'"):
        matched((gold,), id="c")


def test_a_template_reaches_no_attribute() -> None:
    fields = {"Body": "Ann has 3 pens. {0.__class__}", "Ask": "{Body}"}
    with pytest.raises(DataError, match="match no example"):
        matched(fields=fields)


def test_of_many_faults_the_first_are_named(write_rows: WriteRows, tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "question": f"Unheard {i}?", "completion": "4"} for i in range(5)]
    with pytest.raises(DataError, match="5 rows match no example .*'x0'.*'x1'.*'x2'.*; and 2 more"):
        import_run(write_rows(*rows), "pocket_gsm", tmp_path / "run")


def test_rows_of_their_own(write_rows: WriteRows, tmp_path: Path) -> None:
    row = {"question": "What is 2 + 2?", "gold": "2 + 2 = 4\n#### 4", "completion": "4"}
    frame = import_run(write_rows(row), "none", tmp_path / "run").run.frame()
    assert (frame["gold"].item(), frame["status"].item()) == ("4", "correct")
    with pytest.raises(DataError, match="line 1 has neither an id nor a question"):
        import_run(write_rows({"gold": "4", "completion": "4"}), "none", tmp_path / "a")
    with pytest.raises(DataError, match="line 1 has 0 golds, and one is needed; or name a task"):
        import_run(write_rows({"id": 1, "completion": "4"}), "none", tmp_path / "b")
    rows = [{"id": 1, "gold": gold, "completion": "4"} for gold in ("4", "5")]
    with pytest.raises(DataError, match="line 2: example '1' has another question or gold than before"):
        import_run(write_rows(*rows), "none", tmp_path / "c")
