"""What a solution says twice, and what it cannot stop saying."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence

from pspo_bench.metrics.reasoning.solution import Solution
from pspo_bench.metrics.registry import solution_metric

ROSCOE = "https://arxiv.org/abs/2212.07919"  # "repetition", section 4
HERE = "pspo_bench.metrics.reasoning.repetition"
TAIL_WORDS = 5_000
"""The end of a text in which a loop is looked for."""
MIN_PERIODS = 3
LONG_PERIOD = 8
"""A period of so many words is a loop when it is said twice."""


@solution_metric(
    "dup_step",
    definition="Share of the steps (lines; sentences of a single line) that repeat an earlier one but for case, spaces "
    "and punctuation; None for fewer than two.",
    range=(0, 1),
    direction="lower",
    source=ROSCOE,
)
def dup_step(solution: Solution) -> float | None:
    return _repeats([_plain(piece) for piece in solution.pieces])


def _plain(piece: str) -> str:
    """The words and figures of a step, without the number that it may begin with ("2. ", "Step 2:")."""
    return " ".join(_WORDS.findall(_COUNTER.sub("", piece).lower()))


_WORDS = re.compile(r"[^\W_]+|[-+*/=×÷<>%]")
_COUNTER = re.compile(r"^\s*(?:[#*-]+\s*)?(?:step\s*)?[0-9]{1,3}\s*[.:)]\s+", re.IGNORECASE)


@solution_metric(
    "dup_equation",
    definition="Share of the arithmetic statements with the operands and result of an earlier one; None for fewer than "
    "two.",
    range=(0, 1),
    direction="lower",
    source=ROSCOE,
)
def dup_equation(solution: Solution) -> float | None:
    worked = [s for s in solution.statements if s.operands]
    return _repeats([(tuple(operand.value for operand in s.operands), s.right_value) for s in worked])


def _repeats(items: Sequence[Hashable]) -> float | None:
    return None if len(items) < 2 else 1 - len(set(items)) / len(items)


@solution_metric(
    "loop_tail",
    definition=f"Share of the words that lie in the longest tail which repeats itself: {MIN_PERIODS} times, twice from "
    f"{LONG_PERIOD} words on; None for a text without words. Only the last {TAIL_WORDS:,} words are looked at.",
    range=(0, 1),
    direction="lower",
    source=HERE,
)
def loop_tail(solution: Solution) -> float | None:
    words = solution.text.split()[-TAIL_WORDS:]
    return _longest_loop(words) / len(words) if words else None


def _longest_loop(words: Sequence[str]) -> int:
    """How many of the last words repeat with a period: linear, by the Z-function of the reversed text
    (Gusfield 1997, Algorithms on Strings, 1.4)."""
    longest = 0
    for period, shared in enumerate(_z(words[::-1])):
        length = period + shared
        if period and length >= period * (2 if period >= LONG_PERIOD else MIN_PERIODS):
            longest = max(longest, length)
    return longest


def _z(items: Sequence[str]) -> Iterable[int]:
    """For every place how many items from there on equal those from the start on."""
    shared = [0] * len(items)
    left = right = 0
    for at in range(1, len(items)):
        if at < right:
            shared[at] = min(right - at, shared[at - left])
        while at + shared[at] < len(items) and items[shared[at]] == items[at + shared[at]]:
            shared[at] += 1
        if at + shared[at] > right:
            left, right = at, at + shared[at]
    return shared
