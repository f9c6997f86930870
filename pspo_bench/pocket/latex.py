r"""pocket_math: questions in LaTeX whose answers are fractions or ordered pairs.

Purpose: transfer to another notation. Gold fractions are in lowest terms.
Source: the answer notation of MATH (https://arxiv.org/abs/2103.03874); the questions are this project's.

    >>> latex_problem(random.Random(0)).answer_type in {"expression", "tuple"}
    True
"""

from __future__ import annotations

import random
from math import gcd

from pspo_bench.pocket.steps import Problem, Step


def latex_problem(rng: random.Random) -> Problem:
    """One problem, about a fraction or about a pair with equal chance."""
    return rng.choice(
        (_like_fractions, _like_fractions, _times_fraction, _lowest, _vectors, _vectors, _midpoint, _pair)
    )(rng)


def frac(numerator: int, denominator: int) -> str:
    return rf"\frac{{{numerator}}}{{{denominator}}}"


def _coprime(rng: random.Random, most: int) -> tuple[int, int]:
    """A proper fraction in lowest terms."""
    while True:
        denominator = rng.randint(2, most)
        numerator = rng.randint(1, denominator - 1)
        if gcd(numerator, denominator) == 1:
            return numerator, denominator


def _ask(rng: random.Random, formula: str) -> str:
    return rng.choice(
        ("What is ${}$?", "Compute ${}$.", "Find ${}$.", "Evaluate ${}$.", "Simplify ${}$.")
    ).format(formula)


def _like_fractions(rng: random.Random) -> Problem:
    """Sum or difference over one denominator; the lure adds the denominators too, a classic mistake."""
    op = rng.choice("+-")
    while True:
        bottom = rng.randint(5, 19)
        a, b = rng.randint(1, bottom), rng.randint(1, bottom)
        top = Step(a, op, b)
        if top.result > 0 and gcd(top.result, bottom) == 1:
            break
    lured = Step(bottom, "+", bottom)
    return Problem(
        question=_ask(rng, f"{frac(a, bottom)} {op} {frac(b, bottom)}"),
        steps=(top,),
        answer=frac(top.result, bottom),
        category="fraction_sum",
        answer_type="expression",
        lure=(top.text, lured.text),
        lure_answer=frac(top.result, lured.result),
    )


def _times_fraction(rng: random.Random) -> Problem:
    """Product of two fractions that stays in lowest terms; the lure adds the numerators."""
    while True:
        (a, b), (c, d) = _coprime(rng, 7), _coprime(rng, 7)
        if b * d <= 50 and gcd(a * c, b * d) == 1:
            break
    top, bottom, lured = Step(a, "*", c), Step(b, "*", d), Step(a, "+", c)
    return Problem(
        question=_ask(rng, rf"{frac(a, b)} \cdot {frac(c, d)}"),
        steps=(top, bottom),
        answer=frac(top.result, bottom.result),
        category="fraction_product",
        answer_type="expression",
        lure=(lured.text, bottom.text),
        lure_answer=frac(lured.result, bottom.result),
    )


def _lowest(rng: random.Random) -> Problem:
    """A fraction to bring to lowest terms; the lure divides the numerator only."""
    a, b = _coprime(rng, 12)
    factor = rng.randint(2, 6)
    top, bottom = Step(a * factor, "/", factor), Step(b * factor, "/", factor)
    return Problem(
        question=rng.choice(
            (
                "Write ${}$ in lowest terms.",
                "Reduce ${}$.",
                "Give ${}$ in simplest form.",
                "Bring ${}$ to lowest terms.",
            )
        ).format(frac(a * factor, b * factor)),
        steps=(top, bottom),
        answer=frac(a, b),
        category="lowest_terms",
        answer_type="expression",
        lure=(top.text,),
        lure_answer=frac(a, b * factor),
    )


def _pair_problem(question: str, steps: tuple[Step, ...], first: int, second: int, category: str) -> Problem:
    """A problem whose answer is an ordered pair; the lure swaps its ends."""
    return Problem(
        question=question,
        steps=steps,
        answer=f"({first}, {second})",
        category=category,
        answer_type="tuple",
        lure=tuple(step.text for step in steps),
        lure_answer=f"({second}, {first})",
    )


def _vectors(rng: random.Random) -> Problem:
    while True:
        op = rng.choice("+-")
        a, b, c, d = (rng.randint(1, 20) for _ in range(4))
        x, y = Step(a, op, c), Step(b, op, d)
        if x.result >= 0 and y.result >= 0 and x.result != y.result:
            break
    return _pair_problem(_ask(rng, f"({a}, {b}) {op} ({c}, {d})"), (x, y), x.result, y.result, "vectors")


def _midpoint(rng: random.Random) -> Problem:
    while True:
        a, b, c, d = (rng.randint(0, 10) for _ in range(4))
        if (a + c) % 2 == 0 and (b + d) % 2 == 0 and a + c != b + d and min(a + c, b + d) > 0:
            break
    across, up = Step(a, "+", c), Step(b, "+", d)
    steps = (across, Step(across.result, "/", 2), up, Step(up.result, "/", 2))
    point = rng.choice(("midpoint of", "point halfway between"))
    question = f"Find the {point} $({a}, {b})$ and $({c}, {d})$."
    return _pair_problem(question, steps, steps[1].result, steps[3].result, "midpoint")


def _pair(rng: random.Random) -> Problem:
    """The first unknown is given, the second follows from a sum."""
    first, second = rng.sample(range(1, 21), 2)
    x, y = rng.choice(("xy", "ab", "mn", "pq", "uv", "st"))
    total = first + second
    question = rng.choice(
        (
            f"Let ${x} = {first}$ and ${x} + {y} = {total}$. Give $({x}, {y})$.",
            f"If ${x} + {y} = {total}$ and ${x} = {first}$, what is $({x}, {y})$?",
        )
    )
    return _pair_problem(question, (Step(total, "-", first),), first, second, "system")
