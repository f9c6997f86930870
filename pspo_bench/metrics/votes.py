r"""The key under which answers count as the same vote in a majority.

    >>> vote_key("$1,234.50"), vote_key("1234.5"), vote_key(" X = 3 ")
    ('2469/2', '2469/2', 'x=3')

Votes are compared as text, or exactly as numbers; equal expressions written differently stay different votes,
so maj@k is a lower bound for symbolic answers.
"""

from __future__ import annotations

import re
from fractions import Fraction

MAX_NUMBER_CHARS = 60
NUMBER = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:/(\d+))?")
NOISE = re.compile(r"[\s$]|\\[,;!]|(?<=\d),(?=\d{3}(?!\d))")


def vote_key(extracted: str | None) -> str | None:
    """The vote that an extracted answer casts; None if there is no answer."""
    if extracted is None:
        return None
    text = NOISE.sub("", extracted.lower()).rstrip(".")
    if not text:
        return None
    number = NUMBER.fullmatch(text) if len(text) <= MAX_NUMBER_CHARS and text.isascii() else None
    if number is None or (number[3] is not None and int(number[3]) == 0):
        return text
    return str(Fraction(number[1] + number[2]) / Fraction(number[3] or 1))
