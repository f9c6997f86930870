"""What stands left of an equals sign: a name for the answer, or an equation that is still to be solved.

>>> is_label("a + b", None), is_label("f^{-1}(x)", None), is_label("2x", None)
(True, True, False)
"""

from __future__ import annotations

import re

from pspo_bench.answers.formula import Node, parse
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.numerical import symbols_of
from pspo_bench.answers.rational import has_symbol
from pspo_bench.answers.units import is_unit

_SUBSCRIPT = r"(?:_(?:\{[^{}]{1,12}\}|\w))?"
_NAME = re.compile(rf"(?:[A-Za-z]\w{{0,15}}|\\[A-Za-z]+){_SUBSCRIPT}'*")
_APPLICATION = re.compile(
    rf"(?:[A-Za-z]{{1,3}}|\\[A-Za-z]+){_SUBSCRIPT}'*(?:\s*\^\s*\{{?\s*-?[0-9()]{{1,4}}\s*\}}?)?'*\s*\(.*\)",
    re.DOTALL,
)
_NAMING = re.compile(
    r"\\(?:angle|triangle|det|overline|lim|int|sum|prod|max|min|gcd|operatorname|log|ln|sin|cos|tan|sec|csc|cot|arcsin|arccos"
    r"|arctan|circ|cdots|Delta|frac\s*\{\s*d|lVert|Vert)(?![A-Za-z])|\|[A-Za-z\\]+\||°|[A-Za-z]{4,}|\bAB|\bP\s*\(",
)


def is_name(side: str) -> bool:
    """Whether `side` only names what it equals: `x`, `x_1`, `f(x)`, `f'(x)`, `f^{-1}(3)`, `\\frac{dy}{dx}`."""
    side = side.strip()
    return bool(
        _NAME.fullmatch(side)
        or _APPLICATION.fullmatch(side)
        or re.fullmatch(
            r"\\frac\s*\{\s*d\^?2?\s*[a-z]?\s*\}\s*\{\s*d[a-z](?:\^2)?\s*\}.{0,20}|\([a-z]\s*\\circ\s*[a-z]\)\([a-z0-9]+\)",
            side,
        )
    )


_WORDS = re.compile(
    r"\\(?:text|mbox|mathrm|textrm|textit|textbf|operatorname)\s*\{[^{}]*\}|\([^()]*[a-z]{3,}[^()]*\)"
)
_STUCK = re.compile(r"(?<=[0-9}])([A-Za-z]{1,3})(?![A-Za-z])")


def is_algebraic(gold: str) -> bool:
    """Whether letters stuck to a number are variables: `3m`, `\\frac{1}{3}bh`; not `5cm`, `5 m`, `5\\text{ m}`."""
    found = _STUCK.findall(_WORDS.sub(" ", gold))
    return any(
        (len(word) == 1 and word not in "ei") or not (len(word) == 1 or is_unit(word)) for word in found
    )


def is_label(side: str, question: str | None) -> bool:
    """Whether an answer `side = value` gives the value of `side`, rather than an equation in its variable.

    A name, words, arithmetic, a function, and a formula in several variables (`a + b`) are labels; `2x` and `x + 3`
    are not, for x is then still to be found, unless the question itself asks for that very formula.
    """
    if is_name(side) or _NAMING.search(side) or _is_asked(side, question):
        return True
    try:
        node = parse(side)
    except NotAnAnswerError:
        return True
    return not has_symbol(node) or len(symbols_of(node)) > 1 or _holds_function(node)


def _holds_function(node: Node) -> bool:
    return (node[0] == "fn" and node[1] not in ("sqrt", "abs", "root")) or any(
        isinstance(child, tuple) and _holds_function(child) for child in node[1:]
    )


def _is_asked(side: str, question: str | None) -> bool:
    """`2x = 10` gives the answer where the question asks for `$2x$`."""
    wanted = re.sub(r"\s|\\[,;! ]|[{}]", "", side)
    asked = re.split(r"(?<=[.?!])\s+", question or "")
    formulas = [
        formula for part in asked if _ASKS.search(part) for formula in re.findall(r"\$([^$]+)\$", part)
    ]
    return len(wanted) > 1 and any(
        wanted == re.sub(r"\s|\\[,;! ]|[{}]|[.?]$", "", formula) for formula in formulas
    )


_ASKS = re.compile(r"\b(?:find|what|compute|evaluate|determine|calculate|value)\b", re.IGNORECASE)
