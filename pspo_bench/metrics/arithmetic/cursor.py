"""A place in a list of tokens, and what can be seen from it: signs of operations, operands, the dash of prose."""

from __future__ import annotations

from collections.abc import Sequence

from pspo_bench.answers.words import SMALL
from pspo_bench.metrics.arithmetic.tokens import Token

MAX_NESTING = 24
FACTORS = {"twice": 2, "double": 2, "thrice": 3, "triple": 3}
SHARES = {
    *FACTORS,
    *"half halves third thirds quarter quarters fourth fourths fifth fifths".split(),
}
_WORD_SIGNS = {"plus": "+", "minus": "-", "times": "*", "of": "*", "over": "/", "mod": "%"}
_TWO_WORD_SIGNS = {("divided", "by"): "/", ("multiplied", "by"): "*"}


class NotAnExpressionError(Exception):
    """No expression begins here."""


def says_number(text: str) -> bool:
    """Whether a quantity may begin with this word; "third" mostly begins an ordinal."""
    word = text.lower()
    return word in SMALL or word in FACTORS or word == "half"


class Cursor:
    """Reads `tokens` from `at` up to `stop`. `is_sure` falls where what was read can be meant in two ways,
    `is_compared` rises where a word such as "more" stands behind an operand."""

    def __init__(self, tokens: Sequence[Token], start: int, stop: int) -> None:
        self.tokens = tokens
        self.at = start
        self.stop = stop
        self.depth = 0
        self.is_sure = True
        self.is_compared = False

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

    def is_spaced(self, ahead: int) -> bool:
        return self.at + ahead < self.stop and self.tokens[self.at + ahead].spaced

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
        if before.kind in ("pct", "close") or before.text.lower() in SHARES or before.places:
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

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise NotAnExpressionError
