"""What a completion without a stated answer gives: a bold value, a bare last line, or the result in its last sentence.

>>> unstated("12 * 20 = 240.\\nSo he earns $240 in 12 hours.", Fallback.NUMBER)
('$240', 'last_sentence')
"""

from __future__ import annotations

import re
from enum import Enum

from pspo_bench.answers.spellings import holds_number_word
from pspo_bench.answers.stated import before_stop, last_sentence, tidy
from pspo_bench.answers.text import clean, plain_unicode
from pspo_bench.answers.units import is_unit

TAIL_CHARS = 4000
"""The fallbacks look no further back than this: an answer stands at the end."""


class Fallback(Enum):
    """What to take where no answer is stated: a value, a formula, or the last sentence (names, times, lists)."""

    NUMBER = "number"
    FORMULA = "formula"
    SENTENCE = "sentence"
    YES_NO = "yes_no"


# A number as people write it at the end of a solution, with its sign, currency, fraction or percent sign.
_NUM = (
    r"(?<![A-Za-z0-9_.,^])(?<!\^\{)[-−+]?(?:\\?\$|[€£¥])?\s?[-−]?"
    r"(?:[0-9]{1,3}(?:(?:,|\{,\}|,\\!| )[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4}(?![A-Za-z0-9]))?"
    r"(?:\s?/\s?[0-9]+(?:\.[0-9]+)?|\s[0-9]+/[0-9]+|[ \t]*\\[dt]?frac\{?[0-9]+\}?\{?[0-9]+\}?)?(?:\s?\\?%)?"
)
_NUMBER = re.compile(
    rf"(?:{_NUM}|(?<![A-Za-z0-9_])[-−]?\.[0-9]+(?:\s?\\?%)?"
    rf"|[-−]?\\[dt]?frac\{{[-0-9., ]{{1,40}}\}}\{{[-0-9., ]{{1,40}}\}})"
)
_HEDGE = re.compile(rf"(?:{_NUM}\s*(?:,\s*(?:or\s+)?|\bor\s+))+{_NUM}\s*$")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_ONLY_MATHS = re.compile(r"(?:\$\$?[^$]*\$\$?|\\\(.*\\\)|\\\[.*\\\])\.?")
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•]\s+|(?:so|thus|hence|therefore|then|finally|so,|∴|\\therefore)[\s,:]+)", re.IGNORECASE
)
_BARE = re.compile(r"^[-+−=$€£\\(]*\s*(?:[0-9]|\\(?:d|t)?frac|\\sqrt|\\pi|\.[0-9])", re.ASCII)
_SAYS = re.compile(r"[^\W_]")
_REFUSAL = re.compile(
    r"\b(?:cannot|can't|can not|unable to|not able to|impossible to|not enough (?:information|data)|insufficient"
    r"|(?:is|was|be) not (?=[$0-9])|(?:is|was)n't (?=[$0-9])|(?:is|are) (?:wrong|incorrect)|answer is not)\b",
    re.IGNORECASE,
)


def unstated(text: str, fallback: Fallback) -> tuple[str, str] | None:
    """(answer, method) out of the end of `text`, or None."""
    tail = text[-TAIL_CHARS:]
    line = next((line for line in reversed(tail.splitlines()) if _SAYS.search(line)), "").strip()
    if not line:
        return None
    last = _LIST_MARK.sub("", line).strip()
    bold = _BOLD.findall(last) if "**" in last else []
    match fallback:
        case Fallback.YES_NO:
            if re.search(r"\b(?:yes or no|no or yes)\b", last, re.IGNORECASE):
                return last, "last_line"
            words = re.findall(r"\b(?:yes|no)\b(?=\s*(?:[,.!:;*]|$))", tail, re.IGNORECASE)
            return (words[-1] if words else line), "last_line"
        case Fallback.SENTENCE:
            return (bold[-1], "bold") if len(bold) == 1 else (last_sentence(tidy(last)), "last_line")
        case Fallback.FORMULA:
            return (bold[-1], "bold") if bold else (_formula_of(last), "last_line")
        case Fallback.NUMBER:
            return _number(tail, last, bold)


def _number(tail: str, last: str, bold: list[str]) -> tuple[str, str] | None:
    if bold and (_NUMBER.search(bold[-1]) or holds_number_word(bold[-1])):
        return bold[-1], "bold"
    if _ONLY_MATHS.fullmatch(last):
        return last, "last_line"
    if (
        len(last) <= 60
        and _BARE.match(last)
        and len(_NUMBER.findall(last)) == 1
        and not _REFUSAL.search(last)
    ):
        return last, "last_line"
    sentence = last_sentence(tidy(last))
    if _REFUSAL.search(sentence):
        return None
    return _from_sentence(tail, sentence) or last_number(tail)


