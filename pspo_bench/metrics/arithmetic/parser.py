"""Recursive descent over tokens: the longest expression that begins at a token.

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/" | "of" | "times" ...) signed | factor beside)*
    signed  = ("+" | "-") signed | power
    power   = operand ("^" signed | superscript)*
    operand = number [fraction] | number word | "(" sum ")" | \\frac sum sum | root operand | name; with unit, %, !

    >>> from pspo_bench.metrics.arithmetic.tokens import tokenize
    >>> parse(tokenize("3 apples * 4 = 12"), 0, 4).end
    4

Words behind an operand are its unit; a name in the place of an operand is an unknown. Nesting and the number of tokens
are bounded, so the time for one side is too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pspo_bench.answers.units import read_unit
from pspo_bench.answers.words import number_in_words
from pspo_bench.metrics.arithmetic.cursor import FACTORS, SHARES, NotAnExpressionError, says_number
from pspo_bench.metrics.arithmetic.tokens import Token
from pspo_bench.metrics.arithmetic.tree import (
    Compound,
    Function,
    Measured,
    Negative,
    Node,
    Number,
    Operation,
    Unknown,
)
from pspo_bench.metrics.arithmetic.unit_cursor import MAX_UNIT_WORDS, UnitCursor

_CLOSES = {"(": ")", "[": "]", "{": "}"}
_NAMES = ("word", "odd", "sub")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression and the index behind its last token.

    `is_sure`: there is one way to read it; else it can be found right, but not wrong. `is_compared`: a word such as
    "more" or "times" stands behind an operand.
    """

    node: Node
    end: int
    is_sure: bool
    is_compared: bool


def parse(tokens: Sequence[Token], start: int, stop: int) -> Parsed | None:
    """The longest expression that begins at `tokens[start]` and ends before `stop`; None if there is none."""
    parser = _Parser(tokens, start, stop)
    try:
        node = parser.sum()
    except NotAnExpressionError:
        return None
    return Parsed(node, parser.at, parser.is_sure, parser.is_compared)


