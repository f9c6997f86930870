"""What stands left of an equals sign: a name for the answer, or an equation that is still to be solved.

>>> is_label("a + b", None), is_label("f^{-1}(x)", None), is_label("2x", None)
(True, True, False)
"""

from __future__ import annotations

import re

from pspo_bench.answers.formula import Node, parse, walk
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.points import symbols_of
from pspo_bench.answers.rational import has_symbol
from pspo_bench.answers.text import INLINE_MATHS, clean
from pspo_bench.answers.units import is_unit

_SUBSCRIPT = r"(?:_(?:\{[^{}]{1,12}\}|\w))?"
_NAME = re.compile(rf"(?:[A-Za-z]\w{{0,15}}|\\[A-Za-z]+){_SUBSCRIPT}'*")
_APPLICATION = re.compile(
    rf"(?:[A-Za-z]{{1,3}}|\\[A-Za-z]+){_SUBSCRIPT}'*(?:\s*\^\s*\{{?\s*-?[0-9()]{{1,4}}\s*\}}?)?'*\s*\(.*\)",
    re.DOTALL,
)
_NAMING = re.compile(
    r"\\(?:angle|triangle|det|overline|lim|int|sum|prod|max|min|gcd|operatorname|log|ln|sin|cos|tan|sec|csc|cot|arcsin"
    r"|arccos|arctan|circ|cdots|Delta|frac\s*\{\s*d|lVert|Vert)(?![A-Za-z])|\|[A-Za-z\\]+\||°|\bAB|\bP\s*\("
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
# Words around an operation, or a statement of their own: "2 * total", "half of x", "the minimum is 3 at x".
_NO_NAME = re.compile(r"[*/^+]|\s-\s|\b(?:half|twice|double|not)\b|\b(?:is|are|was)\s+[-$0-9]", re.IGNORECASE)


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


_ANNOUNCEMENT = re.compile(
    r"^(?:(?:the |a )?(?:[A-Za-z]+ ){0,5}[A-Za-z]{3,}(?:\s*:|\s+(?:is|are))|(?:[A-Za-z]|\\ell)\s*:(?=.*[=(\[])"
    r"|(?:the )?(?:line|plane|circle|curve|set|interval|point|vector|equation|vertex))\s+(?=\S)",
    re.DOTALL,
)


def without_announcement(text: str) -> str | None:
    """`X` of "Area: X", "The range is X", "L: X", "the line X"; None where nothing announces it."""
    found = _ANNOUNCEMENT.match(text)
    return (
        text[found.end() :]
        if found and not re.search(r"\b(?:not|wrong|incorrect|none|false)\b", found.group(), re.I)
        else None
    )


def is_label(side: str, question: str | None) -> bool:
    """Whether an answer `side = value` gives the value of `side`, rather than an equation in its variable.

    A name, words, arithmetic, a function, and a formula in several variables (`a + b`) are labels; a number is none,
    and `2x` and `x + 3` are none, for x is then still to be found, unless the question itself asks for that formula.
    """
    if (
        is_name(side)
        or re.search(r"(?<![A-Za-z\\])[fghpqFGPQ]\s*\(", side)
        or _NAMING.search(side)
        or is_asked(side, question)
    ):
        return True
    if re.match(r"[-$]?[0-9]", side) and re.search(r"[A-Za-z]{2,}", side) and not _is_arithmetic(side):
        return "\\" in side  # of "3 at x = 7" neither 3 nor 7 is the name of the other
    if _WORD.search(side):
        return not _NO_NAME.search(side) or _is_arithmetic(side)
    try:
        node = parse(side)
    except NotAnAnswerError:
        return True
    if not has_symbol(node):
        return node[0] not in ("num", "const") and not (node[0] == "neg" and node[1][0] == "num")
    return len(symbols_of(node)) > 1 or _holds_function(node)


def _is_arithmetic(side: str) -> bool:
    """`3 hours * 8 mph`: every operand is a number with its unit."""
    operands = re.split(r"[*/+]|\\times|\\div|\s-\s", side)
    return len(operands) > 1 and all(re.match(r"\s*\(?[$€£]?[0-9]", operand) for operand in operands)


def _holds_function(node: Node) -> bool:
    return any(part[0] == "fn" and part[1] not in ("sqrt", "abs", "root") for part in walk(node))


def is_asked(side: str, question: str | None) -> bool:
    """`2x = 10` gives the answer where the question asks for `$2x$`."""
    wanted = re.sub(r"\s|\\[,;! ]|[{}]", "", side)
    asked = re.split(r"(?<=[.?!])\s+", question or "")
    formulas = [
        formula for part in asked if _ASKS.search(part) for formula in re.findall(r"\$([^$]+)\$", part)
    ]
    return len(wanted) > 1 and any(
        wanted == re.sub(r"\s|\\[,;! ]|[{}]|[.?]$", "", formula) for formula in formulas
    )


def restates(question: str, answer: str, gold: str, kind: str) -> bool:
    """Whether an answer only copies a formula out of the question, where another form of it is asked for.

    "Simplify $\\sqrt{12}$" is not answered by \\sqrt{12}, though that equals 2\\sqrt{3}.
    """
    if (
        kind not in ("expression", "number")
        or "$" not in question
        or not re.search(r"[+*/^\\]|[0-9]-", answer)
    ):
        return False
    copied = _bare(answer)
    formulas = {_bare(found.group(1) or found.group(2) or "") for found in INLINE_MATHS.finditer(question)}
    if len(copied) < 3 or copied not in formulas or copied == _bare(gold):
        return False
    try:
        return parse(clean(answer)) != parse(clean(gold))
    except NotAnAnswerError:
        return True


def _bare(formula: str) -> str:
    return re.sub(r"\s|\\(?:[,;!]|left|right)|[.,;]$|^\$|\$$", "", formula)


_ASKS = re.compile(r"\b(?:find|what|compute|evaluate|determine|calculate|value)\b", re.IGNORECASE)
