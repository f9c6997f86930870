"""Read one quantity out of an answer: an exact value or a formula, with its unit, percent sign or currency.

>>> read_quantity("$1.5 million").value
Fraction(1500000, 1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from pspo_bench.answers.formula import Node, parse
from pspo_bench.answers.labels import is_label, without_announcement
from pspo_bench.answers.match import NotAnAnswerError, remembered
from pspo_bench.answers.prose import HEDGE_WORDS, is_compared, is_head, is_prose
from pspo_bench.answers.rational import exact, has_symbol
from pspo_bench.answers.remarks import without_remark
from pspo_bench.answers.spellings import respell, words_to_digits
from pspo_bench.answers.text import clean, split_top
from pspo_bench.answers.units import Unit, currency, read_unit
from pspo_bench.answers.words import NUMBER_WORDS, SCALES, number_in_words, ordinal_in_words


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with what stands around it. `value` is None where the formula is not rational."""

    node: Node
    value: Fraction | None
    unit: Unit | None = None
    percent: bool = False

    def scaled(self, factor: int | Fraction) -> Quantity:
        value = None if self.value is None else self.value * factor
        return Quantity(("mul", ("num", Fraction(factor)), self.node), value, self.unit, self.percent)


_INTEGER = re.compile(r"-?[0-9]{1,300}|-?[0-9]{1,3}(?:,[0-9]{3}){1,90}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3}){1,90}|[0-9]{1,300})?\.?[0-9]{0,300}")
_SIGNED_MONEY = re.compile(r"^([-+]?)\s*(?:US|USD)?\s*([$€£₹])\s*(?=[-+0-9.\\])(.*)$")
_LEADING = re.compile(
    r"^(?:=|\\approx|\\therefore|approximately|approx\.?|about|around|roughly|exactly|only|just|is|~)\s*",
    re.I,
)
_MINUS_WORD = re.compile(r"^(?:minus|negative)\s+(?=[0-9$.\\])", re.I)
_SUFFIXED_MONEY = re.compile(r"^(.*[0-9])\s*([$€£₹¢])$", re.DOTALL)
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_TAIL = re.compile(r"^(?P<core>.*?[0-9)}\]!])\s*(?P<tail>(?:[A-Za-z°%\"(]|/(?=[a-z]))[^=<>\\]*)$", re.DOTALL)
_FORMULA_TAIL = re.compile(
    r"^(?P<core>.*?\S)\s+(?P<tail>(?:(?:square |cubic )?units?|(?:square |cubic |sq\.? |cu\.? )?[A-Za-z]{1,12}\.?)"
    r"(?:\s*\^\s*\{?[23]\}?)?(?:/[a-z]+|\s+per\s+[a-z]+)?|°|%)$"
)


@remembered(16384)
def read_quantity(text: str) -> Quantity:
    """The quantity that `text` is. Raises NotAnAnswerError when it is none, or is more than one."""
    if _INTEGER.fullmatch(text):
        value = Fraction(int(text.replace(",", "")))
        return Quantity(("num", value), value)
    text = clean(text)
    if len(text) < 600 and text.strip("-.,") and _DECIMAL.fullmatch(text) and text[-1] != ",":
        value = Fraction(text.replace(",", ""))
        return Quantity(("num", value), value)
    text = respell(_unbracket(text))
    try:
        return _read(_right_side(_derived(text) or text))
    except NotAnAnswerError:
        shorter = without_remark(text) or without_announcement(text)
        if shorter is None:
            raise
        return read_quantity(shorter)


def _plain_value(text: str) -> Fraction | None:
    quantity = _plain(text)
    return quantity.value if quantity else None


def _derived(text: str) -> str | None:
    """`25` of `25 (5 \\times 5)`, which is no product, and `18` of `eighteen (18)`."""
    twice = re.fullmatch(r"([A-Za-z -]{3,60}) \(([0-9][0-9,.]{0,20})\)", text)
    if twice and number_in_words(twice.group(1)) is not None:
        return twice.group(2) if number_in_words(twice.group(1)) == _plain_value(twice.group(2)) else None
    found = re.fullmatch(r"([0-9.]{1,30})\s+\(([^()]{3,80})\)", text)
    if not found:
        return None
    core, derivation = _plain(found.group(1)), _plain(found.group(2))
    return found.group(1) if core and derivation and core.value == derivation.value else None


def _unbracket(text: str) -> str:
    """The calculator's and prose's leading marks: `= 18`, `≈ 18`, `about 18`."""
    while (found := _LEADING.match(text)) and found.end() < len(text):
        text = text[found.end() :]
    return text


_EQUALS = re.compile(r"=")


