"""One solution with what the metrics share: its steps, arithmetic and final answer, each worked out once.

>>> Solution.of("2 + 2 = 5\\nSo the answer is 5.").first_wrong_step
0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from pspo_bench.answers import Extraction, extract
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.quantity import read_quantity
from pspo_bench.metrics.arithmetic import Findings, State, Statement, find
from pspo_bench.metrics.registry import SolutionMetric, solution_metrics

SEPARATOR = "\n"
MAX_ANSWER_CHARS = 200


@dataclass(frozen=True)
class Solution:
    """The text of a solution, the places (start, end) of its steps in it, and the question where it is known.

    Steps are those that were given, else the lines of the completion, blank ones included.
    """

    text: str
    steps: tuple[tuple[int, int], ...]
    question: str | None = None
    given_steps: bool = False

    @classmethod
    def of(
        cls, completion: str, *, question: str | None = None, steps: Sequence[str] | None = None
    ) -> Solution:
        """A solution; where `steps` are given they are its text, and no statement crosses from one into the next."""
        parts = completion.split(SEPARATOR) if steps is None else list(steps)
        text = completion if steps is None else SEPARATOR.join(parts)
        places, at = [], 0
        for part in parts:
            places.append((at, at + len(part)))
            at += len(part) + len(SEPARATOR)
        return cls(text, tuple(places), question, steps is not None)

    @cached_property
    def findings(self) -> Findings:
        return find(self.text, self.steps if self.given_steps else None)

    @property
    def statements(self) -> tuple[Statement, ...]:
        return self.findings.statements

    @cached_property
    def checked(self) -> tuple[Statement, ...]:
        """The statements that could be checked."""
        return tuple(s for s in self.statements if s.status is not State.UNCHECKABLE)

    @cached_property
    def first_wrong_step(self) -> int | None:
        """The index of the first step in which a wrong statement ends, from 0; None if there is none."""
        wrong = [self.step_of(s.end) for s in self.statements if s.status is State.WRONG]
        return min(wrong, default=None)

    def step_of(self, end: int) -> int:
        """The step in which the place before `end` lies."""
        low, high = 0, len(self.steps) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if end <= self.steps[middle][1] else (middle + 1, high)
        return low

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The steps that hold words; of a text in one line its sentences."""
        found = [self.text[start:end] for start, end in self.steps]
        if len(found) == 1 and not self.given_steps:
            found = _SENTENCE_END.split(found[0])
        return tuple(piece for piece in found if any(map(str.isalnum, piece)))

    @cached_property
    def answer(self) -> Extraction | None:
        """The final answer as written."""
        return extract(self.text)

    @cached_property
    def answer_value(self) -> Fraction | None:
        """The final answer where it is one number."""
        return number_of(self.answer.text) if self.answer else None


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def number_of(text: str) -> Fraction | None:
    """The value of an answer that is one number, with or without a unit."""
    if len(text) > MAX_ANSWER_CHARS:
        return None
    try:
        return read_quantity(text).value
    except NotAnAnswerError:
        return None


def measure(solution: Solution, metrics: Iterable[SolutionMetric] | None = None) -> dict[str, float | None]:
    """Every metric of single solutions by name, or those of `metrics`; None where one does not apply."""
    return {metric.name: metric(solution) for metric in (solution_metrics() if metrics is None else metrics)}
