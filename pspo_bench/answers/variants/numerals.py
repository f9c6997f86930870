"""Variants of golds that are ordinals, digits in a base, ratios, or several numbers.

>>> [variant.text for variant in listings(["8", "40"])]
['8, 40', '8 and 40']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from pspo_bench.answers.variants.formulas import rational
from pspo_bench.answers.variants.measures import split_unit
from pspo_bench.answers.variants.numbers import in_words, places_of, plain
from pspo_bench.answers.variants.variant import Subject, Variant, wrapped


def ordinal_respellings(subject: Subject) -> Iterator[Variant]:
    """`6th` as sixth, 6, `6^{th}`."""
    number = _whole(subject)
    if number is None:
        return
    suffix = ordinal_suffix(number)
    yield Variant(f"{number}{suffix}", "ordinal")
    yield Variant(f"{number}{suffix.upper()}", "ordinal in capitals")
    yield Variant(f"{number}^{{{suffix}}}", "raised ordinal")
    yield Variant(f"{number}^\\text{{{suffix}}}", "raised ordinal in LaTeX text")
    yield Variant(str(number), "its number")
    for word in ordinal_words(number):
        yield Variant(word, "ordinal in words")
        yield Variant(f"The {word}", "ordinal in words with article")
    yield from wrapped(f"{number}{suffix}")


def ordinal_misses(subject: Subject) -> Iterator[Variant]:
    """The next ordinal, the one before, ten times as much."""
    number = _whole(subject)
    for other in () if number is None else (number + 1, number - 1, number * 10):
        if other > 0:
            yield Variant(f"{other}{ordinal_suffix(other)}", "another ordinal")
            yield Variant(str(other), "another number")
            for word in ordinal_words(other):
                yield Variant(word, "another ordinal in words")


def _whole(subject: Subject) -> int | None:
    value = subject.value.value
    return int(value) if value is not None and value.denominator == 1 and value > 0 else None


def ordinal_suffix(number: int) -> str:
    """st, nd, rd or th: 21st, but 11th."""
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
              "nine": "ninth", "twelve": "twelfth"}  # fmt: skip


def ordinal_words(number: int) -> Iterator[str]:
    """The word of an ordinal below 100: sixth, twenty-first, sixtieth."""
    if not 0 < number < 100:
        return
    head, dash, last = in_words(number).rpartition("-")
    yield head + dash + _IRREGULAR.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def base_respellings(subject: Subject) -> Iterator[Variant]:
    """`52_8` as `52_{8}`, `52 (base 8)`, or bare."""
    digits, base = subject.value.digits, subject.value.base
    for text in (f"{digits}_{base}", f"{digits}_{{{base}}}", f"({digits})_{base}", f"{digits} (base {base})"):
        yield Variant(text, "base named")
    yield Variant(digits, "base left out")
    yield from wrapped(f"{digits}_{base}")


def base_misses(subject: Subject) -> Iterator[Variant]:
    """Other digits, another base, the value in base ten."""
    digits, base = subject.value.digits, subject.value.base
    number = int(digits, base)
    for other in (number + 1, number - 1, number * base):
        if other >= 0 and other != number:
            yield Variant(f"{_in_base(other, base)}_{base}", "another value")
            yield Variant(_in_base(other, base), "another value, base left out")
    if str(number) != digits:
        yield Variant(f"{number}_{{10}}", "base ten")
        yield Variant(str(number), "value in base ten")
    if digits != digits[::-1]:
        yield Variant(f"{digits[::-1]}_{base}", "digits reversed")
    yield Variant(f"{digits}_{{{base + 1}}}", "another base")


def _in_base(number: int, base: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits or "0"


def _quotient_and_remainder(subject: Subject) -> tuple[int, int]:
    quotient, rest = re.findall("[0-9]+", subject.gold)[:2]
    return int(quotient), int(rest)


def remainder_respellings(subject: Subject) -> Iterator[Variant]:
    """`6 remainder 2` as `6 R 2`, `6 with a remainder of 2`."""
    quotient, rest = _quotient_and_remainder(subject)
    for form in (
        "{} remainder {}",
        "{} R {}",
        "{} R{}",
        "{} r {}",
        "{}, remainder {}",
        "{} with a remainder of {}",
    ):
        yield Variant(form.format(quotient, rest), "quotient and remainder")


def remainder_misses(subject: Subject) -> Iterator[Variant]:
    """Another quotient, another remainder, both exchanged, the quotient alone."""
    quotient, rest = _quotient_and_remainder(subject)
    for other in ((quotient + 1, rest), (quotient, rest + 1), (rest, quotient)):
        if other != (quotient, rest):
            yield Variant(f"{other[0]} remainder {other[1]}", "another quotient or remainder")
            yield Variant(f"{other[0]} R {other[1]}", "another quotient or remainder")
    yield Variant(str(quotient), "the quotient alone")
    yield Variant(f"{quotient}.{rest}", "remainder as decimals")


def ratio_respellings(subject: Subject) -> Iterator[Variant]:
    """`3:4` as `3 : 4`, `3 to 4`, `6:8`, `3/4`."""
    terms = [plain(term) for term in subject.value]
    yield Variant(":".join(terms), "colon")
    yield Variant(" : ".join(terms), "spaced colon")
    yield Variant(" to ".join(terms), "in words")
    yield Variant(":".join(plain(2 * term) for term in subject.value), "not reduced")
    yield from wrapped(":".join(terms))
    if len(terms) == 2 and subject.value[1] and "." not in "".join(terms):
        yield Variant("/".join(terms), "as a fraction")
        yield Variant(rf"\frac{{{terms[0]}}}{{{terms[1]}}}", "as a LaTeX fraction")


def ratio_misses(subject: Subject) -> Iterator[Variant]:
    """`3:4` inverted, with another term, or as a decimal."""
    terms: tuple[Fraction, ...] = subject.value
    if terms != terms[::-1]:
        yield Variant(":".join(map(plain, terms[::-1])), "ratio inverted")
    for at in range(len(terms)):
        changed = (*terms[:at], terms[at] + 1, *terms[at + 1 :])
        if any(left * terms[0] != right * changed[0] for left, right in zip(changed, terms, strict=True)):
            yield Variant(":".join(map(plain, changed)), "another term")
    yield Variant(":".join(map(plain, (*terms, terms[-1] + 1))), "additional term")
    if len(terms) == 2 and terms[1] and (terms[0] / terms[1]).denominator > 1:
        share = terms[0] / terms[1]
        if places_of(share) is not None:
            yield Variant(plain(share), "as a decimal")


_COMMAND = re.compile(r"\\[A-Za-z]+")
_BETWEEN_VALUES = re.compile(r"\s*(?:;|,\s|\band\b)\s*")


def _parts(subject: Subject) -> list[tuple[Fraction, str]] | None:
    """(value, unit) of each of several numbers; None where one is not rational, or has a name (`Sam: 8, Kim: 21`)."""
    separator = re.compile(";") if ";" in subject.gold else _BETWEEN_VALUES
    written = [split_unit(part.strip()) for part in separator.split(subject.gold) if part.strip()]
    if any(re.search("[A-Za-z:=]", _COMMAND.sub("", number)) for number, _ in written):
        return None
    values = [rational(number) for number, _ in written]
    known = [value for value in values if value is not None]
    return list(zip(known, [unit for _, unit in written], strict=True)) if len(known) == len(values) else None


def values_respellings(subject: Subject) -> Iterator[Variant]:
    """`8; 40` as `8, 40`, `8 and 40`, with and without units, in other orders where order does not count."""
    parts = _parts(subject)
    if not parts:
        return
    orders = [parts] if subject.kind == "ordered_values" else [parts, parts[::-1]]
    for order in orders:
        texts = [plain(value) for value, _ in order]
        yield Variant("; ".join(texts), "semicolons")
        yield from listings(texts)
        if any(unit for _, unit in order):
            yield from listings([f"{plain(value)} {unit}".strip() for value, unit in order])
        elif len(parts) == 2 and subject.kind == "values":
            yield Variant(f"x = {texts[0]} or x = {texts[1]}", "as solutions")


def listings(texts: list[str]) -> Iterator[Variant]:
    """`a, b, c`, `a, b, and c`, `a and b`."""
    yield Variant(", ".join(texts), "commas")
    if len(texts) == 2:
        yield Variant(" and ".join(texts), "and")
    elif len(texts) > 2:
        yield Variant(", ".join(texts[:-1]) + f", and {texts[-1]}", "commas and and")
        yield Variant(", ".join(texts[:-1]) + f" and {texts[-1]}", "commas, then and")


def values_misses(subject: Subject) -> Iterator[Variant]:
    """One value changed, missing or additional; another order where order counts."""
    parts = _parts(subject)
    if not parts:
        return
    values = [value for value, _ in parts]
    for at, value in enumerate(values):
        if len(values) > 1:
            yield _joined([*values[:at], *values[at + 1 :]], "a value missing")
        for step in (1, -1):
            yield _joined([*values[:at], value + step, *values[at + 1 :]], "a value off by one")
    yield _joined([*values, max(values) + 1], "an additional value")
    if subject.kind == "ordered_values" and values != values[::-1]:
        yield _joined(values[::-1], "another order")


def _joined(values: list[Fraction], rule: str) -> Variant:
    return Variant(", ".join(map(plain, values)), rule)
