"""The sides of a relation: which of the tokens before and behind it belong to it.

A side reaches from the relation to the next mark that ends one: a comma, a full stop, the end of a line. Of the tokens
before a relation the longest expression that ends there counts, of those behind it the longest that begins there. Where
an expression may be only the end of more (an operator, an unknown function or "more than" stands before it), it is not
sure, and can be found right, but not wrong.

    "apples for 3 + 4 = 7 cents": the sides are 3 + 4 and 7 cents
"""

from __future__ import annotations

from dataclasses import dataclass

from pspo_bench.metrics.arithmetic.cursor import says_number
from pspo_bench.metrics.arithmetic.parser import Parsed, parse
from pspo_bench.metrics.arithmetic.tokens import Token
from pspo_bench.metrics.arithmetic.tree import Node, is_bare, is_quantity, numbers
from pspo_bench.metrics.arithmetic.unit_cursor import PROSE

MAX_SIDE_TOKENS = 120


@dataclass(frozen=True, slots=True)
class Side:
    """An expression with its place. `dash`: what it is if its first minus is a dash; `is_first`: nothing was worked out
    before it in its chain; `behind`: the index of the token behind it."""

    node: Node
    start: int
    end: int
    is_sure: bool
    approximate: bool = False
    is_first: bool = True
    dash: Node | None = None
    behind: int = 0


_ENDS = ("stop", "line", "rel", "says")


def side_before(tokens: list[Token], relation: int) -> Side | None:
    """The longest expression that ends at the relation."""
    low = relation
    while low > 0 and relation - low < MAX_SIDE_TOKENS and tokens[low - 1].kind not in _ENDS:
        low -= 1
    start, continues = low, relation - low == MAX_SIDE_TOKENS
    while start < relation:
        if not can_begin(tokens, start):
            continues &= tokens[start].text.lower() not in _CLAUSES
            start += 1
            continue
        parsed = parse(tokens, start, relation)
        if parsed and parsed.end == relation:
            return _left_side(tokens, low, start, parsed, continues)
        continues |= parsed is not None and _holds_sum(parsed.node)  # "20 + 10 cards to the 29 + 24"
        start = max(parsed.end, start + 1) if parsed else start + 1
    return None


def _holds_sum(node: Node) -> bool:
    return not is_quantity(node) and next(numbers(node), None) is not None


def can_begin(tokens: list[Token], at: int) -> bool:
    """Whether an expression may begin at `tokens[at]`."""
    token = tokens[at]
    if token.kind == "word":
        return says_number(token.text)
    if token.kind == "op":
        return (
            token.text == "-"
            and not _is_bullet(tokens, at)
            and not (at > 0 and _ends_operand(tokens[at - 1]))
        )
    return token.kind in ("num", "open", "frac", "root")


def _ends_operand(token: Token) -> bool:
    if token.kind == "word":
        return token.text.lower() not in PROSE and token.text != "and"
    return token.kind in ("num", "close", "pct", "sup", "odd")


def _left_side(tokens: list[Token], low: int, start: int, parsed: Parsed, continues: bool) -> Side:
    is_plain = parsed.is_sure and not parsed.is_compared and not continues
    sure = is_plain and _stands_alone(tokens, low, start)
    if is_bare(parsed.node) and start > low and tokens[start - 1].text == "and":
        sure = False  # 1 hour and 30 minutes = 90 minutes
    first, last = tokens[start].start, tokens[parsed.end - 1].end
    dash = _behind_dash(tokens, start, parsed.end)
    if dash is not None and start > low and tokens[start - 1].text.lower() in _LABELS:
        first = next(numbers(dash)).start  # Step 1 - 5 + 3
        return Side(dash, first, last, is_plain)
    return Side(parsed.node, first, last, sure, dash=dash)


_PART_OF_MORE = set(
    "as than times plus minus twice half double triple thirds third quarter quarters fourth fifth between "
    "mod log sin cos tan ln gcd lcm max min".split()
)
"""Words behind which an expression is a part of a longer one."""
_CLAUSES = set(
    "because so since then if when while therefore thus hence but making leaving meaning which".split()
)
"""Words that begin a clause of its own."""
_BETWEEN = {"by", "from", "over"}
"""Words that join an expression to a number shortly before them: 20 divided evenly by 4 * 5."""
_SUMS = set(
    "total sum cost amount price profit value number sale distance area volume score balance revenue income expense "
    "salary savings tip discount average product difference quotient remainder result weight age speed "
    "length rate answer".split()
)
"""Words after which "of" only gives the value."""
_LABELS = set(
    "week weeks day days step steps year years month months part page pages question problem case option number "
    "chapter level equation round group room house grade stage no".split()
)
"""Words whose number is a name: week 1."""


def _stands_alone(tokens: list[Token], low: int, start: int) -> bool:
    """Whether what stands before an expression does not belong to it."""
    if start == low:
        return start == 0 or _is_whole(tokens, start)
    before, word = tokens[start - 1], tokens[start - 1].text.lower()
    if before.kind == "op":
        return _is_bullet(tokens, start - 1) or _is_prose_dash(tokens, start - 1)
    if before.kind == "close":
        return _is_marker(tokens, start - 1)
    if before.kind != "word" or not tokens[start].spaced or word in _PART_OF_MORE or word in _LABELS:
        return False
    if word in _BETWEEN and any(token.kind == "num" for token in tokens[max(low, start - 4) : start]):
        return False
    if word == "of" and (start - low < 2 or tokens[start - 2].text.lower() not in _SUMS):
        return False  # 2 bags of 10 * 3, the last digit of 3^3
    return not _follows_sign(tokens, low, start - 1)


