"""The questions and right solutions that the runs of these tests hold."""

from __future__ import annotations


def question(i: int) -> str:
    return f"What is {i + 10} + {i + 3} + {i + 1}?"


def solution(i: int) -> str:
    """Right, in two steps: `10 + 3 = 13`, then `13 + 1 = 14` for the first question."""
    a, b, c = i + 10, i + 3, i + 1
    return (
        f"First {a} + {b} = {a + b}.\nThen {a + b} + {c} = {a + b + c}.\n"
        f"So the answer is {a + b + c}.\n#### {a + b + c}"
    )
