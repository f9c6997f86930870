"""What every matcher shares: its result, its context, and the two ways in which it can give up.

def match(gold, answer, context): return Match(gold == answer, "same text")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class Match(NamedTuple):
    """A matcher's decision, with one short clause that says why."""

    equal: bool
    reason: str


class NotAnAnswerError(ValueError):
    """The text cannot be read as what is asked for; the message says what was expected."""


class NeedsSymbolicError(Exception):
    """Exact arithmetic cannot decide; the comparison belongs into a worker process."""


def _undecided(_left: Any, _right: Any) -> bool:
    raise NeedsSymbolicError


@dataclass(frozen=True, slots=True)
class Context:
    """What a matcher may look at beside gold and answer.

    `equal` and `same_equation` compare two formulas (nodes of `formula`), or two equations given as
    (left, right) pairs, symbolically; outside a worker both raise NeedsSymbolicError.
    """

    question: str | None = None
    equal: Callable[[Any, Any], bool] = _undecided
    same_equation: Callable[[Any, Any], bool] = _undecided
