"""Two arms → the same questions and seeds of both, in the same order.

    for pair in paired_tasks(base, candidate):
        before, after = pair.accuracy()          # (seeds, questions) each

Seeds are paired by their number, as both arms then saw the same prompts in the same order. A model that was
not trained has one set of weights, which is held against every seed of the other. Where two trained arms
share no seed, their seeds are independent and may be paired in any order: they are in that of their numbers,
as many as both have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pspo_bench.results import Arm, Measured, Member, TaskCounts
from pspo_bench.stats import Floats


@dataclass(frozen=True, slots=True)
class PairedTask:
    """One task: for each pair of seeds the counts of base and candidate, on the questions `ids` and in their
    order.

    `left_out` is the number of questions that some side or seed was not asked.
    """

    task: str
    seeds: tuple[int | None, ...]
    ids: tuple[str, ...]
    left_out: int
    sides: tuple[tuple[TaskCounts, TaskCounts], ...]

    @property
    def temperature(self) -> float:
        return self.sides[0][0].temperature

    def accuracy(self) -> tuple[Floats, Floats]:
        """The share correct of each question, base and candidate  (seeds, questions) each."""
        return self._shares(lambda counts: counts.correct)

    def truncation(self) -> tuple[Floats, Floats]:
        """The share of each question's samples that were cut  (seeds, questions) each."""
        return self._shares(lambda counts: counts.truncated)

    def flips(self) -> tuple[int, int]:
        """How many questions, over seeds, the candidate alone and the base alone solves."""
        before, after = (share > 0.5 for share in self.accuracy())
        return int((after & ~before).sum()), int((before & ~after).sum())

    def labels(self, kind: str) -> list[str | None]:
        """The `categories` or `difficulties` of the questions, from whichever side has them."""
        found = [getattr(counts, kind) for pair in self.sides for counts in pair]
        known: list[list[str | None]] = [labels for labels in found if labels is not None]
        return known[0] if known else [None] * len(self.ids)

    def _shares(self, counted: Callable[[TaskCounts], list[int]]) -> tuple[Floats, Floats]:
        def side(which: int) -> Floats:
            rows = [np.asarray(counted(pair[which])) / np.asarray(pair[which].samples) for pair in self.sides]
            return np.stack(rows).astype(np.float64)

        return side(0), side(1)


def paired_members(base: Arm, candidate: Arm) -> list[tuple[Member, Member]]:
    """The pairs of seeds; see the head of the module."""
    if _untrained(base):
        return [(base.members[0], member) for member in candidate.members]
    if _untrained(candidate):
        return [(member, candidate.members[0]) for member in base.members]
    by_seed = {member.seed: member for member in candidate.members}
    shared = [(member, by_seed[member.seed]) for member in base.members if member.seed in by_seed]
    return shared or list(zip(base.members, candidate.members, strict=False))


def _untrained(arm: Arm) -> bool:
    return len(arm.members) == 1 and arm.members[0].seed is None


def paired_tasks(base: Arm, candidate: Arm) -> list[PairedTask]:
    """The tasks of which both arms were asked some questions, in the base's order."""
    members = paired_members(base, candidate)
    names = dict.fromkeys(task for before, _ in members for task in before.scores)
    found = (_paired(task, members) for task in names)
    return [pair for pair in found if pair is not None]


def _paired(task: str, members: Sequence[tuple[Member, Member]]) -> PairedTask | None:
    both = [pair for pair in members if all(task in member.scores for member in pair)]
    if not both:
        return None
    sides = [(before.scores[task], after.scores[task]) for before, after in both]
    asked = [_asked(counts) for pair in sides for counts in pair]
    ids = tuple(example for example in asked[0] if all(example in other for other in asked))
    if not ids:
        return None
    every = {example for some in asked for example in some}
    return PairedTask(
        task=task,
        seeds=tuple(before.seed if after.seed is None else after.seed for before, after in both),
        ids=ids,
        left_out=len(every) - len(ids),
        sides=tuple((only(before, ids), only(after, ids)) for before, after in sides),
    )


def _asked(counts: TaskCounts) -> dict[str, int]:
    return {example: n for example, n in zip(counts.example_ids, counts.samples, strict=True) if n}


def only(counts: TaskCounts, ids: Sequence[str]) -> TaskCounts:
    """`counts` of the questions `ids`, in this order."""
    place = {example: i for i, example in enumerate(counts.example_ids)}
    places = [place[example] for example in ids]

    def picked(values: list[Any]) -> list[Any]:
        return [values[i] for i in places]

    columns = {f.name: getattr(counts, f.name) for f in fields(counts)}
    kept: dict[str, Any] = {
        name: picked(values) for name, values in columns.items() if isinstance(values, list)
    }
    if counts.measures is not None:
        kept["measures"] = {
            name: Measured(picked(one.n), picked(one.total)) for name, one in counts.measures.items()
        }
    return replace(counts, **kept)
