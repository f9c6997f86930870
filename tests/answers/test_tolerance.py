"""Rounding rules that a task declares behind the answer type; without one every comparison is exact."""

from __future__ import annotations

import pytest

from pspo_bench.answers import check
from pspo_bench.errors import AnswerError


@pytest.mark.parametrize(
    ("gold", "answer_type", "answer", "right"),
    [
        ("3.14", "number", "3.14159", False),
        ("3.14", "number[decimals=2]", "3.14159", True),
        ("3.14", "number[decimals=2]", "3.135", True),  # half goes away from zero
        ("3.14", "number[decimals=2]", "3.1349", False),
        ("-3.14", "number[decimals=2]", "-3.135", True),
        ("3.14", "number[decimals=2]", "3.1", False),
        ("1/3", "number[decimals=2]", "0.33", True),
        ("100", "number[abs_tol=0.5]", "100.5", True),
        ("100", "number[abs_tol=0.5]", "100.51", False),
        ("200", "auto[rel_tol=1e-2]", "198", True),
        ("200", "auto[rel_tol=1/100]", "197.9", False),
        ("\\sqrt{2}", "expression[decimals=2]", "1.41", True),
        ("\\sqrt{2}", "expression[decimals=2]", "1.42", False),
        ("\\frac{\\pi}{4}", "auto[abs_tol=0.001]", "0.785", True),
        ("(1,\\sqrt{2})", "tuple[decimals=1]", "(1, 1.4)", True),
        ("(1,\\sqrt{2})", "tuple[decimals=1]", "(1.4, 1)", False),
        ("1.5 hours", "unit[abs_tol=0.1]", "93 minutes", True),  # 1.55 hours
        ("1.5 hours", "unit[abs_tol=0.1]", "97 minutes", False),
    ],
)
def test_rules(gold: str, answer_type: str, answer: str, right: bool) -> None:
    assert check(f"\\boxed{{{answer}}}", gold, answer_type).correct is right


@pytest.mark.parametrize(
    ("answer_type", "message"),
    [
        ("number[decimal=2]", r"Unknown rounding rule 'decimal' in answer type .*did you mean 'decimals'"),
        ("number[decimals=x]", r"is not of the form name or name\[rule=value\]"),
        ("number[decimals=1.5]", "'1.5' is not a number"),
        ("number[abs_tol=-1]", "must not be negative"),
        ("numbr[abs_tol=1]", "Unknown answer type 'numbr'"),
    ],
)
def test_wrong_rules_are_told(answer_type: str, message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        check("#### 1", "1", answer_type)
