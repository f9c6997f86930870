r"""The key under which extracted answers count as one vote in a majority, without a gold to compare them with.

    >>> vote_key("$1,234.50"), vote_key("1234.5"), vote_key(" X = 3 "), vote_key("\\frac{1}{2}")
    ('2469/2', '2469/2', '3', '1/2')

Numbers are one vote by exact value, whatever unit stands beside them, all else by its cleaned text. Equal formulas that
are written differently stay different votes, so maj@k is a lower bound for them.
"""

from __future__ import annotations

from functools import lru_cache

from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.quantity import read_quantity
from pspo_bench.answers.text import clean

MAX_CHARS = 500
MAX_DIGITS = 1000


@lru_cache(maxsize=16384)
def vote_key(extracted: str | None) -> str | None:
    """The vote that an extracted answer casts; None if there is no answer."""
    if extracted is None or not any(char.isalnum() for char in extracted):
        return None
    if len(extracted) > MAX_CHARS:
        return extracted
    try:
        quantity = read_quantity(extracted)
    except (NotAnAnswerError, RecursionError):
        quantity = None
    if quantity is None or quantity.value is None:
        return "".join(clean(extracted).lower().split())
    if max(abs(quantity.value.numerator), quantity.value.denominator) >= 10**MAX_DIGITS:
        return "".join(clean(extracted).lower().split())
    return f"{quantity.value}{'%' if quantity.percent else ''}"
