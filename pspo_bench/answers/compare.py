"""Whether two quantities are equal by the marking scheme: value, unit, percent sign, tolerance.

>>> parse_gold("2 hours", resolve_type("2 hours", "unit")).match("120 minutes", None).equal
True
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from pspo_bench.answers import points
from pspo_bench.answers.formula import Node, walk
from pspo_bench.answers.match import Context, Match
from pspo_bench.answers.quantity import Quantity
from pspo_bench.answers.rational import exact, mentions
from pspo_bench.answers.units import Unit, asked_unit, conversion, read_unit

_PERCENT = re.compile(
    r"(?:what|which|how many|how much|find|as an?|express\w*|calculate|in)\b(?:\s+\w+){0,4}\s+(?:percent|per cent|\\?%)"
    r"|\bas (?:a|an) percent|\bpercent(?:age)? (?:chance|probability|likelihood)",
    re.IGNORECASE,
)
_CHANCE = re.compile(
    r"\bwhat (?:is|are|was|were)\b[^.?!]{0,60}"
    r"\b(?:odds|chances?|probability|likelihood|(?:pass|success|failure) rate)\b"
    r"|\bhow likely\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def asks_percent(question: str | None) -> bool:
    """Whether a question asks for a percentage."""
    return _PERCENT.search(question or "") is not None


@lru_cache(maxsize=4096)
def asks_chance(question: str | None) -> bool:
    """Whether a question asks for a chance, which may be given as a percentage."""
    return _CHANCE.search(question or "") is not None


def compare_quantities(gold: Quantity, answer: Quantity, context: Context) -> Match:
    """Value equality with the marking scheme's rules for units and percent signs."""
    if answer.unit is not None and gold.unit is not None and answer.unit.dimension == "radian":
        answer = _in_degrees(answer) if gold.unit.dimension == "angle" else answer
    if answer.unit is not None:
        refused, factor = _unit_factor(gold, answer.unit, context.question)
        if refused:
            return Match(False, refused)
        answer = answer if factor == 1 else answer.scaled(factor)
    for candidate, reason in _readings(gold, answer, context.question):
        if _same_value(gold, candidate, context):
            return Match(True, reason)
    if answer.percent and not gold.percent and gold.value is not None and answer.value == gold.value:
        return Match(False, "a percentage, but the gold is a plain number and no percentage is asked for")
    return Match(False, "different values")


def _in_degrees(answer: Quantity) -> Quantity:
    """pi/3 radians as 60 degrees."""
    node: Node = ("div", ("mul", ("num", Fraction(180)), answer.node), ("const", "pi"))
    return Quantity(node, exact(node), read_unit("degrees"))


def _unit_factor(gold: Quantity, unit: Unit, question: str | None) -> tuple[str, Fraction]:
    """(why the unit is another, or "", and the factor that turns the answer into the gold's unit)."""
    if gold.percent and unit.dimension:
        return f"another unit: {unit}, not a percentage", Fraction(1)
    wanted = gold.unit or asked_unit(question)
    if wanted is None:
        is_angle = unit.dimension == "angle" and mentions(gold.node, "const")
        return ("degrees, but the gold is in radians" if is_angle else ""), Fraction(1)
    factor = conversion(wanted, unit, question)
    if factor is not None:
        return "", factor
    if gold.unit is None and unit.words == ("dollar",):
        return "", Fraction(1)  # a stray $ where the question asks for miles is a mark of LaTeX, not of money
    return f"another unit: {unit}, not {wanted}", Fraction(1)


def _readings(gold: Quantity, answer: Quantity, question: str | None) -> list[tuple[Quantity, str]]:
    if gold.percent == answer.percent:
        equal = (answer, "equal percentages" if gold.percent else "equal numbers")
        return [equal]
    if gold.percent:
        return [
            (answer, "equal: the percent sign may be left out"),
            (answer.scaled(100), "equal: written as a share of 1"),
        ]
    if gold.unit is not None:
        return []
    share = (answer.scaled(Fraction(1, 100)), "equal: a percentage is a share of 1")
    direct = (answer, "equal: the question asks for a percentage")
    if gold.value is not None and abs(gold.value) > 1:
        return [direct] if asks_percent(question) or asks_chance(question) else [share]
    return [direct, share] if asks_percent(question) else [share]


def _same_value(gold: Quantity, answer: Quantity, context: Context) -> bool:
    if gold.value is not None and answer.value is not None:
        return context.tolerance.accepts(gold.value, answer.value)
    return same_node(gold.node, answer.node, context)


def same_node(gold: Node, given: Node, context: Context) -> bool:
    """Equal formulas: exact where both are rational, then equal trees, then by their values, then symbolically."""
    given = _python_i(gold, given)
    left, right = exact(gold), exact(given)
    if left is not None and right is not None:
        return context.tolerance.accepts(left, right)
    if gold == given:
        return True
    if not context.tolerance.is_exact:
        left, right = (exact(node) or points.value(node) for node in (gold, given))
        if left is not None and right is not None:
            return context.tolerance.accepts(left, right)
    return context.equal(gold, given)


def _python_i(gold: Node, given: Node) -> Node:
    """`7 - 4I` of a computer algebra system, where the gold is complex."""
    if any(part == ("const", "i") for part in walk(gold)) and any(
        part == ("sym", "I") for part in walk(given)
    ):
        return _renamed(given)
    return given


def _renamed(node: Node) -> Node:
    if node == ("sym", "I"):
        return ("const", "i")
    return tuple(_renamed(child) if isinstance(child, tuple) else child for child in node)
