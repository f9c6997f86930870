"""The value of a formula at a point, with mpmath, to any number of digits, and how far rounding may have spoilt it.

>>> number, size = Evaluation(30, {}).of(parse(r"\\sqrt{2}"))
>>> abs(float(number) - 1.4142135623730951) < 1e-12
True
"""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Any

from pspo_bench.answers.formula import Node

QUICK_DIGITS = 30
MAX_DIGITS = 1500
SLACK_DIGITS = 10
"""Rounding errors grow through an evaluation; agreement is asked for to this many digits less than are carried."""
MAX_MAGNITUDE = 4_000
"""Bits before the point of a function's argument."""
_MPMATH = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "exp": "exp", "sqrt": "sqrt",
}  # fmt: skip
_contexts = threading.local()


class NoValueError(Exception):
    """The formula has no value at this point, or none that is worth its price."""


Value = tuple[Any, Any]
"""A number, and the largest magnitude met on the way to it, to which rounding errors are relative."""


class Evaluation:
    """The value of formulas at one point, to so many digits."""

    def __init__(self, digits: int, point: dict[str, Fraction]) -> None:
        self.context = context_of(digits)
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
            raise NoValueError from error
        if not self.context.isfinite(number):
            raise NoValueError
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
            raise NoValueError
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
                raise NoValueError
            return base
        if self.context.mag(exponent) + max(self.context.mag(self.context.log(base)), 0) > 20:
            raise NoValueError
        return self.context.power(base, exponent)

    def _function(self, name: str, numbers: list[Any]) -> Any:
        context, first = self.context, numbers[0]
        if any(number and context.mag(number) > MAX_MAGNITUDE for number in numbers):
            raise NoValueError
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
                raise NoValueError
            case _ if name in _MPMATH:
                return getattr(context, _MPMATH[name])(first)
            case _:
                raise NoValueError

    def _root(self, radicand: Any, index: Any) -> Any:
        """The real root where there is one: the cube root of -8 is -2."""
        is_odd = isinstance(index, self.context.mpf) and self.context.isint(index) and int(index) % 2 == 1
        if is_odd and isinstance(radicand, self.context.mpf) and radicand < 0:
            return -self.context.power(-radicand, 1 / index)
        return self._power(radicand, 1 / index)

    def _rounded(self, name: str, number: Any) -> Any:
        if not isinstance(number, self.context.mpf):
            raise NoValueError
        nearest = self.context.nint(number)
        if number != nearest and abs(number - nearest) <= self.error * (1 + abs(number)):
            raise NoValueError  # rounding may have carried it over the edge
        return self.context.floor(number) if name == "floor" else self.context.ceil(number)


def context_of(digits: int) -> Any:
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
