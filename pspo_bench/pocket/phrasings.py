"""pocket_asdiv: other phrasings and other kinds of answer (units, ratios, yes or no).

Purpose: transfer to wordings and answer forms that the training task does not have.
Source: the answer forms of ASDiv (https://arxiv.org/abs/2106.15772), e.g. `9 (apples)` and `3:4`; the
sentences are written for this project.

    >>> phrased_problem(random.Random(0)).answer_type in {"number", "ratio", "yes_no"}
    True
"""

from __future__ import annotations

import random
from math import gcd

from pspo_bench.pocket.steps import Problem, Step
from pspo_bench.pocket.words import BAGS, THINGS, people

CREATURES = "birds ducks cats dogs bees frogs cows sheep goats fish crabs owls".split()
PLACES = "in the park,at the lake,on the farm,in the garden,near the gate,by the river".split(",")
COLOURS = "red blue green white black brown pink grey".split()
UNITS = ("miles", "minutes", "pages", "meters", "hours", "pounds")


def phrased_problem(rng: random.Random) -> Problem:
    """One problem: units twice as often as a ratio or a yes or no."""
    return rng.choice((_arrivals, _rate, _leftover, _packing, _ratio, _ratio, _enough, _enough))(rng)


def _with_unit(question: str, step: Step, lured: Step, unit: str, category: str) -> Problem:
    return Problem(
        question=question,
        steps=(step,),
        answer=f"{step.result} ({unit})",
        category=category,
        lure=(lured.text,),
        lure_answer=f"{lured.result} ({unit})",
    )


def _arrivals(rng: random.Random) -> Problem:
    who, place = rng.choice(CREATURES), rng.choice(PLACES)
    start = rng.randint(4, 20)
    n = rng.randint(2, start - 1)
    if rng.random() < 0.5:
        step, lured = Step(start, "+", n), Step(start, "-", n)
        moves = rng.choice(("{n} more {who} join them", "{n} other {who} arrive", "{n} {who} come along"))
        ask = rng.choice(("What is the number of {who} now?", "How many {who} are {place} altogether?"))
    else:
        step, lured = Step(start, "-", n), Step(start, "+", n)
        moves = rng.choice(("{n} of the {who} go away", "{n} {who} leave", "{n} of them run off"))
        ask = rng.choice(("What is the number of {who} now?", "How many {who} are still {place}?"))
    see = rng.choice(("There are {start} {who} {place}.", "{start} {who} are {place}."))
    text = f"{see} {moves[:1].upper()}{moves[1:]}. {ask}".format(start=start, n=n, who=who, place=place)
    return _with_unit(text, step, lured, who, "arrivals")


def _rate(rng: random.Random) -> Problem:
    unit = rng.choice(UNITS)
    each, count = rng.randint(2, 9), rng.randint(2, 5)
    doer = rng.choice(("A runner", "A driver", "A team", "A worker", "A club", "A class"))
    does = rng.choice(
        ("manages {each} {unit} a day", "does {each} {unit} every day", "gets {each} {unit} per day")
    )
    ask = rng.choice(("How many {unit} in {count} days?", "What is that in {count} days?"))
    text = f"{doer} {does}. {ask}".format(each=each, count=count, unit=unit)
    return _with_unit(text, Step(each, "*", count), Step(each, "+", count), unit, "rate")


def _leftover(rng: random.Random) -> Problem:
    things, place = rng.choice(THINGS), rng.choice(("A shop", "A school", "A baker", "A market", "A museum"))
    total = rng.randint(5, 30)
    used = rng.randint(2, total - 1)
    gone = rng.choice(("{used} are sold", "{used} get used", "{used} of these are given away"))
    ask = rng.choice(("How many {x} remain?", "What number of {x} is left?"))
    text = f"{place} holds {{total}} {{x}}, and {gone}. {ask}".format(total=total, used=used, x=things)
    return _with_unit(text, Step(total, "-", used), Step(total, "+", used), things, "leftover")


def _packing(rng: random.Random) -> Problem:
    things, bags = rng.choice(THINGS), rng.choice(BAGS)
    each, count = rng.randint(2, 6), rng.randint(2, 8)
    total = each * count
    text = rng.choice(
        (
            f"{total} {things} are packed with {each} in each of the {bags}. How many {bags} are needed?",
            f"If {each} {things} go into each, how many {bags} do {total} {things} fill?",
        )
    )
    return _with_unit(text, Step(total, "/", each), Step(total, "-", each), bags, "packing")


def _ratio(rng: random.Random) -> Problem:
    """Two counts with a common divisor; the lure turns the ratio round."""
    factor = rng.randint(2, 5)
    a, b = rng.sample(range(1, 9), 2)
    while gcd(a, b) != 1:
        a, b = rng.sample(range(1, 9), 2)
    things = rng.choice(THINGS)
    first, second = rng.sample(COLOURS, 2)
    has = rng.choice(("A bag holds", "There are", "A child counts", "In a box lie"))
    ask = rng.choice(
        ("What is the ratio of {first} to {second} {x}?", "Give the ratio of {first} to {second}.")
    )
    text = f"{has} {a * factor} {first} and {b * factor} {second} {things}. " + ask.format(
        first=first, second=second, x=things
    )
    steps = (Step(a * factor, "/", factor), Step(b * factor, "/", factor))
    return Problem(
        question=text,
        steps=steps,
        answer=f"{a}:{b}",
        category="ratio",
        answer_type="ratio",
        lure=tuple(step.text for step in steps),
        lure_answer=f"{b}:{a}",
    )


def _enough(rng: random.Random) -> Problem:
    """Does the money pay for two things? The lure answers the other way."""
    person = people(rng, 1)[0]
    first, second = rng.sample(THINGS, 2)
    a, b = rng.randint(2, 15), rng.randint(2, 15)
    money = max(2, a + b + rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)))
    cost = rng.choice(
        (
            f"The {first} cost ${a} and the {second} ${b}.",
            f"A bag of {first} is ${a}, a bag of {second} ${b}.",
        )
    )
    ask = rng.choice((f"Can {person.they} buy both?", "Is that enough for both?"))
    enough = a + b <= money
    return Problem(
        question=f"{person.name} has ${money}. {cost} {ask}",
        steps=(Step(a, "+", b),),
        notes=(f"{a + b} {_sign(a + b, money)} {money}",),
        answer="yes" if enough else "no",
        category="enough",
        answer_type="yes_no",
        lure=(Step(a, "+", b).text,),
        lure_answer="no" if enough else "yes",
    )


def _sign(left: int, right: int) -> str:
    if left == right:
        return "="
    return "<" if left < right else ">"
