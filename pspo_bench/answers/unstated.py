"""What a completion without a stated answer gives: a bold value, a bare last line, or the result in its last sentence.

>>> unstated("12 * 20 = 240.\\nSo he earns $240 in 12 hours.", Fallback.NUMBER)
('$240', 'last_sentence')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import islice

from pspo_bench.answers.sentences import before_stop, is_afterword, last_sentence, main_clause, sentences
from pspo_bench.answers.spellings import holds_number_word
from pspo_bench.answers.stated import tidy
from pspo_bench.answers.text import clean, plain_unicode
from pspo_bench.answers.units import is_unit

TAIL_CHARS = 4000
"""The fallbacks look no further back than this: an answer stands at the end."""


class Fallback(Enum):
    """What to take where no answer is stated: a value, a formula, several, or the last sentence (names, times)."""

    NUMBER = "number"
    FORMULA = "formula"
    FORMULAS = "formulas"
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
    r"\b(?:(?:cannot|can't|can not|not possible to|impossible to|unable to|not able to) (?:be )?"
    r"(?:determined?|solved?|answer\w*|found|find|calculated?|say|know|tell|help|provide)"
    r"|I(?:'m| am) (?:unable|not able|sorry)|not enough (?:information|data)|insufficient|answer is not"
    r"|(?:is|was|be)(?: not|n't) (?=[$0-9])|(?:cannot|can't|can not) be (?=[$0-9])|(?:is|are) (?:wrong|incorrect))\b",
    re.IGNORECASE,
)
_APPROXIMATE_BOLD = re.compile(r",?\s*(?:or\s+)?(?:approximately|about|roughly|≈)\s*\*\*[^*]*\*\*\.?$")
_MAX_SENTENCES = 4


def unstated(text: str, fallback: Fallback, question: str | None = None) -> tuple[str, str] | None:
    """(answer, method) out of the end of `text`, or None."""
    tail = text[-TAIL_CHARS:]
    line = next((line for line in reversed(tail.splitlines()) if _SAYS.search(line)), "").strip()
    if not line:
        return None
    last = _APPROXIMATE_BOLD.sub("", _LIST_MARK.sub("", line).strip())
    bold = _BOLD.findall(last) if "**" in last else []
    match fallback:
        case Fallback.YES_NO:
            if re.search(r"\b(?:yes or no|no or yes)\b", last, re.IGNORECASE):
                return last, "last_line"
            words = re.findall(r"\b(?:yes|no)\b(?=\s*(?:[,.!:;*]|$))", tail, re.IGNORECASE)
            return (words[-1] if words else line), "last_line"
        case Fallback.SENTENCE:
            return (bold[-1], "bold") if len(bold) == 1 else (last_sentence(tidy(last)), "last_line")
        case Fallback.FORMULA | Fallback.FORMULAS:
            joined = fallback is Fallback.FORMULAS
            return (bold[-1], "bold") if bold else (_formula(tail, last, joined), "last_line")
        case Fallback.NUMBER:
            return _number(tail, last, bold, question)


def _number(tail: str, last: str, bold: list[str], question: str | None) -> tuple[str, str] | None:
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
    for sentence in _sentences(tail):
        if _REFUSAL.search(sentence):
            return None
        found = _from_sentence(tail, main_clause(sentence), question)
        if found:
            return found
    return last_number(tail)


def _sentences(tail: str) -> Iterator[str]:
    """The last sentences that hold a value, the last first, without what is said after the result."""
    lines = (line for line in reversed(_rows(tail).splitlines()) if _SAYS.search(line))
    every = (sentence for line in lines for sentence in sentences(tidy(_LIST_MARK.sub("", line).strip())))
    values = (
        each for each in every if _VALUE.search(each) or holds_number_word(each) or _REFUSAL.search(each)
    )
    return islice((each for each in values if not is_afterword(each)), _MAX_SENTENCES)


_VALUE = re.compile(r"[0-9$\\]")
_DISPLAY_END = re.compile(r"\\end\{(?:align\*?|aligned|gather\*?|equation\*?|array)\}[\s\]$.]*$|\\\][\s.]*$")
_DISPLAY = re.compile(r"\\begin\{(?:align\*?|aligned|gather\*?|equation\*?)\}|\\\[")
_ROW = re.compile(r"\\\\(?:\[[^\]]*\])?")


def _rows(tail: str) -> str:
    """`tail` with a display that ends it replaced by the last row of it."""
    end = _DISPLAY_END.search(tail) if "\\" in tail else None
    starts = list(_DISPLAY.finditer(tail, 0, end.start())) if end else []
    content = tail[starts[-1].end() : end.start()] if end and starts else ""
    if r"\begin" in content:  # a matrix is one row
        return f"{tail[: starts[-1].start()]}\n$${' '.join(content.split())}$$"
    if not end or not starts:
        return tail
    rows = [row for row in _ROW.split(tail[starts[-1].end() : end.start()]) if _SAYS.search(row)]
    last = rows[-1].replace("&", "").strip() if rows else ""
    return f"{tail[: starts[-1].start()]}\n$${last}$$" if last else tail


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
_GROUP = re.compile(r"\([^()]*,[^()]*\)")
_ASKED_NOUN = re.compile(
    r"\bhow many\s+(?:more |fewer |total |extra |additional |whole |different )?([a-z]{3,})", re.IGNORECASE
)
_SYMBOL = re.compile(r"\s*\\(?:pi|sqrt|infty)|[a-z](?![A-Za-z])|\^")
_UNIT_WORD = re.compile(r"\s*-?((?:square |cubic |sq\.? |cu\.? )?[A-Za-z°]{1,12})(?![A-Za-z])")
_JOINT = re.compile(r"\s*-?([A-Za-z]{1,12})\.?,?\s*(?:and\s+)?")
_CLOCK = re.compile(r"[0-9]{1,3}(?:\s?:\s?[0-9]{1,3})+(?:\s*[ap]\.?m\b\.?)?")
_SECOND_PART = re.compile(r"\s*(?:,|and)?\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]{1,8})\b")


def _from_sentence(tail: str, sentence: str, question: str | None) -> tuple[str, str] | None:
    """The number that a sentence concludes with, and its unit; a formula or range where the number is part of one."""
    if len(sentence) > _MAX_SENTENCE:
        return None
    bare = _ASIDE.sub("", sentence) if sentence.endswith((")", ").")) else sentence
    sentence = bare if _NUMBER.search(bare) else sentence
    pieces = list(_MATHS.finditer(sentence)) if "$" in sentence or "\\" in sentence else []
    if (
        pieces
        and not re.search(r"[0-9]", sentence[pieces[-1].end() :])
        and re.search(r"[A-Za-z\\=+*/^(<>]", _inner(pieces[-1]))
    ):
        return _inner(pieces[-1]), "last_sentence"
    sentence = clean(sentence)
    if several := _SEVERAL.search(sentence):
        return several.group(), "last_sentence"
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
    chosen = alone[0] if len(alone) == 1 else _result(tail, sentence, alone, question)
    for whole in (*_RANGE.finditer(sentence), *_GROUP.finditer(sentence)):
        if whole.start() <= chosen.start() < whole.end():
            return whole.group(), "last_sentence"
    return _with_unit(sentence, chosen), "last_sentence"


def _inner(piece: re.Match[str]) -> str:
    return next(part for part in piece.groups() if part).strip()


def _continues(sentence: str, number: re.Match[str], following: re.Match[str]) -> bool:
    unit = _JOINT.fullmatch(sentence[number.end() : following.start()])
    smaller = _UNIT_WORD.match(sentence, following.end())
    return bool(unit and smaller and is_unit(unit.group(1)) and is_unit(smaller.group(1).split()[-1]))


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
    if relation := re.search(r"\S+\s*(?:[<>]|\\[lg]e)\s*$", sentence[: number.start()]):
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


# Inline maths by Pandoc's rule (https://pandoc.org/MANUAL.html#math): "$240 in 12 hours for $20" holds none.
_MATHS = re.compile(r"\$\$([^$]+)\$\$|\$(?=[^\s$])([^$]*?)(?<=[^\s$])\$(?![0-9])|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_COPULA = re.compile(r"\b(?:is at|are at|is|are|equals?|be|satisf(?:y|ies))\b\s*:?\s+(?=\S)")


def _formula(tail: str, last: str, joined: bool) -> str:
    """The formula in the last sentence that holds one."""
    for sentence in _sentences(tail):
        found = _formula_of(main_clause(sentence), joined)
        if found:
            return found
    return before_stop(last)


def _formula_of(sentence: str, joined: bool) -> str:
    """The last piece of inline maths, with those `joined` to it; else what follows "is" or "are"."""
    pieces = list(_MATHS.finditer(sentence))
    said = list(_COPULA.finditer(sentence))
    if not pieces or (said and said[-1].end() > pieces[-1].end()):
        return before_stop(sentence[said[-1].end() :] if said else sentence)
    run = [pieces[-1]]
    for piece in reversed(pieces[:-1] if joined else []):
        if not re.fullmatch(r"\s*(?:,|,?\s*and|,?\s*or)\s*", sentence[piece.end() : run[0].start()]):
            break
        run.insert(0, piece)
    return ", ".join(_inner(piece) for piece in run)
