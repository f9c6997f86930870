"""The published numeric scorer, reproduced for comparison with the tables of arXiv 2509.21282.

Read in the authors' repository (MCDwyer/GR-PSPO, commit 16d89d5, maths_rewards.py, lines 8-100). Completion and
gold are both turned into a float by one rule: what follows the first `####` on its line, if all of it is a
number, else the last number in the whole text. A number may have thousands separators, be a plain fraction a/b,
and end in %, which divides by 100. Two floats agree within 1e-6, relative or absolute. The published code also
hands what follows `####` to a parser of expressions, by a call that always fails, so that nothing comes of it.

LaTeX is not understood: `\\frac{3}{4}` reads as 4, which `\\frac{1}{4}` matches and 3/4 does not. These faults
are kept on purpose.

    >>> check("so the share is \\\\frac{1}{4}", "\\\\frac{3}{4}").correct
    True
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from pspo_bench.records import Status, Verdict

TOLERANCE = 1e-6
MAX_DIGITS = 300
"""Longer than any float: beyond it a token is read as no number, to bound the time (a deviation)."""
_ANY = re.compile(r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:/[0-9]+)?%?")
_HASH = re.compile(r"####\s*([^\n]+)")


def find(text: str) -> tuple[str, str] | None:
    """(number as written, method), the method being `hash` or `last_number`; None if there is no number."""
    stated = _HASH.search(text)
    if stated and _value(stated.group(1).strip()) is not None:
        return stated.group(1).strip(), "hash"
    last = None
    for found in _ANY.finditer(text):
        last = found.group()
    return (last, "last_number") if last is not None and _value(last) is not None else None


def check(completion: str, gold: str, *, truncated: bool = False) -> Verdict:
    """The published scorer's verdict. A gold with no number in it is WRONG for every completion, as it is there."""
    answer, wanted = find(completion), find(gold)
    if truncated and (answer is None or answer[1] != "hash"):
        return Verdict(Status.TRUNCATED, None, None, "stopped at the token limit before ####")
    if answer is None:
        return Verdict(Status.NO_ANSWER, None, None, "no number in the completion")
    if wanted is None:
        return Verdict(Status.WRONG, *answer, "the gold has no number, which this scorer cannot grade")
    near = _near(_value(answer[0]), _value(wanted[0]))
    reason = f"{answer[0]} {'is' if near else 'is not'} within 1e-6 of {wanted[0]}"
    return Verdict(Status.CORRECT if near else Status.WRONG, *answer, reason)


def _near(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return False
    return left == right or math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _value(token: str) -> float | None:
    """The token as a float, None if it is not wholly a number."""
    if len(token) > 2 * MAX_DIGITS:
        return None
    share = token.endswith("%")
    digits = token.removesuffix("%").replace(",", "")
    try:
        is_fraction = "/" in digits and not re.search("[a-zA-Z]", digits)
        value = float(Fraction(digits)) if is_fraction else float(digits)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value / 100 if share else value
