"""Length and defects of two arms by question and seed, where both have them.

Pooled lengths measure how hard questions are as much as how a model writes: among real solutions shorter ones
are right more often pooled, and not within a question. So what is compared is the log length on the questions
that both solve, of the samples that are correct and were not cut (the length of a cut one is not known). The
figure is about what both can do: questions that one of the two alone solves say nothing in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from pspo_bench.compare.differences import Cell, cell_difference
from pspo_bench.compare.pairing import PairedTask
from pspo_bench.compare.records import Difference
from pspo_bench.results import TaskCounts

Means: TypeAlias = Sequence[float | None]  # one per question; None where there is nothing


def length_difference(pairs: Sequence[PairedTask], level: float) -> Difference | None:
    """The mean over tasks of the mean change in log tokens; `base` and `candidate` are geometric mean
    tokens."""
    found = cell_difference([cell for pair in pairs for cell in _cells(pair, log_lengths)], level)
    if found is None or found.base is None or found.candidate is None:
        return None
    return replace(found, base=math.exp(found.base), candidate=math.exp(found.candidate))


def log_lengths(counts: TaskCounts) -> list[float | None]:
    """By question, the mean log tokens of the samples that are correct and were not cut."""
    return [
        math.fsum(math.log(max(n, 1)) for n in tokens) / len(tokens) if tokens else None
        for tokens in counts.tokens_correct
    ]


def defect_differences(pairs: Sequence[PairedTask], level: float) -> dict[str, Difference]:
    """By metric of single solutions: the mean over the tasks that both sides measured it on."""
    names = dict.fromkeys(name for pair in pairs for name in _measured(pair))
    found = {}
    for name in names:
        having = [pair for pair in pairs if name in _measured(pair)]
        cells = [cell for pair in having for cell in _cells(pair, partial(measure_means, name=name))]
        difference = cell_difference(cells, level)
        if difference is not None:
            found[name] = difference
    return found


def _measured(pair: PairedTask) -> list[str]:
    """The metrics that every seed of both sides has."""
    every = [counts.measures or {} for sides in pair.sides for counts in sides]
    return [name for name in every[0] if all(name in measures for measures in every)]


def measure_means(counts: TaskCounts, name: str) -> list[float | None]:
    """By question, the mean of a metric over the samples to which it applies."""
    found = (counts.measures or {})[name]
    return [total / n if n else None for n, total in zip(found.n, found.total, strict=True)]


def _cells(pair: PairedTask, means: Callable[[TaskCounts], Means]) -> Iterator[Cell]:
    for place, (before, after) in enumerate(pair.sides):
        for question, a, b in zip(pair.ids, means(before), means(after), strict=True):
            if a is not None and b is not None:
                yield Cell(pair.task, question, place, a, b)
