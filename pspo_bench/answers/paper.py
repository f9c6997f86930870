"""The published numeric scorer, reproduced for comparison with the tables of arXiv 2509.21282.

Completion and gold are both turned into a float: the number behind the first `####`, else the last number in the
text; they agree within 1e-6. A number may be a plain fraction a/b, thousands separators are dropped, and LaTeX is not
understood, so that `\\frac{3}{4}` reads as 4 and is matched by `\\frac{1}{4}` but not by 3/4. These faults are
kept on purpose.

    >>> check("so the share is \\\\frac{1}{4}", "\\\\frac{3}{4}").correct
    True
"""

from __future__ import annotations

import re

from pspo_bench.records import Status, Verdict

TOLERANCE = 1e-6
_NUMBER = r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,300})(?:\.[0-9]{1,300})?(?:/[0-9]{1,300})?|-?\.[0-9]{1,300}"
_ANY = re.compile(_NUMBER)
_HASH = re.compile(r"####\s*\$?\s*(" + _NUMBER + ")")


def find(text: str) -> tuple[str, str] | None:
    """(number as written, method), the method being `hash` or `last_number`."""
    stated = _HASH.search(text)
    if stated:
        return stated.group(1), "hash"
    last = None
    for found in _ANY.finditer(text):
        last = found
    return (last.group(), "last_number") if last else None


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
    return left is not None and right is not None and abs(left - right) <= TOLERANCE


def _value(number: str) -> float | None:
    top, _, bottom = number.replace(",", "").partition("/")
    try:
        return float(top) / float(bottom) if bottom else float(top)
    except (ZeroDivisionError, OverflowError):
        return None
