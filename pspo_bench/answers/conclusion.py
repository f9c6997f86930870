"""The number that a sentence concludes with: worked out last, counting what is asked, not merely a circumstance.

>>> from_sentence("12 * 20 = 240.", "he earns $240 in 12 hours", None)
('$240', 'last_sentence')
"""

from __future__ import annotations

import re

from pspo_bench.answers.region import holds_any
from pspo_bench.answers.spellings import holds_number_word
from pspo_bench.answers.text import INLINE_MATHS, clean, plain_unicode
from pspo_bench.answers.units import is_unit

# A number as people write it at the end of a solution, with its sign, currency, fraction or percent sign.
_NUM = (
    r"(?<![A-Za-z0-9_.,^])(?<!\^\{)[-−+]?(?:\\?\$|[€£¥])?\s?[-−]?"
    r"(?:[0-9]{1,3}(?:(?:,|\{,\}|,\\!| )[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4}(?![A-Za-z0-9]))?"
    r"(?:\s?/\s?[0-9]+(?:\.[0-9]+)?|\s[0-9]+/[0-9]+|[ \t]*\\[dt]?frac\{?[0-9]+\}?\{?[0-9]+\}?)?(?:\s?\\?%)?"
)
NUMBER = re.compile(
    rf"(?:{_NUM}|(?<![A-Za-z0-9_])[-−]?\.[0-9]+(?:\s?\\?%)?"
    rf"|[-−]?\\[dt]?frac\{{[-0-9., ]{{1,40}}\}}\{{[-0-9., ]{{1,40}}\}})"
)
HEDGE = re.compile(rf"(?:{_NUM}\s*(?:,\s*(?:or\s+)?|\bor\s+))+{_NUM}\s*$")
# Inline maths by Pandoc's rule (https://pandoc.org/MANUAL.html#math): "$240 in 12 hours for $20" holds none.
MATHS = re.compile(INLINE_MATHS.pattern + r"|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_MAX_SENTENCE = 400
_ASIDE = re.compile(r"\s*\([^()]*\)\s*[.!]?$")
# "in 12 hours", "after giving 6", "to pack 24": the number belongs to a circumstance, not to the result.
_CIRCUMSTANCE = re.compile(
    r"(?:\b(?:in|after|for|from|per|at|with|over|on|when|if|during|within|among|between|each|every|out of|left of"
    r"|of|by)\s+(?:(?!(?:and|then|but)\b)[A-Za-z']+\s+){0,3}"
    r"|(?<!comes )(?<!up )(?<!equal )\bto\s+(?:[A-Za-z']+\s+){1,3}|\b[a-z]+ing\s+(?:[a-z]+\s+){0,2})$",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\b(?:total|sum|profit|cost|average|price|distance|amount|number|score|area|volume|perimeter|value|product|difference"
    r"|balance|speed|length|width|height|age|maximum|minimum|salary|charge|temperature)\b[^0-9]*$",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"\bbetween\s+{_NUM}\s+and\s+{_NUM}"
    rf"|\b(?:at least|at most|more than|less than|fewer than)\s+{_NUM}"
    rf"|(?<!from )(?<!from \$){_NUM}\s*(?:-|\bto\b)\s*{_NUM}(?!\s*=)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(rf"[a-z]\s*=\s*{_NUM}\s*(?:,|,?\s*and|,?\s*or)\s*[a-z]\s*=\s*{_NUM}")
_RANGE_SIGNS = ("-", " to ", "between", "than", "least", "most")
_RELATION = re.compile(r"\S+\s*(?:[<>]|\\[lg]e)\s*$")
_RELATION_SIGNS = ("<", ">", "\\l", "\\g")
_GROUP = re.compile(r"\([^()]*,[^()]*\)")
_ASKED_NOUN = re.compile(
    r"\bhow many\s+(?:more |fewer |total |extra |additional |whole |different )?([a-z]{3,})", re.IGNORECASE
)
_SYMBOL = re.compile(r"\s*\\(?:pi|sqrt|infty)|[a-z](?![A-Za-z])|\^")
_UNIT_WORD = re.compile(r"\s*-?((?:square |cubic |sq\.? |cu\.? )?[A-Za-z°]{1,12})(?![A-Za-z])")
_JOINT = re.compile(r"\s*-?([A-Za-z]{1,12})\.?,?\s*(?:and\s+)?")
_CLOCK = re.compile(r"[0-9]{1,3}(?:\s?:\s?[0-9]{1,3})+(?:\s*[ap]\.?m\b\.?)?")
_SECOND_PART = re.compile(r"\s*(?:,|and)?\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]{1,8})\b")


def from_sentence(tail: str, sentence: str, question: str | None) -> tuple[str, str] | None:
    """The number that a sentence concludes with, and its unit; a formula or range where the number is part of one."""
    if len(sentence) > _MAX_SENTENCE:
        return None
    bare = _ASIDE.sub("", sentence) if sentence.endswith((")", ").")) else sentence
    sentence = bare if NUMBER.search(bare) else sentence
    pieces = list(MATHS.finditer(sentence)) if "$" in sentence or "\\" in sentence else []
    if (
        pieces
        and not re.search(r"[0-9]", sentence[pieces[-1].end() :])
        and re.search(r"[A-Za-z\\=+*/^(<>]", inner(pieces[-1]))
    ):
        return inner(pieces[-1]), "last_sentence"
    sentence = clean(sentence)
    if "=" in sentence and (several := _SEVERAL.search(sentence)):
        return several.group(), "last_sentence"
    found = list(NUMBER.finditer(sentence))
    if not found:
        return (sentence, "last_sentence") if holds_number_word(sentence) else None
    hedge = HEDGE.search(sentence) if " or " in sentence else None
    if hedge and " or " in hedge.group():
        return None
    # The 30 of "1 hour 30 minutes" is no number of its own.
    alone = [
        number for at, number in enumerate(found) if not at or not _continues(sentence, found[at - 1], number)
    ]
    chosen = alone[0] if len(alone) == 1 else _result(tail, sentence, alone, question)
    for pattern, signs in ((_RANGE, _RANGE_SIGNS), (_GROUP, ("(",))):
        for whole in pattern.finditer(sentence) if holds_any(sentence, signs) else ():
            if whole.start() <= chosen.start() < whole.end() and not _is_bound_asked_for(
                whole.group(), question
            ):
                return whole.group(), "last_sentence"
    return _with_unit(sentence, chosen), "last_sentence"


def inner(piece: re.Match[str]) -> str:
    return next(part for part in piece.groups() if part).strip()


def _continues(sentence: str, number: re.Match[str], following: re.Match[str]) -> bool:
    unit = _JOINT.fullmatch(sentence[number.end() : following.start()])
    smaller = _UNIT_WORD.match(sentence, following.end())
    return bool(unit and smaller and is_unit(unit.group(1)) and is_unit(smaller.group(1).split()[-1]))


def _is_bound_asked_for(phrase: str, question: str | None) -> bool:
    """ "At most 2" answers how many there can be at most, and "at least 2" how many are needed at least."""
    asked = (question or "").lower()
    if phrase.lower().startswith("at most"):
        return re.search(r"\b(?:greatest|largest|maximum|most|highest)\b", asked) is not None
    return (
        phrase.lower().startswith("at least")
        and re.search(r"\b(?:least|minimum|smallest|fewest)\b", asked) is not None
    )


def _result(tail: str, sentence: str, found: list[re.Match[str]], question: str | None) -> re.Match[str]:
    """Of several numbers the one that was worked out last; without working, the last that counts what is asked for, is
    no circumstance, and was not given by the question."""
    before = sentence[: found[-1].start()].rstrip(" $\\(")
    if before.endswith(("=", " is", " are", "\\approx")):
        return found[-1]
    working = tail.replace("$", "").replace(",", "").replace("= ", "=")
    ranks = [_worked_out_at(working, _digits(number.group())) for number in found]
    if max(ranks) >= 0:
        return found[len(ranks) - 1 - ranks[::-1].index(max(ranks))]
    for keep in (_counts_what_is_asked, _is_no_circumstance, _is_not_given):
        found = [number for number in found if keep(sentence, number, question)] or found
    return found[-1]


def _counts_what_is_asked(sentence: str, number: re.Match[str], question: str | None) -> bool:
    asked = _ASKED_NOUN.findall(question or "")
    behind = sentence[number.end() : number.end() + 40].lower()
    return bool(asked) and re.match(rf"\s*(?:[a-z]+\s+){{0,2}}{asked[-1][:4].lower()}", behind) is not None


def _is_no_circumstance(sentence: str, number: re.Match[str], _question: str | None) -> bool:
    before = sentence[: number.start()]
    is_money = "$" in number.group() and sentence.count("$") == 1
    return is_money or bool(_TOTAL.search(before)) or not _CIRCUMSTANCE.search(before)


def _is_not_given(_sentence: str, number: re.Match[str], question: str | None) -> bool:
    given = {_digits(found) for found in re.findall(_NUM, plain_unicode(question or ""))}
    return _digits(number.group()) not in given


def _worked_out_at(working: str, digits: str) -> int:
    """Where a value last stands behind an equals sign; -1 where it does not."""
    at = working.rfind("=" + digits)
    while at >= 0 and re.match(r"[0-9]|\.0*[1-9]", working[at + 1 + len(digits) :]):
        at = working.rfind("=" + digits, 0, at)
    return at


def _digits(number: str) -> str:
    text = re.sub(r"[^0-9./-]", "", number)
    return re.sub(r"\.0+$", "", text)


def _with_unit(sentence: str, number: re.Match[str]) -> str:
    """The number with the unit of measure behind it, and the smaller unit behind that: `5 feet 6 inches`."""
    value, end = number.group().strip(), number.end()
    if ":" in sentence:
        clock = (
            found for found in _CLOCK.finditer(sentence) if found.start() <= number.start() < found.end()
        )
        if whole := next(clock, None):
            return whole.group()  # 2:30 is no 30
    if _SYMBOL.match(sentence, end) and not _is_measure(sentence[end], ""):
        return sentence[number.start() :].split()[0].rstrip(".,;")  # 8\\pi is no 8
    before = sentence[: number.start()] if holds_any(sentence, _RELATION_SIGNS) else ""
    if relation := _RELATION.search(before):
        return relation.group() + value  # nor is x > 8
    unit = _UNIT_WORD.match(sentence, end)
    if not unit or not _is_measure(unit.group(1), sentence[end : end + 1]):
        return value
    part = _SECOND_PART.match(sentence, unit.end())
    if part and _is_measure(part.group(2), ""):
        return f"{value} {unit.group(1)} {part.group(1)} {part.group(2)}"
    behind = sentence[unit.end() :]
    power = re.match(r"\s*\^\s*\{?\s*([23])", behind)
    rate = re.match(r"\s*(?:/|per\b)\s*[a-z]{1,10}\b", behind)
    return f"{value} {unit.group(1)}" + (f"^{power.group(1)}" if power else rate.group() if rate else "")


def _is_measure(word: str, before: str) -> bool:
    """A unit that converts; `in` and single letters are prose unless they stick to the number or are maths."""
    if word.lower() in ("in", "a", "second", "sec") or (
        len(word) == 1 and before == " " and word not in "mg"
    ):
        return False
    return is_unit(word.split()[-1])
