"""A formula as tokens: numbers, LaTeX commands, words and signs, bounded in number of digits.

>>> [token.text for token in tokens(plain_digits("1,234x"))]
['1234', 'x']
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pspo_bench.answers.match import NotAnAnswerError


class Token(NamedTuple):
    """`kind` is num, cmd, word, op or end; `spaced` says that white space stands before it."""

    kind: str
    text: str
    spaced: bool


MAX_DIGITS = 1000
_TOKEN = re.compile(
    r"\s*(?:(?P<num>(?:[0-9]*\.[0-9]+[eE][-+]?[0-9]{1,4}|[0-9]+[eE](?:[-+]?[0-9]{2,4}|[0-9]))(?![0-9A-Za-z])"
    r"|[0-9]+\.[0-9]*|[0-9]+|\.[0-9]+)"
    r"|(?P<cmd>\\[A-Za-z]+)|(?P<word>[A-Za-z]+'*)|(?P<op>\*\*|\\[{}|]|[-+*/^_!°(){}\[\]|]))"
)
_THOUSANDS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_REPEATING = re.compile(
    r"([0-9]*)\.([0-9]*)(?:\\(?:overline|bar|dot)\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))|\(([0-9]{1,20})\)(?![0-9])"
    r"|(?<![0-9])([0-9]{2,20}?)\6\s*\.{3}|([0-9])(?:\7\7+\s*\.{3}|(?<=\.[0-9])\.{3}|\s*(?:repeating|recurring)))"
)


def _repeating(text: str) -> str:
    """`0.1\\overline{6}`, `0.1(6)` and `0.1666...` are the fraction (16 - 1)/90."""

    def as_fraction(found: re.Match[str]) -> str:
        whole, head = found.group(1) or "0", found.group(2)
        cycle = next(part for part in found.groups()[2:] if part)
        top = int(whole + head + cycle) - int(whole + head)
        return f"({top}/{(10 ** len(cycle) - 1) * 10 ** len(head)})"

    return _REPEATING.sub(as_fraction, text)


def tokens(text: str) -> list[Token]:
    """The tokens of a formula. Raises NotAnAnswerError for a character that none begins with."""
    found_tokens: list[Token] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise NotAnAnswerError(
                f"'{shown(text)}' is not a formula: '{text[at:].strip()[:12]}' is not understood"
            )
        kind = str(found.lastgroup)
        if kind == "num" and len(found.group(kind)) > MAX_DIGITS:
            raise NotAnAnswerError(f"a number of more than {MAX_DIGITS} digits is not read")
        found_tokens.append(Token(kind, found.group(kind), found.start(kind) > at))
        at = found.end()
    return found_tokens


def shown(text: str) -> str:
    """`text`, cut to what an error message holds."""
    return text if len(text) <= 40 else text[:39] + "…"


def plain_digits(text: str) -> str:
    """`text` with repeating decimals as fractions and without thousands separators."""
    return _THOUSANDS.sub(lambda found: found.group().replace(",", ""), _repeating(text))
