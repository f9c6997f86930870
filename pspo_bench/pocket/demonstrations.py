"""Worked solutions with good and bad habits, on which the base model is trained.

Purpose: a base that reinforcement learning can sharpen fast. Every line of arithmetic is right in every
demonstration; what is wrong is a choice at a branching point of the text (stop a step early, answer at
once, take the wrong operation, leave out the answer line). Some kinds of problem have a bad habit in most
demonstrations, so that the base is wrong on them even when it decodes greedily. A base with errors of
arithmetic instead cannot be improved in a few dozen steps: see docs/log.md.
Source: written for this project; a pretrained model mixes habits, and RL selects among them.

    >>> habit_weights("pocket_gsm", "wanted")["dropped_step"]
    0.55
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from pspo_bench.pocket.steps import Problem, written


def clean(problem: Problem) -> str:
    """Every step, then the answer line."""
    return problem.solution


def repeated_step(problem: Problem) -> str:
    """Right but long-winded: the last line of working is said twice."""
    return written((*problem.lines, problem.lines[-1]), problem.answer)


def lured(problem: Problem) -> str:
    """The generator's tempting mistake, such as the wrong operation or the distracting number."""
    return written(problem.lure, problem.lure_answer)


def dropped_step(problem: Problem) -> str:
    """The working stops one step early and its last value is given as the answer."""
    if len(problem.steps) < 2:
        return hasty(problem)
    kept = problem.steps[:-1]
    return written(tuple(step.text for step in kept), str(kept[-1].result))


def hasty(problem: Problem) -> str:
    """No working: the last number of the question is given as the answer."""
    return written((), re.findall(r"\d+", problem.question)[-1])


def no_answer_line(problem: Problem) -> str:
    """The working is right, and then no answer is stated."""
    return "\n".join((*problem.lines, "Done."))


HABITS: dict[str, Callable[[Problem], str]] = {
    "clean": clean,
    "repeated_step": repeated_step,
    "lured": lured,
    "dropped_step": dropped_step,
    "hasty": hasty,
    "no_answer_line": no_answer_line,
}

# A problem of a kind named here meets its bad habit in most of the demonstrations; the rest are USUAL.
TEMPTATIONS = {
    ("pocket_gsm", "wanted"): "dropped_step",
    ("pocket_gsm", "shared"): "lured",
    ("pocket_gsm", "priced"): "no_answer_line",
    ("pocket_svamp", "groups"): "lured",
    ("pocket_svamp", "compare"): "no_answer_line",
    ("pocket_asdiv", "ratio"): "lured",
    ("pocket_asdiv", "packing"): "hasty",
    ("pocket_math", "fraction_sum"): "lured",
    ("pocket_math", "midpoint"): "dropped_step",
}
TEMPTED = 0.55
USUAL = {
    "clean": 0.50,
    "repeated_step": 0.06,
    "lured": 0.11,
    "dropped_step": 0.11,
    "hasty": 0.11,
    "no_answer_line": 0.11,
}


def habit_weights(task: str, category: str) -> dict[str, float]:
    """Share of each habit in the demonstrations of one kind of problem; the shares sum to 1."""
    tempting = TEMPTATIONS.get((task, category))
    if tempting is None:
        return dict(USUAL)
    weights = {habit: (1 - TEMPTED) * share / (1 - USUAL[tempting]) for habit, share in USUAL.items()}
    return weights | {tempting: TEMPTED}


def demonstration(rng: random.Random, task: str, problem: Problem) -> str:
    """One solution text, its habit drawn by the weights of the problem's kind."""
    weights = habit_weights(task, problem.category)
    (habit,) = rng.choices(list(weights), weights=list(weights.values()))
    return HABITS[habit](problem)
