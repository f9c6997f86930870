"""What a completion without a stated answer gives: a bold value, a bare last line, or the result in its last sentence.

>>> unstated("12 * 20 = 240.\\nSo he earns $240 in 12 hours.", Fallback.NUMBER)
('$240', 'last_sentence')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import islice

from pspo_bench.answers.conclusion import HEDGE, MATHS, NUMBER, from_sentence, inner
from pspo_bench.answers.region import holds_any
from pspo_bench.answers.sentences import before_stop, is_afterword, last_sentence, main_clause, sentences
from pspo_bench.answers.spellings import holds_number_word
from pspo_bench.answers.stated import tidy
from pspo_bench.answers.text import WORD_CHARACTER, plain_unicode

TAIL_CHARS = 4000
"""The fallbacks look no further back than this: an answer stands at the end."""


class Fallback(Enum):
    """What to take where no answer is stated: a value, a formula, several, or the last sentence (names, times)."""

    NUMBER = "number"
    FORMULA = "formula"
    FORMULAS = "formulas"
    SENTENCE = "sentence"
    YES_NO = "yes_no"


_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_ONLY_MATHS = re.compile(r"(?:\$\$?[^$]*\$\$?|\\\(.*\\\)|\\\[.*\\\])\.?")
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•]\s+|(?:so|thus|hence|therefore|then|finally|so,|∴|\\therefore)[\s,:]+)", re.IGNORECASE
)
_BARE = re.compile(r"^[-+−=$€£\\(]*\s*(?:[0-9]|\\(?:d|t)?frac|\\sqrt|\\pi|\.[0-9])", re.ASCII)
_REFUSAL = re.compile(
    r"\b(?:(?:cannot|can't|can not|not possible to|impossible to|unable to|not able to) (?:be )?"
    r"(?:determined?|solved?|answer\w*|found|find|calculated?|say|know|tell|help|provide)"
    r"|I(?:'m| am) (?:unable|not able|sorry)|not enough (?:information|data)|insufficient|answer is not"
    r"|(?:is|was|be)(?: not|n't) (?=[$0-9])|(?:cannot|can't|can not) be (?=[$0-9])|(?:is|are) (?:wrong|incorrect))\b",
    re.IGNORECASE,
)
_APPROXIMATE_BOLD = re.compile(r",?\s*(?:or\s+)?(?:approximately|about|roughly|≈)\s*\*\*[^*]*\*\*\.?$")
_REFUSING = ("not", "n't", "unable", "mpossible", "sorry", "nsufficient", "wrong", "incorrect")
_MAX_SENTENCES = 4


def refuses(sentence: str) -> bool:
    """Whether a sentence says that there is no answer, or denies one. The words are looked for first, for speed."""
    return holds_any(sentence, _REFUSING) and _REFUSAL.search(sentence) is not None


def unstated(text: str, fallback: Fallback, question: str | None = None) -> tuple[str, str] | None:
    """(answer, method) out of the end of `text`, or None."""
    tail = text[-TAIL_CHARS:]
    line = next((line for line in reversed(tail.splitlines()) if WORD_CHARACTER.search(line)), "").strip()
    if not line:
        return None
    last = _LIST_MARK.sub("", line).strip()
    last = _APPROXIMATE_BOLD.sub("", last) if "**" in last else last
    bold = _BOLD.findall(last) if "**" in last else []
    match fallback:
        case Fallback.YES_NO:
            if re.search(r"\b(?:yes (?:or|and) no|no (?:or|and) yes)\b", last, re.IGNORECASE):
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
    if bold and (NUMBER.search(bold[-1]) or holds_number_word(bold[-1])):
        return bold[-1], "bold"
    if _ONLY_MATHS.fullmatch(last):
        return last, "last_line"
    if len(last) <= 60 and _BARE.match(last) and len(NUMBER.findall(last)) == 1 and not refuses(last):
        return last, "last_line"
    for sentence in _sentences(tail):
        if refuses(sentence):
            return None
        found = from_sentence(tail, main_clause(sentence), question)
        if found:
            return found
    return last_number(tail)


def _sentences(tail: str) -> Iterator[str]:
    """The last sentences that hold a value, the last first, without what is said after the result."""
    lines = (line for line in reversed(_rows(tail).splitlines()) if WORD_CHARACTER.search(line))
    every = (sentence for line in lines for sentence in sentences(tidy(_LIST_MARK.sub("", line).strip())))
    values = (each for each in every if _VALUE.search(each) or holds_number_word(each) or refuses(each))
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
    rows = [row for row in _ROW.split(tail[starts[-1].end() : end.start()]) if WORD_CHARACTER.search(row)]
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
    hedge = HEDGE.search(tail, max(0, last.start() - 80), last.end()) if " or " in tail else None
    whole = hedge.group() if hedge and " or " in hedge.group() else last.group()
    return whole.strip(), "last_number"


def _last_match(text: str, start: int) -> re.Match[str] | None:
    last = None
    for found in NUMBER.finditer(text, start):
        last = found
    return last


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
    pieces = list(MATHS.finditer(sentence))
    said = list(_COPULA.finditer(sentence))
    if not pieces or (said and said[-1].end() > pieces[-1].end()):
        return before_stop(sentence[said[-1].end() :] if said else sentence)
    run = [pieces[-1]]
    for piece in reversed(pieces[:-1] if joined else []):
        if not re.fullmatch(r"\s*(?:,|,?\s*and|,?\s*or)\s*", sentence[piece.end() : run[0].start()]):
            break
        run.insert(0, piece)
    return ", ".join(inner(piece) for piece in run)
