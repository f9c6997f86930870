"""Recursive descent over tokens: the longest expression that begins at a token.

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/" | "of" | "times" ...) signed | factor beside)*
    signed  = ("+" | "-") signed | power
    power   = operand ("^" signed | superscript)*
    operand = number [fraction] | number word | "(" sum ")" | \\frac sum sum | root operand | name;  each with unit, %, !

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

from pspo_bench.answers.units import is_unit, read_unit
from pspo_bench.answers.words import SMALL, number_in_words
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

MAX_NESTING = 24
MAX_UNIT_WORDS = 8
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_WORD_SIGNS = {"plus": "+", "minus": "-", "times": "*", "of": "*", "over": "/", "mod": "%"}
_TWO_WORD_SIGNS = {("divided", "by"): "/", ("multiplied", "by"): "*"}
_SHARES = {"half", "halves", "third", "thirds", "quarter", "quarters", "fourth", "fourths", "fifth", "fifths", "twice",
           "double", "triple", "thrice"}  # fmt: skip
_FACTORS = {"twice": 2, "double": 2, "thrice": 3, "triple": 3}
_COMPARING = {"more", "less", "fewer", "than", "times", "plus", "minus", "twice", "remainder", "am", "pm", "o'clock"}
PROSE = set(
    "because so since then if which when while that where who therefore thus hence but or making leaving giving meaning we "
    "he she they it i you get gets got from to by need needs".split()
)
"""Words that a unit does not hold."""


class NotAnExpressionError(Exception):
    """No expression begins here."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression and the index behind its last token.

    `is_sure`: there is one way to read it; else it can be found right, but not wrong.
    """

    node: Node
    end: int
    is_sure: bool


def parse(tokens: Sequence[Token], start: int, stop: int) -> Parsed | None:
    """The longest expression that begins at `tokens[start]` and ends before `stop`; None if there is none."""
    parser = _Parser(tokens, start, stop)
    try:
        node = parser.sum()
    except NotAnExpressionError:
        return None
    return Parsed(node, parser.at, parser.is_sure)


class _Parser:
    def __init__(self, tokens: Sequence[Token], start: int, stop: int) -> None:
        self.tokens = tokens
        self.at = start
        self.stop = stop
        self.depth = 0
        self.is_sure = True

    # looking ahead

    def kind(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].kind if index < self.stop else "end"

    def text(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].text if index < self.stop else ""

    def word(self, ahead: int = 0) -> str:
        return self.text(ahead).lower() if self.kind(ahead) == "word" else ""

    def operand_follows(self, ahead: int) -> bool:
        """Whether a quantity in figures or number words stands `ahead`."""
        kind, text = self.kind(ahead), self.text(ahead)
        if kind in ("num", "frac", "root", "odd") or (kind == "open" and text != "["):
            return True
        if kind == "op" and text in "+-":
            return self.kind(ahead + 1) in ("num", "open", "frac", "root")
        return kind == "word" and says_number(text)

    # sums and products

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
                self.at += width
                right = self.divisor() if sign == "/" and not tight else self.signed()
                left = Operation(sign, left, right, tight=tight)
                divided |= sign == "/"
            elif self.stands_beside():
                loose = self.tokens[self.at].spaced
                self.is_sure &= not divided  # 8/2(4) is read both ways
                left = Operation("*", left, self.power(), beside=True, loose=loose)
            else:
                return left

    def is_spaced(self, ahead: int) -> bool:
        return self.at + ahead < self.stop and self.tokens[self.at + ahead].spaced

    def divisor(self) -> Node:
        """What a division sign with spaces divides by: in 2 / 1/4 the fraction."""
        kinds = [self.kind(ahead) for ahead in range(3)]
        tight = kinds == ["num", "op", "num"] and self.text(1) == "/" and not (self.is_spaced(1) or self.is_spaced(2))
        top = self.signed()
        if tight and self.kind() == "op" and self.text() == "/":
            self.at += 1
            return Operation("/", top, self.power(), tight=True)
        return top

    def sign(self, wanted: str) -> tuple[str, int]:
        """The sign of an operation that stands here and how many tokens it has; ("", 0) if none of `wanted` does."""
        kind, text = self.kind(), self.text()
        found, width = "", 1
        if kind == "op" and text != "^":
            found = text
        elif kind == "word" and text in _WORD_SIGNS and self.operand_follows(1):
            found = _WORD_SIGNS[text] if text != "of" or self.is_share() else ""
        elif kind == "word" and (text, self.word(1)) in _TWO_WORD_SIGNS and self.operand_follows(2):
            found, width = _TWO_WORD_SIGNS[text, self.word(1)], 2
        elif kind == "pct" and self.tokens[self.at].spaced and self.kind(1) == "num":
            found = "%"
        return (found, width) if found and found in wanted else ("", 0)

    def is_share(self) -> bool:
        """Whether "of" multiplies: behind a fraction, a percentage or a share, not behind a count (3 of 10)."""
        before = self.tokens[self.at - 1]
        if before.kind in ("pct", "close") or before.text.lower() in _SHARES or before.places:
            return True
        two_before = self.tokens[self.at - 2] if self.at > 1 else before
        return two_before.kind == "op" and two_before.text == "/"

    def is_dash(self, width: int) -> bool:
        """Whether a minus is the dash of prose: "= 12 - so he has"."""
        token = self.tokens[self.at]
        if token.text != "-" or not token.spaced or self.at + width >= self.stop:
            return False
        after = self.tokens[self.at + width]
        return after.kind == "word" and len(after.text) > 1 and after.spaced and not says_number(after.text)

    def stands_beside(self) -> bool:
        """Whether a factor stands here without a sign: 2(3 + 4), (2)(3), 2\\frac{1}{2} having been read."""
        if self.kind() not in ("open", "frac", "root") or self.text() == "[":
            return False
        token, before = self.tokens[self.at], self.tokens[self.at - 1]
        return not token.fenced and before.kind in ("num", "close", "pct", "sup")

    # operands

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

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
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
            if tight and top.value and bottom.value and top.value < bottom.value and not top.places + bottom.places:
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
        if first in _FACTORS:
            self.at += 1
            if not self.operand_follows(0):
                return self.name()
            inner = self.power()
            return Operation("*", Number(Fraction(_FACTORS[first]), start=self.tokens[start].start,
                                         end=self.tokens[start].end), inner)  # fmt: skip
        while says_number(self.word()) or (self.at > start and self.word() in _SHARES):
            self.at += 1
            if self.text() == "-" and not self.is_spaced(0) and (says_number(self.word(1)) or self.word(1) in _SHARES):
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
        while self.kind() in ("word", "odd", "sub") or self.is_hyphen():
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

    # what stands behind an operand

    def behind(self, node: Node) -> Node:
        """`node` with the percent sign, factorial sign and unit that follow it."""
        while self.kind() == "bang" and not self.tokens[self.at].spaced and self.kind(1) in ("op", "rel", "end", "close"):
            self.at += 1
            node = Function("factorial", node)
        percent = self.percent()
        unit = self.unit(node)
        if unit is None:
            return self.name()
        if not percent and not unit:
            return node
        if isinstance(node, Number):
            number = Number(node.value, node.places, percent, unit, node.start, node.end)
            return self.compound(number) if unit else number
        return Measured(node, unit, percent)

    def percent(self) -> bool:
        if self.kind() == "pct" and not self.sign("%")[0]:
            self.at += 1
            return True
        if self.word() == "percent" or (self.word() == "per" and self.word(1) == "cent"):
            self.at += 1 if self.word() == "percent" else 2
            return True
        return False

    def unit(self, node: Node) -> str | None:
        """The words that follow as far as they can be a unit; None where they make the operand an unknown."""
        words: list[str] = []
        first = self.at
        while len(words) < MAX_UNIT_WORDS:
            if self.kind() == "word":
                if self.sign("+-*/%")[0] or says_number(self.text()) or self.ends_unit(words):
                    break
                if not words and self.is_variable():
                    return None
                if len(self.text()) == 1 and self.text() not in "aA" and not is_unit(self.text()) and words:
                    break
                words.append(self.text())
                self.at += 1
                if self.kind() == "op" and self.text() == "^" and self.kind(1) == "num" and is_unit(words[-1]):
                    words[-1] += f"^{self.text(1)}"
                    self.at += 2
                elif self.kind() == "sup" and is_unit(words[-1]):
                    words[-1] += f"^{self.text()}"
                    self.at += 1
            elif self.text() in "/-" and self.kind() == "op" and self.is_joined(first):
                words.append("per" if self.text() == "/" else "-")
                self.at += 1
            elif self.kind() == "open" and self.is_remark():
                self.pass_remark()
            else:
                break
        if _COMPARING.intersection(word.lower() for word in words):
            self.is_sure = False
        return " ".join(words)

    def ends_unit(self, words: list[str]) -> bool:
        """Whether the word here begins another thought: a conjunction, a pronoun, a word with digits in it."""
        word = self.text()
        return word.lower() in PROSE or not word.isalpha() and any(c.isdigit() for c in word)

    def is_variable(self) -> bool:
        """Whether the word here is the letter of algebra: the x of 3x, of 3 x; units of one letter are no more than
        doubtful."""
        text = self.text()
        if len(text) > 1:
            self.is_sure &= self.tokens[self.at].spaced or len(text) > 3 or is_unit(text)
            return "_" in text
        if text in ("a", "A"):
            return not self.tokens[self.at].spaced
        if is_unit(text) or text in "kKcC":
            self.is_sure = False
            return False
        return True

    def is_joined(self, first: int) -> bool:
        """Whether a slash or hyphen joins words of a unit: minutes/page, 5-day."""
        if self.kind(1) != "word" or (len(self.text(1)) == 1 and not is_unit(self.text(1))):
            return False
        if self.text() == "/":
            apart = self.tokens[self.at].spaced or self.tokens[self.at + 1].spaced
            return not apart or (self.at > first and is_unit(self.text(1)))
        return not self.tokens[self.at].spaced and not self.tokens[self.at + 1].spaced

    def is_remark(self) -> bool:
        """Whether a bracket holds words alone: 24 clips (in May)."""
        ahead = 1
        while self.kind(ahead) == "word" and ahead <= MAX_UNIT_WORDS:
            ahead += 1
        return self.is_spaced(0) and ahead > 1 and self.kind(ahead) == "close" and not says_number(self.word(1)) and (
            ahead > 2 or len(self.text(1)) > 1
        )

    def pass_remark(self) -> None:
        while self.kind() != "close":
            self.at += 1
        self.at += 1

    def compound(self, number: Number) -> Node:
        """`1 hour 30 minutes`, `5 feet and 6 inches`: units of one kind that grow smaller."""
        parts = [number]
        while True:
            words = parts[-1].unit.split()
            joined = words[-1:] == ["and"]
            text = " ".join(words[:-1] if joined else words)
            if self.kind() != "num" or self.kind(1) != "word" or not text or len(text.split()) > 1:
                break
            unit, below = read_unit(text), read_unit(self.text(1))
            if unit.dimension is None or unit.dimension != below.dimension or below.factor >= unit.factor:
                break
            token = self.tokens[self.at]
            parts[-1] = Number(parts[-1].value, parts[-1].places, unit=text, start=parts[-1].start, end=parts[-1].end)
            self.at += 2
            parts.append(Number(token.value or Fraction(0), token.places, unit=self.tokens[self.at - 1].text,
                                start=token.start, end=token.end))  # fmt: skip
            if self.word() == "and" and self.kind(1) == "num":
                self.at += 1
        return Compound(tuple(parts)) if len(parts) > 1 else number


def says_number(text: str) -> bool:
    """Whether a quantity may begin with this word; "third" mostly begins an ordinal."""
    word = text.lower()
    return word in SMALL or word in _FACTORS or word == "half"
