"""The four pocket tasks as rows: procedural, seeded, the same on every machine.

Purpose: data for training and evaluation that needs no network and that nobody can have memorised.
Source: the kinds of question follow GSM8K (2110.14168), SVAMP (2103.07191), ASDiv (2106.15772) and
MATH (2103.03874); every sentence is written for this project.

    >>> row = rows("pocket_gsm", "test")[0]
    >>> row["solution"].splitlines()[-1] == "#### " + row["answer"]
    True
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from functools import cache

from pspo_bench.errors import DataError, unknown
from pspo_bench.pocket.latex import latex_problem
from pspo_bench.pocket.phrasings import phrased_problem
from pspo_bench.pocket.steps import Problem, Row
from pspo_bench.pocket.stories import story_problem
from pspo_bench.pocket.variations import distractor_problem

GENERATORS: dict[str, Callable[[random.Random], Problem]] = {
    "pocket_gsm": story_problem,
    "pocket_svamp": distractor_problem,
    "pocket_asdiv": phrased_problem,
    "pocket_math": latex_problem,
}
TASKS = tuple(GENERATORS)
SPLITS = ("train", "validation", "test")
# In the order drawn: a short split is made without the long one, and more training rows change no other.
SIZES = {
    "pocket_gsm": {"test": 1000, "validation": 256, "train": 6000},
    "pocket_svamp": {"test": 500, "validation": 256, "train": 1500},
    "pocket_asdiv": {"test": 500, "validation": 256, "train": 1500},
    "pocket_math": {"test": 500, "validation": 256, "train": 1500},
}


def rows(task: str, split: str) -> list[Row]:
    """All rows of one split of one task, in a fixed order.

    Raises:
        DataError: the task or the split is unknown.
    """
    if task not in GENERATORS:
        raise DataError(unknown("pocket task", task, TASKS))
    if split not in SPLITS:
        raise DataError(unknown("split", split, SPLITS, where=task))
    return [_row(f"{task}-{split}-{i}", problem) for i, problem in enumerate(problems(task, split))]


def problems(task: str, split: str) -> tuple[Problem, ...]:
    """One split of a task; no question is in two splits nor twice in one."""
    sizes = SIZES[task]
    start = sum(sizes[earlier] for earlier in itertools.takewhile(split.__ne__, sizes))
    return _first(task, start + sizes[split])[start:]


@cache
def _first(task: str, count: int) -> tuple[Problem, ...]:
    """The first problems of a task; the splits follow one another in them."""
    return tuple(itertools.islice(_distinct(stream(task, seed="splits")), count))


def stream(task: str, seed: str) -> Iterator[Problem]:
    """Endless problems of a task; a question may come again."""
    # A text seed is hashed with SHA-512 by random.Random: the same in every process, unlike hash().
    rng = random.Random(f"{task}/{seed}")
    while True:
        yield GENERATORS[task](rng)


def _distinct(drawn: Iterator[Problem]) -> Iterator[Problem]:
    seen: set[str] = set()
    for problem in drawn:
        if problem.question not in seen:
            seen.add(problem.question)
            yield problem


def _row(identifier: str, problem: Problem) -> Row:
    return Row(
        id=identifier,
        question=problem.question,
        answer=problem.answer,
        solution=problem.solution,
        category=problem.category,
        difficulty=len(problem.steps),
        answer_type=problem.answer_type,
    )
