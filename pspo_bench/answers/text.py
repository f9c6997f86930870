"""Bring the many ways of typing one answer to one spelling: Unicode, LaTeX spacing, wrappers, money and degree signs.

    >>> clean(r"$\\text{ } 10,\\!080^\\circ$.")
    '10,080°'

After `clean`, a `$` is always a currency sign: the `$` that delimit LaTeX maths are gone.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

from pspo_bench.answers.match import remembered

_SPECIAL = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "⁻": "^-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∙": r"\cdot ", "÷": r"\div ", "∗": "*", "⁄": "/", "∕": "/", "√": r"\sqrt ", "π": r"\pi ", "θ": r"\theta ",
    "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}",
    "⟨": r"\langle ", "⟩": r"\rangle ", "º": "°", "˚": "°", "∘": "°", "’": "'", "‘": "'", "“": '"', "”": '"',
    "″": '"', "′": "'", "₀": "_0", "₁": "_1", "₂": "_2", "₃": "_3", "₄": "_4", "₅": "_5", "₆": "_6", "₇": "_7",
    "₈": "_8", "₉": "_9", "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7",
    "⁸": "^8", "⁹": "^9", "…": "...", "，": ",", "％": "%", "＄": "$", "﹩": "$", "∶": ":", "。": ". ", "∨": r"\lor ",
    "∧": r"\land ", "∖": r"\setminus ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "￠": "¢", **{letter: f"\\{name} " for letter, name in zip("αβγδεζηικλμνξρστυφχψωΓΔΘΛΞΣΦΨΩ", (
        "alpha beta gamma delta epsilon zeta eta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
        "Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega").split(), strict=True)},
}  # fmt: skip
_SPECIAL_RUN = re.compile("|".join(map(re.escape, _SPECIAL)))
# Controls, soft hyphen, zero-width and bidirectional marks, lone surrogates (categories Cc, Cf, Cs), and pictures.
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e"
    "\\u2060-\\u206f\\ud800-\\udfff\\ufe0f\\ufeff\\u2600-\\u27bf\\U0001f300-\\U0001faff]"
)
_ROOT = re.compile("([√∛∜])\\s*([0-9]+|[A-Za-z](?![A-Za-z])|(?=[({]))")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_SUPERSCRIPT = re.compile("⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[⁰¹²³⁴⁵⁶⁷⁸⁹]{2,}")
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6});")
_VULGAR = re.compile("([0-9]?)([¼½¾⅐-⅞])")

_DOLLAR = "\ue000"  # a currency sign, kept apart from `$` as a delimiter; private use, so never in the input after NFKC
# Pandoc's rule for `$…$` (https://pandoc.org/MANUAL.html#math): no space inside the delimiters, no digit after them.
_BETWEEN_DOLLARS = r"|\$(?=[^\s$])([^$]*?)(?<=[^\s$])\$(?![0-9])"
INLINE_MATHS = re.compile(r"\$\$([^$]+)\$\$" + _BETWEEN_DOLLARS)
_DELIMITED = re.compile(r"\$\$([^$]*)\$\$" + _BETWEEN_DOLLARS)  # empty delimiters go too
WORD_CHARACTER = re.compile(r"[^\W_]")
"""Text without one says nothing: it is punctuation and marks."""

_DELETE = re.compile(
    r"\\(?:left|right)\s*\.|\\(?:textcolor|color|colorbox)\s*\{[A-Za-z]{1,20}\}"
    r"|\\(?:[lL]arge|LARGE|[hH]uge|small|tiny|normalsize|rm|bf|it|tt|sf|em|bfseries|itshape|mathstrut)(?![A-Za-z])"
    r"|\\(?:left|middle|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|displaystyle|textstyle|limits|boxed|fbox)(?![A-Za-z])"
    r"|(?<!\\)\\[()\[\]]|\\(?:hline|hspace\{[^{}]*\}|phantom\{[^{}]*\})"
)
_SPACING = re.compile(r"(?<!\\)\\[,;:> ]|~")
_WRAPPER = re.compile(
    r"\\(?:text|mbox|textrm|textbf|textit|textsf|texttt|textnormal|mathrm|mathbf|mathit|mathsf|mathtt|operatorname"
    r"|bold|boldsymbol|bm|pmb|underline|emph|vec|overrightarrow|hat|mathcal|ensuremath)\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)


def _over(command: str) -> Callable[[re.Match[str]], str]:
    """`{a \\over b}` as `\\frac{a}{b}`."""
    return lambda found: rf"\{command}{{{found[1] or found[3] or ''}}}{{{found[2] or found[4] or ''}}}"


_RENAMES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\(?:[dtc]|nice|s)frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
    # Combinations: _{10}C_3, ^{12}C_5, C_{12}^{5}.
    (re.compile(r"(?:\{\})?[_^]\s*\{?([0-9]+)\}?\s*C\s*_\s*\{?([0-9]+)\}?"), r"\\binom{\1}{\2}"),
    (re.compile(r"(?<![A-Za-z])C_\{?([0-9]+)\}?\^\{?([0-9]+)\}?"), r"\\binom{\1}{\2}"),
    (re.compile(r"\\overline\s*\{\s*([A-Z]{1,3})\s*\}"), r"\1"),
    (
        re.compile(r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}|^([^{}]*)\\over(?![A-Za-z])([^{}]*)$"),
        _over("frac"),
    ),
    (
        re.compile(r"\{([^{}]*)\\choose(?![A-Za-z])([^{}]*)\}|^([^{}]*)\\choose(?![A-Za-z])([^{}]*)$"),
        _over("binom"),
    ),
    (re.compile(r"\\[lr]?[vV]ert(?![A-Za-z])"), "|"),
    (re.compile(r"\\varnothing(?![A-Za-z])"), r"\\emptyset"),
    (re.compile(r"\\bigcup(?![A-Za-z])"), r"\\cup"),
    (re.compile(r"\\vee(?![A-Za-z])"), r"\\lor"),
    (re.compile(r"\\wedge(?![A-Za-z])"), r"\\land"),
    (re.compile(r"\\l?dots(?:[bcimo])?(?![A-Za-z])"), "..."),
    (re.compile(r"\\lbrack(?![A-Za-z])"), "["),
    (re.compile(r"\\rbrack(?![A-Za-z])"), "]"),
    (re.compile(r"\{:\}|\\colon(?![A-Za-z])"), ":"),
    # Vectors by components: 3\mathbf{i}, 3\hat{i}, 3\hat{\mathbf{i}}, 3\vec{\imath}.
    (
        re.compile(
            r"\\(?:hat|vec|mathbf|boldsymbol|bm|textbf)\s*\{?\s*(?:\\(?:mathbf|textbf|bm|boldsymbol)\s*\{\s*)?"
            r"\\?([ijk])(?:math)?\s*\}?(?:\s*\})?(?![A-Za-z])"
        ),
        r"\\unit\1 ",
    ),
    (
        re.compile(
            r"\\frac\s*\{\s*\\(?:text|mathrm)\s*\{([A-Za-z ]+)\}\s*\}\s*\{\s*\\(?:text|mathrm)\s*\{([A-Za-z ]+)\}\s*\}"
        ),
        r" \1/\2",
    ),
    (re.compile(r"\\q?quad\s*(?=[-+*=])"), " "),
    (re.compile(r"\^\s*\{?\s*\\(?:text|mathrm)\s*\{\s*o\s*\}\s*\}?"), "°"),
    (re.compile(r"\s*(?:\\q?quad\s*)+(\\(?:text|mbox)\s*\{\s*)?(and|or)\b"), r" \1\2"),
    (re.compile(r"(\b(?:and|or)\s*\}?)\s*(?:\\q?quad(?![A-Za-z])\s*)+"), r"\1 "),
    (re.compile(r"^\s*(?:\\q?quad(?![A-Za-z])\s*)+|(?:\\q?quad\s*)+$"), " "),
    (re.compile(r"\\(?:leq|leqslant)(?![A-Za-z])"), r"\\le"),
    (re.compile(r"\\(?:geq|geqslant)(?![A-Za-z])"), r"\\ge"),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne"),
    (re.compile(r"\\lbrace(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\rbrace(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))|\\degrees?(?![A-Za-z])"), "°"),
    (re.compile(r"\\(?:%|percent(?![A-Za-z]))"), "%"),
    (re.compile(r"(?<!\\)\\(?=[0-9])"), ""),  # \$15 that lost its dollar sign
    (re.compile(r"\{,\}|,\\!\s*"), ","),
    (re.compile(r"\\!"), ""),
)
_EDGES = " \t\r\n.,;:`"


@remembered(16384)
def clean(text: str) -> str:
    """`text` in the one spelling that the parsers read. Never raises; linear in the length of `text`."""
    if text.isascii() and not any(mark in text for mark in "\\$*`~_{&\n\t\0"):
        return _trim(text)
    text = plain_unicode(_ENTITY.sub(lambda found: html.unescape(found.group()), text))
    text = text.replace(r"\$", _DOLLAR)
    text = _DELIMITED.sub(lambda found: f" {found.group(1) or found.group(2) or ''} ", text)
    text = text.replace("$$", " ").replace(_DOLLAR, "$")
    for pattern, replacement in _RENAMES:
        text = pattern.sub(replacement, text)
    text = _unwrap(_SPACING.sub(" ", _DELETE.sub("", text)))
    return _trim(text)


def plain_unicode(text: str) -> str:
    """NFKC with maths signs as LaTeX, digits of any script as ASCII, and no invisible or control characters."""
    if not text.isascii():
        text = _ROOT.sub(_root, _VULGAR.sub(_vulgar, text))
        text = _SUPERSCRIPT.sub(
            lambda found: f"^{{{unicodedata.normalize('NFKC', found.group())}}}".replace("−", "-"), text
        )
        text = _SPECIAL_RUN.sub(lambda found: _SPECIAL[found.group()], text)
        text = unicodedata.normalize("NFKC", text).replace("⁄", "/").replace(_DOLLAR, "")
        text = "".join(map(_ascii_digit, text))
    return _INVISIBLE.sub("", text)


def _ascii_digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char > "\x7f" and char.isdecimal() else char


def _root(found: re.Match[str]) -> str:
    return _ROOTS[found.group(1)] + (f"{{{found.group(2)}}}" if found.group(2) else "")


def _vulgar(found: re.Match[str]) -> str:
    fraction = unicodedata.normalize("NFKC", found.group(2)).replace("⁄", "/")
    return f"{found.group(1)} {fraction}" if found.group(1) else fraction


def _unwrap(text: str) -> str:
    """Drop `\\text{…}` and its kin, innermost first; eight rounds are more than any answer nests."""
    for _ in range(8):
        unwrapped = _WRAPPER.sub(r" \1 ", text)
        if unwrapped == text:
            break
        text = unwrapped
    return text


_ANNOUNCED = re.compile(
    r"^(?:the )?(?:final |correct )?answer(?: is(?=[ :])|(?=:))\s*:?\s*(?=\S)", re.IGNORECASE
)


_CYCLE = re.compile(r"\.(?:[0-9]{0,20}?(?:([0-9])\1\1|([0-9]{2,20})\2)|[0-9])$")


def _trim(text: str) -> str:
    """Collapse white space and strip what surrounds an answer: its announcement, markdown, full stops, braces."""
    text = _ANNOUNCED.sub("", " ".join(text.split()))
    while True:
        inner = text.rstrip(_EDGES + "\\").lstrip(" \t`:;,")
        if text.endswith("...") and _CYCLE.search(inner):
            inner += "..."  # 0.333... goes on for ever
        if len(inner) > 4 and inner[:2] == inner[-2:] and inner[:2] in ("**", "__"):
            inner = inner[2:-2]
        elif len(inner) > 2 and inner[0] == inner[-1] and inner[0] in "*_":
            inner = inner[1:-1]
        if len(inner) > 1 and inner[0] == "{" and inner[-1] == "}" and closing(inner, 0) == len(inner) - 1:
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


def closing(text: str, start: int) -> int:
    """Index of the bracket that closes the one at `start`, any bracket kind closing any; -1 if none does."""
    depth = 0
    for index in range(start, len(text)):
        if text[index] in "([{":
            depth += 1
        elif text[index] in ")]}":
            depth -= 1
            if depth == 0:
                return index
    return -1


def split_top(text: str, separator: re.Pattern[str]) -> list[str]:
    """Split at the matches of `separator` that stand outside all brackets."""
    parts, depth, last = [], 0, 0
    depths = []
    for char in text:
        depths.append(depth)
        depth += (char in "([{") - (char in ")]}")
    for found in separator.finditer(text):
        if depths[found.start()] <= 0:
            parts.append(text[last : found.start()])
            last = found.end()
    return [*parts, text[last:]]


def expand_plus_minus(text: str) -> list[str]:
    """`1 \\pm \\sqrt{19}` is two values: all upper signs, then all lower signs."""
    if not re.search(r"\\(?:pm|mp)(?![A-Za-z])", text):
        return [text]
    upper = re.sub(r"\\mp(?![A-Za-z])", "-", re.sub(r"\\pm(?![A-Za-z])", "+", text))
    lower = re.sub(r"\\mp(?![A-Za-z])", "+", re.sub(r"\\pm(?![A-Za-z])", "-", text))
    return [upper, lower]
