"""Read the shapes of mathematical answers: tuples, intervals, sets, matrices, equations, inequalities, lists.

>>> read_shape(r"(3,4]").kind, read_shape("-2 \\\\le x \\\\le 7").kind
('interval', 'interval')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pspo_bench.answers import intervals
from pspo_bench.answers.formula import Node, parse
from pspo_bench.answers.intervals import COMMA, RELATION, Piece, sign_of
from pspo_bench.answers.match import NotAnAnswerError, remembered
from pspo_bench.answers.text import clean, closing, expand_plus_minus, split_top


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer with parts.

    kind is one of: value (one formula), pair (round brackets around two, a point or an open interval), tuple,
    interval (`pieces`), set, list, matrix (`rows`), equation (`items` are its sides), inequality (`items` are its
    greater and its smaller side). `labels` are the names of a list's items, or the variable of an interval.
    `strict` says that an inequality excludes equality.
    """

    kind: str
    items: tuple[Shape, ...] = ()
    node: Node | None = None
    pieces: tuple[Piece, ...] = ()
    rows: tuple[tuple[Node, ...], ...] = ()
    labels: tuple[str, ...] = ()
    strict: bool = False


EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_LISTING = re.compile(
    r"\s*(?:[,;]\s*(?:and|or)\b|[,;]|\band\b|\bor\b|\\(?:quad|qquad)|\\l(?:or|and)(?![A-Za-z])|\\text\{\s*(?:and|or)\s*\})\s*"
)
_MATRIX = re.compile(
    r"^(?P<factor>.*?)(?:[\[(]\s*)?\\begin\s*\{(?P<name>[pbB]?matrix|array)\}(?:\s*\{[a-z|]*\})?(?P<body>.*)\\end\s*\{(?P=name)\}(?:\s*[\])])?$",
    re.DOTALL,
)
_ROW = re.compile(r"\\\\(?:\s*\[[0-9.]+\s*[a-z]{2}\])?|\\cr(?![a-z])")
_LABEL = re.compile(
    r"^\s*(\(?[A-Za-z]\w{0,2}(?:_\{?[\w,]+\}?)?(?:\s*,\s*[A-Za-z]\w{0,2})*\)?|\\[a-z]+)\s*=\s*(?!=)(.+)$",
    re.DOTALL,
)
_NAME = r"(?:[A-Za-z]\w{0,2}|\\[a-z]+)"
_NAMES = re.compile(rf"\(?\s*{_NAME}(?:\s*,\s*{_NAME})+\s*\)?")
# P(3,8), P = (3,8), the vertex (3,8), A = {…}, \\vec v = …: a name in front of something with parts.
_NAMED_PARTS = re.compile(
    r"^(?:[A-Z][A-Z']?(?:\^\{?-1\}?|\^T)?|[a-z](?:_\w)?|[A-Za-z]{2}|(?!.*\bnot\b)(?:the )?[a-z ]{3,30}(?: is| are)?)"
    r"\s*[=:]?\s*"
    r"(?=[(\[<]|\\\{|\\langle|\\begin|\\frac\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\\begin)",
)
_PROSE = re.compile(
    r"^(?:the )?(?:[a-z]+ ){0,4}(?:solutions?|values?|roots?|answers?|zeros?|numbers?|pairs?|points?)"
    r"(?: (?:of|for) [a-z$]+)? (?:are|is)\s*:?\s*",
    re.I,
)
# The range of k in a general solution: `\\frac{\\pi}{6} + k\\pi, k \\in \\mathbb{Z}`.
_OF_INTEGERS = re.compile(
    r"\s*[,(]?\s*(?:\\q?quad\s*)?(?:where\s+)?[a-z]\s*\\in\s*(?:\\mathbb\s*\{?\s*Z\s*\}?|Z)\s*\)?$"
)
_EMPTY = re.compile(
    r"\\emptyset|\\\{\s*\\\}|(?:there (?:is|are) |(?:the |this )?(?:system|equation|inequality) has )?"
    r"no(?: real| such)? (?:solutions?|values?|roots?)(?: exists?)?"
    r"|(?:the )?empty set|none|DNE|does not exist",
    re.I,
)
_CASES = re.compile(
    r"^\\begin\s*\{(?:cases|aligned|align\*?|array)\}(.*)\\end\s*\{(?:cases|aligned|align\*?|array)\}$",
    re.DOTALL,
)
_GROUPED = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9]|,[0-9])")


