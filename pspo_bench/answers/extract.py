"""Find the answer that a completion states.

Stated answers are `#### x` (GSM8K, arXiv 2110.14168), balanced `\\boxed{x}` (MATH, arXiv 2103.03874) and
phrases such as "the answer is x"; the last one stated wins. Without one, the fallbacks are a bold last
value, the last line where it is nothing but an answer, and the last number. Every pattern runs in time
linear in the completion.

    >>> extract("First \\\\boxed{3}. No: the answer is 4.")
    Extraction(text='4', method='answer_is')
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from pspo_bench.answers.text import plain_unicode
from pspo_bench.errors import AnswerError, unknown

STATED_METHODS = ("hash", "boxed", "answer_is")
METHODS = (*STATED_METHODS, "bold", "last_line", "last_number")
SCORINGS = ("symbolic", "strict", "flexible", "paper")
"""symbolic: stated answer, then the fallbacks. strict: only `####` and `\\boxed`. flexible: the last number,
whatever is stated (what lm-eval calls flexible-extract). paper: see `paper`."""

TAIL_CHARS = 4000
"""The fallbacks look no further back than this: an answer stands at the end."""


class Extraction(NamedTuple):
    """The answer as written, and the extractor that found it."""

    text: str
    method: str


class Fallback(Enum):
    """What to take where no answer is stated: a value, a formula, or the last sentence (names, times, lists)."""

    NUMBER = "number"
    FORMULA = "formula"
    SENTENCE = "sentence"
    YES_NO = "yes_no"


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


def extract_as(completion: str, scoring: str, fallback: Fallback) -> Extraction | None:
    """`extract` for an answer of a known kind, which decides the fallback."""
    if scoring == "flexible" and fallback is Fallback.NUMBER:
        return _last_number(completion)
    stated = [found for found in (_hash(completion), _boxed(completion)) if found]
    if scoring != "strict":
        said = _answer_is(completion, max((at for at, _, _ in stated), default=0))
        if said:
            stated.append(said)
    if stated:
        _, text, method = max(stated)
        return Extraction(text, method)
    return None if scoring == "strict" else _unstated(completion, fallback)


_WORD_CHARACTER = re.compile(r"[^\W_]")
Found = tuple[int, str, str]  # position, text, method


def _hash(text: str) -> Found | None:
    """The last `####` with something behind it on its line; what stands between two marks is read once only."""
    end = len(text)
    while (at := text.rfind("####", 0, end)) >= 0:
        line = text[at + 4 : end].lstrip("# \t").partition("\n")[0]
        answer = _end_of_turn(line).strip(" \t\r*#")
        if _WORD_CHARACTER.search(answer):
            return at, answer, "hash"
        end = at
    return None


_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?:\{|([A-Za-z0-9])(?![A-Za-z0-9]))|\\.|[{}]", re.DOTALL)
_BETWEEN_BOXES = re.compile(
    r"(?:\s|[$,;.&]|\\[()\[\],; ]|\\quad|\\text\s*\{\s*(?:and|or)\s*\}|\b(?:and|or)\b|[a-zA-Z]\w{0,2}\s*=)*"
)


def _boxed(text: str) -> Found | None:
    """The last outermost `\\boxed{…}`; neighbours joined by a comma, "and" or "or" are one answer of several values."""
    spans = _boxes(text)
    spans = [span for span in spans if any(char.isalnum() for char in text[span[1] : span[2]])]
    if not spans:
        return None
    run = [spans[-1]]
    for span in reversed(spans[:-1][-16:]):
        between = text[span[2] + 1 : run[0][0]]
        if (
            len(between) > 40
            or not re.search(r",|;|\band\b|\bor\b", between)
            or not _BETWEEN_BOXES.fullmatch(between)
        ):
            break
        run.insert(0, span)
    joiner = " or " if len(run) > 1 and re.search(r"\bor\b", text[run[0][2] : run[-1][1]]) else ", "
    return run[-1][0], joiner.join(text[start:end].strip() for _, start, end in run), "boxed"


def _boxes(text: str) -> list[tuple[int, int, int]]:
    """(command, content start, content end) of each outermost closed box, in one pass."""
    if "box" not in text:
        return []
    stack: list[tuple[int, int] | None] = []
    spans: list[tuple[int, int, int]] = []
    for token in _BOX.finditer(text):
        mark = token.group()
        if token.group(1):
            spans.append((token.start(), token.start(1), token.end(1)))
        elif mark == "{":
            stack.append(None)
        elif mark.endswith("{") and len(mark) > 2:
            stack.append((token.start(), token.end()))
        elif mark == "}" and stack:
            opened = stack.pop()
            if opened:
                inner = spans[-1] if spans and spans[-1][0] > opened[0] else None
                while spans and spans[-1][0] > opened[0]:
                    spans.pop()
                spans.append(
                    (*opened, token.start()) if inner is None else _box(text, opened, inner, token.start())
                )
    return spans


def _box(text: str, opened: tuple[int, int], inner: tuple[int, int, int], end: int) -> tuple[int, int, int]:
    """The span of a closed box; a box that holds nothing but a box has the inner one's content."""
    before, behind = text[opened[1] : inner[0]], text[inner[2] : end]
    if before.strip() or behind.strip(" \n}"):
        return (*opened, end)
    return opened[0], inner[1], inner[2]


