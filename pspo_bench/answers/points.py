"""Equality of formulas by their values at points: decides most formulas in this process, in about a millisecond.

Two formulas are evaluated with mpmath at fixed pseudo-random real points. A difference above the rounding error
refutes. Agreement at several points, confirmed at a precision that no number written in the formulas can hide under,
is equality: analytic formulas agree everywhere or almost nowhere (for polynomials: Schwartz 1980,
doi:10.1145/322217.322225). Variables are real, and only points where both formulas are real count, so that sqrt(1/x)
equals 1/sqrt(x). What cannot be told so goes to `symbolic`. The cost is bounded before anything is evaluated.

    >>> equal(parse("2\\\\sqrt{3}+x"), parse("x+\\\\sqrt{12}"))
    True
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from pspo_bench.answers.evaluation import (
    MAX_DIGITS,
    MAX_MAGNITUDE,
    QUICK_DIGITS,
    Evaluation,
    NoValueError,
    context_of,
)
from pspo_bench.answers.formula import Node, walk
from pspo_bench.answers.match import NeedsSymbolicError
from pspo_bench.answers.rational import exact

SURE_DIGITS = 100
"""Agreement is confirmed to this many digits, and as many more as the formulas' numbers have: e^(pi sqrt(163)) is an
integer to 30 digits."""
POINTS = 10
FEWEST = 3
DRAWS = 70
WHOLE_FROM = 50
SCALES = (1, 30, 1000, 3, 10)
"""|x - 100| and 100 - x differ only far out: every ten draws take each scale with both signs."""
TELLING = 1e-8
NEGLIGIBLE = 1e-60
"""An error tells two values apart where it is this small a part of them, or, both being about zero, this small."""
MAX_COST = 60_000
"""In operations of about a microsecond; a formula that needs more is left to a worker process."""
COST = {"sym": 1, "num": 1, "const": 1, "add": 2, "mul": 2, "neg": 1, "div": 4, "pow": 12, "fn": 40}


Agree = Callable[[Any, Any, Any, int], bool | None]


def equal(left: Node, right: Node) -> bool:
    """Whether two formulas are equal. Raises NeedsSymbolicError where their values do not tell."""
    if left == right:
        return True
    if _infinite(left) or _infinite(right):
        return _infinite(left) == _infinite(right)
    pair = _Pair(left, right)
    agreements = pair.agreements(lambda mine, theirs, error, _: abs(mine - theirs) <= error)
    if agreements is None:
        raise NeedsSymbolicError
    return agreements


def same_equation(gold: tuple[Node, Node], given: tuple[Node, Node], *, positive: bool = False) -> bool:
    """Whether left - right of the one is a constant multiple of the other's: not by zero, or by a `positive` number."""
    mine, theirs = (("add", left, ("neg", right)) for left, right in (gold, given))
    pair = _Pair(mine, theirs)
    if symbols_of(mine) != symbols_of(theirs):
        return False
    first: dict[int, Any] = {}

    def proportional(top: Any, bottom: Any, error: Any, digits: int) -> bool | None:
        if min(abs(top), abs(bottom)) <= error * 1000:
            return None if max(abs(top), abs(bottom)) <= error * 1000 else False
        ratio = top / bottom
        if positive and (ratio.imag != 0 or ratio.real <= 0):
            return False
        bound = error * (1 + abs(ratio)) * (1 + 1 / abs(bottom))
        return bool(abs(ratio - first.setdefault(digits, ratio)) <= bound)

    agreements = pair.agreements(proportional)
    if agreements is None:
        raise NeedsSymbolicError
    return agreements


def value(node: Node, digits: int = QUICK_DIGITS) -> Fraction | None:
    """The real value of a constant formula to about so many digits, or None if it has none."""
    if symbols_of(node) or cost(node) > MAX_COST:
        return None
    try:
        number, _ = Evaluation(digits, {}).of(node)
    except NoValueError:
        return None
    context = context_of(digits)
    if not isinstance(number, context.mpf) or abs(context.mag(number)) > MAX_MAGNITUDE:
        return None
    sign, mantissa, exponent, _ = number._mpf_
    magnitude: Fraction = Fraction(mantissa) * Fraction(2) ** exponent
    return -magnitude if sign else magnitude


def cost(node: Node) -> int:
    """A bound on the work of one evaluation, in `COST` units; far above MAX_COST for what is never evaluated here."""
    return sum(COST.get(part[0], 10**9) for part in walk(node))


