"""Answers that a completion states: `#### x`, `\\boxed{x}`, "the answer is x", `<answer>x</answer>`.

>>> last_stated("First \\\\boxed{3}. No: the answer is 4.")
Found(at=25, text='4', method='answer_is', end=26)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from pspo_bench.answers.region import holds_any
from pspo_bench.answers.sentences import STOP
from pspo_bench.answers.text import WORD_CHARACTER

MAX_CHARS = 4000
MAX_CUES = 200
"""An announcement of nothing is passed over; so many of them in a row are no text."""


class Found(NamedTuple):
    """An answer as written, where its statement begins, and how it is stated."""

    at: int
    text: str
    method: str
    end: int


def last_stated(text: str, *, marks_only: bool = False) -> Found | None:
    """The last stated answer of `text`; with `marks_only` of `####` and `\\boxed{}` alone."""
    found = [hit for hit in (_hash(text), _boxed(text)) if hit]
    if not marks_only:
        after = max((hit.end for hit in found), default=0)
        found += [hit for hit in (_tag(text), _answer_is(text, after)) if hit]
    return max(found, default=None)


def tidy(answer: str) -> str:
    """An answer without markdown emphasis and calculator notes (`<<24-6=18>>`, arXiv 2110.14168)."""
    if "<<" in answer:
        answer = _NOTE.sub("", answer)
    return (_EMPHASIS.sub("", answer) if "**" in answer else answer).strip()


_NOTE = re.compile(r"<<[^<>\n]{0,200}>>")
_EMPHASIS = re.compile(r"(?<![0-9A-Za-z)])\*\*|\*\*(?![0-9A-Za-z(])")
_ANNOUNCED = re.compile(r"^(?:final )?answer\s*[:=]\s*", re.IGNORECASE)


def _hash(text: str) -> Found | None:
    """The last `####` with something behind it on its line; what stands between two marks is read once only."""
    end = len(text)
    while (at := text.rfind("####", 0, end)) >= 0:
        line = text[at + 4 : end].lstrip("# \t").partition("\n")[0]
        answer = tidy(line.strip(" \t\r*#"))
        if WORD_CHARACTER.search(answer):
            return Found(at, _ANNOUNCED.sub("", answer), "hash", at + 4)
        end = at
    return None


_TAG = re.compile(r"<answer>((?:(?!</?answer>)[\s\S]){1,2000})</answer>", re.IGNORECASE)


def _tag(text: str) -> Found | None:
    tags = list(_TAG.finditer(text)) if "</" in text and "</answer>" in text.lower() else []
    last = tags[-1] if tags else None
    if last is None or not WORD_CHARACTER.search(last.group(1)):
        return None
    inner = last_stated(last.group(1))
    return Found(last.start(), inner.text if inner else tidy(last.group(1)), "tag", last.end())


_BOX = re.compile(r"\\?(?:boxed|fbox|framebox)\s*(?:\{|([A-Za-z0-9])(?![A-Za-z0-9]))|\\.|[{}]", re.DOTALL)
_MAX_BETWEEN = 80
_JOINED = re.compile(r",|;|\band\b|\bor\b|\n[ \t]*[-*•]")
# What may stand between two boxes of one answer: commas, "and", bullets, `x =`, a few words such as "years old".
_BETWEEN = re.compile(
    r"(?:\s|[$,;.&*•-]|\\[()\[\],; ]|\\quad|\\text\s*\{\s*(?:and|or)\s*\}"
    r"|\b(?:and|or|is|are|years?|old|has|gets|pays)\b|[A-Za-z][\w']{0,15}\s*[=:]|[A-Z][a-z]{1,15})*"
)


def _boxed(text: str) -> Found | None:
    """The last outermost `\\boxed{…}`; neighbours joined by a comma, "and", "or" or bullets are one answer."""
    boxes = [box for box in _boxes(text) if any(char.isalnum() for char in text[box.start : box.end])]
    if not boxes:
        return None
    run = [boxes[-1]]
    for box in reversed(boxes[:-1][-16:]):
        between = text[box.behind : run[0].at]
        if len(between) > _MAX_BETWEEN or not _JOINED.search(between) or not _BETWEEN.fullmatch(between):
            break
        run.insert(0, box)
    joiner = " or " if len(run) > 1 and re.search(r"\bor\b", text[run[0].end : run[-1].start]) else ", "
    return Found(
        run[-1].at, joiner.join(text[box.start : box.end].strip() for box in run), "boxed", run[-1].end
    )


class _Box(NamedTuple):
    """Where a box begins, its content, and where it is closed."""

    at: int
    start: int
    end: int
    behind: int


def _boxes(text: str) -> list[_Box]:
    """Each outermost closed box, in one pass."""
    first = text.find("box")
    if first < 0:
        return []
    stack: list[tuple[int, int] | None] = []
    spans: list[_Box] = []
    for token in _BOX.finditer(text, max(first - 6, 0)):
        mark = token.group()
        if token.group(1):
            spans.append(_Box(token.start(), token.start(1), token.end(1), token.end(1)))
        elif mark == "{":
            stack.append(None)
        elif mark.endswith("{") and len(mark) > 2:
            stack.append((token.start(), token.end()))
        elif mark == "}" and stack and (opened := stack.pop()):
            inner = spans[-1] if spans and spans[-1].at > opened[0] else None
            while spans and spans[-1].at > opened[0]:
                spans.pop()
            spans.append(_box(text, *opened, token.start(), inner))
    return spans


def _box(text: str, at: int, start: int, end: int, inner: _Box | None) -> _Box:
    """A closed box; one that holds nothing but a box has the inner one's content."""
    if inner is None or text[start : inner.at].strip() or text[inner.behind : end].strip():
        return _Box(at, start, end, end + 1)
    return _Box(at, inner.start, inner.end, end + 1)


