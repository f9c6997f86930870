"""Answers in words: names and phrases, as a human reads them.

>>> parse_gold("Mrs. Hilt", resolve_type("Mrs. Hilt", "text")).match("So Mrs. Hilt has more money", None).equal
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pspo_bench.answers.match import Context, Match, NotAnAnswerError
from pspo_bench.answers.text import clean, plain_unicode
from pspo_bench.answers.words import SMALL, ordinal_in_words

MAX_WORDS = 60
_OPENING = {"so", "thus", "hence", "therefore", "then", "finally", "it", "is", "answer", "that", "its"}
_HEDGES = set(
    "or not neither either nor maybe might perhaps cannot cant isnt doesnt didnt wasnt wouldnt couldnt wont never "
    "wrong incorrect false doubt lost loses lose beaten early late".split()
)
_TITLES = {"mr", "mrs", "ms", "miss", "dr", "st"}
_EQUAL_WORDS = {"equal", "equals", "same", "tie", "tied", "identical", "equivalent"}
_NOT_QUITE = set(
    "not unequal isnt arent different no never almost nearly hardly would if more less fewer greater".split()
)
_LESS = set(
    "less fewer lower shorter smaller slower younger cheaper lighter least fewest lowest shortest smallest slowest "
    "youngest cheapest lightest".split()
)
_MORE = set(
    "more greater higher longer larger bigger faster older taller heavier most greatest highest longest largest "
    "biggest fastest oldest tallest heaviest".split()
)
_LINKS = {"is", "are", "was", "were", "be", "by", "in", "at", "on", "from", "during", "of", "wa"}
_ARTICLES = {"the", "a", "an"}
_SAME_WORD = {
    **{name[:3]: name for name in "monday tuesday wednesday thursday friday saturday sunday january february march "
       "april june july august september october november december".split()},
    "autumn": "fall",
}  # fmt: skip
# What only formulas hold. Words alone cannot carry their meaning, so such a gold is compared sign by sign.
_FORMULA_SIGNS = re.compile(r"[<>=^_+|{}\[\]\\]|(?<![A-Za-z])-|(?<=[A-Za-z]),(?=\S)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A gold phrase as normal words; `signs` is its text without blanks where it is a formula that none can read."""

    words: tuple[str, ...]
    possessive: bool
    lower: tuple[bool, ...]
    signs: str | None


def parse_text(gold: str) -> Phrase:
    words = _tokens(gold)
    text = clean(gold)
    if not words:
        raise NotAnAnswerError("it has no words")
    written = [word for word in re.findall(r"[\w'.-]+", text) if _tokens(word)]
    signs = _signs(text) if _FORMULA_SIGNS.search(text) else None
    return Phrase(
        tuple(words), "'s" in plain_unicode(gold), tuple(word[:1].islower() for word in written), signs
    )


def _signs(text: str) -> str:
    text = re.sub(
        r"\(?\\?[pb]?mod\s*\{?\s*([0-9]{1,20})\s*\}?\)?", r"mod\1", text
    )  # \pmod{5}, \bmod 5, (mod 5)
    return re.sub(r"\s+|\\[,;: ]", "", text)


def match_text(gold: Phrase, answer: str, context: Context) -> Match:
    """The same words, apart from case, articles, punctuation and plural s; or a sentence that states just them."""
    if gold.signs is not None:
        same = _signs(clean(answer)) == gold.signs
        return Match(same, "the same signs" if same else "different signs, of a formula that cannot be read")
    words = _tokens(answer)[:MAX_WORDS]
    while words and words[0] in _OPENING and words[: len(gold.words)] != list(gold.words):
        words = words[1:]
    wanted, given = [_singular(word) for word in gold.words], [_singular(word) for word in words]
    if _same_words(wanted, given):
        return Match(True, "the same words")
    if "or" in words and "or" not in gold.words:
        return Match(False, "hedged")
    if _EQUAL_WORDS & set(gold.words):
        equal = bool(_EQUAL_WORDS & set(words) or words[:1] == ["neither"]) and not _NOT_QUITE & set(words)
        return Match(equal, "says that they are equal" if equal else "does not say that they are equal")
    if _HEDGES & set(words) - set(gold.words):
        return Match(False, "hedged or negated")
    if _is_short_form(gold, wanted, given, context.question):
        return Match(True, "a short form of the same name")
    if _states(wanted, given, answer, gold, context.question):
        return Match(True, "a sentence that states it")
    return Match(False, "different words")


def _same_words(wanted: list[str], given: list[str]) -> bool:
    """In order; joined or hyphenated differently (book store); a list "A and B" in any order."""
    if given == wanted or "".join(given).replace("-", "") == "".join(wanted).replace("-", ""):
        return True
    if wanted[:1] == ["neither"] == given[:1] and len(wanted) == 1:
        return True
    return "and" in wanted and _listed(wanted) == _listed([word for word in given if word != "both"])


def _listed(words: list[str]) -> list[str]:
    return sorted(part.strip() for part in re.split(r"\band\b|,", " ".join(words)) if part.strip())