def last_number(text: str) -> tuple[str, str] | None:
    """The last number in `text`, with the hedge it stands in ("7 or 8")."""
    tail = plain_unicode(text[-TAIL_CHARS:])
    # A short look around the last digit first, from a white space on so that no number is cut in two.
    digit = max(map(tail.rfind, "0123456789"))
    start = max(tail.rfind(" ", 0, max(digit - 60, 0)), 0)
    last = _last_match(tail, start) or _last_match(tail, 0)
    if last is None:
        return None
    hedge = _HEDGE.search(tail, max(0, last.start() - 80), last.end()) if " or " in tail else None
    whole = hedge.group() if hedge and " or " in hedge.group() else last.group()
    return whole.strip(), "last_number"


def _last_match(text: str, start: int) -> re.Match[str] | None:
    last = None
    for found in _NUMBER.finditer(text, start):
        last = found
    return last


_MAX_SENTENCE = 400
_ASIDE = re.compile(r"\s*\([^()]*\)\s*[.!]?$")
# "in 12 hours", "after giving 6", "for the 3 weeks": the number belongs to a circumstance, not to the result.
_CIRCUMSTANCE = re.compile(
    r"\b(?:in|after|for|from|per|at|with|over|on|when|if|during|within|because|since|among|between|each|every"
    r"|out of|left of)\s+(?:[A-Za-z']+\s+){0,3}$",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"\b(?:total|sum|profit|cost|average|price|distance|amount)\b[^0-9]*$", re.IGNORECASE)
_UNIT_WORD = re.compile(r"\s*-?((?:square |cubic |sq\.? |cu\.? )?[A-Za-z°]{1,12})(?![A-Za-z])")
_JOINT = re.compile(r"\s*-?([A-Za-z]{1,12})\.?,?\s*(?:and\s+)?")
_CLOCK = re.compile(r"[0-9]{1,3}(?:\s?:\s?[0-9]{1,3})+(?:\s*[ap]\.?m\b\.?)?")
_SECOND_PART = re.compile(r"\s*(?:,|and)?\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]{1,8})\b")


def _from_sentence(tail: str, sentence: str) -> tuple[str, str] | None:
    """The number that the last sentence of `tail` concludes with, and its unit."""
    if len(sentence) > _MAX_SENTENCE:
        return None
    sentence = clean(sentence)
    if sentence.endswith((")", ").")) and _NUMBER.search(_ASIDE.sub("", sentence)):
        sentence = _ASIDE.sub("", sentence)
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return (sentence, "last_sentence") if holds_number_word(sentence) else None
    hedge = _HEDGE.search(sentence) if " or " in sentence else None
    if hedge and " or " in hedge.group():
        return None
    # The 30 of "1 hour 30 minutes" is no number of its own.
    alone = [
        number for at, number in enumerate(found) if not at or not _continues(sentence, found[at - 1], number)
    ]
    chosen = alone[0] if len(alone) == 1 else _result(tail, sentence, alone)
    return _with_unit(sentence, chosen), "last_sentence"


def _continues(sentence: str, number: re.Match[str], following: re.Match[str]) -> bool:
    unit = _JOINT.fullmatch(sentence[number.end() : following.start()])
    smaller = _UNIT_WORD.match(sentence, following.end())
    return bool(unit and smaller and is_unit(unit.group(1)) and is_unit(smaller.group(1).split()[-1]))


def _result(tail: str, sentence: str, found: list[re.Match[str]]) -> re.Match[str]:
    """Of several numbers the one that was worked out last; without working, the last that is no circumstance."""
    before = sentence[: found[-1].start()].rstrip(" $\\(")
    if before.endswith(("=", " is", " are", "\\approx")):
        return found[-1]
    working = tail.replace("$", "").replace(",", "").replace("= ", "=")
    ranks = [_worked_out_at(working, _digits(number.group())) for number in found]
    if max(ranks) >= 0:
        return found[len(ranks) - 1 - ranks[::-1].index(max(ranks))]
    plain = [number for number in found if not _is_circumstance(sentence, number)]
    return plain[-1] if plain else found[-1]


def _worked_out_at(working: str, digits: str) -> int:
    """Where a value last stands behind an equals sign; -1 where it does not."""
    at = working.rfind("=" + digits)
    while at >= 0 and re.match(r"[0-9]|\.0*[1-9]", working[at + 1 + len(digits) :]):
        at = working.rfind("=" + digits, 0, at)
    return at


def _is_circumstance(sentence: str, number: re.Match[str]) -> bool:
    before = sentence[: number.start()]
    if "$" in number.group() or _TOTAL.search(before):
        return False
    return bool(_CIRCUMSTANCE.search(before))


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


_MATHS = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]")


def _formula_of(line: str) -> str:
    """The last piece of inline maths in a line, with those joined to it; else its first sentence."""
    pieces = list(_MATHS.finditer(line))
    if not pieces:
        return before_stop(line)
    run = [pieces[-1]]
    for piece in reversed(pieces[:-1]):
        if not re.fullmatch(r"\s*(?:,|,?\s*and|,?\s*or)\s*", line[piece.end() : run[0].start()]):
            break
        run.insert(0, piece)
    return ", ".join(str(next(part for part in piece.groups() if part)).strip() for piece in run)
