"""The answer types: how a gold is parsed and how an answer is matched against it.

A new type is one `AnswerType`, registered here, announced by the entry point group `pspo_bench.answer_types`,
or named as `module:attr`:

    answer_types.register("roman")(AnswerType("roman", parse=from_roman, match=same_roman))
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from pspo_bench.answers import closed, maths, numeric, phrases, points, ratio, values
from pspo_bench.answers.clock import find_date, is_spoken
from pspo_bench.answers.labels import is_algebraic
from pspo_bench.answers.match import EXACT, Context, Match, NotAnAnswerError, Tolerance
from pspo_bench.answers.quantity import read_quantity
from pspo_bench.answers.rational import has_symbol
from pspo_bench.answers.structure import is_empty_set, shape_of
from pspo_bench.answers.text import clean
from pspo_bench.answers.unstated import Fallback
from pspo_bench.errors import AnswerError, ConfigError, unknown
from pspo_bench.registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class AnswerType:
    """One type of answer.

    `parse` reads a gold and raises NotAnAnswerError when it cannot; `match` compares what it returned with the
    text of an answer. `fallback` says what to extract where no answer is stated; `uses_question` whether the
    question can change a match (it is then part of the cache key). `tolerance` and `spec`, the name with it, are set
    by `resolve_type`.
    """

    name: str
    parse: Callable[[str], Any]
    match: Callable[[Any, str, Context], Match]
    fallback: Fallback = Fallback.NUMBER
    uses_question: bool = False
    tolerance: Tolerance = EXACT
    spec: str = ""


@dataclass(frozen=True, slots=True)
class Gold:
    """A parsed gold answer; equal golds have equal text and type."""

    text: str
    kind: AnswerType
    value: Any = field(compare=False)

    def match(
        self,
        answer: str,
        question: str | None,
        equal: Callable[[Any, Any], bool] = points.equal,
        same_equation: Callable[..., bool] = points.same_equation,
    ) -> Match:
        context = Context(
            question if self.kind.uses_question else None, equal, same_equation, self.kind.tolerance
        )
        return self.kind.match(self.value, answer, context)


MAX_GOLD_CHARS = 2000

answer_types: Registry[AnswerType] = Registry("answer type", group="pspo_bench.answer_types")


def _define(
    name: str, parse: Callable[[str], Any], match: Callable[[Any, str, Context], Match], **more: Any
) -> None:
    answer_types.register(name)(AnswerType(name, parse, match, **more))


_define("number", numeric.parse_number, numeric.match_number, uses_question=True)
_define("percent", numeric.parse_percent, numeric.match_number, uses_question=True)
_define("money", numeric.parse_money, numeric.match_number, uses_question=True)
_define("unit", numeric.parse_number, numeric.match_number, uses_question=True)
_define("degrees", numeric.parse_degrees, numeric.match_number, uses_question=True)
_define("ordinal", numeric.parse_ordinal, numeric.match_number)
_define("base", numeric.parse_base, numeric.match_base)
_define("remainder", numeric.parse_remainder, numeric.match_remainder, fallback=Fallback.SENTENCE)
_define("ratio", ratio.parse_ratio, ratio.match_ratio, fallback=Fallback.SENTENCE)
_define("values", values.parse_values, values.match_values, fallback=Fallback.SENTENCE, uses_question=True)
_define(
    "ordered_values",
    values.parse_values,
    values.match_ordered_values,
    fallback=Fallback.SENTENCE,
    uses_question=True,
)
_define("time", closed.parse_time, closed.match_time, fallback=Fallback.SENTENCE)
_define("clock", closed.parse_clock, closed.match_clock, fallback=Fallback.SENTENCE)
_define("date", closed.parse_date, closed.match_date, fallback=Fallback.SENTENCE)
_define("yes_no", closed.parse_yes_no, closed.match_yes_no, fallback=Fallback.YES_NO)
_define("text", phrases.parse_text, phrases.match_text, fallback=Fallback.SENTENCE, uses_question=True)
_define("choice", closed.parse_choice, closed.match_choice, fallback=Fallback.SENTENCE)
for _name in ("expression", "equation", "interval", "matrix", "inequality"):
    _define(_name, maths.parser_of(_name), maths.match_shape, fallback=Fallback.FORMULA, uses_question=True)
for _name in ("pair", "tuple", "set", "list"):
    _define(_name, maths.parser_of(_name), maths.match_shape, fallback=Fallback.FORMULAS, uses_question=True)

ANSWER_TYPES = (
    "auto", "number", "percent", "money", "unit", "degrees", "ordinal", "base", "remainder", "ratio", "values",
    "ordered_values",
    "time", "clock", "date", "yes_no", "text", "choice",
    "expression", "equation", "pair", "tuple", "interval", "set", "matrix", "list", "inequality",
)  # fmt: skip
"""The built-in types. `clock` is `17:12` where it is open whether a time or a ratio is meant; `pair` is `(2,4)` where
it is open whether a point or an open interval is meant; `list` is several formulas in any order."""


def resolve_type(gold: str, answer_type: str, question: str | None = None) -> AnswerType:
    """The type called `answer_type`, found by the gold's form for "auto". Raises AnswerError naming the known ones.

    A rounding rule may stand behind the name: `number[decimals=2]`, `auto[abs_tol=0.01]`, `money[rel_tol=1e-3]`.
    """
    if answer_type == "auto" or answer_type.startswith("auto["):
        answer_type = detect_type(gold, question) + answer_type.removeprefix("auto")
    return _find(answer_type)


_SPEC = re.compile(r"(?P<name>[^\[\]]+)(?:\[\s*(?P<rule>\w+)\s*=\s*(?P<value>[0-9.eE/+-]{1,20})\s*\])?")


@lru_cache(maxsize=256)
def _find(spec: str) -> AnswerType:
    """The type that a task names, with the tolerance in brackets behind it."""
    found = _SPEC.fullmatch(spec)
    if not found:
        raise AnswerError(f"Answer type {spec!r} is not of the form name or name[rule=value]")
    try:
        kind = answer_types.get(found["name"])
    except ConfigError as error:
        raise AnswerError(str(error)) from error
    tolerance = _tolerance(spec, found["rule"], found["value"]) if found["rule"] else EXACT
    return replace(kind, tolerance=tolerance, spec=spec)


def _tolerance(spec: str, rule: str, value: str) -> Tolerance:
    if rule not in (rules := [field.name for field in fields(Tolerance)]):
        raise AnswerError(unknown("rounding rule", rule, rules, f"answer type {spec!r}"))
    try:
        number = int(value) if rule == "decimals" else Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise AnswerError(f"Answer type {spec!r}: {value!r} is not a number") from error
    if not 0 <= number <= (100 if rule == "decimals" else 10**12):
        raise AnswerError(f"Answer type {spec!r}: {rule} must not be negative, nor huge")
    rules_given: dict[str, Any] = {rule: number}
    return Tolerance(**rules_given)


@lru_cache(maxsize=16384)
def parse_gold(gold: str, kind: AnswerType) -> Gold:
    """The gold parsed once. Raises AnswerError saying which gold cannot be read as which type, and why."""
    if not gold.strip():
        raise AnswerError("The gold answer is empty")
    if len(gold) > MAX_GOLD_CHARS:
        raise AnswerError(f"The gold answer {gold[:40]!r}… is longer than {MAX_GOLD_CHARS} characters")
    try:
        return Gold(gold, kind, kind.parse(gold))
    except NotAnAnswerError as error:
        raise AnswerError(
            f"Gold {gold[:80]!r} cannot be read as answer type '{kind.name}': {error}"
        ) from error


_PLAIN_NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z'.-]+(?:\s+[A-Za-z0-9'.-]+)*|[A-Z](?:\s+[A-Za-z0-9'.-]+)+")
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\s*[ap]\.?\s?m\b\.?.*)?", re.I)
_RATIO = re.compile(r"[0-9.]+(?:\s*:\s*[0-9.]+)+")
_SHAPE_TYPES = {"value": "expression"}


def detect_type(gold: str, question: str | None = None) -> str:
    """The type that the form of `gold` shows, with the question where the form leaves it open.

    >>> detect_type("9 (apples)"), detect_type("3:30 p.m."), detect_type(r"\\frac{1}{2}")
    ('unit', 'time', 'expression')
    """
    if _PLAIN_NUMBER.fullmatch(gold):
        return "number"
    return _detect(gold, question)


@lru_cache(maxsize=16384)
def _detect(gold: str, question: str | None) -> str:
    text = clean(gold)
    for detect in (_detect_words, _detect_number):
        name = detect(gold, text, question)
        if name:
            return name
    try:
        shape = shape_of(gold)
    except (NotAnAnswerError, RecursionError):
        return "text"
    if shape.kind == "pair":
        return _detect_pair(question)
    return _SHAPE_TYPES.get(shape.kind, shape.kind)


def _detect_words(gold: str, text: str, question: str | None) -> str | None:
    if text.lower() in ("yes", "no", "true", "false"):
        return "yes_no"
    if text == r"\emptyset" or (is_empty_set(text) and "solution" in text):
        return "set"
    if re.fullmatch(r"\(?[A-J]\)?", text) and ("text" in gold or "(" in text or text <= "E"):
        return "choice"
    if r"\equiv" in text or "mod" in text:
        return "text"
    if is_spoken(text):
        return "time"
    if _TIME.fullmatch(text) or re.fullmatch(r"(?:noon|midnight)", text, re.I):
        return _time_or_ratio(text, question)
    if _RATIO.fullmatch(text):
        return "ratio"
    if find_date(text):
        return "date"
    if re.search(r"\b[0-9]*(?:1st|2nd|3rd|[0-9]th)\b", text):
        return "ordinal"
    lower_product = text.isalpha() and text.islower() and len(text) <= 3 and "text" not in gold
    return "text" if _WORDS.fullmatch(text) and not lower_product else None


def _time_or_ratio(text: str, question: str | None) -> str:
    asked = (question or "").lower()
    if re.search(r"[ap]\.?\s?m", text, re.I) or text.count(":") == 2:
        return "time"
    if "ratio" in asked:
        return "ratio"
    hour, minute = (int(part) for part in text.split(":")[:2])
    if hour > 24 or minute > 59:
        return "ratio"
    return "time" if re.search(r"\btime\b|\bwhen\b|o'?clock", asked) else "clock"


def _detect_number(gold: str, text: str, _question: str | None) -> str | None:
    if re.fullmatch(r"[0-9A-F]+_\{?[0-9]{1,2}\}?", text):
        return "base"
    if is_algebraic(gold):
        return None
    if re.fullmatch(r"[0-9]+ (?:remainder|R) ?[0-9]+", text):
        return "remainder"
    if ";" in text:
        return "values"
    try:
        quantity = read_quantity(gold)
    except NotAnAnswerError:
        return None
    if has_symbol(quantity.node) or "=" in text:
        return None
    if quantity.percent:
        return "percent"
    if quantity.unit is None:
        return "number" if quantity.value is not None and "\\" not in text else None
    return {"money": "money", "angle": "degrees"}.get(quantity.unit.dimension or "", "unit")


def _detect_pair(question: str | None) -> str:
    asked = (question or "").lower()
    if re.search(r"\binterval|\bdomain\b|\brange of|inequalit", asked):
        return "interval"
    return (
        "tuple"
        if re.search(r"ordered|\bpoint|coordinate|\bpairs?\b|vector|vertex|cent(?:er|re)\b", asked)
        else "pair"
    )
