"""Canaries asked: how many of each the judge passes.

rates = rubric_rates(judge, bases(items, 8))
rates[0]                    # CanaryRate(name="empty", passed=8, asked=8)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pspo_bench.judge.calls import Call, Judge, Reply
from pspo_bench.judge.canaries import CANARIES, LOSES, TIES, Base, Canary, Planted, fields, planted
from pspo_bench.judge.data import harmless
from pspo_bench.judge.prompts import ARENA, RUBRIC
from pspo_bench.judge.reply import FIRST, SECOND, TIE


@dataclass(frozen=True, slots=True)
class CanaryRate:
    """How many of the canaries of one name passed. Invalid replies do not pass; those not asked are not counted."""

    name: str
    passed: int
    asked: int

    @property
    def rate(self) -> float | None:
        return self.passed / self.asked if self.asked else None


def _clean(base: Base, cap: int) -> str:
    return harmless(base.text, cap // 3).text  # as `planted` has it


# Graded


def _graded(found: Sequence[Base], cap: int) -> list[Planted]:
    return [one for one in planted(found, cap) if one.canary.graded is not None]


def rubric_calls(found: Sequence[Base], cap: int) -> list[Call]:
    """The clean solutions, then their canaries."""
    clean = [Call(fields(base, cap, solution=_clean(base, cap))) for base in found]
    return clean + [Call(fields(found[one.base], cap, solution=one.text)) for one in _graded(found, cap)]


def rubric_rates(judge: Judge, found: Sequence[Base]) -> list[CanaryRate]:
    """Ask for grades of the canaries and of the clean solutions; the rate of each canary."""
    cap = judge.settings.max_chars
    replies = judge.ask(RUBRIC, rubric_calls(found, cap))
    clean, rest = replies[: len(found)], replies[len(found) :]
    passed: dict[str, list[bool]] = {}
    for one, reply in zip(_graded(found, cap), rest, strict=True):
        if reply.asked and clean[one.base].asked:
            verdict = _grade_passes(one.canary, reply, clean[one.base])
            passed.setdefault(one.canary.name, []).append(verdict)
    return _rates(passed, [canary for canary in CANARIES if canary.graded is not None])


def _grade_passes(canary: Canary, reply: Reply[dict[str, int]], clean: Reply[dict[str, int]]) -> bool:
    if reply.value is None or clean.value is None or canary.graded is None:
        return False
    return canary.graded(reply.value, clean.value)


# Compared


def arena_calls(found: Sequence[Base], cap: int) -> list[Call]:
    """Each canary against its clean solution, first in front of it and then behind."""
    calls = []
    for one in planted(found, cap):
        base, clean = found[one.base], _clean(found[one.base], cap)
        calls.append(Call(fields(base, cap, solution_1=one.text, solution_2=clean), order=0))
        calls.append(Call(fields(base, cap, solution_1=clean, solution_2=one.text), order=1))
    return calls


def arena_rates(judge: Judge, found: Sequence[Base]) -> list[CanaryRate]:
    """Compare the canaries with the clean solutions, in both orders; the rate of each canary."""
    cap = judge.settings.max_chars
    replies = judge.ask(ARENA, arena_calls(found, cap))
    passed: dict[str, list[bool]] = {}
    for one, before, behind in zip(planted(found, cap), replies[::2], replies[1::2], strict=True):
        if before.asked and behind.asked:
            verdict = _comparison_passes(one.canary.compared, before.value, behind.value)
            passed.setdefault(one.canary.name, []).append(verdict)
    return _rates(passed, CANARIES)


def _comparison_passes(wanted: str, before: str | None, behind: str | None) -> bool:
    """From the winners with the canary before and behind the clean text. Invalid replies (None) pass nothing."""
    if before is None or behind is None:
        return False
    if wanted == TIES:
        return before == behind == TIE
    if wanted == LOSES:
        return before == SECOND and behind == FIRST
    return before != FIRST and behind != SECOND


def _rates(passed: Mapping[str, Sequence[bool]], canaries: Sequence[Canary]) -> list[CanaryRate]:
    return [
        CanaryRate(canary.name, sum(passed.get(canary.name, ())), len(passed.get(canary.name, ())))
        for canary in canaries
    ]
