"""The metrics of single solutions, by hand."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from pspo_bench.metrics import METRICS, SolutionMetric, solution_metric, solution_metrics
from pspo_bench.metrics.reasoning import Solution, measure
from pspo_bench.metrics.reasoning.form import markers
from pspo_bench.metrics.reasoning.grounding import given_numbers, provenance_of

QUESTION = "Natalia sold 48 clips in April and half as many in May. How many did she sell in all?"
GOOD = "In May she sold 48/2 = 24 clips.\nIn all she sold 48 + 24 = 72 clips.\n#### 72"


def figures(completion: str, question: str | None = QUESTION) -> dict[str, float | None]:
    return measure(Solution.of(completion, question=question))


def test_a_good_solution() -> None:
    found = figures(GOOD)
    expected = {
        "arith_wrong": 0,
        "arith_valid": 1,
        "answer_grounded": 1,
        "ungrounded": 0,
        "provenance": 1,  # 48, 2 (of half), 48, 24
        "question_coverage": 1,  # 48 and half
        "unused": 0,
        "dup_step": 0,
        "dup_equation": 0,
        "loop_tail": 0,
        "format": 1,
        "format_markers": 1,
        "format_bare": 1,
        "format_last_line": 1,
        "format_trailing": 0,
        "format_conflict": 0,
        "language": 0,
        "steps": 3,
        "words": 20,
    }
    assert found == expected


def test_metrics_that_do_not_apply_are_none() -> None:
    found = figures("I do not know.", None)
    none = {name for name, value in found.items() if value is None}
    assert none == {
        "arith_wrong", "arith_valid", "answer_grounded", "ungrounded", "provenance", "question_coverage", "unused",
        "dup_step", "dup_equation", "format_bare", "format_last_line", "format_trailing", "format_conflict",
    }  # fmt: skip
    assert figures("")["format"] is None
    assert figures("")["language"] is None


def test_arithmetic_counts_and_the_first_wrong_step() -> None:
    # right, wrong, wrong, not checkable: 2 of 3 checked are wrong
    text = "48/2 = 24\n\n48 + 24 = 73\n73 * 2 = 150\n2x = 9"
    found = figures(text)
    assert (found["arith_wrong"], found["arith_valid"]) == (2, pytest.approx(1 / 3))
    assert Solution.of(text).first_wrong_step == 2  # the blank line counts
    steps = ["48/2 = 24", "so 48 + 24 =", "73 clips, 73 * 2 = 150"]
    # "48 + 24 =" and "73" stand in two steps, and no statement crosses
    assert Solution.of("", steps=steps).first_wrong_step == 2
    assert Solution.of("48/2 = 24").first_wrong_step is None


def test_operands_from_nowhere() -> None:
    text = "48 * 11 = 528\n528 + 17 = 545\n#### 545"
    found = provenance_of(Solution.of(text, question=QUESTION))
    assert found is not None
    assert [(item.operand.value, item.origin) for item in found] == [
        (48, "question"),
        (11, "nowhere"),
        (528, "earlier"),
        (17, "nowhere"),
    ]
    assert figures(text)["ungrounded"] == 2
    assert figures(text)["provenance"] == 0.5


def test_a_result_counts_only_behind_its_calculation() -> None:
    assert figures("24 + 24 = 48\n48/2 = 24")["ungrounded"] == 2


def test_constants_belong_to_units() -> None:
    hours = "She works 3 hours. How many minutes?"
    assert figures("3 * 60 = 180\n#### 180", hours)["ungrounded"] == 0
    assert figures("3 * 60 = 180\n#### 180", "She buys 3 pens.")["ungrounded"] == 1


def test_what_the_left_side_works_out_may_be_taken_up() -> None:
    # 240 is 4 * 60; 30 and 4 and 60 are given
    question = "A film of 4 minutes and 30 seconds."
    assert figures("4 * 60 + 30 = 240 + 30 = 270", question)["ungrounded"] == 0


@pytest.mark.parametrize(
    ("question", "written"),
    [
        ("She has 3 pens and twenty-five cents", [3, 25]),
        ("two and a half hours", [Fraction(5, 2)]),
        ("20% off, then 1/4 of it", [20, Fraction(1, 4)]),
        ("twice as many", [2]),
        ("two thirds of the class", [Fraction(2, 3)]),
        ("the one who came", []),
    ],
)
def test_numbers_of_a_question(question: str, written: list[int | Fraction]) -> None:
    assert [given.written for given in given_numbers(question)] == written


def test_derived_forms_of_a_number() -> None:
    (percent,) = given_numbers("20% off")
    # as is, as a share, what is left, what is paid
    assert {Fraction(20), Fraction(1, 5), Fraction(4, 5), Fraction(80)} <= percent.values


def test_answer_grounded() -> None:
    assert figures("3 * 4 = 12\n12 + 1 = 13\n#### 12")["answer_grounded"] == 0.5
    assert figures("3 * 4 = 12\n#### 14")["answer_grounded"] == 0
    assert figures("12/48 = 25%\n#### 25")["answer_grounded"] == 1
    assert figures("#### 12")["answer_grounded"] is None


def test_question_coverage() -> None:
    question = "Ann has 3 pens, Bob has 5 and Cid has 7. How many have Ann and Bob?"
    assert figures("3 + 5 = 8\n#### 8", question)["question_coverage"] == pytest.approx(2 / 3)


def test_unused_results() -> None:
    # 96 is idle; 24 is used and 72 is the answer
    assert figures("48/2 = 24\n48 * 2 = 96\n48 + 24 = 72\n#### 72")["unused"] == 1


def test_repetition() -> None:
    text = "1. 3 + 4 = 7\n2. 3 + 4 = 7.\nSo 7 * 2 = 14\n#### 14"
    found = figures(text)
    assert found["dup_step"] == 0.25  # one of four lines but for its number and full stop
    assert found["dup_equation"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("a b c d e f", 0.0),
        ("so we go we go we go", 6 / 7),  # "we go" three times
        ("so we go we go", 0.0),  # a short phrase twice is no loop
        ("x one two three four five six seven eight one two three four five six seven eight", 16 / 17),
        ("no no no no", 1.0),
    ],
)
def test_loops(text: str, share: float) -> None:
    assert figures(text)["loop_tail"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # markers, bare, last line, trailing characters, conflict, format
        ("so 5\n#### 5", (1, 1, 1, 0, 0, 1)),
        (r"so \(\boxed{5}\).", (1, 1, 1, 0, 0, 1)),
        ("#### 5 apples", (1, 0, 1, 0, 0, 0)),
        ("#### 5\nI hope this helps", (1, 1, 0, 17, 0, 0)),
        (r"\boxed{5} and so on", (1, 1, 1, 9, 0, 0)),
        (r"\boxed{5}" + "\n#### 5.0", (2, 1, 1, 0, 0, 0)),
        (r"\boxed{5}" + "\n#### 6", (2, 1, 1, 0, 1, 0)),
        ("The answer is $1,250.", (1, 1, 1, 0, 0, 1)),
    ],
)
def test_format(text: str, expected: tuple[float, ...]) -> None:
    found = figures(text)
    names = ("markers", "bare", "last_line", "trailing", "conflict")
    assert (*(found[f"format_{name}"] for name in names), found["format"]) == expected


def test_marked_answers_may_nest_braces() -> None:
    assert [marker.text for marker in markers(r"\boxed{\frac{1}{2}} <answer> 3 </answer>")] == [
        r"\frac{1}{2}",
        "3",
    ]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("abc", 0.0),
        ("ab 所以", 0.5),
        (r"α + β = \(所以\) naïve", 0.0),  # single Greek letters and maths do not count
        ("да", 1.0),
    ],
)
def test_language(text: str, share: float) -> None:
    assert figures(text)["language"] == share


def test_every_metric_says_what_it_is() -> None:
    for found in solution_metrics():
        assert found.definition
        assert found.source
        assert found.direction in ("higher", "lower", "neither")
        value = found(Solution.of(GOOD, question=QUESTION))
        low, high = found.range
        assert value is not None
        assert low is None or value >= low
        assert high is None or value <= high


def test_a_metric_of_your_own() -> None:
    @solution_metric("test_sighs", definition="sighs", range=(0, None), direction="lower", source="here")
    def sighs(solution: Solution) -> float | None:
        return float(solution.text.count("sigh"))

    try:
        assert isinstance(METRICS.get("test_sighs"), SolutionMetric)
        assert figures("sigh, sigh")["test_sighs"] == 2
    finally:
        del METRICS._items["test_sighs"]


def test_all_metrics_take_a_few_milliseconds() -> None:
    question = QUESTION * 2
    texts = [GOOD.replace("48", str(number)) * 4 for number in range(48, 148)]
    start = time.process_time()
    for text in texts:
        measure(Solution.of(text, question=question))
    # about 5 ms each on an idle core for a text four times as long as a gold solution
    assert (time.process_time() - start) / len(texts) < 0.1


@pytest.mark.parametrize(
    "unit", ["(", "9^", "####", r"\boxed{", "answer is ", "a b ", "$", "1 = ", "所", "3 + 4 = 7\n"]
)
def test_hostile_text_is_bounded(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    start = time.process_time()
    measure(Solution.of(text, question=text))
    assert time.process_time() - start < 30  # 0.1 to 4 s on an idle core
