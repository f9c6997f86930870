"""Variants of one formula, made by rewriting its text in ways that cannot change its value, or must.

>>> reordered("x^2 - 3x + 1")
'1 - 3x + x^2'
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from pspo_bench.answers.formula import parse
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.quantity import read_quantity
from pspo_bench.answers.text import clean
from pspo_bench.answers.variants.numbers import plain
from pspo_bench.answers.variants.variant import Variant, wrapped

_FRACTION = re.compile(r"\\[dt]?frac(?![A-Za-z])")
_FLAT_FRACTION = re.compile(r"(?:^|(?<=[-+(]))\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}(?=\s*(?:[-+)]|$))")
_FLAT_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_COEFFICIENT = re.compile(r"(?<![\\A-Za-z_^{0-9.])([0-9]+) ?(?=[a-zA-Z(]|\\(?:sqrt|pi))")
_COMMAND = re.compile(r"(\\[A-Za-z]+(?:\{[a-z ]*\})?)")


def rational(text: str) -> Fraction | None:
    """The exact value of a formula that has one."""
    try:
        return read_quantity(text).value
    except NotAnAnswerError:
        return None


def approximate(text: str) -> float | None:
    """A real value of a constant formula, to tell whether two of them differ."""
    try:
        return _evaluate(parse(clean(text)))
    except (NotAnAnswerError, KeyError, ValueError, TypeError, ArithmeticError):
        return None


_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "abs": abs,
}


def _evaluate(node: tuple[Any, ...]) -> float:
    match node:
        case ("num", value):
            return float(value)
        case ("const", name):
            return _CONSTANTS[name]
        case ("neg", part):
            return -_evaluate(part)
        case ("add", left, right):
            return _evaluate(left) + _evaluate(right)
        case ("mul", left, right):
            return _evaluate(left) * _evaluate(right)
        case ("div", left, right):
            return _evaluate(left) / _evaluate(right)
        case ("pow", left, right):
            return math.pow(_evaluate(left), _evaluate(right))
        case ("fn", name, argument):
            return _FUNCTIONS[name](_evaluate(argument))
        case _:
            raise KeyError(node[0])


def differ(left: str, right: str) -> bool:
    """Whether two formulas surely differ: by exact value, else by their approximate values, else by their letters."""
    values = rational(left), rational(right)
    if None not in values:
        return values[0] != values[1]
    near = approximate(left), approximate(right)
    if near[0] is not None and near[1] is not None:
        return abs(near[0] - near[1]) > 1e-9 * max(1.0, abs(near[0]))
    return variables(left) != variables(right)


def plus_one(text: str) -> str:
    """The formula and one more: `7` for 6, `\\pi + 1`."""
    value = rational(text)
    return f"{text} + 1" if value is None else plain(value + 1)


def variables(text: str) -> list[str]:
    """The letters that are variables, in order of the alphabet; e and i are constants."""
    bare = _COMMAND.sub(" ", text)
    return sorted(set(re.findall(r"[A-Za-z]", bare)) - {"e", "i"})


def formula_respellings(text: str) -> Iterator[Variant]:
    """Other fraction commands, spaces, brackets, products and Unicode; sums in another order."""
    yield from wrapped(text)
    yield Variant(f"({text})", "in brackets")
    if not variables(text) and "=" not in text:
        yield Variant(f"x = {text}", "variable in front")
    if _FRACTION.search(text):
        for command in (r"\frac", r"\dfrac", r"\tfrac"):
            yield Variant(_FRACTION.sub("\\" + command, text), "another fraction command")
        yield Variant(_FLAT_FRACTION.sub(r"(\1)/(\2)", text), "fraction in line")
    yield from _brackets(text)
    yield from _spacing(text)
    yield from _products(text)
    if r"\sqrt" in text or r"\pi" in text:
        plainer = re.sub(r"\\sqrt\{([0-9]+)\}", r"√\1", text)
        yield Variant(re.sub(r"\\pi(?![A-Za-z])", "π", plainer), "Unicode root and pi")
        yield Variant(
            _FLAT_ROOT.sub(r"sqrt(\1)", text).replace(r"\pi", "pi"), "root and pi without backslash"
        )
    yield Variant(f"{text} + 1 - 1", "one more, one less")
    yield Variant(rf"\frac{{2({text})}}{{2}}", "extended by two")
    other = reordered(text)
    if other:
        yield Variant(other, "sum in another order")


def _brackets(text: str) -> Iterator[Variant]:
    if r"\left" in text:
        yield Variant(re.sub(r"\\(?:left|right)(?![a-z])", "", text), "without left and right")
    elif "(" in text and "[" not in text:
        yield Variant(text.replace("(", r"\left(").replace(")", r"\right)"), "left and right")


def _spacing(text: str) -> Iterator[Variant]:
    if re.search(r"[-+]", text[1:]):
        yield Variant(re.sub(r"(?<=[\w})])\s*([-+])\s*(?=[\w\\({])", r" \1 ", text), "spaces around signs")
        yield Variant(re.sub(r"(?<=[\w})])\s*([-+])\s*(?=[\w\\({])", r"\1", text), "no spaces around signs")
    yield Variant(rf"{text}\,", "thin space")
    yield Variant(rf"\!{text}", "negative space")
    yield Variant(f"~{text}", "tie")
    yield Variant(rf"\displaystyle {text}", "display style")


def _products(text: str) -> Iterator[Variant]:
    if _COEFFICIENT.search(text):
        yield Variant(_COEFFICIENT.sub(r"\1 \\cdot ", text), "product dot")
        yield Variant(_COEFFICIENT.sub(r"\1\\,", text), "thin space in a product")
        yield Variant(_COEFFICIENT.sub(r"\1*", text), "asterisk")


def sum_terms(text: str) -> list[tuple[str, str]] | None:
    """(sign, term) of a sum at the top level; None where its signs cannot be told from the text alone."""
    if re.search(r"[=|<>,&]|\\(?:pm|mp|text|begin)", text):
        return None
    terms: list[tuple[str, str]] = []
    depth, sign, start = 0, "+", 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth or char not in "+-":
            continue
        before = text[start:at].strip()
        if before and (before[-1] in "^_*/" or re.search(r"\\(?:cdot|times|div)$", before)):
            return None
        if before:
            terms.append((sign, before))
        elif terms or sign == "-":
            return None
        sign, start = char, at + 1
    return [*terms, (sign, text[start:].strip())] if text[start:].strip() else None


def reordered(text: str) -> str | None:
    """The terms of a sum from last to first; None for anything else."""
    terms = sum_terms(text)
    return None if terms is None or len(terms) < 2 else _sum_of(terms[::-1])


def _sum_of(terms: list[tuple[str, str]]) -> str:
    (sign, first), *rest = terms
    return ("-" if sign == "-" else "") + first + "".join(f" {sign} {term}" for sign, term in rest)


def formula_misses(text: str) -> Iterator[Variant]:
    """One more, the double, the negative, another variable, a sign changed, decimals cut off, a hedge."""
    yield Variant(f"{text} + 1", "one more")
    yield Variant(f"{text} - 1", "one less")
    if rational(text) != 0:
        yield Variant(f"2({text})", "the double")
        yield Variant(f"-({text})", "the negative")
        yield Variant(rf"\frac{{{text}}}{{2}}", "the half")
    yield Variant(f"{text} or {text} + 1", "hedged")
    terms = sum_terms(text)
    if terms and len(terms) > 1:
        (sign, last), flipped = terms[-1], {"+": "-", "-": "+"}
        yield Variant(_sum_of([*terms[:-1], (flipped[sign], last)]), "last sign changed")
        yield Variant(_sum_of(terms[:-1]), "last term missing")
    for name in variables(text)[:1]:
        yield Variant(with_variable(text, name, spare_letter(text)), "another variable")
    value = approximate(text)
    if value is not None and abs(value - round(value, 2)) > 1e-7:
        yield Variant(f"{value:.2f}", "rounded to two decimals")
        yield Variant(f"{value:.6f}", "rounded to six decimals")


def spare_letter(text: str) -> str:
    """A letter that the formula does not use."""
    return next(letter for letter in "wuvqzmkh" if letter not in variables(text))


def with_variable(text: str, old: str, new: str) -> str:
    """The formula with one variable renamed; commands keep their letters."""
    parts = _COMMAND.split(text)
    return "".join(part if part.startswith("\\") else part.replace(old, new) for part in parts)
