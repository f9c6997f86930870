"""Sentences of a solution, and of each the clause that says the result.

>>> main_clause("The value is 9, attained when x = 2")
'The value is 9'
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pspo_bench.answers.text import WORD_CHARACTER

STOP = re.compile(
    r"(?:\.(?=\s|$|[*\"'])(?<!\b[A-Z]\.)(?<!\b(?i:mrs|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)\.)"
    r"(?<!\b(?i:mr|ms|dr|st)\.)(?<![ .][ap]\.m\.)(?<![0-9][ap]\.m\.)(?<!\bsq\.)"
    r"|(?<![\\0-9)])!(?=\s|$)|(?<=[0-9)])!(?=\s+[A-Z]|\s*$)|(?<!\\)\?(?=\s|$))|,?\s(?:because|since|so that|which)\b|\n"
)
_CONCLUSION = re.compile(
    r"[,;]\s*(?:and\s+)?(?:so|thus|hence|therefore|meaning)\b[\s,]*|\btherefore\b[\s,]*"
    r"|\bwhich (?:rounds|is rounded) (?:up |down )?to\b\s*",
    re.IGNORECASE,
)
_DERIVING = re.compile(
    r",?\$*\s*which (?:then )?(?:implies|gives|yields|means|leads|simplifies|we can solve)\b"
    r"(?: us)?(?: that| to)?(?: obtain| get| find)?\s+",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"^(?:since|because|as|if|when|given)\b[^,]*,\s*", re.IGNORECASE)
_SUBORDINATE = re.compile(
    r",?\s+(?:since|because|namely|whereas|where|which|attained|reached)\b.*$|,\s+(?:as|not|but not|with)\b.*$"
    r"|\s+before (?:he|she|they|it|we)\b.*$",
    re.IGNORECASE | re.DOTALL,
)
# What is said after the result: "I hope this helps!", "Note that …", "This completes the solution."
_AFTERWORD = re.compile(
    r"^\W*(?:i hope|hope this|let me know|note\b|please|feel free|this (?:completes|assumes)"
    r"|thank|is there anything|if you|q\.?e\.?d|check|verif)",
    re.IGNORECASE,
)


def last_sentence(line: str) -> str:
    """The last sentence of a line, and of that the conclusion: what follows ", so" or "therefore"."""
    return next(sentences(line), line.strip())


def sentences(line: str) -> Iterator[str]:
    """The sentences of a line, the last first, each cut down to its conclusion."""
    end = len(line)
    stops = (
        stop for stop in STOP.finditer(line) if not stop.group().lstrip(", ").isalpha()
    )  # "because" ends none
    for start in reversed([0, *(stop.end() for stop in stops)]):
        sentence = line[start:end].strip()
        if WORD_CHARACTER.search(sentence):
            end = start
            conclusion = _CONCLUSION.split(sentence)[-1].strip()
            yield _derived(conclusion if WORD_CHARACTER.search(conclusion) else sentence)


def _derived(sentence: str) -> str:
    """What follows from it, where that is a value: "2x = 8, which implies x = 4"."""
    parts = _DERIVING.split(sentence)
    return parts[-1].strip() if len(parts) > 1 and re.search(r"[0-9$]", parts[-1]) else sentence


def main_clause(sentence: str) -> str:
    """A sentence without its subordinate clauses."""
    begun = _BEGINS.sub("", sentence)
    sentence = begun if WORD_CHARACTER.search(begun) else sentence
    cut = _SUBORDINATE.sub("", sentence)
    if re.search(r"[0-9)>]\s*=", sentence[len(cut) :]):
        return sentence  # the result is worked out in it
    return cut if re.search(r"[0-9\\$]|\b(?:is|are|has|have)\b", cut) else sentence


def is_afterword(sentence: str) -> bool:
    """Whether a sentence comes after the result rather than states it."""
    return bool(_AFTERWORD.match(sentence))


def before_stop(text: str) -> str:
    """`text` up to the end of its first sentence."""
    stop = STOP.search(text)
    return text[: stop.start()].strip() if stop else text
