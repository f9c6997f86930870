"""Variants of mathematical objects without an order: intervals and their unions, sets and lists.

>>> [piece.text for piece in read_pieces(r"(-\\infty, 2) \\cup [3, 5]")]
['(-\\\\infty, 2)', '[3, 5]']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pspo_bench.answers.text import clean, split_top
from pspo_bench.answers.variants.formulas import differ, plus_one, variables
from pspo_bench.answers.variants.numerals import listings
from pspo_bench.answers.variants.variant import Subject, Variant, wrapped

_COMMA = re.compile(",")
_MEMBER = re.compile(r"^[A-Za-z]\s*\\in\s*")


class Piece(NamedTuple):
    """One interval of a union as written."""

    text: str
    opening: str
    low: str
    high: str
    ending: str


def read_pieces(gold: str) -> list[Piece]:
    """The intervals of a gold; none where it is written as an inequality or in words."""
    text = _MEMBER.sub("", clean(gold))
    pieces = []
    for part in split_top(text, re.compile(r"\\cup(?![A-Za-z])")):
        found = re.fullmatch(r"([(\[])(.*)([)\]])", part.strip(), re.DOTALL)
        ends = split_top(found.group(2), _COMMA) if found else []
        if found is None or len(ends) != 2:
            return []
        low, high = (end.strip() for end in ends)
        pieces.append(Piece(part.strip(), found.group(1), low, high, found.group(3)))
    return pieces


def _united(pieces: Sequence[Piece]) -> str:
    return r" \cup ".join(f"{p.opening}{p.low}, {p.high}{p.ending}" for p in pieces)


def _inequality(piece: Piece) -> str | None:
    """`3 < x \\le 4`; None for all real numbers."""
    low_sign = r"\le" if piece.opening == "[" else "<"
    high_sign = r"\le" if piece.ending == "]" else "<"
    if "infty" in piece.low:
        return None if "infty" in piece.high else f"x {high_sign} {piece.high}"
    if "infty" in piece.high:
        return f"x {low_sign.replace('le', 'ge').replace('<', '>')} {piece.low}"
    return f"{piece.low} {low_sign} x {high_sign} {piece.high}"


def _backwards(inequality: str) -> str:
    """`4 \\ge x > 3` for `3 < x \\le 4`."""
    turned = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
    parts = re.split(r" (<|>|\\le|\\ge) ", inequality)[::-1]
    return " ".join(turned.get(part, part) for part in parts)


def interval_respellings(subject: Subject) -> Iterator[Variant]:
    """`(3,4]` with other brackets and spaces, as an inequality, as a membership; a union in another order."""
    yield from wrapped(subject.gold)
    pieces = read_pieces(subject.gold)
    if not pieces:
        return
    text = _united(pieces)
    yield Variant(text, "spaces")
    yield Variant(text.replace(" ", ""), "no spaces")
    yield Variant(re.sub(r"([)\]])", r"\\right\1", re.sub(r"([(\[])", r"\\left\1", text)), "left and right")
    yield Variant(rf"x \in {text}", "membership")
    yield Variant(text.replace(r"\infty", "∞").replace(r"\cup", "∪"), "Unicode signs")
    if len(pieces) > 1:
        yield Variant(_united(pieces[::-1]), "union in another order")
    conditions = [_inequality(piece) for piece in pieces]
    known = [condition for condition in conditions if condition]
    if len(known) == len(pieces):
        yield Variant(" or ".join(known), "as an inequality")
        yield Variant(r" \text{ or } ".join(known), "as an inequality in LaTeX")
        yield Variant(" or ".join(known).replace(r"\le", "≤").replace(r"\ge", "≥"), "as a Unicode inequality")
        yield Variant(" or ".join(map(_backwards, known)), "as an inequality from right to left")
    if len(known) == len(pieces) == 1:
        yield Variant(rf"\{{x \mid {known[0]}\}}", "as a set of numbers")


def interval_misses(subject: Subject) -> Iterator[Variant]:
    """`(3,4]` with an end opened, closed or shifted; a union without one of its parts."""
    pieces = read_pieces(subject.gold)
    for at, piece in enumerate(pieces):
        others = (*pieces[:at],), (*pieces[at + 1 :],)
        for changed, rule in _changed(piece):
            union = [*others[0], changed, *others[1]]
            yield Variant(_united(union), rule)
            conditions = [_inequality(part) for part in union]
            if None not in conditions:
                yield Variant(" or ".join(filter(None, conditions)), f"{rule}, as an inequality")
        if len(pieces) > 1:
            yield Variant(_united([*others[0], *others[1]]), "a part missing")


def _changed(piece: Piece) -> Iterator[tuple[Piece, str]]:
    if "infty" not in piece.low:
        yield piece._replace(opening={"(": "[", "[": "("}[piece.opening]), "low end opened or closed"
        yield piece._replace(low=plus_one(piece.low)), "low end shifted"
        yield piece._replace(low=r"-\infty", opening="("), "low end left out"
    if "infty" not in piece.high:
        yield piece._replace(ending={")": "]", "]": ")"}[piece.ending]), "high end opened or closed"
        yield piece._replace(high=plus_one(piece.high)), "high end shifted"
        yield piece._replace(high=r"\infty", ending=")"), "high end left out"


def collection_items(gold: str) -> list[str] | None:
    """The elements of a set or list, `a \\pm b` as two; None where they have names (`x = 1, y = 2`)."""
    text = clean(gold)
    bare = re.fullmatch(r"\\\{(.*)\\\}", text, re.DOTALL)
    parts = split_top(bare.group(1) if bare else text, re.compile(r"[,;]|\band\b|\bor\b"))
    items: list[str] = []
    for part in (part.strip() for part in parts if part.strip()):
        signs = ("+", "-") if r"\pm" in part else ("",)
        items += [re.sub(r"\\pm(?![A-Za-z])", sign, part) for sign in signs]
    return None if any("=" in item or r"\mp" in item for item in items) else items


def collection_respellings(subject: Subject) -> Iterator[Variant]:
    """`3, 5, 7` in another order, with "and", in braces, as solutions; a set also with an element twice."""
    yield from wrapped(subject.gold)
    items = collection_items(subject.gold)
    if not items:
        return
    yield from listings(items)
    if len(items) > 1:
        yield Variant(", ".join(items[::-1]), "another order")
        yield Variant(", ".join([*items[1:], items[0]]), "another order")
    yield Variant(rf"\{{{', '.join(items)}\}}", "in braces")
    yield Variant(rf"\left\{{{','.join(items)}\right\}}", "in large braces")
    if subject.kind == "set":
        yield Variant(rf"\{{{', '.join([*items, items[0]])}\}}", "an element twice")
    if not any(map(variables, items)):
        yield Variant(" or ".join(f"x = {item}" for item in items), "as solutions")
        yield Variant(r" \text{ or } ".join(f"x = {item}" for item in items), "as solutions in LaTeX")


def collection_misses(subject: Subject) -> Iterator[Variant]:
    """`3, 5, 7` with an element changed, missing or additional; in order, or as an interval."""
    items = collection_items(subject.gold)
    if not items:
        return
    opening, ending = (r"\{", r"\}") if subject.kind == "set" else ("", "")
    for at, item in enumerate(items):
        rest = [*items[:at], *items[at + 1 :]]
        other = plus_one(item)
        made: list[tuple[list[str], str]] = []
        if rest and all(differ(item, kept) for kept in rest):
            made += [(rest, "an element missing")]
        if all(differ(other, kept) for kept in items):
            made += [([*items[:at], other, *items[at + 1 :]], "an element off by one")]
            made += [([*items, other], "an additional element")]
        for elements, rule in made:
            yield Variant(opening + ", ".join(elements) + ending, rule)
    if len(items) > 1:
        yield Variant(f"({', '.join(items)})", "as a tuple")
    if len(items) == 2:
        yield Variant(f"[{', '.join(items)}]", "as a closed interval")
