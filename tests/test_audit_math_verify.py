"""The grader `math-verify`: the library as it is, in processes that can be killed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from pspo_bench.answers import CheckRow
from pspo_bench.audit.verifier import MathVerify
from pspo_bench.audit.verify_worker import gold_text
from pspo_bench.records import Status, Verdict

HANG = "$9^{9^{9^{9}}}$"  # SymPy starts to write the number out


@pytest.fixture(scope="module")
def grade() -> Iterator[MathVerify]:
    with MathVerify(timeout_s=1.0) as made:
        yield made


def one(grade: MathVerify, completion: str, gold: str, truncated: bool = False) -> Verdict:
    (verdict,) = grade([CheckRow(completion, gold, truncated=truncated)])
    return verdict


@pytest.mark.parametrize(
    ("gold", "read", "is_latex"),
    [
        ("1,234", "1,234", False),
        ("9 (apples)", "9 (apples)", False),
        ("-51.0", "-51.0", False),
        (r"\frac{3}{4}", r"$\frac{3}{4}$", True),
        ("(3,4]", "$(3,4]$", True),
        ("5x", "$5x$", True),
        (r"\$18", r"$\$18$", True),
        ("$x+1$", "$x+1$", True),
    ],
)
def test_a_gold_that_is_no_number_is_put_where_the_library_reads_latex(
    gold: str, read: str, is_latex: bool
) -> None:
    assert gold_text(gold) == (read, is_latex)


@pytest.mark.parametrize(
    ("completion", "gold", "status", "extracted"),
    [
        ("so it is $0.75$", r"\frac{3}{4}", Status.CORRECT, "0.75"),
        (r"\boxed{\frac{1}{4}}", r"\frac{3}{4}", Status.WRONG, r"\frac{1}{4}"),
        ("it is $(3,4]$", "(3,4]", Status.CORRECT, "(3,4]"),
        ("The answer is 1,234 apples.", "1234", Status.CORRECT, "1234"),
        ("I do not know.", "18", Status.NO_ANSWER, None),
        ("The answer is $18", "", Status.ERROR, None),
    ],
)
def test_verdicts(
    grade: MathVerify, completion: str, gold: str, status: Status, extracted: str | None
) -> None:
    verdict = one(grade, completion, gold)
    assert (verdict.status, verdict.extracted) == (status, extracted)


def test_the_library_takes_ten_per_cent_for_ten(grade: MathVerify) -> None:
    # the known fault that the audit is there to show: the grader must not be kinder or stricter than the library
    assert one(grade, "The answer is $10\\%$.", "10").correct


def test_a_cut_completion_without_an_answer_is_truncated(grade: MathVerify) -> None:
    assert one(grade, "Let us see", "18", truncated=True).status is Status.TRUNCATED
    assert one(grade, "The answer is 18", "18", truncated=True).correct


def test_a_hang_costs_one_timeout_and_not_its_neighbours(grade: MathVerify) -> None:
    rows = [CheckRow(text, "18") for text in ("#### 18", HANG, "#### 18", "#### 17")]
    statuses = [verdict.status for verdict in grade(rows)]
    assert statuses == [Status.CORRECT, Status.TIMEOUT, Status.CORRECT, Status.WRONG]


@pytest.mark.slow
def test_the_limit_of_the_library_itself_is_a_timeout_too() -> None:
    with MathVerify(timeout_s=30.0) as grade:
        verdict = one(grade, HANG, "18")
    assert verdict.status is Status.TIMEOUT
    assert verdict.reason == "Math-Verify reached its own time limit"


def test_it_works_outside_of_the_main_thread(grade: MathVerify) -> None:
    verdicts: list[Verdict] = []
    thread = threading.Thread(target=lambda: verdicts.append(one(grade, "$\\frac12$", "0.5")))
    thread.start()
    thread.join(60)
    assert [verdict.correct for verdict in verdicts] == [True]


def test_close_ends_the_processes() -> None:
    grade = MathVerify(workers=2)
    grade([CheckRow("#### 1", "1")] * 8)
    pids = grade._pool.pids()
    assert 1 <= len(pids) <= 2
    grade.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
