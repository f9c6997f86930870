"""What every matcher shares: its result, its context, and the two ways in which it can give up.

def match(gold, answer, context): return Match(gold == answer, "same text")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
CACHED_CHARS = 200


def remembered(size: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """`lru_cache(size)` for a function of a text, of short texts only: a degenerate policy writes nothing but long
    ones, and the tree of one takes 100 KiB."""

    def decorate(function: Callable[[str], T]) -> Callable[[str], T]:
        known = lru_cache(maxsize=size)(function)

        @wraps(function)
        def remembering(text: str) -> T:
            return known(text) if len(text) <= CACHED_CHARS else function(text)

        return remembering

    return decorate


class Match(NamedTuple):
    """A matcher's decision, with one short clause that says why."""

    equal: bool
    reason: str


class NotAnAnswerError(ValueError):
    """The text cannot be read as what is asked for; the message says what was expected."""


class NeedsSymbolicError(Exception):
    """What can be done in this process cannot decide; the comparison belongs into a worker process."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be from the gold: not at all, unless a task says so in its answer type.

    `decimals`: both are equal once rounded, half away from zero, to so many decimals. `abs_tol`, `rel_tol`: the
    largest difference, and the largest share of the gold.
    """

    decimals: int | None = None
    abs_tol: Fraction | None = None
    rel_tol: Fraction | None = None

    @property
    def is_exact(self) -> bool:
        return self.decimals is None and self.abs_tol is None and self.rel_tol is None

    def accepts(self, gold: Fraction, answer: Fraction) -> bool:
        if gold == answer:
            return True
        difference = abs(gold - answer)
        return (
            (self.decimals is not None and _rounded(gold, self.decimals) == _rounded(answer, self.decimals))
            or (self.abs_tol is not None and difference <= self.abs_tol)
            or (self.rel_tol is not None and difference <= self.rel_tol * abs(gold))
        )


EXACT = Tolerance()


def _rounded(value: Fraction, decimals: int) -> int:
    scaled = abs(value) * 10**decimals + Fraction(1, 2)
    return int(scaled) if value >= 0 else -int(scaled)


@dataclass(frozen=True, slots=True)
class Context:
    """What a matcher may look at beside gold and answer.

    `equal` and `same_equation` compare two formulas (nodes of `formula`), or two equations given as
    (left, right) pairs; they raise NeedsSymbolicError where they cannot tell.
    """

    question: str | None
    equal: Callable[[Any, Any], bool]
    same_equation: Callable[..., bool]
    tolerance: Tolerance = EXACT
