"""How the final answer is given, how long the solution is, and whether it stays in Latin script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from pspo_bench.answers.text import closing
from pspo_bench.metrics.reasoning.solution import Solution, number_of
from pspo_bench.metrics.registry import solution_metric

HERE = "pspo_bench.metrics.reasoning.form"
MAX_MARKERS = 1000


@dataclass(frozen=True, slots=True)
class Marker:
    """An answer as it is marked: what it says and where the marker ends."""

    text: str
    end: int


_MARK = re.compile(r"####[ \t]*(?P<hash>[^\n]*)|\\boxed\s*(?=\{)|<answer>(?P<tag>[^<]{0,200})</answer>")
_SAID = re.compile(
    r"\banswer(?:\*\*)?(?: is|:)(?:\*\*)?[:\s]*(?P<said>[^\n]{0,200}?)(?=\.?\s*(?:\n|$)|[.;!]\s)",
    re.IGNORECASE,
)
_MAX_BOX = 200


@lru_cache(maxsize=4)
def markers(text: str) -> tuple[Marker, ...]:
    """The answers that are marked with `####`, `\\boxed{}` or `<answer>`; without any, those said: "the answer is"."""
    found = tuple(islice(_marked(text), MAX_MARKERS))
    if found or "nswer" not in text:
        return found
    return tuple(Marker(hit["said"].strip(), hit.end()) for hit in islice(_SAID.finditer(text), MAX_MARKERS))


def _marked(text: str) -> Iterator[Marker]:
    for hit in _MARK.finditer(text):
        if hit.lastgroup:
            yield Marker(hit[hit.lastgroup].strip(), hit.end())
            continue
        window = text[hit.end() : hit.end() + _MAX_BOX]
        end = closing(window, 0)
        if end > 0:
            yield Marker(window[1:end].strip(), hit.end() + end + 1)


_BARE = re.compile(
    r"[-+−]?\s?(?:\\?\$)?\s?[-+−]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+|/[0-9]+)?(?:\s?\\?%)?"
)
_CLOSERS = re.compile(r"[\s.$)*\\\]]*")


def _is_bare(answer: str) -> bool:
    return any(map(str.isdigit, answer)) and bool(_BARE.fullmatch(answer))


@solution_metric(
    "format_markers",
    definition="Answers that are marked (####, \\boxed{}, <answer>; without any, 'the answer is'); one is wanted.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def format_markers(solution: Solution) -> float | None:
    return float(len(markers(solution.text)))


@solution_metric(
    "format_bare",
    definition="1 where the last marked answer is a bare number, else 0; None without one.",
    range=(0, 1),
    direction="higher",
    source=HERE,
)
def format_bare(solution: Solution) -> float | None:
    found = markers(solution.text)
    return float(_is_bare(found[-1].text)) if found else None


@solution_metric(
    "format_last_line",
    definition="1 where the last marked answer stands in the last line that holds text, else 0; None without one.",
    range=(0, 1),
    direction="higher",
    source=HERE,
)
def format_last_line(solution: Solution) -> float | None:
    found = markers(solution.text)
    if not found:
        return None
    rest = solution.text[found[-1].end :]
    return float("\n" not in rest.rstrip() or not _CLOSERS.sub("", rest))


@solution_metric(
    "format_trailing",
    definition="Characters behind the last marked answer, its closing marks left out; None without one.",
    range=(0, None),
    direction="lower",
    source=HERE,
)
def format_trailing(solution: Solution) -> float | None:
    found = markers(solution.text)
    if not found:
        return None
    rest = solution.text[found[-1].end :]
    closers = _CLOSERS.match(rest)
    return float(len(rest[closers.end() if closers else 0 :].rstrip()))


@solution_metric(
    "format_conflict",
    definition="1 where two marked answers differ, else 0; None without one.",
    range=(0, 1),
    direction="lower",
    source=HERE,
)
def format_conflict(solution: Solution) -> float | None:
    found = markers(solution.text)
    values = {number_of(text) or " ".join(text.split()) for text in {marker.text for marker in found[:50]}}
    return float(len(values) > 1) if found else None


@solution_metric(
    "format",
    definition="1 where there is exactly one marked answer, a bare number, in the last line, with nothing behind it; "
    "else 0.",
    range=(0, 1),
    direction="higher",
    source=HERE,
)
def format_whole(solution: Solution) -> float | None:
    if not solution.text.strip():
        return None
    parts = (format_markers(solution) == 1, format_bare(solution), format_last_line(solution))
    return float(all(parts) and format_trailing(solution) == 0)


@solution_metric(
    "words",
    definition="Words of the solution, split at white space.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def words(solution: Solution) -> float | None:
    return float(len(solution.text.split()))


@solution_metric(
    "steps",
    definition="Steps: those given, else lines that hold text; of a text in one line its sentences.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def steps(solution: Solution) -> float | None:
    return float(len(solution.pieces))


_MATHS = re.compile(r"\\\([^)]{0,500}?\\\)|\\\[[^\]]{0,2000}?\\\]|\$[^$\n]{0,500}\$|\\[A-Za-z]+")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿⱠ-Ɀ\uff21-\uff3a\uff41-\uff5a]")
_GREEK_SYMBOL = re.compile(r"(?<![Ͱ-Ͽ])[Ͱ-Ͽ](?![Ͱ-Ͽ])")


@solution_metric(
    "language",
    definition="Share of the letters outside maths that are not Latin; single Greek letters are maths. None without "
    "letters.",
    range=(0, 1),
    direction="lower",
    source=HERE,
)
def language(solution: Solution) -> float | None:
    text = _MATHS.sub(" ", solution.text)
    if not text.isascii():
        text = _GREEK_SYMBOL.sub(" ", text)
    letters = len(_LETTER.findall(text))
    return None if letters == 0 else 1 - len(_LATIN.findall(text)) / letters