@remembered(8192)
def read_shape(text: str) -> Shape:
    """The shape of a cleaned answer. Raises NotAnAnswerError when a part is not a formula."""
    text = _unparenthesise(_PROSE.sub("", _OF_INTEGERS.sub("", text.strip())))
    if re.fullmatch(r"\\emptyset|\\\{\s*\\\}|\\?\{\s*\\?\}", text):
        return Shape("set")
    for reader in (_cases, _matrix, _interval, _bracketed, _listed, _inequality, _equation):
        shape = reader(text)
        if shape is not None:
            return shape
    return Shape("value", node=parse(text))


def is_empty_set(text: str) -> bool:
    """Whether a cleaned answer says, in words or signs, that there is none."""
    return bool(_EMPTY.fullmatch(text))


def _unparenthesise(text: str) -> str:
    while (
        len(text) > 2
        and text[0] == "("
        and closing(text, 0) == len(text) - 1
        and len(split_top(text[1:-1], COMMA)) == 1
    ):
        text = text[1:-1].strip()
    return text


def _cases(text: str) -> Shape | None:
    """The lines of a system are a list: `x = 3 \\\\ y = -2`."""
    found = _CASES.match(text)
    if not found or "=" not in found.group(1):
        return None
    lines = [line.replace("&", "").strip(" ,;") for line in _ROW.split(found.group(1))]
    return _listed(", ".join(line for line in lines if line))


def _interval(text: str) -> Shape | None:
    found = intervals.read_interval(text)
    if found is None:
        return None
    return Shape("interval", pieces=found.pieces, labels=(found.variable,) if found.variable else ())


def _matrix(text: str) -> Shape | None:
    found = _MATRIX.match(text)
    if not found:
        return _python_matrix(text)
    factor = found["factor"].strip().rstrip("*").removesuffix(r"\cdot").strip()
    if "=" in factor:
        factor = factor.rpartition("=")[2].strip()
    elif re.fullmatch(r"[A-Za-z]{1,2}(?:\^\{?-1\}?)?", factor):
        raise NotAnAnswerError("a matrix with a letter in front")
    rows = [row for row in _ROW.split(found["body"]) if row.strip()]
    read = tuple(tuple(parse(cell.strip()) for cell in row.split("&")) for row in rows)
    if not read or len({len(row) for row in read}) > 1:
        raise NotAnAnswerError("a matrix needs rows of equal length")
    if factor:
        scale = parse("-1" if factor == "-" else factor)
        read = tuple(tuple(("mul", scale, cell) for cell in row) for row in read)
    return Shape("matrix", rows=read)


def _python_matrix(text: str) -> Shape | None:
    """`[[2, -1], [0, 5]]`."""
    if not re.match(r"\[\s*\[", text) or closing(text, 0) != len(text) - 1:
        return None
    rows = [row.strip() for row in split_top(text[1:-1], COMMA)]
    if not all(row[:1] == "[" and row[-1:] == "]" for row in rows):
        return None
    read = tuple(tuple(parse(cell.strip()) for cell in split_top(row[1:-1], COMMA)) for row in rows)
    return Shape("matrix", rows=read) if len({len(row) for row in read}) == 1 else None


_BRACKETS = (
    (r"\{", r"\}", "set"),
    ("{", "}", "set"),
    (r"\langle", r"\rangle", "tuple"),
    ("(", ")", "tuple"),
    ("<", ">", "tuple"),
)
_IN_SET = re.compile(r"^[A-Za-z]\w?\s*(?:\\in(?![A-Za-z])|=)\s*(?=\\\{)")


