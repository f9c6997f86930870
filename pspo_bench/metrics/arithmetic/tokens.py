"""A solution as tokens of arithmetic and words, each with its place in the text.

    >>> [(token.kind, token.text) for token in tokenize(r"\\\\(3 \\\\times 4\\\\) = **12** eggs")]
    [('num', '3'), ('op', '*'), ('num', '4'), ('rel', '='), ('num', '12'), ('word', 'eggs')]

What only dresses the text is dropped: the delimiters of LaTeX maths, `\\text{}`, `\\boxed{}`, spacing, bold. The
text is not
rewritten, so every place is one of the original. One pattern without nested repetition reads it in linear time.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 60
"""A longer number is no quantity of a word problem; it is kept as something that cannot be checked."""


class Token(NamedTuple):
    """`kind`: num, word, op, rel, says, open, close, pct, sup, frac, root, bang, sub, odd, stop or line.

    `spaced`: white space or a delimiter stands before it; `fenced`: a delimiter of maths does. `value` is that of a
    num, and `places` its digits behind the point.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool
    fenced: bool
    value: Fraction | None = None
    places: int = 0


_GROUP = r"(?:,|\{,\}|,\\!|\\,|\\!)"
_TOKEN = re.compile(
    r"(?P<date>[0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2}(?![0-9])|[0-9]{1,3}(?::[0-9]{1,3})+[0-9]*|0x[0-9A-Fa-f]+)"
    rf"|(?P<num>(?:[0-9]{{1,3}}(?:{_GROUP}[0-9]{{3}})+(?![0-9])|[0-9]{{1,3}}(?:[ ][0-9]{{3}})+(?![0-9.,/%])|[0-9]+)"
    r"(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?P<ordinal>(?:st|nd|rd|th)\b)?"
    r"|(?P<glyph>[¼½¾⅐-⅞])"
    r"|(?P<times>[xX](?=\s{0,3}(?:\\?[$€£]|\\\(|\*\*)?\s?\(?(?:\.?[0-9]|\\frac))|(?<=\s)[xX](?=\s{1,3}\(?-\s?[0-9]))"
    r"|(?P<sup>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<word>[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹](?:[^\W⁰¹²³⁴⁵⁶⁷⁸⁹]|['’](?=[^\W\d_]))*)"
    r"|(?P<line>\n|\\(?:begin|end)[ ]?\{[a-z*]{1,20}\}|\\\\(?![\[\](),])|\\[\[\]]|\$\$)"
    r"|(?P<cmd>\\[A-Za-z]+)"
    r"|(?P<drop>\\[(),;:!> ]|[`&\u200b]|\\?[$€£¥₹])"
    r"|(?P<pct>\\?%)"
    r"|(?P<cent>¢)"
    r"|(?P<abbreviation>\.(?=[ ]?[-+*/×÷=]))"
    r"|(?P<dots>\.{2,}|…)"
    r"|(?P<stop><=|>=|!=|<>|=>|->|→|⇒|⟹|≠|≤|≥|<|>|—|--+)"
    r"|(?P<rel>===?|[=＝≈≃≅~∼]+)"
    r"|(?P<stars>\*\*)"
    r"|(?P<op>[-+*/^−–×·⋅∙÷⁄∕∗])"
    r"|(?P<root>√)"
    r"|(?P<open>\\?[({\[])|(?P<close>\\?[)}\]])"
    r"|(?P<bang>!)|(?P<sub>_)|(?P<other>\S)"
)
_SIGNS = {
    "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "⁄": "/", "∕": "/",
    r"\times": "*", r"\cdot": "*", r"\ast": "*", r"\div": "/",
}  # fmt: skip
_FRACTIONS = {r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"}
_APPROXIMATE = {r"\approx", r"\simeq", r"\cong", r"\doteq", r"\sim"}
_STOPS = {r"\implies", r"\Rightarrow", r"\rightarrow", r"\to", r"\therefore", r"\le", r"\leq", r"\ge", r"\geq",
          r"\lt", r"\gt", r"\ne", r"\neq", r"\equiv", r"\begin", r"\end", r"\longrightarrow", r"\item", r"\mid",
          r"\Longrightarrow", r"\iff", r"\pm", r"\mp"}  # fmt: skip
_DRESS = set(
    r"\text \mathrm \textbf \mathbf \textit \mbox \textrm \boxed \fbox \mathit \underline \emph \displaystyle \quad "
    r"\qquad \dollar \euro \pounds \limits \nonumber \hspace \phantom".split()
)
_SIZES = set(r"\left \right \big \Big \bigl \bigr \Bigl \Bigr \bigg \Bigg".split())
SAYING = {"is", "are", "equals", "equal", "gives", "makes", "yields", "was", "were"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def tokenize(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of `text[start:end]`, with places in `text`."""
    return _Reader(text).read(start, len(text) if end is None else end)


class _Reader:
    """Keeps what a token depends on besides its own characters: open wrappers, and what was dropped before it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.braces: list[bool] = []  # of each open brace, whether it is dress
        self.dressing = False  # the next brace belongs to \text or its kin
        self.last_end = 0
        self.fenced = False

    def read(self, start: int, end: int) -> list[Token]:
        self.last_end = start
        for found in _TOKEN.finditer(self.text, start, end):
            kind = str(found.lastgroup)
            if kind in ("num", "ordinal"):
                self._number(found)
            else:
                getattr(self, f"_{kind}", self._plain)(found)
        return self.tokens

    def _add(
        self, found: re.Match[str], kind: str, text: str, value: Fraction | None = None, places: int = 0
    ) -> None:
        at = found.start()
        spaced = at > self.last_end or self.fenced
        self.tokens.append(Token(kind, text, at, found.end(), spaced, self.fenced, value, places))
        self.last_end, self.fenced, self.dressing = found.end(), False, False

    def _plain(self, found: re.Match[str]) -> None:
        kind = str(found.lastgroup)
        self._add(found, "stop" if kind == "other" else kind, found.group())

    def _number(self, found: re.Match[str]) -> None:
        digits = found.group("num")
        is_code = digits[0] == "0" and digits[1:2].isdigit()  # 0130 hours
        if found.group("ordinal") or is_code or len(digits) > MAX_DIGITS:
            self._add(found, "odd", found.group())
            return
        plain = re.sub(r"[^0-9.]", "", digits) if not digits.isdigit() else digits
        value = Fraction(int(plain)) if plain.isdigit() else Fraction(plain)
        self._add(found, "num", digits, value, len(plain.partition(".")[2]))

    def _glyph(self, found: re.Match[str]) -> None:
        self._add(
            found,
            "num",
            found.group(),
            Fraction(unicodedata.numeric(found.group())).limit_denominator(10),
            -1,
        )

    def _date(self, found: re.Match[str]) -> None:
        self._add(found, "odd", found.group())

    _dots = _date

    def _times(self, found: re.Match[str]) -> None:
        """An x is a sign of multiplication only behind an operand, else a name."""
        before = self.tokens[-1].kind if self.tokens else "stop"
        is_sign = before in ("num", "close", "pct", "word", "sup", "bang")
        self._add(found, "op" if is_sign else "word", "*" if is_sign else found.group())

    def _word(self, found: re.Match[str]) -> None:
        word = found.group()
        self._add(found, "says" if word in SAYING else "word", word)

    def _cmd(self, found: re.Match[str]) -> None:
        name = found.group()
        if name in _SIZES:
            self.last_end = found.end()
            return
        if name in _DRESS:
            self._dropped(found)
            self.dressing = True
            return
        kind = (
            "op" if name in _SIGNS else "frac" if name in _FRACTIONS else "rel" if name in _APPROXIMATE
            else "stop" if name in _STOPS else "root" if name == r"\sqrt" else "pct" if name == r"\percent" else "odd"
        )  # fmt: skip
        self._add(found, kind, _SIGNS.get(name, name))

    def _drop(self, found: re.Match[str]) -> None:
        self._dropped(found)

    def _dropped(self, found: re.Match[str]) -> None:
        self.last_end, self.fenced = found.end(), True

    def _op(self, found: re.Match[str]) -> None:
        self._add(found, "op", _SIGNS.get(found.group(), found.group()))

    def _stars(self, found: re.Match[str]) -> None:
        """`2**3` and `2 ** 3` are powers; `**15**` is bold."""
        before = self.text[found.start() - 1 : found.start()]
        after = self.text[found.end() : found.end() + 1]
        behind_operand = bool(self.tokens) and self.tokens[-1].kind in ("num", "close")
        if behind_operand and after and before.isspace() == after.isspace() and not self.fenced:
            self._add(found, "op", "^")
        else:
            self._dropped(found)

    def _abbreviation(self, found: re.Match[str]) -> None:
        """The point of "5 lbs. + 3" ends no sentence."""
        behind = self.tokens[-1] if self.tokens else None
        if behind and behind.kind == "word" and behind.end == found.start() and len(behind.text) <= 5:
            self._dropped(found)
        else:
            self._add(found, "stop", ".")

    def _cent(self, found: re.Match[str]) -> None:
        self._add(found, "word", "cents")

    def _sup(self, found: re.Match[str]) -> None:
        digits = found.group().translate(_SUPERSCRIPTS)
        self._add(found, "sup", digits, Fraction(int(digits[:MAX_DIGITS])))

    def _sub(self, found: re.Match[str]) -> None:
        behind = (
            self.tokens
            and self.tokens[-1].end == found.start()
            and self.tokens[-1].kind in ("num", "word", "close")
        )
        after = self.text[found.end() : found.end() + 1]
        if behind and (after.isalnum() or after in "{\\"):
            self._add(found, "sub", "_")
        else:
            self._dropped(found)

    def _open(self, found: re.Match[str]) -> None:
        mark = found.group()[-1]
        if mark == "{":
            self.braces.append(self.dressing)
            if self.dressing:
                self._dropped(found)
                self.dressing = False
                return
        self._add(found, "open", mark)

    def _close(self, found: re.Match[str]) -> None:
        mark = found.group()[-1]
        if mark == "}" and self.braces and self.braces.pop():
            self._dropped(found)
        else:
            self._add(found, "close", mark)
