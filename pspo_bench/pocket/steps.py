"""What every generator returns: a problem with its worked steps and one tempting wrong solution.

Purpose: keep question, gold and working in one value, so that none can drift from the others.
Source: the layout of a solution (steps, then `#### answer`) is GSM8K's, https://arxiv.org/abs/2110.14168.

    >>> Step(17, "*", 3).text
    '17 * 3 = 51'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict


class Row(TypedDict):
    """One row of a task, as a data set would hold it."""

    id: str
    question: str
    answer: str
    solution: str
    category: str
    difficulty: int
    answer_type: str


@dataclass(frozen=True)
class Step:
    """One line of working on whole numbers; a division always comes out even."""

    left: int
    op: str
    right: int

    @property
    def result(self) -> int:
        if self.op == "+":
            return self.left + self.right
        if self.op == "-":
            return self.left - self.right
        if self.op == "*":
            return self.left * self.right
        return self.left // self.right

    @property
    def text(self) -> str:
        return f"{self.left} {self.op} {self.right} = {self.result}"


@dataclass(frozen=True)
class Problem:
    """A question, its steps and gold, and a lure: the wrong solution of a careless reader.

    `notes` are lines between the steps and the answer that are not an operation, such as `13 > 12`.
    `lure` holds the lines of that wrong solution, without its answer line, and `lure_answer` its answer.
    """

    question: str
    steps: tuple[Step, ...]
    answer: str
    category: str
    lure: tuple[str, ...]
    lure_answer: str
    answer_type: str = "number"
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The working, without the answer line."""
        return (*(step.text for step in self.steps), *self.notes)

    @property
    def solution(self) -> str:
        return written(self.lines, self.answer)


def written(lines: tuple[str, ...], answer: str) -> str:
    """Working and answer as one text, the answer on a last line `#### answer`."""
    return "\n".join((*lines, f"#### {answer}"))
