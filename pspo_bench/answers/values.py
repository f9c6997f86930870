"""Answers that are several numbers: `8; 40`, `17 (years old); 12 (years old)`, "Tom has 8 and Ann has 40".

>>> parse_gold("4 (adults); 9 (children)", resolve_type("8; 40", "values")).match("9 children, 4 adults", None).equal
True
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pspo_bench.answers.compare import compare_quantities
from pspo_bench.answers.formula import parse
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.numeric import parse_number
from pspo_bench.answers.quantity import Quantity, read_quantity
from pspo_bench.answers.rational import exact
from pspo_bench.answers.spellings import holds_number_word
from pspo_bench.answers.text import clean, expand_plus_minus, split_top
from pspo_bench.answers.units import is_unit


@dataclass(frozen=True, slots=True)
class Value:
    """One of several values, with the words that say whose or what it is."""

    quantity: Quantity
    labels: frozenset[str]


# A comma between digit groups of three without a space is a thousands separator.
_LISTING = re.compile(r"\s*(?:[,;]\s*(?:and|or)\b|;|,(?![0-9]{3}(?![0-9]))|,\s|\band\b|\bor\b|&|\n)\s*")


_DASH = re.compile(r"(?<=[A-Za-z])(?<!\band)(?<!\bor)\s+-\s+(?=[$0-9])")
_BY = re.compile(r"(?<=[0-9a-z)])\s+(?:by|\\times)\s+(?=[0-9])")
_NO_LABEL = set(
    "has have had is are was were the and or old each gets got pays paid costs cost there will would with for total "
    "number numbers value values answer answers solution solutions she her his their they left".split()
)


def parse_values(gold: str) -> tuple[Value, ...]:
    """`8; 40`, `17 (years old); 12 (years old)`, `3, 5, 7`, `Sam: 8, Kim: 21`."""
    parts = split_top(clean(gold), re.compile(r";")) if ";" in gold else split_top(clean(gold), _LISTING)
    return tuple(Value(parse_number(part.strip()), _labels(part)) for part in parts if part.strip())


def _labels(part: str) -> frozenset[str]:
    words = re.findall(r"[a-z]{3,}", part.lower())
    return frozenset(word.removesuffix("s") for word in words if word not in _NO_LABEL and not is_unit(word))


def match_values(gold: tuple[Value, ...], answer: str, context: Context) -> Match:
    """The same values, each as often as in the gold; to whom they belong counts where both say so, the order not."""
    given = _values_of(answer)
    if len(given) != len(gold):
        return Match(False, f"{len(given)} values, not {len(gold)}")
    bound = _bound(gold, given) or _as_asked(gold, given, context.question)
    if bound is not None:
        same = _all_equal(gold, bound, context)
        return Match(
            same, "the same values, by their labels" if same else "values that belong to other labels"
        )
    left = list(given)
    for wanted in gold:
        hit = next(
            (value for value in left if compare_quantities(wanted.quantity, value.quantity, context).equal),
            None,
        )
        if hit is None:
            return Match(False, "different values")
        left.remove(hit)
    return Match(True, "the same values")


def match_ordered_values(gold: tuple[Value, ...], answer: str, context: Context) -> Match:
    """The same values in the same order."""
    given = _values_of(answer)
    if len(given) != len(gold):
        return Match(False, f"{len(given)} values, not {len(gold)}")
    equal = _all_equal(gold, given, context)
    return Match(equal, "the same values in order" if equal else "different values, or another order")


def _all_equal(gold: Sequence[Value], given: Sequence[Value], context: Context) -> bool:
    pairs = zip(gold, given, strict=True)
    return all(compare_quantities(mine.quantity, theirs.quantity, context).equal for mine, theirs in pairs)


def _bound(gold: Sequence[Value], given: Sequence[Value]) -> list[Value] | None:
    """`given` in the order of the gold's labels, where every label of the gold is found in exactly one value."""
    ordered = []
    for wanted in gold:
        others = frozenset().union(*(value.labels for value in gold if value is not wanted))
        hits = [value for value in given if value.labels & (wanted.labels - others)]
        if len(hits) != 1:
            return None
        ordered += hits
    return ordered if len({id(value) for value in ordered}) == len(gold) else None


def _as_asked(gold: Sequence[Value], given: Sequence[Value], question: str | None) -> list[Value] | None:
    """`given` in the order in which the question asks ("How old are Tom and Ann?"), as a gold without names has it."""
    asked = re.split(r"(?<=[.!])\s+", (question or "").strip().lower())[-1]
    shared = frozenset.intersection(*(value.labels for value in given))
    places = [
        min((asked.find(label) for label in value.labels - shared if asked.find(label) >= 0), default=None)
        for value in given
    ]
    if not asked or None in places or len(set(places)) < len(places):
        return None
    if any(value.labels & (own.labels - shared) for value in gold for own in given):
        return None
    return [value for _, value in sorted(zip(places, given, strict=True), key=lambda pair: pair[0] or 0)]


def _values_of(answer: str) -> list[Value]:
    text = _BY.sub(", ", _DASH.sub(": ", clean(answer)))
    bare = re.fullmatch(r"\\\{(.*)\\\}", text)
    parts = split_top(bare.group(1) if bare else text, _LISTING)
    parts = [value for part in parts if _holds_number(part) for value in expand_plus_minus(part.strip())]
    if len(parts) > 50:
        raise NotAnAnswerError("more than 50 values")
    return [Value(read_quantity(part), _labels(part)) for part in parts]


def _holds_number(part: str) -> bool:
    return bool(re.search(r"[0-9\\]", part)) or holds_number_word(part) or _is_formula(part)


def _is_formula(part: str) -> bool:
    try:
        return exact(parse(part)) is not None
    except NotAnAnswerError:
        return False
