"""What an audit found: accuracies by grader, their agreement, and the samples on which they differ.

Group(kind="task", name="gsm8k", samples=1319, status={"symbolic": {"correct": 812, "wrong": 507}, ...})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from pspo_bench.records import Status, Verdict

Pattern = tuple[str, ...]
"""The graders that accept a sample, in the order of the audit's graders."""
Pair = tuple[str, str]
"""Two graders, in the order of the audit's graders."""


@dataclass(frozen=True, slots=True)
class Group:
    """The verdicts on all samples, on those of one task, or on those of one run: `kind` is all, task or run.

    `status` counts by grader and status.
    """

    kind: str
    name: str
    samples: int
    status: dict[str, dict[str, int]]

    def accuracy(self, grader: str) -> float | None:
        """Share of the samples that the grader takes for correct, every other status against it; None of no sample."""
        return self.status[grader].get(Status.CORRECT.value, 0) / self.samples if self.samples else None

    @property
    def span(self) -> float | None:
        """Highest less lowest accuracy of the graders: what the choice of grader is worth."""
        shares = [share for grader in self.status if (share := self.accuracy(grader)) is not None]
        return max(shares) - min(shares) if shares else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two graders over the same samples: share of equal decisions, and Cohen's kappa (doi:10.1177/001316446002000104).

    Kappa is None where it is not defined: no samples, or agreement by chance is certain. `answers` counts the samples
    on which both decide the same and both extract an answer, `other_answers` those of them with different answers.
    """

    first: str
    second: str
    share: float | None
    kappa: float | None
    answers: int = 0
    other_answers: int = 0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sample that some graders accept and others do not. Texts are cut; `verdicts` is by grader."""

    run: str
    task: str
    example_id: str
    temperature: float
    sample_index: int
    question: str
    gold: str
    completion_end: str
    accepted_by: Pattern
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class Audit:
    """The result. `patterns` counts all samples by the graders that accept them, `seconds` is wall time by grader;
    `answers` and `other_answers` are those of `Agreement`, by pair.

    `recorded_changes` is the number of samples whose status in the run is not that of `symbolic` today; None where
    `symbolic` was not among the graders. `disagreements` are sorted by run, task, example and sample.
    """

    runs: tuple[str, ...]
    graders: tuple[str, ...]
    groups: tuple[Group, ...]
    patterns: dict[Pattern, int]
    answers: dict[Pair, int]
    other_answers: dict[Pair, int]
    seconds: dict[str, float]
    recorded_changes: int | None
    limit: int | None
    timeout_s: float
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...] = ()

    @property
    def overall(self) -> Group:
        return self.groups[0]

    @property
    def agreements(self) -> list[Agreement]:
        """Every two graders."""
        return [
            replace(
                agreement(*pair, self.patterns),
                answers=self.answers.get(pair, 0),
                other_answers=self.other_answers.get(pair, 0),
            )
            for pair in combinations(self.graders, 2)
        ]

    @property
    def accepted_by_any(self) -> int:
        """Samples that at least one grader accepts."""
        return sum(count for pattern, count in self.patterns.items() if pattern)

    @property
    def accepted_by_all(self) -> int:
        """Samples that every grader accepts."""
        return self.patterns.get(self.graders, 0)

    @property
    def split_patterns(self) -> list[tuple[Pattern, int]]:
        """The patterns in which graders differ, the most frequent first."""
        split = [(p, n) for p, n in self.patterns.items() if 0 < len(p) < len(self.graders)]
        return sorted(split, key=lambda item: (-item[1], item[0]))


def agreement(first: str, second: str, patterns: Mapping[Pattern, int]) -> Agreement:
    """From the counts of samples by accepting graders."""
    cells: Counter[tuple[bool, bool]] = Counter()
    for accepted_by, count in patterns.items():
        cells[first in accepted_by, second in accepted_by] += count
    n = cells.total()
    if n == 0:
        return Agreement(first, second, None, None)
    both, only_first, only_second, neither = (
        cells[key] for key in ((True, True), (True, False), (False, True), (False, False))
    )
    # in whole numbers, so that certain agreement by chance is found exactly
    chance = (both + only_first) * (both + only_second) + (neither + only_first) * (neither + only_second)
    kappa = None if chance == n * n else (n * (both + neither) - chance) / (n * n - chance)
    return Agreement(first, second, (both + neither) / n, kappa)


def examples(audit: Audit, limit: int) -> dict[Pattern, list[Disagreement]]:
    """Up to `limit` disagreements by pattern, taken from the patterns in turn so that each shows one if it can."""
    waiting: dict[Pattern, list[Disagreement]] = {pattern: [] for pattern, _ in audit.split_patterns}
    for row in audit.disagreements:
        waiting[row.accepted_by].append(row)
    share = dict.fromkeys(waiting, 0)
    left = min(limit, len(audit.disagreements))
    while left > 0:
        for pattern in _unfinished(waiting, share)[:left]:
            share[pattern] += 1
            left -= 1
    return {pattern: rows[: share[pattern]] for pattern, rows in waiting.items()}


def _unfinished(
    waiting: Mapping[Pattern, Sequence[Disagreement]], share: Mapping[Pattern, int]
) -> list[Pattern]:
    return [pattern for pattern, rows in waiting.items() if share[pattern] < len(rows)]
