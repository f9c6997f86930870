"""Which answer is taken from a completion, and by which extractor."""

from __future__ import annotations

import pytest

from pspo_bench.answers import check, extract
from pspo_bench.errors import AnswerError
from pspo_bench.records import Status

STATED = [
    ("2 + 2 = 4\n#### 4", "4", "hash"),
    ("#### 4\nNo wait.\n#### 5", "5", "hash"),
    ("####\n#### 4\n####", "4", "hash"),
    ("#### $18<|im_end|>", "$18", "hash"),
    (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}", "boxed"),
    (r"\boxed{1} then \boxed{2}", "2", "boxed"),
    (r"roots \boxed{1}, \boxed{-2}", "1, -2", "boxed"),
    (r"\boxed{1} or \boxed{2}", "1 or 2", "boxed"),
    (r"\fbox{7}", "7", "boxed"),
    (r"\boxed5", "5", "boxed"),
    (r"\boxed{\text{a } \{b\}}", r"\text{a } \{b\}", "boxed"),
    (r"\boxed{3} but the answer is 4.", "4", "answer_is"),
    (r"The answer is 4. Check: \boxed{5}", "5", "boxed"),
    ("The answer is $18.00.", "$18.00", "answer_is"),
    ("**Answer:** 18", "18", "answer_is"),
    ("Final Answer\n\n18", "18", "answer_is"),
    ("The final answer is: $\\frac{3}{4}$. I hope it is correct.", "$\\frac{3}{4}$", "answer_is"),
    ("The answer is Mrs. Hilt. She has more.", "Mrs. Hilt", "answer_is"),
    ("The answer is 3:30 p.m. on Monday.", "3:30 p.m. on Monday", "answer_is"),
    ("The answer is 5 because 2 + 3 = 5", "5", "answer_is"),
    (r"\boxed{6}. So my answer is correct.", "6", "boxed"),
]
UNSTATED = [
    ("She has 16 - 7 = 9 eggs left.", "9", "last_sentence"),
    ("It costs $1,234.50 in all.", "$1,234.50", "last_sentence"),
    ("That is 20% of them.", "20%", "last_sentence"),
    ("so it is 7 or 8 or 9.", "7 or 8 or 9", "last_number"),
    ("She eats 3/4 of the pie", "3/4", "last_sentence"),
    (
        "12 * 20 = 240.\nSo he earns $240 in 12 hours.",
        "$240",
        "last_sentence",
    ),  # 240 was worked out, 12 was given
    ("He is 5 feet 6 inches tall.", "5 feet 6 inches", "last_sentence"),
    ("It ended at 2:30.", "2:30", "last_sentence"),
    ("The area is 48 m^2.", "48 m^2", "last_sentence"),
    ("Adding up:\n**42**", "42", "bold"),
    ("2 * 9:\n= 18", "= 18", "last_line"),
]


@pytest.mark.parametrize(("completion", "text", "method"), STATED + UNSTATED)
def test_extraction(completion: str, text: str, method: str) -> None:
    assert extract(completion) == (text, method)


def test_nothing_to_extract() -> None:
    assert extract("") is None
    assert extract("I do not know.") is None
    assert check("I do not know.", "18").status is Status.NO_ANSWER


def test_scorings_differ_on_the_same_text() -> None:
    text = "#### 4\nThe answer is 5. There were 6 of them."
    assert extract(text, "symbolic") == ("5", "answer_is")
    assert extract(text, "strict") == ("4", "hash")
    assert extract(text, "flexible") == ("6", "last_number")
    assert extract(text, "paper") == ("4", "hash")
    assert extract("it is 6", "strict") is None


def test_paper_scoring_keeps_the_published_faults() -> None:
    assert check(r"it is \frac{1}{4}", r"\frac{3}{4}", scoring="paper").correct  # both end in 4
    assert not check("it is 3/4", r"\frac{3}{4}", scoring="paper").correct  # 0.75 against 4
    assert check("#### 5\n#### 6", "5", scoring="paper").correct  # the first ####
    assert check("it is 18.0000009", "18", scoring="paper").correct  # |9e-7| <= 1e-6
    assert check("it is 18.000017", "18", scoring="paper").correct  # 1.7e-5 <= 1e-6 * 18: relative too
    assert not check("it is 18.000019", "18", scoring="paper").correct
    assert check("#### 5%", "0.05", scoring="paper").correct  # % divides by 100
    assert extract("#### 5 apples, then 7", "paper") == (
        "7",
        "last_number",
    )  # the rest of the line is no number


def test_truncation_spares_stated_answers_only() -> None:
    assert check("16 - 7 = 9", "9", truncated=True).status is Status.TRUNCATED
    assert check("", "9", truncated=True).status is Status.TRUNCATED
    assert check("#### 9\nand", "9", truncated=True).status is Status.CORRECT
    assert check("#### 8\nand", "9", truncated=True).status is Status.WRONG


def test_unknown_scoring_is_named() -> None:
    with pytest.raises(AnswerError, match="Unknown scoring 'sumbolic'.*did you mean 'symbolic'"):
        extract("1", "sumbolic")
