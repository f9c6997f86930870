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
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from pspo_bench.answers.formula import Node
from pspo_bench.answers.match import NeedsSymbolicError
from pspo_bench.answers.rational import exact

QUICK_DIGITS = 30
SURE_DIGITS = 100
"""Agreement is confirmed to this many digits, and as many more as the formulas' numbers have: e^(pi sqrt(163)) is an
integer to 30 digits."""
MAX_DIGITS = 1500
SLACK_DIGITS = 10
"""Rounding errors grow through an evaluation; agreement is asked for to this many digits less than are carried."""
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
MAX_MAGNITUDE = 4_000
"""Bits before the point of a function's argument."""
COST = {"sym": 1, "num": 1, "const": 1, "add": 2, "mul": 2, "neg": 1, "div": 4, "pow": 12, "fn": 40}

_MPMATH = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "exp": "exp", "sqrt": "sqrt",
}  # fmt: skip
_contexts = threading.local()


Agree = Callable[[Any, Any, Any, int], bool | None]


class _NoValueError(Exception):
    """The formula has no value at this point, or none that is worth its price."""


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
        number, _ = _Evaluation(digits, {}).of(node)
    except _NoValueError:
        return None
    context = _context(digits)
    if not isinstance(number, context.mpf) or abs(context.mag(number)) > MAX_MAGNITUDE:
        return None
    sign, mantissa, exponent, _ = number._mpf_
    magnitude: Fraction = Fraction(mantissa) * Fraction(2) ** exponent
    return -magnitude if sign else magnitude


def cost(node: Node) -> int:
    """A bound on the work of one evaluation, in `COST` units; far above MAX_COST for what is never evaluated here."""
    total, stack = 0, [node]
    while stack:
        part = stack.pop()
        total += COST.get(part[0], 10**9)
        stack += [child for child in part[1:] if isinstance(child, tuple)]
    return total


def symbols_of(node: Node) -> frozenset[str]:
    """The names of the variables in `node`."""
    found, stack = set(), [node]
    while stack:
        part = stack.pop()
        if part[0] == "sym":
            found.add(part[1])
        stack += [child for child in part[1:] if isinstance(child, tuple)]
    return frozenset(found)


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
            evaluation = _Evaluation(digits, point)
            try:
                left, right = evaluation.of(self.left), evaluation.of(self.right)
            except _NoValueError:
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


Value = tuple[Any, Any]
"""A number, and the largest magnitude met on the way to it, to which rounding errors are relative."""


