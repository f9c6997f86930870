"""pocket_svamp: one-step word problems with a number that plays no part.

Purpose: transfer; the model must pick the numbers that the question is about.
Source: the idea of SVAMP (https://arxiv.org/abs/2103.07191); the sentences are written for this project.

    >>> len(distractor_problem(random.Random(0)).steps)
    1
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pspo_bench.pocket.steps import Problem, Step
from pspo_bench.pocket.words import BAGS, THINGS, Person, capital, people

GETS = ("buys {n} more {x}", "finds {n} {x}", "gets {n} {x} from {friend}", "picks up {n} {x}")
GIVES = ("gives {n} {x} to {friend}", "loses {n} {x}", "sells {n} {x}", "throws {n} {x} away")


@dataclass(frozen=True)
class Cast:
    """Who takes part, the thing asked about (x) and the thing that only distracts (y)."""

    hero: Person
    friend: Person
    x: str
    y: str
    bags: str

    def tell(self, text: str, **numbers: int) -> str:
        return text.format(
            name=self.hero.name,
            they=self.hero.they,
            They=capital(self.hero.they),
            friend=self.friend.name,
            x=self.x,
            y=self.y,
            bags=self.bags,
            **numbers,
        )


def distractor_problem(rng: random.Random) -> Problem:
    """One problem; its lure takes the distracting number for one of the two that count."""
    hero, friend = people(rng, 2)
    x, y = rng.sample(THINGS, 2)
    cast = Cast(hero, friend, x, y, rng.choice(BAGS))
    return rng.choice((_change, _groups, _apart, _together))(rng, cast)


def _problem(cast: Cast, text: str, step: Step, lured: Step, category: str) -> Problem:
    return Problem(
        question=text,
        steps=(step,),
        answer=str(step.result),
        category=category,
        lure=(lured.text,),
        lure_answer=str(lured.result),
    )


def _change(rng: random.Random, cast: Cast) -> Problem:
    """Some things come or go; the other kind, which nobody asks about, is mentioned too."""
    gains = rng.random() < 0.5
    start = rng.randint(5, 20)
    n = rng.randint(2, 20) if gains else rng.randint(2, start - 1)
    other = _other_than(rng, {start, n})
    op, verbs = ("+", GETS) if gains else ("-", GIVES)
    have = rng.choice(("{name} has {start} {x} and {other} {y}.", "{name} has {other} {y} and {start} {x}."))
    act = "{They} " + rng.choice(verbs) + "."
    ask = rng.choice(("How many {x} does {name} have now?", "How many {x} are there now?"))
    text = cast.tell(f"{have} {act} {ask}", start=start, n=n, other=other)
    return _problem(cast, text, Step(start, op, n), _lured(other, op, n), "change")


def _groups(rng: random.Random, cast: Cast) -> Problem:
    """Equal groups, beside a count of the other things."""
    n, k = rng.randint(2, 6), rng.randint(2, 8)
    other = _other_than(rng, {n, k}, most=12)
    groups = rng.choice(("{name} has {n} {bags} with {k} {x} in each", "{name} buys {n} {bags} of {k} {x}"))
    extra = rng.choice((" and {other} {y}.", ". {friend} has {other} {y}.", ". {They} also has {other} {y}."))
    text = cast.tell(f"{groups}{extra} How many {{x}} does {{name}} have?", n=n, k=k, other=other)
    return _problem(cast, text, Step(n, "*", k), Step(n, "*", other), "groups")


def _apart(rng: random.Random, cast: Cast) -> Problem:
    """How many more of one than of another, with a third number in between."""
    less = rng.randint(2, 15)
    more = less + rng.randint(1, 15)
    other = _other_than(rng, {less, more})
    text = cast.tell(
        rng.choice(
            (
                "{name} has {more} {x} and {other} {y}. {friend} has {less} {x}. "
                "How many more {x} does {name} have than {friend}?",
                "{friend} has {less} {x}. {name} has {other} {y} and {more} {x}. "
                "How many more {x} than {friend} does {name} have?",
            )
        ),
        less=less,
        more=more,
        other=other,
    )
    return _problem(cast, text, Step(more, "-", less), _lured(other, "-", less), "compare")


def _together(rng: random.Random, cast: Cast) -> Problem:
    """Two people's things added, one of them also owning something else."""
    a, b = rng.randint(2, 20), rng.randint(2, 20)
    other = _other_than(rng, {a, b})
    text = cast.tell(
        rng.choice(
            (
                "{name} has {a} {x} and {other} {y}. {friend} has {b} {x}.",
                "{name} has {a} {x}. {friend} has {other} {y} and {b} {x}.",
            )
        )
        + " How many {x} do they have together?",
        a=a,
        b=b,
        other=other,
    )
    return _problem(cast, text, Step(a, "+", b), Step(a, "+", other), "together")


def _lured(left: int, op: str, right: int) -> Step:
    """The step with the distracting number in it, the larger first so that a difference is never negative."""
    return Step(max(left, right), op, min(left, right)) if op == "-" else Step(left, op, right)


def _other_than(rng: random.Random, taken: set[int], most: int = 20) -> int:
    return rng.choice([n for n in range(2, most + 1) if n not in taken])
