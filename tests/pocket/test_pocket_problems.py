"""Splits, determinism and arithmetic of the pocket tasks."""

import itertools
import re
import subprocess
import sys
from fractions import Fraction

import pytest

from pspo_bench.errors import DataError
from pspo_bench.pocket import SPLITS, TASKS, rows
from pspo_bench.pocket.steps import Step, written

# Two numbers, an operation and its result, as every worked line writes them.
OPERATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def test_steps_by_hand() -> None:
    assert Step(17, "*", 3).text == "17 * 3 = 51"
    assert [Step(12, op, 4).result for op in "+-*/"] == [16, 8, 48, 3]
    assert written(("17 * 3 = 51",), "51") == "17 * 3 = 51\n#### 51"


@pytest.mark.parametrize(
    ("task", "test_rows", "least_train"),
    [
        ("pocket_gsm", 1000, 4000),
        ("pocket_svamp", 500, 1000),
        ("pocket_asdiv", 500, 1000),
        ("pocket_math", 500, 1000),
    ],
)
def test_split_sizes(task: str, test_rows: int, least_train: int) -> None:
    assert len(rows(task, "test")) == test_rows
    assert len(rows(task, "validation")) == 256
    assert len(rows(task, "train")) >= least_train


@pytest.mark.parametrize("task", TASKS)
def test_no_question_twice_in_a_task(task: str) -> None:
    questions = [row["question"] for split in SPLITS for row in rows(task, split)]
    assert len(set(questions)) == len(questions)
    identifiers = [row["id"] for split in SPLITS for row in rows(task, split)]
    assert len(set(identifiers)) == len(identifiers)


def test_same_rows_in_another_process_with_another_hash_seed() -> None:
    code = f"from pspo_bench.pocket import rows; print([rows(t, 'test')[7]['question'] for t in {TASKS!r}])"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {f"{[rows(task, 'test')[7]['question'] for task in TASKS]}\n"}


def test_problems_need_no_torch() -> None:
    code = "import sys, pspo_bench.pocket as p; p.rows('pocket_math', 'test'); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "False\n"


@pytest.mark.parametrize(("task", "split"), list(itertools.product(TASKS, ("train", "test"))))
def test_every_line_of_working_is_right_and_gold_is_the_last_line(task: str, split: str) -> None:
    for row in rows(task, split):
        *lines, last = row["solution"].split("\n")
        assert last == f"#### {row['answer']}", row
        operations = [match for line in lines if (match := OPERATION.fullmatch(line))]
        assert len(operations) == row["difficulty"], row
        for match in operations:
            left, op, right, result = match.groups()
            value = {"+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__"}[op]
            assert getattr(Fraction(left), value)(Fraction(right)) == int(result), row


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


@pytest.mark.parametrize("task", ["pocket_gsm", "pocket_svamp"])
def test_a_number_gold_is_the_result_of_the_last_step(task: str) -> None:
    for row in rows(task, "test"):
        assert row["answer_type"] == "number"
        assert int(row["answer"]) == _numbers(row["solution"].split("\n")[-2])[-1] > 0, row


def test_story_steps_use_the_numbers_of_the_question() -> None:
    """Each operand is in the question, as a number or a word such as `twice`, or is an earlier result."""
    words = {"twice": 2, "double": 2, "three times": 3, "triple": 3}
    for row in rows("pocket_gsm", "test"):
        known = set(_numbers(row["question"])) | {n for word, n in words.items() if word in row["question"]}
        for line in row["solution"].split("\n")[:-1]:
            left, right, result = _numbers(line)
            assert {left, right} <= known, (row, line)
            known.add(result)


def test_ratio_golds_are_the_counts_in_lowest_terms() -> None:
    for row in rows("pocket_asdiv", "test"):
        if row["answer_type"] == "ratio":
            a, b = _numbers(row["question"])[:2]
            assert row["answer"] == str(Fraction(a, b)).replace("/", ":") + (":1" if a % b == 0 else ""), row


def test_yes_no_golds_follow_from_the_prices() -> None:
    for row in rows("pocket_asdiv", "test"):
        if row["answer_type"] == "yes_no":
            money, first, second = _numbers(row["question"])
            assert row["answer"] == ("yes" if first + second <= money else "no"), row


def test_math_golds_recomputed_from_the_question() -> None:
    for row in rows("pocket_math", "test"):
        numbers = _numbers(row["question"])
        minus = "} - \\" in row["question"] or ") - (" in row["question"]
        sign = -1 if minus else 1
        if row["answer_type"] == "expression":
            top, bottom = _numbers(row["answer"])
            a, b, *rest = numbers
            c, d = rest or (0, 1)
            value = (
                Fraction(a, b) * Fraction(c, d)
                if "cdot" in row["question"]
                else Fraction(a, b) + sign * Fraction(c, d)
            )
            # A fraction gold is in lowest terms, so its parts are those of the exact value.
            assert (value.numerator, value.denominator) == (top, bottom), row
        elif row["category"] == "vectors":
            a, b, c, d = numbers
            assert row["answer"] == f"({a + sign * c}, {b + sign * d})", row
        elif row["category"] == "midpoint":
            a, b, c, d = numbers
            assert row["answer"] == f"({(a + c) // 2}, {(b + d) // 2})", row
        else:
            total, x = max(numbers), min(numbers) if numbers[0] == max(numbers) else numbers[0]
            assert row["answer"] == f"({x}, {total - x})", row


def test_unknown_names_say_what_is_known() -> None:
    with pytest.raises(DataError, match="did you mean 'pocket_gsm'"):
        rows("pocket_gms", "test")
    with pytest.raises(DataError, match="known: test, train, validation"):
        rows("pocket_gsm", "dev")
