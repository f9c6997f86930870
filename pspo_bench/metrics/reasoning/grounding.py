"""Where the numbers of a calculation come from: the question, an earlier result, a constant of units, or nowhere.

    question "Natalia sold 48 clips, then half as many": 48, and with half 1/2 and 2
    "48 * 3 = 144": the 3 comes from nowhere

ReCEval (arXiv 2304.10703) asks a model whether a step follows from what is given; this asks of every operand whether
it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pspo_bench.answers.words import NUMBER_WORDS, SMALL, number_in_words, ordinal_in_words
from pspo_bench.metrics.arithmetic import Operand, Statement
from pspo_bench.metrics.arithmetic.tokens import Token, tokenize
from pspo_bench.metrics.reasoning.solution import Solution
from pspo_bench.metrics.registry import solution_metric

RECEVAL = "https://arxiv.org/abs/2304.10703"
ROSCOE = "https://arxiv.org/abs/2212.07919"
MAX_QUESTION_CHARS = 20_000

_ALWAYS = {Fraction(n) for n in (0, 1, 2, 100)}  # a whole, an average of two, per cent
_BY_UNIT = (
    ("second minute hour day daily am pm noon midnight night morning", "12 24 60 3600 1440"),
    (
        "day week month year daily weekly monthly yearly annual annually weekend weekday january february march april "
        "may june july august september october november december monday tuesday wednesday thursday friday "
        "saturday sunday",
        "3 4 5 7 12 28 29 30 31 52 360 365 366",
    ),
    ("dollar cent penny pennies nickel dime quarter coin money $", "4 5 10 20 25 50 1000"),
    (
        "inch foot feet yard mile meter metre km kilometer cm mm",
        "3 4 10 12 36 1000 1760 5280 1.6 1.609 2.54 0.62",
    ),
    ("ounce pound ton gram kg kilogram lb lbs oz mg", "14 16 1000 2000 2.2 28 28.35 454 453.59"),
    ("cup pint quart gallon liter litre ml tablespoon teaspoon", "3 4 8 16 32 128 1000"),
    ("degree angle triangle circle rectangle square cube perimeter side", "3 4 6 90 180 360 3.14 22 7 0.5"),
    ("card deck", "52 13 4 26"),
    ("leg wheel eye hand finger toe", "2 4 5 8 10"),
    ("dozen", "12"),
    ("decade century", "10 100"),
    ("thousand million billion", "1000 1000000 1000000000"),
)
"""Words of units, and the constants that belong to them."""
_CONSTANTS = tuple(
    (frozenset(unit.rstrip("s") for unit in units.split()), frozenset(map(Fraction, values.split())))
    for units, values in _BY_UNIT
)
_WORDS_THAT_COUNT = {
    **dict.fromkeys(
        "twice double doubled doubles pair pairs couple both twin twins biweekly either".split(), 2
    ),
    **dict.fromkeys("half halves halved".split(), 2),
    **dict.fromkeys("thrice triple tripled triples triplets".split(), 3),
    **dict.fromkeys("quadruple quadrupled quarter quarters".split(), 4),
    **dict.fromkeys("dozen dozens".split(), 12),
}


@dataclass(frozen=True, slots=True)
class Given:
    """A number of the question: `values` are the figures in which it may be used, `written` its own value."""

    written: Fraction
    values: frozenset[Fraction]


@lru_cache(maxsize=4096)
def given_numbers(question: str) -> tuple[Given, ...]:
    """The numbers of a question in figures and words, each value once, in order."""
    tokens = tokenize(question[:MAX_QUESTION_CHARS])
    found: dict[Fraction, frozenset[Fraction]] = {}
    for value, values in (*_figures(tokens), *_words(tokens)):
        found[value] = found.get(value, frozenset()) | values
    return tuple(Given(value, values) for value, values in found.items())


def _figures(tokens: list[Token]) -> Iterator[tuple[Fraction, frozenset[Fraction]]]:
    for at, token in enumerate(tokens):
        if token.kind == "odd":
            yield from _pieces(token.text)
        if token.kind != "num" or token.value is None or _is_bottom(tokens, at):
            continue
        value = token.value
        after = tokens[at + 1] if at + 1 < len(tokens) else token
        bottom = tokens[at + 2].value if at + 2 < len(tokens) else None
        if after.kind == "pct" or after.text.lower() in ("percent", "per"):
            yield value, _percent(value) if after.text != "per" else _plain(value)
        elif after.text == "/" and bottom and not after.spaced:
            yield value / bottom, _share(value, bottom)
        else:
            yield value, _plain(value)


def _is_bottom(tokens: list[Token], at: int) -> bool:
    """Whether the number is the 4 of 1/4."""
    return at > 1 and tokens[at - 1].text == "/" and not tokens[at].spaced and tokens[at - 2].kind == "num"


def _pieces(text: str) -> Iterator[tuple[Fraction, frozenset[Fraction]]]:
    """The hours and minutes of 2:30, the number of 3rd."""
    for token in tokenize(text.replace(":", " ").replace("/", " ").rstrip("stndrh")):
        if token.value is not None:
            yield token.value, _plain(token.value)


def _plain(value: Fraction) -> frozenset[Fraction]:
    """As written, or in cents for dollars and the reverse; the denominator and the rest of a fraction."""
    values = {value, value * 100, value / 100}
    if value.denominator > 1 and 0 < value < 1:
        values |= {1 - value, 1 + value, Fraction(value.numerator), Fraction(value.denominator)}
        values.add(Fraction(value.denominator - value.numerator))
    elif value.denominator > 1:
        values |= {
            Fraction(value.numerator),
            Fraction(value.denominator),
            value - value.numerator // value.denominator,
        }
    return frozenset(values)


def _percent(value: Fraction) -> frozenset[Fraction]:
    share = value / 100
    return frozenset({value, share, 1 - share, 1 + share, 100 - value, 100 + value,
                      Fraction(share.numerator), Fraction(share.denominator)})  # fmt: skip


def _share(top: Fraction, bottom: Fraction) -> frozenset[Fraction]:
    value = top / bottom
    return _plain(value) | {top, bottom, bottom - top, bottom + top}


def _words(tokens: list[Token]) -> Iterator[tuple[Fraction, frozenset[Fraction]]]:
    """Runs of number words, and words that count such as twice; "one" is mostly a pronoun."""
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and (_is_number_word(tokens[end]) or _is_joint(tokens, end, at)):
            end += 1
        run = " ".join(token.text.lower() for token in tokens[at:end] if token.kind == "word")
        yield from _said(run)
        word = tokens[at].text.lower()
        if end <= at + 1 and word in _WORDS_THAT_COUNT:
            count = Fraction(_WORDS_THAT_COUNT[word])
            yield count, _plain(count) | _plain(1 / count) | {1 + count}
        at = max(end, at + 1)


def _is_number_word(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() in NUMBER_WORDS


def _is_joint(tokens: list[Token], end: int, at: int) -> bool:
    """Whether a hyphen, "and" or "and a" stands between two number words: twenty-five, two and a half."""
    text = tokens[end].text
    words = [token.text for token in tokens[end : end + 3]]
    joins = (text == "-" and end + 1 < len(tokens) and _is_number_word(tokens[end + 1])) or (
        words in (["and", "a", "half"], ["and", "one", "half"]) or words[:2] == ["a", "half"]
    )
    return at < end and joins


def _said(run: str) -> Iterator[tuple[Fraction, frozenset[Fraction]]]:
    value = number_in_words(run) if run and run != "one" else None
    if run == "one":
        return
    if value is None:
        parts = [number_in_words(word) for word in run.split() if word in SMALL or len(run.split()) > 1]
        for part in (*parts, ordinal_in_words(run) if run else None):
            if part is not None:
                yield Fraction(part), _plain(Fraction(part))
    elif value.denominator > 1:
        yield value, _share(Fraction(value.numerator), Fraction(value.denominator))
    else:
        yield value, _plain(value)


def _constants(text: str) -> set[Fraction]:
    """The constants of the units that `text` speaks of."""
    lowered = text.lower()
    words = {word.rstrip("s") for word in _word_set(lowered)} | ({"$"} if "$" in lowered else set())
    found = set(_ALWAYS)
    for units, values in _CONSTANTS:
        if words & units:
            found |= values
    return found


def _word_set(text: str) -> set[str]:
    return {"".join(c for c in word if c.isalpha()) for word in text.split()}


# Operands


@dataclass(frozen=True, slots=True)
class Provenance:
    """An operand of a statement and where it comes from: question, earlier, constant or nowhere."""

    operand: Operand
    statement: Statement
    origin: str


@lru_cache(maxsize=4)
def provenance_of(solution: Solution) -> tuple[Provenance, ...] | None:
    """Where each operand comes from; None without a question, or where nothing is worked out."""
    if solution.question is None:
        return None
    given = {value for number in given_numbers(solution.question) for value in number.values}
    constants = _constants(f"{solution.question} {solution.text}")
    results = [*solution.findings.results, *(s.result for s in solution.statements if s.result)]
    ends: dict[Fraction, int] = {}
    for result in results:
        for value in _same(result.value):
            ends[value] = min(ends.get(value, result.end), result.end)
    found: dict[int, Provenance] = {}  # by place: the middle of a chain belongs to two statements
    for statement in solution.statements:
        if statement.expected is None or statement.right_value is None:
            continue  # algebra gathers numbers: 11 + 7 + y = 18 + y
        for operand in statement.operands:
            if operand.start not in found:
                origin = _origin(operand, given, constants, ends, statement)
                found[operand.start] = Provenance(operand, statement, origin)
    return tuple(found.values()) or None


def _origin(
    operand: Operand,
    given: set[Fraction],
    constants: set[Fraction],
    ends: dict[Fraction, int],
    statement: Statement,
) -> str:
    value = abs(operand.value)
    if value in given:
        return "question"
    earlier = ends.get(value)
    if earlier is not None and earlier <= operand.start:
        return "earlier"
    if value in constants or (operand.is_percent and value == 100):
        return "constant"
    inside = {abs(part) for part in statement.parts}
    return "earlier" if value in inside or value == abs(statement.expected or 0) else "nowhere"


def _same(value: Fraction) -> tuple[Fraction, ...]:
    """A result as it may be used: as a share or in per cent, in dollars or cents, with its parts."""
    size = abs(value)
    parts = (Fraction(size.numerator), Fraction(size.denominator)) if size.denominator > 1 else ()
    return (size, size * 100, size / 100, *parts)


@solution_metric(
    "ungrounded",
    definition="Operands from nowhere: neither in the question (figures, words, half, twice, p %), nor an earlier "
    "result, nor a constant of a unit that is mentioned; None without a question or without calculations.",
    range=(0, None),
    direction="lower",
    source=RECEVAL,
)
def ungrounded(solution: Solution) -> float | None:
    found = provenance_of(solution)
    return None if found is None else float(sum(item.origin == "nowhere" for item in found))


@solution_metric(
    "provenance",
    definition="Share of the operands that come from the question, an earlier result or a constant of units.",
    range=(0, 1),
    direction="higher",
    source=RECEVAL,
)
def provenance(solution: Solution) -> float | None:
    found = provenance_of(solution)
    return None if found is None else sum(item.origin != "nowhere" for item in found) / len(found)


@solution_metric(
    "question_coverage",
    definition="Share of the question's numbers that enter a calculation; None without numbers or calculations.",
    range=(0, 1),
    direction="higher",
    source=ROSCOE,
)
def question_coverage(solution: Solution) -> float | None:
    operands = {abs(operand.value) for s in solution.statements for operand in s.operands}
    given = given_numbers(solution.question) if solution.question is not None else ()
    if not operands or not given:
        return None
    return sum(bool(number.values & operands) for number in given) / len(given)


@solution_metric(
    "unused",
    definition="Results that are neither used in a later calculation nor the final answer; None without results.",
    range=(0, None),
    direction="lower",
    source=ROSCOE,
)
def unused(solution: Solution) -> float | None:
    starts = {statement.start for statement in solution.statements}
    results = [s.result for s in solution.checked if s.result and s.operands and s.result.start not in starts]
    if not results:
        return None
    last_use: dict[Fraction, int] = {}
    for statement in solution.statements:
        for operand in statement.operands:
            last_use[abs(operand.value)] = max(last_use.get(abs(operand.value), 0), operand.start)
    answer = solution.answer_value
    final = {abs(answer)} if answer is not None else {abs(results[-1].value)}
    idle = {
        abs(result.value)
        for result in results
        if not any(last_use.get(value, -1) >= result.end or value in final for value in _same(result.value))
    }
    return float(len(idle))
