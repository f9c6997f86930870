"""Answers in words: yes/no, names and phrases, choices, times of day and dates.

    >>> parse_gold("Mrs. Hilt", resolve_type("Mrs. Hilt", "text")).match("So Mrs. Hilt has more money", None).equal
    True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pspo_bench.answers import clock, numeric
from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.text import clean, plain_unicode

MAX_WORDS = 60
_TRUE, _FALSE = {"yes", "true", "yeah", "yep"}, {"no", "false", "nope"}
_OPENING = {"so", "thus", "hence", "therefore", "then", "finally", "it", "is", "answer", "that", "its"}
_HEDGES = {"or", "not", "neither", "either", "nor", "both", "maybe", "cannot", "isnt", "doesnt", "wasnt"}
_TITLES = {"mr", "mrs", "ms", "miss", "dr", "st"}
_EQUAL_WORDS = {"equal", "equals", "same", "tie", "tied", "identical", "equivalent"}
_NEGATIONS = {"not", "unequal", "isnt", "arent", "different", "no", "never"}


def parse_yes_no(gold: str) -> bool:
    word = clean(gold).lower()
    if word not in _TRUE | _FALSE:
        raise NotAnAnswerError("it is neither yes nor no")
    return word in _TRUE


def match_yes_no(gold: bool, answer: str, _context: Context) -> Match:
    """The first yes or no of the answer decides; both without an order ("yes or no") decide nothing."""
    words = _tokens(answer)
    said = [word in _TRUE for word in words if word in _TRUE | _FALSE]
    if not said:
        return Match(False, "neither yes nor no")
    if len(set(said)) > 1 and "or" in words:
        return Match(False, "both yes and no")
    return Match(said[0] == gold, "the same" if said[0] == gold else "the opposite")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A gold phrase as words without articles, and whether it owns something (`Cesar's toothbrush`)."""

    words: tuple[str, ...]
    possessive: bool
    lower: tuple[bool, ...]


def parse_text(gold: str) -> Phrase:
    words = _tokens(gold)
    if not words:
        raise NotAnAnswerError("it has no words")
    written = [word for word in re.findall(r"[\w'.-]+", clean(gold)) if _tokens(word)]
    return Phrase(tuple(words), "'s" in plain_unicode(gold), tuple(word[:1].islower() for word in written))


def match_text(gold: Phrase, answer: str, context: Context) -> Match:
    """The same words, apart from case, articles, punctuation and plural s; or a sentence that states just them."""
    words = _tokens(answer)[:MAX_WORDS]
    while words and words[0] in _OPENING and words[: len(gold.words)] != list(gold.words):
        words = words[1:]
    wanted = [_singular(word) for word in gold.words]
    given = [_singular(word) for word in words]
    if given == wanted:
        return Match(True, "the same words")
    if _EQUAL_WORDS & set(gold.words):
        equal = bool(_EQUAL_WORDS & set(words) or words[:1] == ["neither"]) and not _NEGATIONS & set(words)
        return Match(equal, "says that they are equal" if equal else "does not say that they are equal")
    if _HEDGES & set(words):
        return Match(False, "hedged or negated")
    if _is_short_form(gold, wanted, given, context.question):
        return Match(True, "a short form of the same name")
    if _states(wanted, given, answer, gold, context.question):
        return Match(True, "a sentence that states it")
    return Match(False, "different words")


def _is_short_form(gold: Phrase, wanted: list[str], given: list[str], question: str | None) -> bool:
    """`Cesar` for `Cesar's toothbrush`, `B` for `Rug B`: what is left out is the noun that the question asked for."""
    if not given or len(given) >= len(wanted) or given[-1] in _TITLES:
        return False
    if given == wanted[-1:] and len(given[0]) == 1 and len(wanted) == 2:
        return True
    if given != wanted[: len(given)]:
        return False
    if question is None:
        return gold.possessive or all(gold.lower[len(given) :])
    return set(wanted[len(given) :]) <= {_singular(word) for word in _tokens(question)}


_LINKS = {"is", "are", "was", "were", "be", "by", "in", "at", "on", "from", "during", "of", "wa"}


def _states(wanted: list[str], given: list[str], answer: str, gold: Phrase, question: str | None) -> bool:
    """`Sara has the taller dog`, `The taller dog is Sara's`: it begins the sentence, or ends it behind a verb."""
    size = len(wanted)
    if len(given) <= size:
        return False
    if given[-size:] == wanted and given[-size - 1] in _LINKS and "and" not in given[-size - 3 :]:
        return True
    if given[:size] != wanted or given[size] in ("and", "than", "to"):
        return False
    owner = re.search(rf"\b{re.escape(wanted[-1])}\w?'s\s+(\w+)", plain_unicode(answer).lower())
    if owner and not gold.possessive:
        return owner.group(1) in _tokens(question or "")
    return True


_ARTICLES = {"the", "a", "an"}


def _tokens(text: str) -> list[str]:
    text = (
        re.sub(r"'s\b|s'(?=\s|$)", " ", clean(plain_unicode(text)))
        if "'" in plain_unicode(text)
        else clean(text)
    )
    text = text.replace("'", "").replace("\\", " ")
    words = re.findall(r"[^\W_]+(?:-[^\W_]+)*", text.lower())
    kept = [word for word in words if word not in _ARTICLES]
    return kept or words


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


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
    letters = (
        {found.group(1).upper()}
        if found
        else set(re.findall(r"\(([A-Z])\)|\b(?:option|choice) ([A-Z])\b", text))
    )
    flat = {"".join(letter) for letter in letters}
    if len(flat) != 1 or re.search(r"\bor\b|\bnot\b", text):
        return Match(False, "not one choice")
    return Match(flat == {gold}, "the same choice" if flat == {gold} else "another choice")


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
    return parse_time(gold), numeric.parse_ratio(gold)


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
        same = numeric.parse_ratio(answer) == gold[1]
    except NotAnAnswerError:
        same = False
    return Match(True, "the same ratio") if same else timed
