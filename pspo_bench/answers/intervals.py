"""Read sets of real numbers: intervals, unions, solved inequalities, set builders, excluded points.

>>> [(piece.low_closed, piece.high_closed) for piece in read_interval(r"-2 \\le x < 7").pieces]
[(True, False)]
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pspo_bench.answers import points
from pspo_bench.answers.formula import Node, parse
from pspo_bench.answers.rational import exact
from pspo_bench.answers.text import closing, expand_plus_minus, split_top


@dataclass(frozen=True, slots=True)
class Piece:
    """One interval with its ends; a single point has equal closed ends."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """Pieces, and the variable where the answer names one (`x > 5`)."""

    pieces: tuple[Piece, ...]
    variable: str | None = None


INFINITY: Node = ("const", "oo")
MINUS_INFINITY: Node = ("neg", INFINITY)
REALS = Interval((Piece(MINUS_INFINITY, INFINITY, False, False),))
COMMA = re.compile(r",|;")
"""What stands between the parts of an interval, a point, a tuple or a row."""
_UNION = re.compile(r"\\cup(?![A-Za-z])|\bU\b|\bor\b|\\lor(?![A-Za-z])")
_BOTH = re.compile(r"\band\b|\\land(?![A-Za-z])|\\cap(?![A-Za-z])")
RELATION = re.compile(r"(\\le(?![A-Za-z])|\\ge(?![A-Za-z])|\\lt(?![A-Za-z])|\\gt(?![A-Za-z])|<=|>=|<|>|≤|≥)")
_MEMBER = re.compile(r"^\s*([A-Za-z]\w?|\\[a-z]+|[a-z]\([a-z]\))\s*(?:\\in(?![A-Za-z])|\bin\b)\s*")
_REALS = re.compile(
    r"(?:\\mathbb\s*\{?\s*R\s*\}?|\\R|(?:all|the set of) (?:real|reals)(?: numbers)?"
    r"|\(\s*-\s*\\infty\s*,\s*\+?\s*\\infty\s*\))",
    re.IGNORECASE,
)
_BUILDER = re.compile(
    r"^\\?\{\s*([A-Za-z])\s*(?:\\in\s*(?:\\mathbb\s*\{?\s*R\s*\}?|R))?\s*(?:\\mid|\||:)\s*(.*?)\s*\\?\}$",
    re.DOTALL,
)
_EXCEPT = re.compile(
    rf"^{_REALS.pattern}\s*(?:\\setminus|\\backslash|-|except(?: for)?|other than)\s*(.*)$",
    re.DOTALL | re.IGNORECASE,
)
_UNEQUAL = re.compile(r"^([A-Za-z])\s*\\ne(?![A-Za-z])\s*")
_LISTING = re.compile(r"\s*(?:,\s*(?:and|or)?|\band\b|\bor\b|\\land(?![A-Za-z]))\s*")


_FRENCH = re.compile(
    r"^(?:(\])([^\[\]]*,[^\[\]]*)([\[\]])|(\[)([^\[\]]*,[^\[\]]*)(\[))$"
)  # ]a, b] and [a, b[
_ABSOLUTE = re.compile(r"^\|\s*([A-Za-z])\s*\|\s*(\\le|\\ge|<|>)(?![A-Za-z])\s*([^<>|=]+)$")


def _round(found: re.Match[str]) -> str:
    opening, inner, ending = (
        found.group(1) or found.group(4),
        found.group(2) or found.group(5),
        found.group(3) or found.group(6),
    )
    return ("(" if opening == "]" else "[") + inner + (")" if ending == "[" else "]")


def _between(found: re.Match[str]) -> str:
    """`|x| < 2` is `-2 < x < 2`, and `|x| > 2` its outside."""
    name, sign, bound = found.groups()
    if sign in ("<", r"\le"):
        return f"-({bound}) {sign} {name} {sign} {bound}"
    flipped = "<" if sign == ">" else r"\le"
    return f"{name} {flipped} -({bound}) or {name} {sign} {bound}"


def read_interval(text: str) -> Interval | None:
    """The set of reals that `text` is; None where it is none, or a pair such as (2, 4) that may be a point."""
    text = _ABSOLUTE.sub(_between, _FRENCH.sub(_round, text))
    built = _BUILDER.match(text)
    if built:
        return read_interval(built.group(2))
    excluded = _excluded(text)
    if excluded:
        return excluded
    member = _MEMBER.match(text)
    body = text[member.end() :] if member else text
    if _REALS.fullmatch(body.strip()):
        return Interval(REALS.pieces, member.group(1) if member else None)
    parts = [_MEMBER.sub("", part.strip()) for part in split_top(body, _UNION)]
    if (
        not member
        and not RELATION.search(text)
        and ((len(parts) == 1 and not _is_bracketed_pair(body)) or "=" in body)
    ):
        return None
    pieces = [_piece(part) for part in parts]
    if any(piece is None for piece in pieces):
        return None
    if len(parts) == 1 and not member and not RELATION.search(text) and _could_be_point(body):
        return None
    found = [piece for piece in pieces if piece]
    names = {name for _, name in found if name} | ({member.group(1)} if member else set())
    return Interval(tuple(piece for piece, _ in found), names.pop() if len(names) == 1 else None)


def _is_bracketed_pair(body: str) -> bool:
    return (
        body[:1] in "([" and body[-1:] in ")]" and len(split_top(body[1:-1], COMMA)) == 2 if body else False
    )


def _could_be_point(body: str) -> bool:
    return body[0] == "(" and body[-1] == ")" and not re.search(r"\\infty|infinity|\boo\b", body)


def _excluded(text: str) -> Interval | None:
    """`x \\ne 2`, `x \\ne 1, 4`, `\\mathbb{R} \\setminus \\{2\\}`, all real numbers except 2."""
    unequal, other = _UNEQUAL.match(text), _EXCEPT.match(text)
    if not unequal and not other:
        return None
    body = text[unequal.end() :] if unequal else other.group(1).strip() if other else ""
    body = re.sub(r"^\\?\{\s*|\s*\\?\}$", "", body)
    listed = [_UNEQUAL.sub("", part.strip()) for part in split_top(body, _LISTING) if part.strip()]
    ends = [parse(each) for point in listed if point for each in expand_plus_minus(point)]
    values = [exact(end) or points.value(end) or 0 for end in ends]
    ordered = [end for _, end in sorted(zip(values, ends, strict=True), key=lambda pair: pair[0])]
    if not ordered:
        return None
    lows, highs = [MINUS_INFINITY, *ordered], [*ordered, INFINITY]
    pieces = tuple(Piece(low, high, False, False) for low, high in zip(lows, highs, strict=True))
    return Interval(pieces, unequal.group(1) if unequal else None)


Named = tuple[Piece, str | None]


def _piece(text: str) -> Named | None:
    if text[:1] in "([" and text[-1:] in ")]" and closing(text, 0) == len(text) - 1:
        ends = split_top(text[1:-1], COMMA)
        if len(ends) == 2:
            low, high = (parse(end.strip()) for end in ends)
            return Piece(low, high, text[0] == "[", text[-1] == "]"), None
    single = re.fullmatch(r"\\?\{\s*([^,{}]+?)\s*\\?\}", text)
    if single:
        only = parse(single.group(1))
        return Piece(only, only, True, True), None
    point = re.fullmatch(r"([A-Za-z])\s*=\s*([^=]+)", text)
    if point:
        end = parse(point.group(2))
        return Piece(end, end, True, True), point.group(1)
    both = split_top(text, _BOTH)
    if len(both) == 2:
        return _intersection(*(_inequality(part.strip()) for part in both))
    return _inequality(text)


def _intersection(left: Named | None, right: Named | None) -> Named | None:
    """`x \\ge 2 and x < 7`: two rays that point at each other."""
    if left is None or right is None or left[1] != right[1]:
        return None
    (first, name), (second, _) = left, right
    if first.low == MINUS_INFINITY and second.high == INFINITY:
        first, second = second, first
    if first.high != INFINITY or second.low != MINUS_INFINITY:
        return None
    return Piece(first.low, second.high, first.low_closed, second.high_closed), name


_SIGNS = {"<=": "le", ">=": "ge", "<": "lt", ">": "gt", "≤": "le", "≥": "ge"}


def sign_of(relation: str) -> str:
    """lt, le, gt or ge."""
    return _SIGNS.get(relation, relation.lstrip("\\"))


def _inequality(text: str) -> Named | None:
    """`x > 5`, `5 < x`, `-2 \\le x < 7`: solved for one variable that stands alone."""
    parts = [part.strip() for part in RELATION.split(text)]
    signs, sides = [sign_of(sign) for sign in parts[1::2]], parts[0::2]
    if len(sides) < 2 or any(not _is_variable(side) and points.symbols_of(parse(side)) for side in sides):
        return None  # x > 2y + 1 is solved for nothing
    if len(sides) == 2 and _is_variable(sides[0]):
        return _ray(signs[0], sides[1]), sides[0]
    if len(sides) == 2 and _is_variable(sides[1]):
        return _ray({"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}[signs[0]], sides[0]), sides[1]
    if len(sides) == 3 and _is_variable(sides[1]) and signs[0][0] == signs[1][0]:
        closed = [sign[1] == "e" for sign in signs]
        name = sides[1]
        if signs[0][0] == "g":
            sides, closed = sides[::-1], closed[::-1]
        return Piece(parse(sides[0]), parse(sides[2]), *closed), name
    return None


def _ray(sign: str, bound: str) -> Piece:
    end = parse(bound)
    closed = sign[1] == "e"
    return (
        Piece(end, INFINITY, closed, False) if sign[0] == "g" else Piece(MINUS_INFINITY, end, False, closed)
    )


def _is_variable(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z](?:_\{?\w\}?)?|\\[a-z]+|[a-z]\([a-z]\)", text)) and text not in (
        "e",
        "i",
        r"\pi",
    )
