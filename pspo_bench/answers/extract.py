"""Find the answer that a completion gives.

The last stated answer wins: `#### x` (GSM8K, arXiv 2110.14168), balanced `\\boxed{x}` (MATH, arXiv 2103.03874), "the
answer is x" and its kin (`stated`). Without one, the fallbacks are a bold value, the last line where it is nothing but
an answer, the result in the last sentence, and the last number (`unstated`). Hidden reasoning, chat tokens and further
questions of the model's own are left out first (`region`). Every pattern runs in time linear in the completion.

    >>> extract("First \\\\boxed{3}. No: the answer is 4.")
    Extraction(text='4', method='answer_is')
"""

from __future__ import annotations

from typing import NamedTuple

from pspo_bench.answers.region import final_part
from pspo_bench.answers.stated import last_stated
from pspo_bench.answers.unstated import Fallback, last_number, unstated
from pspo_bench.errors import AnswerError, unknown

MAX_COMPLETION_CHARS = 1_000_000
"""What stands further than this from the end is not looked at."""
STATED_METHODS = ("hash", "boxed", "answer_is", "tag")
METHODS = (*STATED_METHODS, "bold", "last_line", "last_sentence", "last_number")
SCORINGS = ("symbolic", "strict", "flexible", "paper")
"""symbolic: stated answer, then the fallbacks. strict: only `####` and `\\boxed`. flexible: the last number,
whatever is stated (what lm-eval calls flexible-extract). paper: see `paper`."""


class Extraction(NamedTuple):
    """The answer as written, and the extractor that found it."""

    text: str
    method: str


def extract(completion: str, scoring: str = "symbolic") -> Extraction | None:
    """The answer that `completion` gives, or None. Raises AnswerError for an unknown `scoring`."""
    if not isinstance(completion, str):
        raise TypeError(f"completion must be a str, not {type(completion).__name__}")
    if scoring not in SCORINGS:
        raise AnswerError(unknown("scoring", scoring, SCORINGS))
    if scoring == "paper":
        from pspo_bench.answers import paper

        found = paper.find(completion)
        return Extraction(*found) if found else None
    return extract_as(completion, scoring, Fallback.NUMBER)


def extract_as(
    completion: str, scoring: str, fallback: Fallback, question: str | None = None
) -> Extraction | None:
    """`extract` for an answer of a known kind, which decides the fallback; `question` tells given numbers apart."""
    text = final_part(completion[-MAX_COMPLETION_CHARS:])
    if scoring == "flexible" and fallback is Fallback.NUMBER:
        found = last_number(text)
        return Extraction(*found) if found else None
    stated = last_stated(text, marks_only=scoring == "strict")
    if stated:
        return Extraction(stated.text, stated.method)
    if scoring == "strict":
        return None
    found = unstated(text, fallback, question)
    return Extraction(*found) if found else None
