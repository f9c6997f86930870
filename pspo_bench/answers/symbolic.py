"""Equality of formulas with SymPy; runs only inside a worker process, which is killed when its time is up.

Two formulas are equal when their difference vanishes: they are evaluated at random real points to 30 digits, which
refutes at once and, over analytic functions, confirms for good; what contains numbers too small for that must cancel
symbolically. Variables are real, and only points where both formulas are real count (sqrt(1/x) = 1/sqrt(x)).
The trees come from `formula`, so no text of a model reaches SymPy's `sympify` or `parse_expr`, which call `eval`.
Formulas with integrals, sums or limits are read by the LaTeX parser of Math-Verify, latex2sympy2_extended.
"""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction
from typing import Any

from pspo_bench.answers import points
from pspo_bench.answers.formula import Node
from pspo_bench.answers.match import NeedsSymbolicError, NotAnAnswerError
from pspo_bench.answers.rational import exact, mentions

DIGITS = 30
CONSTANT_DIGITS = 100
"""Constants are compared at no other point, and e^(pi sqrt(163)) is an integer to 30 digits."""
POINTS = 6
DRAWS = 60
MAX_EXPONENT = 10_000
SMALLEST = Fraction(1, 10**9)
"""Below this a rational could hide under the tolerance of the numerical comparison."""

_NAMES = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "exp": "exp", "abs": "Abs", "sqrt": "sqrt", "factorial": "factorial",
    "floor": "floor", "ceil": "ceiling", "cbrt": "cbrt", "binomial": "binomial",
}  # fmt: skip


def equal(left: Node, right: Node) -> bool:
    """Whether two formulas are equal. Raises NotAnAnswerError for what cannot be built or evaluated safely."""
    with contextlib.suppress(NeedsSymbolicError):
        return points.equal(left, right)
    return _vanishes(build(left), build(right), exactly=_has_tiny(left) or _has_tiny(right))


def same_equation(gold: tuple[Node, Node], given: tuple[Node, Node], *, positive: bool = False) -> bool:
    """Whether left - right of the one is a constant multiple of the other's: not by zero, or by a `positive` number."""
    with contextlib.suppress(NeedsSymbolicError):
        return points.same_equation(gold, given, positive=positive)
    mine, theirs = (build(side[0]) - build(side[1]) for side in (gold, given))
    symbols = mine.free_symbols
    if not symbols or symbols != theirs.free_symbols:
        return not symbols and not theirs.free_symbols and mine == theirs
    ratios = []
    for point in _points(sorted(symbols, key=str)):
        top, bottom = _value(mine, point), _value(theirs, point)
        if top is not None and bottom is not None and abs(bottom) > 1e-12 and abs(top) > 1e-12:
            ratios.append(top / bottom)
        if len(ratios) == POINTS:
            break
    if positive and not all(ratio.is_positive for ratio in ratios):
        return False
    return len(ratios) >= 3 and all(_close(ratio, ratios[0]) for ratio in ratios)


def build(node: Node) -> Any:
    """The SymPy expression of a tree; variables are real."""
    import sympy

    kind = node[0]
    if kind == "num":
        return sympy.Rational(node[1].numerator, node[1].denominator)
    if kind == "sym":
        return sympy.Symbol(node[1], real=True)
    if kind == "const":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}[node[1]]
    if kind == "latex":
        return _foreign(node[1])
    if kind == "fn":
        return _function(node[1], [build(child) for child in node[2:]])
    if kind == "pow":
        return _power(node)
    operands = [build(child) for child in node[1:]]
    if kind == "neg":
        return -operands[0]
    left, right = operands
    if kind == "div" and right == 0:
        raise NotAnAnswerError("a division by zero")
    return left + right if kind == "add" else left * right if kind == "mul" else left / right


def _power(node: Node) -> Any:
    """Powers are built only where the exponent is small, for SymPy works integer powers out in full."""
    exponent = exact(node[2])
    if exponent is None and not mentions(node[2], "sym", "const", "fn"):
        raise NotAnAnswerError("an exponent is too large to be evaluated")
    if exponent is not None and max(abs(exponent.numerator), exponent.denominator) > MAX_EXPONENT:
        raise NotAnAnswerError("an exponent is too large to be evaluated")
    base = exact(node[1])
    if base is not None and exponent is not None:
        size = (base.numerator.bit_length() + base.denominator.bit_length()) * abs(exponent)
        if size > 100_000:
            raise NotAnAnswerError("a power is too large to be evaluated")
    result: Any = build(node[1]) ** build(node[2])
    return result