def _bracketed(text: str) -> Shape | None:
    text = _IN_SET.sub("", text)
    for opening, ending, kind in _BRACKETS:
        if not (text.startswith(opening) and text.endswith(ending)) or len(text) < len(opening) + len(ending):
            continue
        if opening[-1] in "({" and closing(text, len(opening) - 1) != len(text) - 1:
            continue
        parts = split_top(text[len(opening) : len(text) - len(ending)].strip(), COMMA)
        if kind == "tuple" and len(parts) < 2:
            return None
        items = tuple(item for part in parts if part.strip() for item in _items(part))
        return Shape("pair" if opening == "(" and len(parts) == 2 else kind, items)
    named = _NAMED_PARTS.match(text)
    return read_shape(text[named.end() :]) if named and named.end() and "," in text else None


def _items(part: str) -> list[Shape]:
    return [read_shape(value.strip().lstrip("$")) for value in expand_plus_minus(part)]


def _listed(text: str) -> Shape | None:
    """`1, -2` and `x = 1 or x = -2` and `1 \\pm \\sqrt{19}`: several values, with the names in front of them."""
    if re.fullmatch(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", text):
        return None
    if re.search(r"\b(?:and|or)\b|;|,\s", text):  # 1,331 and 1,728 are two numbers
        text = _GROUPED.sub(lambda found: found.group().replace(",", ""), text)
    parts = [part for part in split_top(text, _LISTING) if part.strip()]
    if not parts or (len(parts) == 1 and len(expand_plus_minus(text)) == 1):
        return None
    labels, items = [], []
    label = _LABEL.match(parts[0])
    if label and "," in label.group(1) and "_" not in label.group(1):
        # (x, y) = (1, 2) or (3, 4): the names are those of every item.
        parts[0] = label.group(2)
    for part in parts:
        found = _LABEL.match(part)
        for item in _items(found.group(2) if found else part):
            items.append(item)
            labels.append(found.group(1) if found else "")
    return Shape("list", tuple(items), labels=tuple(labels))


def _inequality(text: str) -> Shape | None:
    """`x - 2y > 1`: two sides that are formulas, the greater first."""
    parts = [part.strip() for part in RELATION.split(text)]
    if len(parts) != 3 or not parts[0] or not parts[2]:
        return None
    sides = (Shape("value", node=parse(parts[0])), Shape("value", node=parse(parts[2])))
    sign = sign_of(parts[1])
    return Shape("inequality", sides if sign[0] == "g" else sides[::-1], strict=sign[1] == "t")


def _equation(text: str) -> Shape | None:
    sides = [side.strip() for side in split_top(text, EQUALS)]
    if len(sides) < 2 or not all(sides):
        return None
    if len(sides) > 2:
        sides = [sides[0], sides[-1]]
    if _NAMES.fullmatch(sides[0]):
        return _in_named_order(re.findall(_NAME, sides[0]), read_shape(sides[1]))
    return Shape("equation", tuple(read_shape(side) for side in sides))


def _in_named_order(names: list[str], shape: Shape) -> Shape:
    """`(y, x) = (2, 1)` as the point (1, 2)."""
    if shape.kind not in ("pair", "tuple") or len(names) != len(shape.items):
        return shape
    pairs = sorted(zip(names, shape.items, strict=True), key=lambda pair: _place(pair[0]))
    return replace(shape, items=tuple(item for _, item in pairs))


def _place(name: str) -> tuple[int, str]:
    """Names in the order of coordinates: alphabetical, and Greek angles behind the radius."""
    return {"\\theta": 1, "\\phi": 2, "\\varphi": 2, "z": 3}.get(name, 0), name


def shape_of(text: str) -> Shape:
    """`read_shape` of a raw answer."""
    return read_shape(clean(text))


def in_alphabetical_order(shape: Shape) -> Shape:
    """A list `y = -7, x = 4` by the order of its names, so that it can be read as a point."""
    if len(set(shape.labels)) < len(shape.labels) or not all(shape.labels):
        return shape
    pairs = sorted(zip(shape.labels, shape.items, strict=True), key=lambda pair: _place(pair[0]))
    return replace(shape, items=tuple(item for _, item in pairs), labels=tuple(name for name, _ in pairs))