class _Evaluation:
    """The value of formulas at one point, to so many digits."""

    def __init__(self, digits: int, point: dict[str, Fraction]) -> None:
        self.context = _context(digits)
        self.error = self.context.mpf(10) ** (SLACK_DIGITS - digits)
        self.point = point
        self.low = self.high = 0  # magnitudes of what was met on the way, in bits

    @property
    def spread(self) -> int:
        """How many digits lie between the largest and the smallest number met on the way."""
        return (self.high - self.low) * 31 // 100

    def of(self, node: Node) -> Value:
        try:
            number, size = self._of(node)
        except (ArithmeticError, ValueError, RecursionError, NotImplementedError) as error:
            raise _NoValueError from error
        if not self.context.isfinite(number):
            raise _NoValueError
        return number, size

    def is_real(self, found: Value) -> bool:
        number, size = found
        return not isinstance(number, self.context.mpc) or abs(number.imag) <= size * self.error

    def _of(self, node: Node) -> Value:
        kind = node[0]
        if kind == "num" or kind == "sym":
            exact = node[1] if kind == "num" else self.point[node[1]]
            number = self.context.mpf(exact.numerator) / exact.denominator
            return number, abs(number)
        if kind == "const":
            return self._constant(node[1])
        parts = [self._of(child) for child in node[1:] if isinstance(child, tuple)]
        numbers = [number for number, _ in parts]
        number = self._apply(node, numbers)
        if number and self.context.isfinite(number):
            magnitude = int(self.context.mag(number))
            self.low, self.high = min(self.low, magnitude), max(self.high, magnitude)
        return number, max(abs(number), *(size for _, size in parts))

    def _constant(self, name: str) -> Value:
        context = self.context
        if name == "oo":
            raise _NoValueError
        number = {"pi": context.pi, "e": context.e, "i": context.j}[name] + 0
        return number, abs(number)

    def _apply(self, node: Node, numbers: list[Any]) -> Any:
        match node[0]:
            case "add":
                return numbers[0] + numbers[1]
            case "mul":
                return numbers[0] * numbers[1]
            case "neg":
                return -numbers[0]
            case "div":
                return numbers[0] / numbers[1]
            case "pow":
                return self._power(*numbers)
            case _:
                return self._function(node[1], numbers)

    def _power(self, base: Any, exponent: Any) -> Any:
        if base == 0:
            if not isinstance(exponent, self.context.mpf) or exponent <= 0:
                raise _NoValueError
            return base
        if self.context.mag(exponent) + max(self.context.mag(self.context.log(base)), 0) > 20:
            raise _NoValueError
        return self.context.power(base, exponent)

    def _function(self, name: str, numbers: list[Any]) -> Any:
        context, first = self.context, numbers[0]
        if any(number and context.mag(number) > MAX_MAGNITUDE for number in numbers):
            raise _NoValueError
        match name:
            case "abs":
                return abs(first)
            case "log":
                return (
                    context.log(first) if len(numbers) == 1 else context.log(first) / context.log(numbers[1])
                )
            case "root" | "cbrt":
                return self._root(first, numbers[1] if name == "root" else context.mpf(3))
            case "factorial" | "binomial" if max(map(abs, numbers)) <= 1000:
                return context.factorial(first) if name == "factorial" else context.binomial(*numbers)
            case "floor" | "ceil":
                return self._rounded(name, first)
            case "exp" if context.mag(first) > 20:
                raise _NoValueError
            case _ if name in _MPMATH:
                return getattr(context, _MPMATH[name])(first)
            case _:
                raise _NoValueError

    def _root(self, radicand: Any, index: Any) -> Any:
        """The real root where there is one: the cube root of -8 is -2."""
        is_odd = isinstance(index, self.context.mpf) and self.context.isint(index) and int(index) % 2 == 1
        if is_odd and isinstance(radicand, self.context.mpf) and radicand < 0:
            return -self.context.power(-radicand, 1 / index)
        return self._power(radicand, 1 / index)

    def _rounded(self, name: str, number: Any) -> Any:
        if not isinstance(number, self.context.mpf):
            raise _NoValueError
        nearest = self.context.nint(number)
        if number != nearest and abs(number - nearest) <= self.error * (1 + abs(number)):
            raise _NoValueError  # rounding may have carried it over the edge
        return self.context.floor(number) if name == "floor" else self.context.ceil(number)


def _context(digits: int) -> Any:
    """An mpmath context of this thread with this precision; mpmath's own is shared by all threads."""
    import mpmath

    _warm_constants()
    known: dict[int, Any] = _contexts.__dict__.setdefault("by_digits", {})
    if digits not in known:
        if len(known) > 64:
            known.clear()
        known[digits] = mpmath.mp.clone()
        known[digits].dps = digits
    return known[digits]


_warming = threading.Lock()
_warmed: list[bool] = []


def _warm_constants() -> None:
    """pi, e and the logarithms are remembered by mpmath for all threads, and remembering more digits is not safe among
    them: so they are worked out once, to more digits than are ever asked for."""
    import mpmath

    if _warmed:
        return
    with _warming:
        context = mpmath.mp.clone()
        context.dps = MAX_DIGITS + 100
        _ = (+context.pi, +context.e, +context.ln2, +context.ln10)
        _warmed.append(True)


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
    return (node[0] == "fn" and node[1] in ("floor", "ceil", "abs", "max", "min")) or any(
        isinstance(child, tuple) and _holds_step(child) for child in node[1:]
    )


def _holds_i(node: Node) -> bool:
    return node == ("const", "i") or any(isinstance(child, tuple) and _holds_i(child) for child in node[1:])


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