def _is_whole(tokens: list[Token], start: int) -> bool:
    """Whether the mark before an expression is one of prose, not a piece of a number or of a longer calculation."""
    mark, token = tokens[start - 1], tokens[start]
    if mark.kind != "stop":
        return True
    before = tokens[start - 2] if start > 1 else mark
    if mark.text in ".," and (not token.spaced or before.kind == "op"):
        return False  # 13,2000 / 60;  .8 + . 84
    if mark.text == "," and before.kind == "num" and token.kind == "num" and len(token.text) == 3:
        return False  # 14, 400 / 80
    return mark.text not in _HALF_SIGNS


_HALF_SIGNS = {r"\pm", r"\mp", "±", "∓", r"\equiv", "≡", "@", "^", "&"}
"""Marks that join what stands on both sides, and are not read."""


def _follows_sign(tokens: list[Token], low: int, at: int) -> bool:
    """Whether the words up to `at` begin with a sign: "+ his 1 teacher"; not with the hyphen of 40-yard."""
    while at > low and tokens[at].kind == "word":
        at -= 1
    tight = not tokens[at].spaced and not tokens[at + 1].spaced
    return tokens[at].kind == "op" and not tight and not _is_bullet(tokens, at)


def _is_marker(tokens: list[Token], at: int) -> bool:
    """Whether the bracket that closes at `at` marks an item: "1)" or "(a)" at the start of a line."""
    first = at - 2 if at > 1 and tokens[at - 2].kind == "open" else at - 1
    return tokens[at - 1].kind in ("num", "word") and (first <= 0 or tokens[first - 1].kind == "line")


def _is_bullet(tokens: list[Token], at: int) -> bool:
    return tokens[at].text in "-*+" and (at == 0 or tokens[at - 1].kind == "line") and tokens[at + 1].spaced


def _is_prose_dash(tokens: list[Token], at: int) -> bool:
    return (
        tokens[at].text == "-"
        and tokens[at].spaced
        and tokens[at + 1].spaced
        and at > 0
        and tokens[at - 1].kind == "word"
    )


def _behind_dash(tokens: list[Token], start: int, end: int) -> Node | None:
    """The expression behind a dash that stands behind a bare number: "Step 1 - 5 + 3"; None if there is none."""
    for at in range(start + 1, min(end - 1, start + 8)):
        token = tokens[at]
        if token.kind == "op":
            dash = token.text == "-" and token.spaced and tokens[at + 1].spaced
            parsed = parse(tokens, at + 1, end) if dash else None
            return parsed.node if parsed and parsed.end == end and not is_bare(parsed.node) else None
        if token.kind not in ("num", "word"):
            return None
    return None


_HEDGES = {"about", "approximately", "around", "roughly", "nearly", "almost", "approx"}
_FILLERS = set("a an the total of only just exactly also now to equal therefore".split())
"""Words that may stand between a relation and its right side."""


def side_behind(tokens: list[Token], relation: int) -> Side | None:
    """The longest expression that begins behind the relation."""
    start, approximate = relation + 1, False
    while start < len(tokens) and start < relation + 6 and tokens[start].kind in ("word", "says"):
        word = tokens[start].text.lower()
        if word not in _HEDGES and word not in _FILLERS:
            break
        approximate |= word in _HEDGES
        start += 1
    stop = start
    while stop < len(tokens) and stop - start < MAX_SIDE_TOKENS and tokens[stop].kind not in _ENDS:
        stop += 1
    if start >= stop or not (can_begin(tokens, start)):
        return None
    parsed = parse(tokens, start, stop)
    if parsed is None:
        return None
    is_result = is_bare(parsed.node) and tokens[relation].kind == "rel"  # 20 - 5 = 15 more
    sure = parsed.is_sure and (is_result or not parsed.is_compared) and not _goes_on(tokens, parsed.end)
    return Side(
        parsed.node,
        tokens[start].start,
        _value_end(tokens, start, parsed),
        sure,
        approximate,
        behind=parsed.end,
    )


@dataclass(frozen=True, slots=True)
class Name:
    """The words before a relation that name what it gives a value to; `first` is the index of their first token."""

    text: str
    first: int


def name_before(tokens: list[Token], relation: int) -> Name | None:
    """What stands alone between the mark before it and the relation, where it is all words: "Total cost ="."""
    first = relation
    while first > 0 and relation - first < 12 and tokens[first - 1].kind in ("word", "odd", "sub"):
        first -= 1
    is_whole = first == 0 or tokens[first - 1].kind in ("stop", "line")
    if first == relation or not is_whole:
        return None
    return Name(" ".join(token.text.lower() for token in tokens[first:relation]), first)


def _goes_on(tokens: list[Token], end: int) -> bool:
    """Whether an expression is only the beginning of something that is not read: a ratio 1:2, a power of a bracket."""
    if end + 1 >= len(tokens):
        return False
    after = tokens[end]
    if after.text == ":":
        return not after.spaced and tokens[end + 1].kind in ("num", "root", "frac")
    return after.kind in ("open", "frac", "root", "sub", "odd", "sup") and not after.spaced


def _value_end(tokens: list[Token], start: int, parsed: Parsed) -> int:
    """Where the last side of a chain ends: a bare figure without the words behind it."""
    if not is_bare(parsed.node):
        return tokens[parsed.end - 1].end
    last = max((number.end for number in numbers(parsed.node)), default=tokens[parsed.end - 1].end)
    closing = [t.end for t in tokens[start : parsed.end] if t.kind in ("close", "pct") and t.start >= last]
    return max([last, *closing[:1]])
