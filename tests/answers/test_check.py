"""Arguments, golds, hostile completions, and the properties of equality."""

from __future__ import annotations

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspo_bench.answers import CheckRow, check, check_many, validate_gold
from pspo_bench.errors import AnswerError
from pspo_bench.records import Status

CODE = "__import__('pathlib').Path('{canary}').touch()"
HOSTILE = [
    "7^{7^{7^{7^7}}}", "(10^{10})!", "100000!!!", "1" * 100_000, "(" * 50_000, "\\boxed{" * 20_000,
    "\\boxed{" * 500 + "7" + "}" * 500, "\\frac{1}{", "\\sqrt[", "x" * 100_000, "answer " * 20_000,
    "answer: " * 20_000, "1 or " * 30_000, "1,234," * 20_000, "{" * 100_000, "$" * 100_000, "-" * 100_000,
    "#### " * 20_000, "####." * 20_000, "\\frac" * 20_000, "x^" * 700, "+".join(["1"] * 700), "1e9999", "10^{9999}",
    "\\sin(10^{4000})", "2^{x^{2^{x}}}", "**1** " * 20_000, "a.m. " * 20_000, "3:" * 30_000, "twenty " * 20_000,
    "!" * 100_000, "\\text{" * 20_000, "\ud800", "\x00" * 1000, "0." + "1" * 900, "lambda: 0", "\\left\\right\\{",
]  # fmt: skip
GOLDS = [
    "18",
    "2\\sqrt{3}+x",
    "Mrs. Hilt",
    "8; 40",
    "3:4",
    "3:30 p.m.",
    "(2,\\infty)",
    "\\{1,2\\}",
    "Yes",
    "9 (apples)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_wrong_in_time_and_harms_no_neighbour(text: str) -> None:
    for gold in GOLDS:
        for completion in (text, f"#### {text}", f"\\boxed{{{text}}}", f"The answer is {text}."):
            started = time.monotonic()
            assert not check(completion, gold, timeout_s=2).correct
            assert time.monotonic() - started < 10
    assert check("\\boxed{\\sqrt{12}+x}", "2\\sqrt{3}+x").correct


def test_model_text_is_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    code = CODE.format(canary=canary)
    for text in (code, f"\\int {code} dx", f"\\sum {code}", f"x + {code}", f"\\binom{{{code}}}{{1}}"):
        for gold in ("x+1", "18", "\\{1,2\\}", "(1,2)"):
            assert not check(f"\\boxed{{{text}}}", gold, timeout_s=2).correct
    assert not canary.exists()


def test_invisible_marks_and_other_digits_are_read() -> None:
    assert check("\u202e#### \u200f18\u202c\x00", "18").correct
    assert check("#### ١٨", "18").correct  # Arabic-Indic digits
    assert check("\\boxed{" * 500 + "7" + "}" * 500, "7").correct


def test_wrong_arguments_are_told_apart() -> None:
    with pytest.raises(TypeError, match="completion must be a str, not NoneType"):
        check(None, "18")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="gold must be a str, not int"):
        check("18", 18)  # type: ignore[arg-type]
    with pytest.raises(AnswerError, match="Unknown answer type 'numbr'.*did you mean 'number'"):
        check("18", "18", "numbr")
    with pytest.raises(AnswerError, match="timeout_s must be a number of seconds above 0"):
        check("18", "18", timeout_s=0)
    with pytest.raises(AnswerError, match="row 1: Gold 'many' cannot be read as answer type 'number'"):
        check_many([("18", "18"), CheckRow("18", "many", "number")])


@pytest.mark.parametrize(
    ("gold", "answer_type"),
    [("", "auto"), ("many", "number"), ("2x", "number"), ("x", "yes_no"), ("1/0:", "ratio"), ("12", "base"),
     ("9_8", "base"), ("noonish", "time"), ("2", "interval"), ("(1,", "tuple"), ("CC", "choice")],
)  # fmt: skip
def test_golds_that_cannot_be_parsed(gold: str, answer_type: str) -> None:
    with pytest.raises(AnswerError):
        validate_gold(gold, answer_type)


RATIONALS = st.fractions(max_denominator=10**6)


@given(RATIONALS, RATIONALS)
def test_two_rationals_are_equal_only_if_they_are(left: Fraction, right: Fraction) -> None:
    assert check(f"#### {left}", str(right), "number").correct == (left == right)


@settings(max_examples=60)
@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(["{}", "{}.", "{}.0", "${}$", "\\({}\\)", "**{}**", "{} apples", " {} "]),
)
def test_noise_changes_nothing(number: int, form: str) -> None:
    for spelled in (str(number), f"{number:,}"):
        assert check(f"#### {form.format(spelled)}", str(number), "number").correct
        assert not check(f"#### {form.format(spelled)}", str(number + 1), "number").correct


def test_plain_numbers_are_fast() -> None:
    rows = [
        (f"16 - 3 = 13 and 13 + {i} = {13 + i}.\n#### {13 + i}", str(13 + i), "number") for i in range(5000)
    ]
    check_many(rows[:10])
    started = time.perf_counter()
    verdicts = check_many(rows)
    assert all(verdict.status is Status.CORRECT for verdict in verdicts)
    # The aim is 20,000 a second; a quarter of it leaves room for a busy machine.
    assert len(rows) / (time.perf_counter() - started) > 5_000


def test_import_is_light() -> None:
    code = "import sys, pspo_bench.answers as a; a.check('#### 18', '18');"
    code += "print('sympy' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("completion", "gold", "status"),
    [
        ("so 9 * 20 = 180.\n#### 18", "18", Status.TRUNCATED),  # the limit may have fallen into 180
        ("#### 18\n#### 18\n#### 1", "18", Status.CORRECT),
        ("The answer is 18", "18", Status.TRUNCATED),
        ("The answer is 18. And", "18", Status.CORRECT),
        ("\\boxed{18}", "18", Status.CORRECT),
    ],
)
def test_an_answer_at_the_token_limit_may_be_half_of_one(completion: str, gold: str, status: Status) -> None:
    assert check(completion, gold, truncated=True).status is status
    assert check(
        completion.replace("#### 1", "#### 18") if status is Status.CORRECT else completion, gold
    ).correct


@pytest.mark.parametrize(
    "answer",
    ["e^{1000}-e^{1000}", "\\frac{1}{e^{1000}}", "\\sin(e^{1000})", "100!\\pi-100!\\pi", "0\\cdot e^{1000}"],
)
def test_no_answer_is_right_for_every_gold(answer: str) -> None:
    """The rounding error of huge numbers must not swallow the difference of any two answers."""
    golds = ("18", "2\\sqrt{3}", "x^2+1", "(1,2)", "[0,5]", "1,2", "9 (apples)", "3.5", "y=2x+1")
    assert not any(check(f"\\boxed{{{answer}}}", gold).correct for gold in golds)