def symbols_of(node: Node) -> frozenset[str]:
    """The names of the variables in `node`."""
    return frozenset(part[1] for part in walk(node) if part[0] == "sym")


class _Pair:
    """Two formulas that are evaluated at the same points."""

    def __init__(self, left: Node, right: Node) -> None:
        self.left, self.right = left, right
        self.symbols = sorted(symbols_of(left) | symbols_of(right))
        self.is_complex = _holds_i(left) or _holds_i(right)
        self.cost = cost(left) + cost(right)
        self.has_steps = _holds_step(left) or _holds_step(right)
        self.points = 2 * POINTS if self.has_steps else POINTS
        self.digits = SURE_DIGITS + _written_digits(left) + _written_digits(right)

    def agreements(self, agree: Agree) -> bool | None:
        """True: `agree` at every point. False: not at one. None: too few points, or too dear.

        `agree(left, right, error, digits)` is None where a point does not tell.
        """
        draws = min(DRAWS, MAX_COST // self.cost)
        if draws < FEWEST or self.digits > MAX_DIGITS:
            return None
        points: list[dict[str, Fraction]] = []
        for point in _points(self.symbols, draws, self.has_steps):
            agrees = self._at(point, QUICK_DIGITS, agree)
            if agrees is False:
                return False
            if agrees and point not in points:
                points.append(point)
            if len(points) == (self.points if self.symbols else 1):
                break
        if len(points) < (FEWEST if self.symbols else 1):
            return None
        sure = [self._at(point, self.digits, agree) for point in points[:2]]
        return None if None in sure else all(sure)

    def _at(self, point: dict[str, Fraction], digits: int, agree: Agree) -> bool | None:
        """What `agree` says at one point, at the precision that it takes to say anything.

        A difference of huge numbers has an error that swallows every answer (e^1000 - e^1000), and a tiny term hides
        under the sum that it stands in: precision is raised until neither does, or the point tells nothing.
        """
        while digits <= MAX_DIGITS and self.cost * (digits / QUICK_DIGITS) ** 1.5 <= 20 * MAX_COST:
            evaluation = Evaluation(digits, point)
            try:
                left, right = evaluation.of(self.left), evaluation.of(self.right)
            except NoValueError:
                return None
            if (
                self.symbols
                and not self.is_complex
                and not (evaluation.is_real(left) and evaluation.is_real(right))
            ):
                return None
            error = max(left[1], right[1]) * evaluation.error
            needed = self.digits + evaluation.spread if digits > QUICK_DIGITS else 0
            tells = error <= max(abs(left[0]), abs(right[0])) * TELLING or error <= NEGLIGIBLE
            if tells and digits >= needed:
                return agree(left[0], right[0], error, digits)
            digits = max(4 * digits, needed)
        return None


def _points(symbols: list[str], draws: int, far: bool) -> Iterator[dict[str, Fraction]]:
    """Fixed pseudo-random points of several magnitudes and both signs, the same for every call."""
    generator = random.Random(20)
    scales = (10**7, *SCALES, 10**5) if far else SCALES
    for draw in range(draws if symbols else 1):
        scale = scales[draw % len(scales)] * (-1) ** (draw // len(scales) + draw)
        if draw < WHOLE_FROM:
            yield {symbol: Fraction(scale * generator.randrange(10**5, 10**6), 999_983) for symbol in symbols}
        else:  # (-1)^n is real at whole numbers alone
            yield {symbol: Fraction(generator.randrange(1, 12)) for symbol in symbols}


def _infinite(node: Node) -> int:
    """+1 and -1 for the two infinities, 0 for everything finite."""
    if node == ("const", "oo"):
        return 1
    if node[0] == "neg":
        return -_infinite(node[1])
    return 0


def _holds_step(node: Node) -> bool:
    """Whether a function that is not analytic occurs: two formulas with it may part company far out."""
    return any(part[0] == "fn" and part[1] in ("floor", "ceil", "abs", "max", "min") for part in walk(node))


def _holds_i(node: Node) -> bool:
    return any(part == ("const", "i") for part in walk(node))


def _written_digits(node: Node) -> int:
    """How many digits the formula's numbers have in all: nothing smaller than that can be told apart by them."""
    total, stack = 0, [node]
    while stack:
        part = stack.pop()
        written = exact(part) if part[0] in ("num", "pow") else None
        if written is not None:
            total += (written.numerator.bit_length() + written.denominator.bit_length()) * 31 // 100
        else:
            stack += [child for child in part[1:] if isinstance(child, tuple)]
    return total