def _function(name: str, arguments: list[Any]) -> Any:
    import sympy

    first = arguments[0]
    if name == "log":
        return sympy.log(first) if len(arguments) == 1 else sympy.log(first) / sympy.log(arguments[1])
    if name == "root":
        return (
            sympy.real_root(first, arguments[1]) if arguments[1].is_odd else sympy.root(first, arguments[1])
        )
    if name not in _NAMES:
        raise NotAnAnswerError(f"the function {name} is not known")
    if (
        name == "factorial"
        and (not first.is_Integer or not 0 <= int(first) <= 1000)
        and not first.free_symbols
    ):
        raise NotAnAnswerError("a factorial is too large to be evaluated")
    return getattr(sympy, _NAMES[name])(*arguments)


def _foreign(source: str) -> Any:
    """A formula in LaTeX outside our grammar, through Math-Verify's parser."""
    import sympy
    from latex2sympy2_extended import latex2sympy

    try:
        parsed = latex2sympy(source)
        if not isinstance(parsed, sympy.Expr):
            raise NotAnAnswerError(f"'{source[:40]}' is not an expression")
        renamed = {symbol: sympy.Symbol(symbol.name, real=True) for symbol in parsed.free_symbols}
        return parsed.xreplace(renamed).doit()
    except NotAnAnswerError:
        raise
    except (
        Exception
    ) as error:  # the generated parser, and doit on its trees, raise many types, none documented
        raise NotAnAnswerError(f"'{source[:40]}' cannot be read as LaTeX") from error


def _has_tiny(node: Node) -> bool:
    value = exact(node)
    if value is not None:
        return value != 0 and (abs(value) < SMALLEST or value.denominator > 10**9)
    return any(isinstance(child, tuple) and _has_tiny(child) for child in node[1:])


def _vanishes(left: Any, right: Any, *, exactly: bool) -> bool:
    import sympy

    if left == right:
        return True
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    agreements = _agreements(left, right, symbols)
    if agreements is False:
        return False
    if exactly or agreements is None:
        return bool(sympy.simplify(left - right) == 0)
    return True


def _agreements(left: Any, right: Any, symbols: list[Any]) -> bool | None:
    """True: equal wherever both can be evaluated. False: they differ somewhere. None: too few points to tell."""
    import sympy

    if not symbols:
        values = _value(left, {}, CONSTANT_DIGITS), _value(right, {}, CONSTANT_DIGITS)
        if values[0] is None or values[1] is None or _are_tiny(*values):
            return None  # e^(-10000) is not 0: the symbols must tell
        return _close(*values, CONSTANT_DIGITS)
    is_complex = left.has(sympy.I) or right.has(sympy.I)
    compared = 0
    for point in _points(symbols):
        mine, theirs = _value(left, point), _value(right, point)
        if mine is None or theirs is None or not (is_complex or (mine.is_real and theirs.is_real)):
            continue
        if not _close(mine, theirs):
            return False
        compared += 1
        if compared == POINTS:
            break
    return True if compared >= 3 else None


def _points(symbols: list[Any]) -> Any:
    """Fixed pseudo-random points of several magnitudes and both signs, the same for every call."""
    import sympy

    generator = random.Random(20)
    for draw in range(DRAWS):
        scale = (1, 3, 10, 1)[draw % 4]
        sign = -1 if draw % 3 == 2 else 1
        yield {
            symbol: sympy.Rational(sign * scale * generator.randrange(10**5, 10**6), 10**6)
            for symbol in symbols
        }


def _value(expression: Any, point: dict[Any, Any], digits: int = DIGITS) -> Any:
    """The number at a point to so many digits, or None where there is none."""
    value = expression.subs(point).evalf(digits, maxn=400)
    if not value.is_number or not value.is_finite or value.free_symbols:
        return None
    real, imaginary = value.as_real_imag()
    if not (real.is_Float or real.is_Rational) or not (imaginary.is_Float or imaginary.is_Rational):
        return None
    return real if abs(imaginary) <= abs(real) * 10 ** (5 - digits) else value


def _are_tiny(left: Any, right: Any) -> bool:
    return bool(0 < max(abs(left), abs(right)) < 10 ** (6 - CONSTANT_DIGITS))


def _close(left: Any, right: Any, digits: int = DIGITS) -> bool:
    size = max(abs(left), abs(right))
    return bool(abs(left - right) <= size * 10 ** (6 - digits) or size < 10 ** (6 - digits))
