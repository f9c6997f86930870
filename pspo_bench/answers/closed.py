"""Answers out of a closed set: yes or no, a letter of choice, a time of day, a date.

>>> parse_gold("Yes", resolve_type("Yes", "yes_no")).match("No, it is not.", None).equal
False
"""

from __future__ import annotations

import re

from pspo_bench.answers import clock
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.ratio import parse_ratio
from pspo_bench.answers.text import clean

_TRUE, _FALSE = {"yes", "true", "yeah", "yep"}, {"no", "false", "nope"}


def parse_yes_no(gold: str) -> bool:
    word = clean(gold).lower()
    if word not in _TRUE | _FALSE:
        raise NotAnAnswerError("it is neither yes nor no")
    return word in _TRUE


_SAID = re.compile(
    r"\b(not )?(?:(yes|true|yeah|yep|false|nope)\b|(no)\b(?=\s*(?:[,.!;:)\"'*]|$))"
    r"|^(no)\b(?! (?:doubt|problem|more|matter)))"
)


def match_yes_no(gold: bool, answer: str, _context: Context) -> Match:
    """What the answer says, once or more; both yes and no is no answer, and "no" within a sentence is a mere word."""
    text = clean(answer).lower().replace("n't", " not")
    said = {((found[2] or found[3] or found[4]) in _TRUE) != bool(found[1]) for found in _SAID.finditer(text)}
    if len(said) != 1:
        return Match(False, "both yes and no" if said else "neither yes nor no")
    return Match(said == {gold}, "the same" if said == {gold} else "the opposite")


_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s*)?\(?\s*([A-Za-z])\s*\)?(?:\s*[).:]\s*.*|\s*\(.*\))?", re.I | re.DOTALL
)


def parse_choice(gold: str) -> str:
    """The letter of `\\text{(C)}`, `(C)` or `C`."""
    found = re.fullmatch(r"\(?\s*([A-Za-z])\s*\)?", clean(gold))
    if not found:
        raise NotAnAnswerError("it is not one letter")
    return found.group(1).upper()


def match_choice(gold: str, answer: str, _context: Context) -> Match:
    """The same letter, as `C`, `(C)`, `C) 5` or `option C`; a sentence may hold one bracketed capital."""
    text = clean(answer)
    found = _CHOICE.fullmatch(text)
    named = {letter for pair in _NAMED.findall(text) for letter in pair if letter}
    letters = named | ({found.group(1).upper()} if found else set())
    if len(letters) != 1 or _DENIED.search(text):
        return Match(False, "not one choice")
    return Match(letters == {gold}, "the same choice" if letters == {gold} else "another choice")


_NAMED = re.compile(r"\(([A-Z])\)|\b(?:[Oo]ption|[Cc]hoice|answer is) \(?([A-Z])\b")
_DENIED = re.compile(r"\b(?:or|not|but|except|incorrect|wrong|false|no|isn't)\b", re.IGNORECASE)


def parse_time(gold: str) -> tuple[clock.Time, clock.Date | None]:
    return clock.read_time(clean(gold))


def match_time(gold: tuple[clock.Time, clock.Date | None], answer: str, _context: Context) -> Match:
    """One time of day, in any spelling."""
    return clock.same_time(gold, clock.read_time(clean(answer)))


def parse_date(gold: str) -> clock.Date:
    return clock.read_date(clean(gold))


def match_date(gold: clock.Date, answer: str, _context: Context) -> Match:
    """The same month and day, and year where both have one."""
    equal = clock.same_date(gold, clock.read_date(clean(answer)))
    return Match(equal, "the same date" if equal else "different dates")


def parse_clock(gold: str) -> tuple[tuple[clock.Time, clock.Date | None], tuple[object, ...]]:
    """`17:12` read as a time and as a ratio."""
    return parse_time(gold), parse_ratio(gold)


def match_clock(
    gold: tuple[tuple[clock.Time, clock.Date | None], tuple[object, ...]], answer: str, context: Context
) -> Match:
    """Either reading of the gold: the same time, or the very same terms."""
    try:
        timed = match_time(gold[0], answer, context)
    except NotAnAnswerError as error:
        timed = Match(False, str(error))
    if timed.equal:
        return timed
    try:
        same = parse_ratio(answer) == gold[1]
    except NotAnAnswerError:
        same = False
    return Match(True, "the same ratio") if same else timed