_CHECKING = re.compile(
    r"\b(?:check|verify|confirm)\w*\s+(?:that\s+)?(?:(?:our|the|this|my)\s+)?$", re.IGNORECASE
)
_CUE = re.compile(r"\bans(?:wer)?\b", re.IGNORECASE)
# "the answer is", "Final Answer:", "**Answer:**", "Ans: 5", "answer = 5"; a colon or a verb must follow.
_SAID = re.compile(
    r"(?i:\banswer\b|\bans\b)[*_`]{0,3}[ \t]*(?:\([^()\n]{0,40}\)"
    r"|to (?:the|this) (?:question|problem))?[*_`]{0,3}[ \t]*"
    r"(?:(?i:is|are|was|would be|will be|must be|should be|equals)\b"
    r"(?![ \t]*(?:indeed |also )?"
    r"(?i:not|wrong|incorrect|correct|right|reasonable|valid|consistent|unique|given|expected)\b)[ \t]*"
    r"(?i:that\b|therefore\b|thus\b)?[ \t]*[:=]?"
    r"|[:=]|[*_]{0,3}(?=\s*\n))[*_]{0,3}\s*"
)
_STOP = re.compile(
    r"(?:\.(?=\s|$|[*\"'])(?<!\b[A-Z]\.)(?<!\bMrs\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)"
    r"(?<!\bSt\.)(?<![ .][ap]\.m\.)(?<![0-9][ap]\.m\.)(?<!\bsq\.)"
    r"|(?<!\\)[!?](?=\s|$))|,?\s(?:because|since|so that|which)\b|\n"
)


def _answer_is(text: str, after: int) -> Found | None:
    """The last phrase at or behind `after`; a phrase around a later box or hash is dropped by the caller's maximum."""
    if not any(cue in text for cue in ("nswer", "NSWER", "ns:", "NS:")):
        return None
    for at in reversed([cue.start() for cue in _CUE.finditer(text, after)]):
        if _CHECKING.search(text, max(0, at - 40), at):
            continue
        said = _SAID.match(text, at)
        if said:
            answer = _until_stop(text[said.end() : said.end() + TAIL_CHARS])
            if any(char.isalnum() for char in answer) or "\\" in answer:
                return at, answer, "answer_is"
    return None


