"""Read a formula, LaTeX or plain, into a small tree.

This is the only way in which a model's text becomes mathematics: a hand-written recursive-descent parser, bounded in
length and depth, that builds tuples and runs nothing.

    >>> parse(r"-\\frac{4}{5}")
    ('neg', ('div', ('num', Fraction(4, 1)), ('num', Fraction(5, 1))))
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NoReturn

from pspo_bench.answers.match import NotAnAnswerError, remembered
from pspo_bench.answers.tokens import Token, plain_digits, shown
from pspo_bench.answers.tokens import tokens as tokenize

Node = tuple[Any, ...]
"""("num", Fraction) · ("sym", name) · ("const", pi|e|i|oo) · ("add"|"mul", a, b) · ("neg", a) · ("div"|"pow", a, b)
· ("fn", name, argument...) · ("latex", source): source that only the LaTeX parser of Math-Verify can read."""


def walk(node: Node) -> Iterator[Node]:
    """`node` and every part of it."""
    stack = [node]
    while stack:
        part = stack.pop()
        yield part
        stack += [child for child in part[1:] if isinstance(child, tuple)]


MAX_CHARS = 1500
MAX_DEPTH = 60

_GREEK = set(
    "uniti unitj unitk alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu "
    "xi rho sigma tau upsilon "
    "phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell".split()
)
_FUNCTIONS = set(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh ln log "
    "exp sqrt cbrt abs asin acos "
    "atan floor ceil lg min max gcd lcm".split()
)
_INVERSES = {
    "sin": "arcsin",
    "cos": "arccos",
    "tan": "arctan",
    "cot": "arccot",
    "sec": "arcsec",
    "csc": "arccsc",
}
_ROUNDING = {"lfloor": ("floor", r"\rfloor"), "lceil": ("ceil", r"\rceil")}
_CLOSERS = {r"\rfloor", r"\rceil"}
_SAME_FUNCTION = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ln": "log"}
_CONSTANTS = {"pi": "pi", "infty": "oo", "infinity": "oo", "oo": "oo", "inf": "oo", "e": "e", "i": "i"}
_FOREIGN = re.compile(r"\\(?:int|sum|prod|lim|overline|mod|pmod|iint|oint)(?![A-Za-z])")
_NOT_SYMBOLS = {
    "for",
    "or",
    "and",
    "not",
    "is",
    "to",
    "of",
    "per",
    "the",
    "as",
    "at",
    "if",
    "in",
    "it",
    "no",
    "yes",
    "on",
}


@remembered(16384)
def parse(text: str) -> Node:
    """The tree of a cleaned formula. Raises NotAnAnswerError when `text` is not one formula."""
    if len(text) > MAX_CHARS:
        raise NotAnAnswerError(f"a formula of more than {MAX_CHARS} characters is not read")
    text = plain_digits(text)
    if _FOREIGN.search(text):
        return ("latex", text)
    try:
        parser = _Parser(tokenize(text))
        node = parser.sum()
        if parser.at < len(parser.tokens):
            parser.fail()
        return node
    except RecursionError as error:
        raise NotAnAnswerError("the formula is nested too deeply") from error


class _Parser:
    """Recursive descent over the tokens; every method reads one construct and returns its tree."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.functions = 0

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else Token("end", "", False)

    def take(self, text: str) -> bool:
        if self.peek()[1] == text and self.peek()[0] != "end":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.fail()

    def fail(self) -> NoReturn:
        raise NotAnAnswerError(f"'{shown(' '.join(token[1] for token in self.tokens))}' is not one formula")

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotAnAnswerError("the formula is nested too deeply")
        node = self.product()
        while self.peek()[1] in ("+", "-") and self.peek()[0] == "op":
            minus = self.peek()[1] == "-"
            self.at += 1
            term = self.product()
            node = ("add", node, ("neg", term) if minus else term)
        self.depth -= 1
        return node

    def product(self) -> Node:
        if self.peek()[1] in ("+", "-"):
            minus = self.peek()[1] == "-"
            self.at += 1
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise NotAnAnswerError("the formula is nested too deeply")
            inner = self.product()
            self.depth -= 1
            return ("neg", inner) if minus else inner
        node = self.power()
        while True:
            token = self.peek()[1]
            if token in ("*", r"\cdot", r"\times"):
                self.at += 1
                node = ("mul", node, self.signed_power())
            elif token in ("/", r"\div"):
                self.at += 1
                node = ("div", node, self.signed_power())
            elif self.starts_atom():
                node = self.juxtaposed(node)
            else:
                return node

    def signed_power(self) -> Node:
        if self.take("-"):
            return ("neg", self.signed_power())
        return self.power()

    def starts_atom(self) -> bool:
        kind, text, _ = self.peek()
        if text == "|":
            return self.bars == 0
        return (
            (kind in ("cmd", "word") and text not in _CLOSERS)
            or text in ("(", "{", "[")
            or (kind == "num" and self.follows_bracket())
        )

    def follows_bracket(self) -> bool:
        """`\\sqrt{2} 3` is read as a product, `2 3` is not."""
        return self.at > 0 and self.tokens[self.at - 1][1] in (")", "}", "!")

    def juxtaposed(self, left: Node) -> Node:
        """Implicit product, save for a whole number before a proper fraction, which is a mixed number."""
        start = self.at
        is_fraction = self.peek()[1] == r"\frac"
        right = self.power()
        if (
            is_fraction
            and left[0] == "num"
            and left[1].denominator == 1
            and self.tokens[start - 1][0] == "num"
            and right[0] == "div"
            and right[1][0] == right[2][0] == "num"
            and right[1][1] < right[2][1]
        ):
            return ("add", left, right)
        return ("mul", left, right)

    def power(self) -> Node:
        node = self.atom()
        while self.take("!"):
            node = ("fn", "factorial", node)
        if self.functions and self.take("°"):  # elsewhere a degree sign is a unit
            node = ("div", ("mul", node, ("const", "pi")), ("num", Fraction(180)))
        if self.take("^") or self.take("**"):
            exponent = self.group() if self.peek()[1] == "{" else self.signed_power()
            node = ("pow", node, exponent)
            while self.take("!"):
                node = ("fn", "factorial", node)
        return node

    def group(self) -> Node:
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def argument(self) -> Node:
        """The argument of \\frac and \\sqrt: a group, or one digit, letter or command (TeX's rule)."""
        kind, text, _ = self.peek()
        if text == "{":
            return self.group()
        if kind in ("num", "word") and len(text) > 1:
            if not text[0].isalnum():
                self.fail()
            self.tokens[self.at : self.at + 1] = tokenize(text[1:])
            return _single(kind, text[0])
        return self.atom()

    def atom(self) -> Node:
        kind = self.peek()[0]
        if kind == "num":
            return self.number()
        if kind == "word":
            return self.word()
        if kind == "cmd":
            return self.command()
        for opening, closing in (("(", ")"), ("{", "}"), ("[", "]")):
            if self.take(opening):
                node = self.sum()
                self.expect(closing)
                return node
        if self.take("|"):
            self.bars += 1
            node = self.sum()
            self.expect("|")
            self.bars -= 1
            return ("fn", "abs", node)
        self.fail()

    def number(self) -> Node:
        text = self.peek()[1]
        self.at += 1
        node: Node = ("num", Fraction(text))
        top, slash, bottom = self.peek(), self.peek(1), self.peek(2)
        if text.isdigit() and top[0] == "num" and top[2] and slash[1] == "/" and bottom[0] == "num":
            self.at += 3
            share: Node = ("div", ("num", Fraction(top[1])), ("num", Fraction(bottom[1])))
            return ("add", node, share)
        return node

    def word(self) -> Node:
        text = self.peek()[1]
        lowered = text.lower()
        self.at += 1
        if lowered in _FUNCTIONS:
            return self.function(lowered)
        if lowered in _CONSTANTS and (len(text) > 1 or text.islower()):
            return ("const", _CONSTANTS[lowered])
        if text in _GREEK:
            return self.symbol(text)
        if len(text) > 3 or lowered in _NOT_SYMBOLS:
            self.fail()
        for function in ("sqrt", "sin", "cos", "tan", "log", "ln", "pi"):
            if lowered.startswith(function) or lowered.endswith(function):
                self.fail()
        node = _letter(text[0])
        for letter in text[1:-1]:
            node = ("mul", node, _letter(letter))
        if len(text) == 1:
            return self.symbol(text)
        self.tokens[self.at - 1] = Token("word", text[-1], False)
        self.at -= 1
        return ("mul", node, self.power())

    def symbol(self, name: str) -> Node:
        if name in ("e", "i"):
            return ("const", name)
        if self.take("_"):
            braced = self.take("{")
            kind, text, _ = self.peek()
            self.at += 1
            if braced:
                self.expect("}")
            if kind not in ("num", "word", "cmd"):
                self.fail()
            name = f"{name}_{text}"
        return ("sym", name)

    def command(self) -> Node:
        name = self.peek()[1][1:]
        self.at += 1
        if name == "frac":
            top = self.argument()
            return ("div", top, self.argument())
        if name == "sqrt":
            return self.root()
        if name in _FUNCTIONS:
            return self.function(name)
        if name in _CONSTANTS:
            return ("const", _CONSTANTS[name])
        if name in _GREEK:
            return self.symbol(name)
        if name == "binom":
            top = self.argument()
            return ("fn", "binomial", top, self.argument())
        if name in _ROUNDING:
            function, closer = _ROUNDING[name]
            node = self.sum()
            self.expect(closer)
            return ("fn", function, node)
        self.fail()

    def root(self) -> Node:
        if self.take("["):
            index = self.sum()
            self.expect("]")
            return ("fn", "root", self.argument(), index)
        return ("fn", "sqrt", self.argument())

    def function(self, name: str) -> Node:
        if name == "sqrt":
            return self.root()
        base = self.argument() if name == "log" and self.take("_") else None
        power = None
        if self.take("^"):
            power = self.group() if self.peek()[1] == "{" else self.signed_power()
        if power == ("neg", ("num", Fraction(1))) and name in _INVERSES:
            name, power = _INVERSES[name], None
        self.functions += 1
        argument = self.function_argument()
        self.functions -= 1
        name = _SAME_FUNCTION.get(name, name)
        if name == "lg":
            name, base = "log", ("num", Fraction(10))
        node: Node = ("fn", name, argument) if base is None else ("fn", "log", argument, base)
        return node if power is None else ("pow", node, power)

    def function_argument(self) -> Node:
        """`\\sin(x)`, `\\sin{x}`, or juxtaposed factors without another function: `\\sin 2x`."""
        if self.peek()[1] in ("(", "{", "["):
            return self.power()
        minus = self.take("-")
        node = self.power()
        while self.starts_atom() and self.peek()[1] not in ("(", "[") and not self.at_function():
            node = ("mul", node, self.power())
        return ("neg", node) if minus else node

    def at_function(self) -> bool:
        return self.peek()[1].lstrip("\\").lower() in _FUNCTIONS


def _letter(letter: str) -> Node:
    return ("const", letter) if letter in ("e", "i") else ("sym", letter)


def _single(kind: str, char: str) -> Node:
    return ("num", Fraction(char)) if kind == "num" else _letter(char)