def _right_side(text: str) -> str:
    """Of `x = 5`, `5 + 13 = 18` and `Total = $18` the part that is the answer."""
    if "=" not in text:
        return text
    sides = [side.strip() for side in split_top(text, _EQUALS)]
    sides = [side for side in sides if side]
    if len(sides) < 2:
        return sides[0] if sides else text
    if not _holds_number(sides[-1]) and _is_name(sides[-1]) and _holds_number(sides[-2]):
        sides = sides[:-1]  # 5 = x
    for side in sides[:-1]:
        if not is_label(side, None) and not _is_value_of(side, sides[-1]):
            raise NotAnAnswerError(f"'{text[:40]}' is an equation, not a value")
    return sides[-1]


def _is_value_of(side: str, other: str) -> bool:
    """Of `18 = 36/2` both sides must be the same number."""
    left, right = _plain(side), _plain(other.lstrip("$"))
    return left is not None and right is not None and left.value is not None and left.value == right.value


def _holds_number(text: str) -> bool:
    return any(char.isdigit() for char in text) or "\\" in text


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]\w{0,20}'*|\\[a-z]+", text))


def _read(text: str) -> Quantity:
    text = _MINUS_WORD.sub("-", text)
    money = _SIGNED_MONEY.match(text)
    if money:
        return _in_currency(_read(money.group(1) + money.group(3)), money.group(2))
    suffixed = _SUFFIXED_MONEY.match(text)
    if suffixed:
        return _in_currency(_read(suffixed.group(1)), suffixed.group(2))
    for reader in (_plain, _worded, _compound, _with_tail, _formula_with_unit, _single_number, _symbolic):
        quantity = reader(text)
        if quantity is not None:
            return quantity
    raise NotAnAnswerError(f"'{text[:40]}' is not one number")


def _in_currency(inner: Quantity, sign: str) -> Quantity:
    per = inner.unit.per if inner.unit else None
    return Quantity(inner.node, inner.value, replace(currency(sign), per=per), inner.percent)


def _plain(text: str) -> Quantity | None:
    """A formula without variables."""
    try:
        node = parse(text)
    except NotAnAnswerError:
        return None
    return None if has_symbol(node) else Quantity(node, exact(node))


def _symbolic(text: str) -> Quantity | None:
    try:
        return Quantity(parse(text), None)
    except NotAnAnswerError:
        return None


def _worded(text: str) -> Quantity | None:
    ordinal = _TIMES.get(text.lower()) or ordinal_in_words(text)
    value = Fraction(ordinal) if ordinal is not None else number_in_words(text)
    return None if value is None else Quantity(("num", value), value)


def _with_tail(text: str) -> Quantity | None:
    """A number followed by a unit, a percent sign, a scale word, a currency or plain words."""
    found = _TAIL.match(text)
    core = _plain(found.group("core")) if found else None
    return None if found is None or core is None else _attach(core, found.group("tail").strip())


def _attach(core: Quantity, tail: str) -> Quantity | None:
    """`core` with the words behind it, or None where they are not a unit."""
    named = tail.startswith("(") and tail.endswith(")")  # the unit of 2 (dozen) is no factor
    tail = tail[1:-1].strip() if named else tail
    if tail.startswith("%") or re.match(r"per\s?cent\b", tail, re.I):
        rest = re.sub(r"^(?:%|per\s?cent(?:age points?)?)", "", tail, flags=re.I).strip()
        return Quantity(core.node, core.value, None, True) if is_prose(rest) else None
    if tail.startswith("°"):
        rest = tail[1:].strip().capitalize()
        scales = ("", "C", "F", "Celsius", "Fahrenheit")
        return Quantity(core.node, core.value, read_unit(f"degrees {rest}")) if rest in scales else None
    tail = re.sub(r"^(?:st|nd|rd|th)\b", "", tail).strip(" -")
    half = re.match(r"and (?:a|one) (half|quarter|third)\b", tail)
    if half and core.value is not None:
        share = number_in_words(half.group(1)) or Fraction(0)
        core, tail = Quantity(("num", core.value + share), core.value + share), tail[half.end() :].strip()
    scale = re.match(r"(hundred|thousand|million|billion|trillion|dozen)\b", tail, re.I)
    if scale and not named:
        core, tail = core.scaled(SCALES[scale.group(1).lower()]), tail[scale.end() :].strip()
    if not tail:
        return core
    if not is_prose(tail):
        return None
    if named and number_in_words(tail) == core.value:
        return core  # 18 (eighteen)
    unit = read_unit(tail)
    return Quantity(core.node, core.value, replace(unit, is_named=named and unit.says_what))