def _until_stop(text: str) -> str:
    text = _end_of_turn(text)
    opening = re.match(r"\s*(\$\$?|\\\[|\\\()", text)
    if opening and not re.match(r"\s*\$[0-9.,]+(?:[^0-9.,$]|$)", text):
        ends = {"$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)"}[opening.group(1)]
        end = text.find(ends, opening.end())
        if end >= 0:
            rest = _STOP.search(text, end + len(ends))
            return text[: rest.start() if rest else len(text)].strip()
    begin = re.match(r"\s*", text)
    stop = _STOP.search(text, begin.end() if begin else 0)
    return text[: stop.start() if stop else len(text)].strip(" \t\r\n*")


_TURN_END = re.compile(r"<\|[a-z_]{2,20}\|>|</s>|<end_of_turn>")


def _end_of_turn(text: str) -> str:
    """Special tokens that an engine left in the text end the answer."""
    found = _TURN_END.search(text)
    return text[: found.start()] if found else text


# A number as people write it at the end of a solution, with its sign, currency, fraction or percent sign.
_NUM = (
    r"(?<![A-Za-z0-9_.,])[-−+]?(?:\\?\$|[€£¥])?\s?[-−]?(?:[0-9]{1,3}(?:(?:,|\{,\}|,\\!)[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4}(?![A-Za-z0-9]))?"
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


def _unstated(completion: str, fallback: Fallback) -> Extraction | None:
    tail = _end_of_turn(completion[-TAIL_CHARS:])
    lines = [line.strip() for line in tail.splitlines() if any(char.isalnum() for char in line)]
    if not lines:
        return None
    if fallback is Fallback.YES_NO:
        words = re.findall(r"\b(?:yes|no)\b(?=\s*(?:[,.!:;*]|$))", tail, re.IGNORECASE)
        return Extraction(words[-1], "last_line") if words else Extraction(lines[-1], "last_line")
    last = _LIST_MARK.sub("", lines[-1]).strip()
    bold = _BOLD.findall(last)
    if fallback is Fallback.SENTENCE:
        return (
            Extraction(bold[-1], "bold") if len(bold) == 1 else Extraction(_last_sentence(last), "last_line")
        )
    if fallback is Fallback.FORMULA:
        return Extraction(bold[-1], "bold") if bold else Extraction(_formula_of(last), "last_line")
    if bold and _NUMBER.search(bold[-1]):
        return Extraction(bold[-1], "bold")
    if _ONLY_MATHS.fullmatch(last):
        return Extraction(last, "last_line")
    if len(last) <= 60 and _BARE.match(last) and len(_NUMBER.findall(last)) == 1:
        return Extraction(last, "last_line")
    return _last_number(completion)


def _last_sentence(line: str) -> str:
    """The last sentence of a line, whole: names and times are read out of it by their matchers."""
    start = 0
    for stop in _STOP.finditer(line):
        if line[stop.end() :].strip():
            start = stop.end()
    return line[start:].strip()


def _formula_of(line: str) -> str:
    """The last piece of inline maths in a line, else the line up to its stop."""
    pieces = re.findall(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", line)
    if pieces:
        return str(next(part for part in pieces[-1] if part)).strip()
    stop = _STOP.search(line)
    return line[: stop.start()].strip() if stop else line


def _last_number(completion: str) -> Extraction | None:
    tail = plain_unicode(_end_of_turn(completion[-TAIL_CHARS:]))
    # A short look around the last digit first, from a white space on so that no number is cut in two.
    digit = max(map(tail.rfind, "0123456789"))
    start = max(tail.rfind(" ", 0, max(digit - 60, 0)), 0)
    last = _last_match(tail, start) or _last_match(tail, 0)
    if last is None:
        return None
    hedge = _HEDGE.search(tail, max(0, last.start() - 80), last.end())
    whole = hedge.group() if hedge and " or " in hedge.group() else last.group()
    return Extraction(whole.strip(), "last_number")


def _last_match(text: str, start: int) -> re.Match[str] | None:
    last = None
    for found in _NUMBER.finditer(text, start):
        last = found
    return last
