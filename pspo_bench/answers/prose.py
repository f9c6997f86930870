"""Words around a number: whether they leave it the value that is stated, or deny, bound, compare or multiply it.

>>> is_prose("apples in all"), is_prose("at least"), is_head("She makes"), is_head("twice")
(True, False, True, False)
"""

from __future__ import annotations

import re

from pspo_bench.answers.units import is_unit
from pspo_bench.answers.words import SCALES, SMALL

_NOT_PROSE = {
    "pi",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "log",
    "ln",
    "exp",
    "frac",
    "infinity",
    "theta",
    "e",
    "i",
    "x",
    "y",
    "z",
}
HEDGE_WORDS = set(
    "or not plus minus either maybe unless modulo mod choose wrong incorrect false never cannot none except least most "
    "exceeds exceed no".split()
)
_MULTIPLES = set("twice double triple thrice half root".split())
_OPERATED = set(
    "squared cubed doubled tripled halved tens hundreds dozens thirds halves factorial minimum maximum".split()
)
_COUNTING = {*SMALL, *SCALES} - {"one"}
_UNFIT = re.compile(
    r"\b(?:is|are|was|were|would be|seems?)\s+(?:too|not|n't|wrong|incorrect)\b|n't\b|\bwould be\b"
)
_COUNTS_ON = re.compile(rf"\b(?:and|plus)\s+(?:an?\s+)?(?:{'|'.join(sorted(_COUNTING))})\b")


def is_prose(tail: str) -> bool:
    """Whether words behind a number leave the number what it is."""
    if re.match(r"(?:of|out of|over|to|and)\s+[0-9]", tail) or _UNFIT.search(tail.lower()):
        return False
    tail = re.split(
        r"\s(?:for|in|from|after|on|at|with|when|by|each|because|of|over|during|within|among|between|across)\b(?=.*[0-9])",
        f" {tail}",
    )[0].strip()
    words = re.findall(r"[a-z]+(?:-[a-z]+)*", tail.lower())  # t-shirts is one word
    if re.search(
        r"[*+|_]|[0-9]", re.sub(r"(?<=[a-z])(?:\s*\^\s*\{?\s*)?-?[123]\}?(?![0-9])", "", tail.lower())
    ):
        return False
    if (words[:1] and words[0] in _OPERATED) or _COUNTS_ON.search(tail.lower()):
        return False
    if any(
        word in HEDGE_WORDS or word in _NOT_PROSE or (len(word) == 1 and word != "a" and not is_unit(word))
        for word in words[:12]
    ):
        return False
    return not re.match(r"(?:and|to|out of)\b", tail)


_COMPARED = re.compile(
    r"(?:\b(?:than|least|most|over|under|below|above|to|not|n't|nearly|almost|between|minus|plus|times|of|by|but"
    r"|number after|number before)\b|[-+*/^<>])\s*$"
)
_NAMED_AMOUNT = re.compile(
    r"\b(?:total|sum|remainder|increase|decrease|profit|loss|cost|price|discount|number|average|amount|balance) of$"
    r"|\b(?:in|de)creased by$",
    re.I,
)


def is_compared(head: str) -> bool:
    return bool(_COMPARED.search(head)) and not _NAMED_AMOUNT.search(head)


def is_head(head: str) -> bool:
    words = re.findall(r"[a-z]+", head.lower())
    return (
        bool(words)
        and not (HEDGE_WORDS | _MULTIPLES).intersection(words)
        and not _COUNTING.intersection(words[-1:] if words[-1:] != ["and"] else words[-2:])
        and not {"maximum", "minimum", "exceeding", "inverse"}.intersection(words[-1:])
        and not re.search(r"[A-Za-z]\($|n't\b|\b(?:next|number) after$", head)
        and not any(word in _NOT_PROSE for word in words[-1:])
    )