def _is_short_form(gold: Phrase, wanted: list[str], given: list[str], question: str | None) -> bool:
    """`Cesar` for `Cesar's toothbrush`, `B` for `Rug B`, `Lisa's team` for `Lisa's soccer team`, `Hilt`: what is
    left out is a title, or a noun that the question asked for, never the letter or number of a label."""
    if not given or len(given) >= len(wanted) or given[-1] in _TITLES:
        return False
    if given == wanted[-1:] and len(given[0]) == 1 and len(wanted) == 2:
        return True
    if wanted[0] in _TITLES and given == wanted[1:]:
        return True
    left_out = _left_out(wanted, given)
    if left_out is None or any(len(word) == 1 or word[0].isdigit() for word in left_out):
        return False
    if question is not None:
        return set(left_out) <= {_singular(word) for word in _tokens(question)} or gold.possessive
    return gold.possessive or all(gold.lower[len(given) :])


def _left_out(wanted: list[str], given: list[str]) -> list[str] | None:
    """The words of `wanted` that `given` leaves out, where it keeps the first and the order; else None."""
    if given[:1] != wanted[:1]:
        return None
    left, at = [], 0
    for word in wanted:
        if at < len(given) and given[at] == word:
            at += 1
        else:
            left.append(word)
    return left if at == len(given) else None


def _states(wanted: list[str], given: list[str], answer: str, gold: Phrase, question: str | None) -> bool:
    """`Sara has the taller dog`, `The taller dog is Sara's`: it begins the sentence, or ends it behind a verb."""
    if _is_opposite(given, question) or _names_another(answer, gold, question) or re.search(r"[?/]", answer):
        return False
    size = len(wanted)
    if gold.possessive and given[:1] == wanted[:1] and given[1:2] and given[1] in ("is", "has", "are"):
        return True
    if len(given) <= size:
        return False
    if given[-size:] == wanted and given[-size - 1] in _LINKS and "and" not in given[-size - 3 :]:
        return True
    if given[:size] != wanted:
        middle = next((at for at, word in enumerate(given) if word in ("has", "is")), 0)
        return gold.possessive and 1 < middle < size and _left_out(wanted, given[:middle]) is not None
    if given[size] in ("and", "than", "to"):
        return False
    owner = re.search(rf"\b{re.escape(wanted[-1])}\w?'s\s+(\w+)", plain_unicode(answer).lower())
    if owner and not gold.possessive:
        return owner.group(1) in _tokens(question or "")
    return True


def _names_another(answer: str, gold: Phrase, question: str | None) -> bool:
    """Whether the answer holds a name beside the gold's, save behind "than": "Sara, so the answer is Joe"."""
    said = re.sub(r"\bthan\b.*$", "", clean(plain_unicode(answer)))
    names = (
        {name.lower() for name in re.findall(r"\b[A-Z][a-z]{2,}\b", said)}
        - set(gold.words)
        - _TITLES
        - _OPENING
    )
    names -= {"the", "they", "she", "her", "his", "option", "answer"}
    asked = set(re.findall(r"\b[A-Z][a-z]{2,}\b", question or ""))
    starts = said[:1].isupper() and said.split()[0].strip(".,'s").lower()
    if question is None:
        return bool(names - {starts})
    return bool(names & {name.lower() for name in asked})


def _is_opposite(given: list[str], question: str | None) -> bool:
    """`Sara has fewer than Joe`, where the question asks who has more."""
    asked = set(_tokens(question or ""))
    said = set(given)
    less, more = bool(said & _LESS), bool(said & _MORE)
    return (
        (less != more) and bool(asked & (_MORE if less else _LESS)) and not asked & (_LESS if less else _MORE)
    )


def _tokens(text: str) -> list[str]:
    text = plain_unicode(text)
    text = re.sub(r"'s\b|s'(?=\s|$)", " ", clean(text)) if "'" in text else clean(text)
    text = re.sub(r"\bdoes not exist\b", "DNE", text, flags=re.IGNORECASE)
    text = text.replace("'", "").replace("\\", " ").replace("&", " and ")
    found = re.findall(r"[^\W_]+(?:-[^\W_]+)*|,(?=\s)", text)
    words = [word for index, word in enumerate(found) if not _is_article(word, index, len(found))]
    kept = [word for word in words if word != ","] or found
    listed = "and" not in kept and "," in words and len(kept) <= 6
    return [_normal(word) for word in (words if listed else kept) if listed or word != ","]


def _is_article(word: str, index: int, count: int) -> bool:
    """A capital A within or behind a phrase is a label: Plan A."""
    if word.lower() not in _ARTICLES or index == count - 1:
        return False
    return word != "A" or index == 0


def _normal(word: str) -> str:
    """Lower case, with number words as digits and ordinals as `1st`."""
    word = word.lower()
    if word in SMALL:
        return str(SMALL[word])
    place = ordinal_in_words(word) if word != "second" else 2
    return f"{place}th" if place is not None else _SAME_WORD.get(word, word)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