def _compound(text: str) -> Quantity | None:
    """`1 hour 30 minutes`, `5 feet and 6 inches`: one dimension, units growing smaller."""
    text = words_to_digits(text)
    parts = re.findall(r"([0-9][0-9,.]*)\s*([A-Za-z]+)\.?", text)
    if parts and read_unit(parts[0][1]).factor == 3600:
        parts = [(number, "min" if word == "m" else word) for number, word in parts]
    if parts and parts[-1][1] == "pence":
        parts = [(number, "gbp" if word.startswith("pound") else word) for number, word in parts]
    if not 2 <= len(parts) <= 3 or re.sub(r"[0-9][0-9,.]*\s*[A-Za-z]+\.?|\band\b|[,\s]", "", text):
        return None
    units = [read_unit(word) for _, word in parts]
    factors = [unit.factor for unit in units]
    if (
        len({unit.dimension for unit in units}) > 1
        or units[0].dimension is None
        or factors != sorted(factors)[::-1]
    ):
        return None
    values = [Fraction(number.replace(",", "").rstrip(".")) for number, _ in parts]
    total = (
        sum((value * factor for value, factor in zip(values, factors, strict=True)), Fraction(0)) / factors[0]
    )
    return Quantity(("num", total), total, units[0])


def _formula_with_unit(text: str) -> Quantity | None:
    """`12\\pi cm^2`: a formula and a unit that is known to be one."""
    found = _FORMULA_TAIL.match(text)
    if not found:
        return None
    tail = found.group("tail")
    core = _plain(found.group("core"))
    if core is None or not (tail in "°%" or re.search(r"\bunits?$", tail) or read_unit(tail).dimension):
        return None
    return _attach(core, tail)


_NUMBER_IN_PROSE = re.compile(
    r"(?<![A-Za-z0-9_.])-?[$€£]?-?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:\s?/\s?[0-9]+)?"
)
_SENTENCE_WORDS = re.compile(r"[A-Za-z' ,.:;()$€£%°\"-]*")


def _single_number(text: str) -> Quantity | None:
    """The one number in a phrase: "She makes $18 a day". A comparison or a hedge is not a value."""
    if len(text) > 300:
        return None
    found = list(_NUMBER_IN_PROSE.finditer(text))
    if not found:
        return _single_worded(text)
    first = found[0]
    head, tail = text[: first.start()].strip(), text[first.end() :].strip()
    head = re.sub(r"\\[a-z]+ ?", "", head) if head.startswith("\\") else head
    if not _SENTENCE_WORDS.fullmatch(head) or is_compared(head) or not is_head(head):
        return None
    if len(found) > 1 and not tail:
        return None
    return _read_simple(first.group(), tail)


def _read_simple(number: str, tail: str) -> Quantity | None:
    money = _SIGNED_MONEY.match(number)
    core = _plain(money.group(1) + money.group(3) if money else number)
    quantity = core and (_attach(core, tail.strip(" .,")) if tail.strip(" .,") else core)
    if quantity and money:
        return Quantity(quantity.node, quantity.value, currency(money.group(2)), quantity.percent)
    return quantity


def _single_worded(text: str) -> Quantity | None:
    """`eighteen apples`, `a dozen eggs`, `half an hour`: the one run of number words in a phrase."""
    words = text.split()
    flags = [all(part in NUMBER_WORDS for part in word.lower().strip(".,").split("-")) for word in words]
    for index in range(1, len(words) - 1):  # three quarters of a pound; alone, quarters are coins too
        flags[index] |= flags[index - 1] and words[index].lower() in ("quarter", "quarters")
    if not any(flags):
        return None
    start = flags.index(True)
    end = start
    while end < len(words) and (
        flags[end] or (words[end].lower() in ("and", "a") and any(flags[end + 1 : end + 3]))
    ):
        end += 1
    if any(flags[end:]) or HEDGE_WORDS.intersection(word.lower().strip(",.") for word in words):
        return None
    if (
        end - start > 1
        and end < len(words)
        and re.fullmatch(r"[a-z]+(?:th|ird|irst)", words[end - 1].lower())
    ):
        end -= 1  # forty-one fourth graders
    run = " ".join(words[start:end]).strip(".,")
    place = None if words[start - 1 : start] in (["a"], ["an"]) else ordinal_in_words(run)
    value = number_in_words(run) if place is None else Fraction(place)
    if value is None or is_compared(" ".join(words[:start])):
        return None
    tail = re.sub(r"^an?\s", "", " ".join(words[end:]))
    return _attach(Quantity(("num", value), value), tail) if tail else Quantity(("num", value), value)