class _Parser(UnitCursor):
    def sum(self) -> Node:
        left = self.product()
        while True:
            sign, width = self.sign("+-")
            if not sign or self.is_dash(width):
                return left
            self.at += width
            left = Operation(sign, left, self.product())

    def product(self) -> Node:
        left = self.signed()
        divided = False
        while True:
            sign, width = self.sign("*/%")
            if sign:
                tight = sign == "/" and not self.tokens[self.at].spaced and not self.is_spaced(1)
                is_of = self.text() == "of"
                self.is_sure &= not (
                    tight and divided and self.tokens[self.at - 1].kind == "word"
                )  # 9 m / 3 m/2 s
                self.at += width
                right = self.divisor() if sign == "/" and not tight else self.signed()
                left = Operation(sign, left, right, tight=tight, loose=is_of)
                divided |= sign == "/"
            elif self.stands_beside():
                loose = self.tokens[self.at].spaced
                self.is_sure &= not divided  # 8/2(4) is read both ways
                left = Operation("*", left, self.power(), beside=True, loose=loose)
            else:
                return left

    def divisor(self) -> Node:
        """What a division sign with spaces divides by: in 2 / 1/4 the fraction."""
        kinds = [self.kind(ahead) for ahead in range(3)]
        tight = (
            kinds == ["num", "op", "num"]
            and self.text(1) == "/"
            and not (self.is_spaced(1) or self.is_spaced(2))
        )
        top = self.signed()
        if tight and self.kind() == "op" and self.text() == "/":
            self.at += 1
            return Operation("/", top, self.power(), tight=True)
        return top

    def signed(self) -> Node:
        if self.kind() == "op" and self.text() in "+-":
            sign = self.text()
            self.at += 1
            self.deeper()
            inner = self.signed()
            self.depth -= 1
            return Negative(inner) if sign == "-" else inner
        return self.power()

    def power(self) -> Node:
        base = self.operand()
        while True:
            if self.kind() == "sup":
                exponent = Number(self.tokens[self.at].value or Fraction(0))
                self.at += 1
                base = self.behind(Operation("^", base, exponent))
            elif self.kind() == "op" and self.text() == "^":
                self.at += 1
                self.deeper()
                base = self.behind(Operation("^", base, self.signed()))
                self.depth -= 1
            else:
                return base

    def operand(self) -> Node:
        kind = self.kind()
        match kind:
            case "num":
                return self.number()
            case "open":
                return self.behind(self.bracket())
            case "frac":
                return self.behind(self.fraction())
            case "root":
                self.at += 1
                self.deeper()
                inner = self.bracket() if self.kind() == "open" else self.operand()
                self.depth -= 1
                return self.behind(Function("root", inner))
            case "word":
                return self.number_words() if says_number(self.text()) else self.name()
            case "odd":
                return self.name()
            case _:
                raise NotAnExpressionError

    def bracket(self) -> Node:
        closing = _CLOSES[self.text()]
        self.at += 1
        self.deeper()
        inner = self.sum()
        self.depth -= 1
        if self.kind() != "close" or self.text() != closing:
            raise NotAnExpressionError
        self.at += 1
        return inner

    def fraction(self) -> Node:
        self.at += 1
        top = self.argument()
        return Operation("/", top, self.argument(), tight=True)

    def argument(self) -> Node:
        """What a LaTeX command takes: a group, or one digit of \\frac12."""
        if self.kind() == "open" and self.text() == "{":
            return self.bracket()
        raise NotAnExpressionError

    def number(self) -> Node:
        token = self.tokens[self.at]
        assert token.value is not None
        self.at += 1
        self.is_sure &= " " not in token.text  # 12 000
        if self.kind() == "sub":  # digits in another base
            return self.name()
        if self.kind() == "odd" and self.text() in ("...", "…"):
            self.is_sure = False
            self.at += 1
        value, places = self.mixed(token)
        return self.behind(Number(value, places, start=token.start, end=self.tokens[self.at - 1].end))

    def mixed(self, token: Token) -> tuple[Fraction, int]:
        """The value with a fraction behind it: 2 1/2, 2\\frac{1}{2}, 2½, 2 and 1/2."""
        value, places = token.value or Fraction(0), token.places
        if places or value.denominator != 1:
            return value, places
        if self.kind() == "num" and self.tokens[self.at].places == -1:
            value += self.tokens[self.at].value or 0
            self.at += 1
            return value, -1
        ahead = 1 if self.word() == "and" else 0
        if self.kind(ahead) == "num" and self.text(ahead + 1) == "/" and self.kind(ahead + 2) == "num":
            top, bottom = self.tokens[self.at + ahead], self.tokens[self.at + ahead + 2]
            tight = not self.tokens[self.at + ahead + 1].spaced and not bottom.spaced
            if (
                tight
                and top.value
                and bottom.value
                and top.value < bottom.value
                and not top.places + bottom.places
            ):
                self.at += ahead + 3
                return value + top.value / bottom.value, -1
        if self.kind() == "frac" and not self.tokens[self.at].fenced:
            return value + self.proper_fraction(), -1 if self.tokens[self.at - 1].kind == "close" else places
        return value, places

    def proper_fraction(self) -> Fraction:
        """The value of \\frac{a}{b} with whole a < b, which is then passed; 0 where it is none."""
        part = self.tokens[self.at : min(self.at + 7, self.stop)]
        if [token.kind for token in part] != ["frac", "open", "num", "close", "open", "num", "close"]:
            return Fraction(0)
        top, bottom = part[2].value, part[5].value
        if not top or not bottom or top >= bottom or part[2].places or part[5].places:
            return Fraction(0)
        self.at += 7
        return top / bottom

    def number_words(self) -> Node:
        """`three`, `twenty-five`, `half`, `a dozen`, `twice` (which multiplies what follows)."""
        start, first = self.at, self.word()
        if first in FACTORS:
            self.at += 1
            if not self.operand_follows(0):
                return self.name()
            inner = self.power()
            return Operation("*", Number(Fraction(FACTORS[first]), start=self.tokens[start].start,
                                         end=self.tokens[start].end), inner)  # fmt: skip
        while says_number(self.word()) or (self.at > start and self.word() in SHARES):
            self.at += 1
            if (
                self.text() == "-"
                and not self.is_spaced(0)
                and (says_number(self.word(1)) or self.word(1) in SHARES)
            ):
                self.at += 1
        said = " ".join(token.text for token in self.tokens[start : self.at] if token.kind == "word")
        value = number_in_words(said)
        if value is None:
            return self.name()
        self.is_sure &= self.kind() != "word" or bool(self.sign("+-*/%")[0])  # "two kids" may be any two
        self.is_sure &= said.lower() != "one"  # mostly a pronoun
        return self.behind(Number(value, start=self.tokens[start].start, end=self.tokens[self.at - 1].end))

    def name(self) -> Node:
        """An unknown: every word up to the next sign, with indices and arguments: x_{1}, f(3), \\binom{5}{2}."""
        start = self.at
        while self.kind() in _NAMES or self.is_hyphen():
            if self.at > start and self.kind() == "word" and self.sign("+-*/%")[0]:
                break
            self.at += 1
            if self.at - start > 4 * MAX_UNIT_WORDS:
                raise NotAnExpressionError
            while self.kind() == "open" and not self.tokens[self.at].spaced:
                self.bracket()
            if self.kind() == "num" and not self.tokens[self.at].spaced:
                self.at += 1
        return Unknown()

    def is_hyphen(self) -> bool:
        """Whether a minus joins two words: well-known."""
        return self.text() == "-" and not self.tokens[self.at].spaced and self.kind(1) == "word"

    def behind(self, node: Node) -> Node:
        """`node` with the percent sign, factorial sign and unit that follow it."""
        while (
            self.kind() == "bang"
            and not self.tokens[self.at].spaced
            and self.kind(1) in ("op", "rel", "end", "close")
        ):
            self.at += 1
            node = Function("factorial", node)
        percent = self.percent()
        unit = self.unit()
        if unit is None:
            return self.name()
        if not percent and not unit:
            return node
        if isinstance(node, Number):
            number = Number(node.value, node.places, percent, unit, node.start, node.end)
            return self.compound(number) if unit else number
        return Measured(node, unit, percent)

    def compound(self, number: Number) -> Node:
        """`1 hour 30 minutes`, `5 feet and 6 inches`: units of one kind that grow smaller."""
        parts = [number]
        while True:
            ahead = 1 if self.word() == "and" else 0
            if self.kind(ahead) != "num" or self.kind(ahead + 1) != "word":
                break
            unit, below = read_unit(parts[-1].unit), read_unit(self.text(ahead + 1))
            if unit.dimension is None or unit.dimension != below.dimension or below.factor >= unit.factor:
                break
            token = self.tokens[self.at + ahead]
            self.at += ahead + 2
            unit_text = self.tokens[self.at - 1].text
            parts.append(
                Number(token.value or Fraction(0), token.places, False, unit_text, token.start, token.end)
            )
        return Compound(tuple(parts)) if len(parts) > 1 else number