_CHECKING = re.compile(
    r"\b(?:check|verify|confirm)\w*\s+(?:that\s+)?(?:(?:our|the|this|my)\s+)?$", re.IGNORECASE
)
_CUE = re.compile(
    r"\bans(?:wer)?\b|答案|故选|(?<=correct )(?:option|choice)\b|(?<=right )(?:option|choice)\b|^A(?=:)",
    re.I | re.MULTILINE,
)
# "the answer is", "Final Answer:", "**Answer:**", "Ans. 5", "answer = 5", "A: 5", "Answer - 5", "correct option is B",
# "answer": "5" in JSON.
# Possessive quantifiers keep it linear in a run of blanks.
_SAID = re.compile(
    r"(?i:\bans)\.[ \t]*+(?=[-$\\0-9])"
    r"|(?:答案|故选)[*\s]*(?:是|为)?[*\s]*[:：]?[*\s]*(?=\S)"
    r"|(?i:\banswer\b|\bans\b|\boption\b|\bchoice\b|\bA\b(?=:))[*_`\"']{0,3}[ \t]*+(?:\([^()\n]{0,40}\)"
    r"|to (?:the|this) (?:question|problem))?[*_`]{0,3}[ \t]*+"
    r"(?:(?i:is|are|was|would be|will be|must be|should be|equals)\b"
    r"(?![ \t]*+(?:indeed |also )?"
    r"(?i:not|wrong|incorrect|correct|right|reasonable|valid|consistent|unique|given|expected)\b)[ \t]*+"
    r"(?i:that\b|therefore\b|thus\b)?[ \t]*+[:=]?"
    r"|[:=]|[-–—](?=[ \t])|[*_]{0,3}(?=\s*+(?<=\n)))[*_]{0,3}\s*+\"?"
)
_REVERSED = re.compile(
    r"(?<!\S)([$\\(*]*[-−]?[0-9A-Za-z][^\s]{0,60})[ \t]+is[ \t]+(?:the|our|my)[ \t]+"
    r"(?:final |correct |right )?answer\b",
    re.IGNORECASE,
)
_BULLETS = re.compile(r"(?:[ \t]*[-*•][ \t]+[^\n]{1,200}(?:\n|$)){2,20}")
_MATHS_ENDS = {"$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_PRONOUN = {"this", "that", "it", "which", "what", "here", "there", "one"}


def _answer_is(text: str, after: int) -> Found | None:
    """The last phrase at or behind `after`; a phrase around a later box or hash is dropped by the caller's maximum."""
    for at in islice(_cues(text, after), MAX_CUES):
        if _CHECKING.search(text, max(0, at - 40), at):
            continue
        said = _SAID.match(text, at)
        answer = _said(text, said) if said else _reversed(text, at)
        if answer and _says_something(answer) and not _DESCRIBED.match(answer):
            return Found(at, answer, "answer_is", at + len(answer))
    return None


_RARE_CUES = ("答案", "故选", "NSWER", "ns:", "NS:", "ns.", "A:", "option", "choice")


def _cues(text: str, after: int) -> Iterator[int]:
    """Where an announcement may begin, the last first. The plain "answer" is found without a pattern, being common."""
    if holds_any(text[after:] if after else text, _RARE_CUES):
        yield from reversed([cue.start() for cue in _CUE.finditer(text, after)])
        return
    at = text.rfind("nswer", after)
    while at > 0:
        yield at - 1
        at = text.rfind("nswer", after, at)


# "The answer is based on …", "found by adding …": a description, not an answer.
_DESCRIBED = re.compile(
    r"(?:based|found|obtained|given|calculated|computed|derived|determined|reached)\s+(?:on|by|from|in|as|using)\b",
    re.I,
)


def _said(text: str, said: re.Match[str]) -> str:
    rest = text[said.end() : said.end() + MAX_CHARS]
    answer = tidy(rest.partition('"')[0] if said.group().endswith('"') else _until_stop(rest))
    return answer.rstrip("}") if answer.count("}") > answer.count("{") else answer  # JSON


def _reversed(text: str, at: int) -> str | None:
    """The x of "x is the answer"."""
    start = max(text.rfind("\n", 0, at), at - 100) + 1
    found = list(_REVERSED.finditer(text, start, at + 6))
    if not found or not re.match(r"[$\\(*]*[-−]?[0-9A-Z\\]", found[-1].group(1)) or found[-1].end() < at:
        return None
    if found[-1].group(1).lower() in _PRONOUN:
        return None
    return tidy(found[-1].group(1))


def _says_something(answer: str) -> bool:
    """Not an empty phrase, and not a box that was never closed."""
    if re.search(r"\\boxed\s*\{[^{}]*$", answer):
        return False
    return any(char.isalnum() for char in answer) or "\\" in answer


def _until_stop(text: str) -> str:
    bullets = _BULLETS.match(text.lstrip("\n"))
    if bullets:
        return ", ".join(line.strip(" \t-*•") for line in bullets.group().strip().splitlines())
    opening = re.match(r"\s*(\$\$?|\\\[|\\\()", text)
    if opening and not re.match(r"\s*\$[0-9.,]+(?:[^0-9.,$]|$)", text):
        mark = _MATHS_ENDS[opening.group(1)]
        end = text.find(mark, opening.end())
        if end >= 0:
            rest = STOP.search(text, end + len(mark))
            return text[: rest.start() if rest else len(text)].strip()
    begin = re.match(r"\s*", text)
    stop = STOP.search(text, begin.end() if begin else 0)
    if stop and stop.group().startswith("?"):
        return ""  # "The answer is 18? No."
    return text[: stop.start() if stop else len(text)].strip(" \t\r\n*")
