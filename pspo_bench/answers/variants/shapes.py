"""Variants of mathematical objects with an order: expressions, equations, tuples and matrices.

>>> tuple_items(r"\\left( 3, \\frac{\\pi}{2} \\right)")
['3', '\\\\frac{\\\\pi}{2}']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pspo_bench.answers.text import clean, closing, split_top
from pspo_bench.answers.variants.formulas import (
    differ,
    formula_misses,
    formula_respellings,
    plus_one,
    rational,
    reordered,
    spare_letter,
    variables,
    with_variable,
)
from pspo_bench.answers.variants.measures import measure_misses, measure_respellings
from pspo_bench.answers.variants.numbers import latex_fraction
from pspo_bench.answers.variants.variant import Subject, Variant, wrapped

_COMMA = re.compile(",")
_MATRIX = re.compile(r"\\begin\s*\{[pbv]matrix\}(.*)\\end\s*\{[pbv]matrix\}", re.DOTALL)


def expression_respellings(subject: Subject) -> Iterator[Variant]:
    """One value: as a number where it is rational, and by its text."""
    quantity = subject.value.quantity
    if quantity is not None and quantity.value is not None:
        yield from measure_respellings(replace(subject, value=quantity))
    if subject.value.shape.kind == "value" and "$" not in subject.gold:
        yield from formula_respellings(subject.gold)


def expression_misses(subject: Subject) -> Iterator[Variant]:
    quantity = subject.value.quantity
    if quantity is not None and quantity.value is not None:
        yield from measure_misses(replace(subject, value=quantity))
    elif subject.value.shape.kind == "value" and "$" not in subject.gold:
        yield from formula_misses(subject.gold)


def _sides(gold: str) -> tuple[str, str] | None:
    left, equals, right = gold.partition("=")
    return (
        (left.strip(), right.strip())
        if equals and "=" not in right and left.strip() and right.strip()
        else None
    )


def equation_respellings(subject: Subject) -> Iterator[Variant]:
    """`y = 2x + 3` with its sides exchanged, on one side, a multiple; its right side alone."""
    yield from wrapped(subject.gold)
    sides = _sides(subject.gold)
    if not sides:
        return
    left, right = sides
    yield Variant(f"{left}={right}", "no spaces around the sign")
    yield Variant(f"{right} = {left}", "sides exchanged")
    yield Variant(f"{left} = {reordered(right) or right}", "sum in another order")
    yield Variant(f"{left} - ({right}) = 0", "all on one side")
    yield Variant(f"2({left}) = 2({right})", "a multiple")
    if re.fullmatch("[A-Za-z]", left):
        yield Variant(right, "the right side alone")


def equation_misses(subject: Subject) -> Iterator[Variant]:
    """`y = 2x + 3` with another side, another variable, or as an inequality."""
    sides = _sides(subject.gold)
    if not sides:
        return
    left, right = sides
    yield Variant(f"{left} = {plus_one(right)}", "one side one more")
    yield Variant(f"{left} > {right}", "an inequality")
    for name in variables(subject.gold):
        yield Variant(with_variable(subject.gold, name, spare_letter(subject.gold)), "another variable")
    if re.fullmatch("[A-Za-z]", left):
        yield Variant(plus_one(right), "the right side alone, one more")
        if rational(right) != 0:
            yield Variant(f"{left} = -({right})", "one side negated")


_ONE_RELATION = re.compile(r"([^<>=]+?)\s*(<=|>=|<|>|\\leq?(?![a-z])|\\geq?(?![a-z])|≤|≥)\s*([^<>=≤≥]+)")
_SIGN = {"<=": r"\le", ">=": r"\ge", r"\leq": r"\le", r"\geq": r"\ge", "≤": r"\le", "≥": r"\ge"}
_TURNED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_OTHER_END = {"<": r"\le", r"\le": "<", ">": r"\ge", r"\ge": ">"}


def _relation(gold: str) -> tuple[str, str, str] | None:
    """(left, sign, right) of an inequality with one sign."""
    found = _ONE_RELATION.fullmatch(clean(gold))
    return (found[1].strip(), _SIGN.get(found[2], found[2]), found[3].strip()) if found else None


def inequality_respellings(subject: Subject) -> Iterator[Variant]:
    """`x + y < 4` with its sides exchanged, on one side, doubled."""
    relation = _relation(subject.gold)
    if relation:
        left, sign, right = relation
        yield Variant(f"{left} {sign} {right}", "spaces")
        yield Variant(f"{right} {_TURNED[sign]} {left}", "sides exchanged")
        yield Variant(f"{left} - ({right}) {sign} 0", "all on one side")
        yield Variant(f"2({left}) {sign} 2({right})", "a multiple")
        yield from wrapped(f"{left} {sign} {right}")


def inequality_misses(subject: Subject) -> Iterator[Variant]:
    """`x + y < 4` turned around, closed, shifted, as an equation."""
    relation = _relation(subject.gold)
    if relation:
        left, sign, right = relation
        yield Variant(f"{left} {_TURNED[sign]} {right}", "turned around")
        yield Variant(f"{left} {_OTHER_END[sign]} {right}", "opened or closed")
        yield Variant(f"{left} {sign} {plus_one(right)}", "one side one more")
        yield Variant(f"{left} = {right}", "as an equation")


def tuple_items(gold: str) -> list[str] | None:
    """The parts of `(a, b, …)`, as cleaned text."""
    text = clean(gold)
    if not (text.startswith("(") and closing(text, 0) == len(text) - 1):
        return None
    return [part.strip() for part in split_top(text[1:-1], _COMMA)]


def tuple_respellings(subject: Subject) -> Iterator[Variant]:
    """`(2,-1)` with other spaces, brackets and numbers, as a column, with its coordinates named."""
    items = tuple_items(subject.gold)
    if not items:
        return
    yield from wrapped(subject.gold)
    yield Variant(f"({', '.join(items)})", "spaces")
    yield Variant(f"({','.join(items)})", "no spaces")
    yield Variant(f"( {' , '.join(items)} )", "many spaces")
    yield Variant(rf"\left( {', '.join(items)} \right)", "left and right")
    yield Variant(rf"({', '.join(map(_fraction, items))})", "LaTeX fractions")
    yield Variant(f"({', '.join(map(_in_line, items))})", "fractions in line")
    if subject.kind == "pair":
        yield Variant(f"{items[0]} < x < {items[1]}", "as an open interval")
    else:
        yield Variant(_matrix([[item] for item in items], "pmatrix"), "as a column")
    if (
        len(items) == 2
        and subject.kind == "tuple"
        and not {"x", "y"} & set("".join(map("".join, map(variables, items))))
    ):
        yield Variant(f"x = {items[0]}, y = {items[1]}", "named coordinates")
        yield Variant(f"(x, y) = ({', '.join(items)})", "named point")


def tuple_misses(subject: Subject) -> Iterator[Variant]:
    """`(2,-1)` in another order, with another part, one missing, one more; as a set or a closed interval."""
    items = tuple_items(subject.gold)
    if not items:
        return
    backwards = items[::-1]
    if any(map(differ, items, backwards)):
        yield Variant(f"({', '.join(backwards)})", "another order")
        if len(items) == 2:
            yield Variant(f"x = {items[1]}, y = {items[0]}", "coordinates exchanged")
    for at, item in enumerate(items):
        changed = [*items[:at], plus_one(item), *items[at + 1 :]]
        yield Variant(f"({', '.join(changed)})", "one part off by one")
    if len(items) > 2:
        yield Variant(f"({', '.join(items[:-1])})", "a part missing")
    yield Variant(f"({', '.join([*items, '1'])})", "an additional part")
    yield Variant(rf"\{{{', '.join(items)}\}}", "as a set")
    if len(items) == 2:
        yield Variant(f"[{', '.join(items)}]", "as a closed interval")
        yield Variant(f"({', '.join(items)}]", "as a half-open interval")


def matrix_rows(gold: str) -> list[list[str]] | None:
    """The cells of a matrix as written."""
    found = _MATRIX.fullmatch(gold.strip())
    if not found:
        return None
    rows = [row for row in found.group(1).split(r"\\") if row.strip()]
    return [[cell.strip() for cell in row.split("&")] for row in rows]


def _matrix(rows: Sequence[Sequence[str]], environment: str) -> str:
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{{environment}}} {body} \end{{{environment}}}"


def matrix_respellings(subject: Subject) -> Iterator[Variant]:
    """A matrix in other brackets, with other spaces, with its fractions spelt otherwise."""
    rows = matrix_rows(subject.gold)
    if not rows:
        return
    yield from wrapped(subject.gold)
    for environment in ("pmatrix", "bmatrix"):
        yield Variant(_matrix(rows, environment), "other brackets")
    yield Variant(_matrix(rows, "pmatrix").replace(" ", ""), "no spaces")
    columns = "c" * len(rows[0])
    array = _matrix(rows, "array").replace(r"\begin{array}", rf"\begin{{array}}{{{columns}}}")
    yield Variant(rf"\left( {array} \right)", "as an array")
    yield Variant(_matrix([list(map(_fraction, row)) for row in rows], "pmatrix"), "LaTeX fractions")
    yield Variant(_matrix([list(map(_in_line, row)) for row in rows], "pmatrix"), "fractions in line")


def matrix_misses(subject: Subject) -> Iterator[Variant]:
    """A matrix transposed, with its rows in another order, with one entry changed or a row missing."""
    rows = matrix_rows(subject.gold)
    if not rows:
        return
    flipped = [list(column) for column in zip(*rows, strict=True)]
    if len(rows) != len(flipped) or any(any(map(differ, *pair)) for pair in zip(rows, flipped, strict=True)):
        yield Variant(_matrix(flipped, "pmatrix"), "transposed")
    if any(any(map(differ, *pair)) for pair in zip(rows, rows[::-1], strict=True)):
        yield Variant(_matrix(rows[::-1], "pmatrix"), "rows in another order")
    if len(rows) > 1:
        yield Variant(_matrix(rows[:-1], "pmatrix"), "a row missing")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            changed = [*row[:column], plus_one(cell), *row[column + 1 :]]
            yield Variant(_matrix([*rows[:at], changed, *rows[at + 1 :]], "pmatrix"), "one entry off by one")


def _fraction(text: str) -> str:
    value = rational(text)
    return text if value is None or value.denominator == 1 else latex_fraction(value)


def _in_line(text: str) -> str:
    value = rational(text)
    return text if value is None or value.denominator == 1 else f"{value.numerator}/{value.denominator}"
