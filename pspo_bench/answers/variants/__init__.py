"""Systematic variants of a gold answer: respellings that must be marked correct, near misses that must be wrong.

They hold a checker to the marking scheme (docs/marking-scheme.md) on the golds of a real task, which no list of
cases can cover: `pspo-bench tasks check` runs them. Both are built from the gold's text and its parsed value, so
that no near miss equals the gold by accident (the digits of 11 swapped, 0 negated, a set in another order).

    >>> [variant.text for variant in respellings("0.5 (dollars)", "money")][:3]
    ['0.5', '0.50', '.5']
    >>> near_misses("7:6", "ratio")[0]
    Variant(text='6:7', rule='ratio inverted')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pspo_bench.answers.kinds import parse_gold, resolve_type
from pspo_bench.answers.labels import restates
from pspo_bench.answers.variants import measures, numerals, phrases, sets, shapes
from pspo_bench.answers.variants.variant import Subject, Variant

__all__ = ["Variant", "near_misses", "respellings"]

Maker = Callable[[Subject], Iterable[Variant]]

_MAKERS: dict[str, tuple[Maker, Maker]] = {
    **dict.fromkeys(
        ("number", "unit", "money", "percent", "degrees"),
        (measures.measure_respellings, measures.measure_misses),
    ),
    "ordinal": (numerals.ordinal_respellings, numerals.ordinal_misses),
    "base": (numerals.base_respellings, numerals.base_misses),
    "remainder": (numerals.remainder_respellings, numerals.remainder_misses),
    "ratio": (numerals.ratio_respellings, numerals.ratio_misses),
    "values": (numerals.values_respellings, numerals.values_misses),
    "ordered_values": (numerals.values_respellings, numerals.values_misses),
    "time": (phrases.time_respellings, phrases.time_misses),
    "clock": (phrases.clock_respellings, phrases.clock_misses),
    "date": (phrases.date_respellings, phrases.date_misses),
    "yes_no": (phrases.yes_no_respellings, phrases.yes_no_misses),
    "text": (phrases.text_respellings, phrases.text_misses),
    "choice": (phrases.choice_respellings, phrases.choice_misses),
    "expression": (shapes.expression_respellings, shapes.expression_misses),
    "equation": (shapes.equation_respellings, shapes.equation_misses),
    "inequality": (shapes.inequality_respellings, shapes.inequality_misses),
    "pair": (shapes.tuple_respellings, shapes.tuple_misses),
    "tuple": (shapes.tuple_respellings, shapes.tuple_misses),
    "interval": (sets.interval_respellings, sets.interval_misses),
    "set": (sets.collection_respellings, sets.collection_misses),
    "list": (sets.collection_respellings, sets.collection_misses),
    "matrix": (shapes.matrix_respellings, shapes.matrix_misses),
}


def respellings(gold: str, answer_type: str = "auto", question: str | None = None) -> list[Variant]:
    """Other spellings of `gold`, each with the rule that makes it; none for the types of plug-ins.

    The arguments are those of `check`. Raises AnswerError for a gold that cannot be parsed or an unknown type.
    """
    made = _make(0, gold, answer_type, question)
    if question is None:
        return made
    kind = resolve_type(gold, answer_type, question).name
    return [variant for variant in made if not restates(question, variant.text, gold, kind)]


def near_misses(gold: str, answer_type: str = "auto", question: str | None = None) -> list[Variant]:
    """Answers close to `gold` that differ from it in value; arguments and errors as for `respellings`."""
    return _make(1, gold, answer_type, question)


def _form(subject: Subject) -> str:
    """The type whose makers fit: of an "expression", which holds any form, that of its parsed value."""
    form = subject.value.shape.kind if subject.kind == "expression" else "value"
    return subject.kind if form == "value" else str(form)


def _make(which: int, gold: str, answer_type: str, question: str | None) -> list[Variant]:
    kind = resolve_type(gold, answer_type, question)
    subject = Subject(gold, kind.name, parse_gold(gold, kind).value, question)
    makers = _MAKERS.get(_form(subject))
    made: dict[str, Variant] = {}
    for variant in makers[which](subject) if makers else ():
        if variant.text != gold:
            made.setdefault(variant.text, variant)
    return list(made.values())
