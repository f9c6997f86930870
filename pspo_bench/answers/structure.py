"""Read the shapes of mathematical answers: tuples, intervals, sets, matrices, equations, inequalities, lists.

>>> read_shape(r"(3,4]").kind, read_shape("-2 \\\\le x \\\\le 7").kind
('interval', 'interval')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pspo_bench.answers.formula import Node, parse
from pspo_bench.answers.match import NotAnAnswerError
from pspo_bench.answers.text import clean, closing, split_top


@dataclass(frozen=True, slots=True)
class Piece:
    """One interval with its ends; a single point has equal closed ends."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer with parts.

    kind is one of: value (one formula), pair (round brackets around two, a point or an open interval), tuple,
    interval (`pieces`), set, list, matrix (`rows`), equation (`items` are its sides).
    `named` says that an interval was written as an inequality or with a variable.
    """

    kind: str
    items: tuple[Shape, ...] = ()
    node: Node | None = None
    pieces: tuple[Piece, ...] = ()
    rows: tuple[tuple[Node, ...], ...] = ()
    named: bool = False
    labels: tuple[str, ...] = ()


INFINITY: Node = ("const", "oo")
MINUS_INFINITY: Node = ("neg", INFINITY)
_COMMA = re.compile(r",|;")
_LISTING = re.compile(
    r"\s*(?:[,;]\s*(?:and|or)\b|[,;]|\band\b|\bor\b|\\(?:quad|qquad)|\\text\{\s*(?:and|or)\s*\})\s*"
)
_UNION = re.compile(r"\\cup(?![A-Za-z])|\bU\b|\bor\b|\\lor(?![A-Za-z])")
_RELATION = re.compile(r"(\\le(?![A-Za-z])|\\ge(?![A-Za-z])|\\lt(?![A-Za-z])|\\gt(?![A-Za-z])|<=|>=|<|>)")
_MEMBER = re.compile(r"^\s*[A-Za-z]\w*\s*(?:\\in(?![A-Za-z])|\bin\b)\s*")
_MATRIX = re.compile(r"^\\begin\s*\{([pbvBV]?matrix|array)\}(?:\{[a-z|]*\})?(.*)\\end\s*\{\1\}$", re.DOTALL)
_LABEL = re.compile(
    r"^\s*(\(?[A-Za-z]\w{0,2}(?:_\{?\w+\}?)?(?:\s*,\s*[A-Za-z]\w{0,2})*\)?|\\[a-z]+)\s*=\s*(?!=)(.+)$",
    re.DOTALL,
)
_NAME = r"(?:[A-Za-z]\w{0,2}|\\[a-z]+)"
_NAMES = re.compile(rf"\(?\s*{_NAME}(?:\s*,\s*{_NAME})+\s*\)?")
_REALS = re.compile(r"^(?:\\mathbb\s*\{?\s*R\s*\}?|all real numbers|R|\(\s*-\s*\\infty\s*,\s*\\infty\s*\))$")


@lru_cache(maxsize=8192)
def read_shape(text: str) -> Shape:
    """The shape of a cleaned answer. Raises NotAnAnswerError when a part is not a formula."""
    text = _unparenthesise(text.strip())
    for reader in (_interval, _matrix, _bracketed, _listed, _equation):
        shape = reader(text)
        if shape is not None:
            return shape
    return Shape("value", node=parse(text))


def _unparenthesise(text: str) -> str:
    while (
        len(text) > 2
        and text[0] == "("
        and closing(text, 0) == len(text) - 1
        and len(split_top(text[1:-1], _COMMA)) == 1
    ):
        text = text[1:-1].strip()
    return text


def expand_plus_minus(text: str) -> list[str]:
    """`1 \\pm \\sqrt{19}` is two values: all upper signs, then all lower signs."""
    if not re.search(r"\\[pm]{2}(?![A-Za-z])", text):
        return [text]
    upper = re.sub(r"\\mp(?![A-Za-z])", "-", re.sub(r"\\pm(?![A-Za-z])", "+", text))
    lower = re.sub(r"\\mp(?![A-Za-z])", "+", re.sub(r"\\pm(?![A-Za-z])", "-", text))
    return [upper, lower]


def _interval(text: str) -> Shape | None:
    """Unions of intervals and solved inequalities; `(a,b)` alone stays a pair."""
    named = bool(_MEMBER.match(text) or _RELATION.search(text))
    body = _MEMBER.sub("", text)
    if _REALS.match(body):
        return Shape("interval", pieces=(Piece(MINUS_INFINITY, INFINITY, False, False),), named=named)
    parts = [_strip_member(part.strip()) for part in split_top(body, _UNION)]
    if (
        len(parts) == 1
        and not named
        and not (body[:1] in "([" and body[-1:] in ")]" and len(split_top(body[1:-1], _COMMA)) == 2)
    ):
        return None
    pieces = [_piece(part) for part in parts]
    if any(piece is None for piece in pieces) or (len(parts) == 1 and not named and _could_be_point(body)):
        return None
    return Shape("interval", pieces=tuple(piece for piece in pieces if piece), named=named)


def _strip_member(text: str) -> str:
    return _MEMBER.sub("", text)


def _could_be_point(body: str) -> bool:
    return body[0] == "(" and body[-1] == ")" and "\\infty" not in body and "infinity" not in body


def _piece(text: str) -> Piece | None:
    if text[:1] in "([" and text[-1:] in ")]" and closing(text, 0) == len(text) - 1:
        ends = split_top(text[1:-1], _COMMA)
        if len(ends) == 2:
            return Piece(parse(ends[0].strip()), parse(ends[1].strip()), text[0] == "[", text[-1] == "]")
    return _inequality(text)


_NORMAL = {"<=": "le", ">=": "ge", "<": "lt", ">": "gt"}


def _inequality(text: str) -> Piece | None:
    """`x > 5`, `5 < x`, `-2 \\le x < 7`: solved for one variable that stands alone."""
    parts = [part.strip() for part in _RELATION.split(text)]
    signs = [_NORMAL.get(sign, sign.lstrip("\\")) for sign in parts[1::2]]
    sides = parts[0::2]
    if len(sides) == 2 and _is_variable(sides[0]):
        return _one_sided(signs[0], sides[1])
    if len(sides) == 2 and _is_variable(sides[1]):
        return _one_sided({"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}[signs[0]], sides[0])
    if len(sides) == 3 and _is_variable(sides[1]) and signs[0][0] == signs[1][0]:
        closed = [sign[1] == "e" for sign in signs]
        if signs[0][0] == "g":
            sides, closed = sides[::-1], closed[::-1]
        return Piece(parse(sides[0]), parse(sides[2]), *closed)
    return None


def _one_sided(sign: str, bound: str) -> Piece:
    closed = sign[1] == "e"
    if sign[0] == "g":
        return Piece(parse(bound), INFINITY, closed, False)
    return Piece(MINUS_INFINITY, parse(bound), False, closed)


def _is_variable(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z](?:_\{?\w\}?)?|\\[a-z]+", text)) and text not in ("e", "i", r"\pi")


def _matrix(text: str) -> Shape | None:
    found = _MATRIX.match(text)
    if not found:
        return None
    rows = [row for row in re.split(r"\\\\|\\cr(?![a-z])", found.group(2)) if row.strip()]
    read = tuple(tuple(parse(cell.strip()) for cell in row.split("&")) for row in rows)
    if not read or len({len(row) for row in read}) > 1:
        raise NotAnAnswerError("a matrix needs rows of equal length")
    return Shape("matrix", rows=read)


def _bracketed(text: str) -> Shape | None:
    for opening, ending, kind in (
        (r"\{", r"\}", "set"),
        ("{", "}", "set"),
        (r"\langle", r"\rangle", "tuple"),
        ("(", ")", "tuple"),
        ("<", ">", "tuple"),
    ):
        if not (text.startswith(opening) and text.endswith(ending)) or len(text) < len(opening) + len(ending):
            continue
        if opening[-1] in "({" and closing(text, len(opening) - 1) != len(text) - 1:
            continue
        inner = text[len(opening) : len(text) - len(ending)].strip()
        if kind == "set" and re.search(r"\\mid|\||:", inner):
            return _set_builder(inner)
        parts = split_top(inner, _COMMA)
        if kind == "tuple" and len(parts) < 2:
            return None
        items = tuple(item for part in parts if part.strip() for item in _items(part))
        return Shape("pair" if opening == "(" and len(parts) == 2 else kind, items)
    return Shape("set") if text == r"\emptyset" else None


def _set_builder(inner: str) -> Shape | None:
    """`{x | x > 5}` is the interval of its condition."""
    condition = re.split(r"\\mid|\||:", inner, maxsplit=1)[1].strip()
    return _interval(condition)


def _items(part: str) -> list[Shape]:
    return [read_shape(value.strip()) for value in expand_plus_minus(part)]


def _listed(text: str) -> Shape | None:
    """`1, -2` and `x = 1 or x = -2` and `1 \\pm \\sqrt{19}`: several values, with the names in front of them."""
    if re.fullmatch(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", text):
        return None
    parts = [part for part in split_top(text, _LISTING) if part.strip()]
    if not parts or (len(parts) == 1 and len(expand_plus_minus(text)) == 1):
        return None
    labels, items = [], []
    label = _LABEL.match(parts[0])
    if label and "," in label.group(1):
        return None
    for part in parts:
        found = _LABEL.match(part)
        for item in _items(found.group(2) if found else part):
            items.append(item)
            labels.append(found.group(1) if found else "")
    return Shape("list", tuple(items), labels=tuple(labels))


def _equation(text: str) -> Shape | None:
    sides = [side.strip() for side in re.split(r"(?<![<>=!])=(?!=)", text)]
    if len(sides) < 2 or not all(sides):
        return None
    if len(sides) > 2:
        sides = [sides[0], sides[-1]]
    label = _NAMES.fullmatch(sides[0])
    if label:
        return read_shape(sides[1])
    return Shape("equation", tuple(read_shape(side) for side in sides))


def shape_of(text: str) -> Shape:
    """`read_shape` of a raw answer."""
    return read_shape(clean(text))
