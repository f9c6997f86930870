"""Generators of hostile answers for `fuzz_answers`: each draws a text, and says whether it can never be right.

text, never_right = GENERATORS["power_tower"](random.Random(0), Hostile([], Path("canary")), "18")
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parent.parent / "tests" / "answers" / "cases"
Gold = tuple[str, str, str | None]
"""(gold, answer type, question)"""

# One gold or more of every answer type; none is a single digit, so that a stray digit is no right answer.
GOLDS: list[Gold] = [
    ("18", "number", "How many eggs are left?"), ("1,234", "number", None), ("-7.25", "number", None),
    ("28\\%", "percent", "What percent is left?"), ("$18.90", "money", "What does she pay?"), ("91 (apples)",
    "unit", None),
    ("145^\\circ", "degrees", None), ("16th", "ordinal", None), ("52_8", "base", "Write it in base 8."),
    ("3:41", "ratio", "What is the ratio?"), ("8; 40", "values", None), ("8; 40", "ordered_values", None),
    ("3:30 p.m.", "time", "When does it end?"), ("17:12", "clock", None), ("February 23rd", "date", None),
    ("Yes", "yes_no", "Is it enough?"), ("Mrs. Hilt", "text", "Who has more?"), ("They are equal", "text", None),
    ("C", "choice", None), ("2\\sqrt{3}+x", "expression", None), ("\\frac{14}{33}\\pi", "expression", None),
    ("y = 2x+31", "equation", None), ("x^2+y^2=49", "equation", None), ("(24,45)", "pair", None),
    ("(3,\\frac{\\pi}{2})", "tuple", "Give the ordered pair."), ("(2,\\infty)", "interval", None),
    ("[-20,20) \\cup (31,41]", "interval", None), ("\\{15,27\\}", "set", None),
    ("\\begin{pmatrix} 12 & x \\\\ 3 & 45 \\end{pmatrix}", "matrix", None), ("1 \\pm \\sqrt{19}", "list", None),
    ("18", "auto", None), ("x^3 - 61", "auto", None), ("\\text{(C)}", "auto", None), ("11\\sqrt{2}", "auto", None),
]  # fmt: skip

WRAPPERS = (
    "{}", "#### {}", "\\boxed{{}}", "The answer is {}.", "The answer is ${}$", "Final answer:\n{}", "**{}**",
    "\\[{}\\]",
    "Adding 3 and 4 gives 7.\n\nSo it is {}", "\\boxed{12}, no: \\boxed{{}}", "{}\n{}", "{}\n#### {}",
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """What the generators draw from: labelled cases, and the file that only running a text would make."""

    cases: list[dict[str, Any]]
    canary: Path

    @property
    def golds(self) -> list[Gold]:
        return [(case["gold"], case["type"], case.get("question")) for case in self.cases] or GOLDS

    def answers(self, gold: str) -> list[str]:
        """Right and wrong answers to `gold` in the cases, else those of a few others."""
        mine = [
            answer for case in self.cases if case["gold"] == gold for answer in case["right"] + case["wrong"]
        ]
        return mine or [answer for case in self.cases[::7] for answer in case["right"]] or [gold]


def load_cases() -> list[dict[str, Any]]:
    """The labelled cases of the tests."""
    return [
        json.loads(line)
        for path in sorted(CASES.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


Drawn = tuple[str, bool]

# ---- soups ---------------------------------------------------------------------------------------------------------

_ATOMS = (
    "1 2 7 18 0 0.5 .5 1,234 10^5 x y n a_1 x_{12} \\pi e i \\infty \\theta \\alpha 3/4 12:30 50\\% \\$5 -1"
    " \\emptyset"
    " \\mathbb{R} \\dots \\ldots \\circ \\text{cm} \\text{ and } \\mathrm{m} sin pi infinity no yes"
).split(" ")
_UNARY = (
    "\\sqrt{#} \\sqrt[3]{#} \\sqrt[#]{2} \\sin # \\cos(#) \\tan{#} \\log_2 # \\log_{#} 8 \\ln(#) e^{#} |#| #! #!!"
    " (#) [#]"
    " \\{#\\} \\left(#\\right) \\lfloor#\\rfloor \\lceil#\\rceil -# +# \\overline{#} \\text{#} \\boxed{#} \\arcsin(#)"
    " \\Gamma(#) \\mathbf{#} \\gcd(#,4) \\max(#,1) {#} \\not# \\binom{#}{3} \\hat{#} #' \\operatorname{f}(#) \\vec{#}"
).split(" ")
_BINARY = (
    "#+# #-# #*# #/# # # #\\cdot # #\\times # #\\div # #^{#} #^# #_# #_{#} #=# #<# #\\le # #\\in # #,# #;# #:#"
    " \\frac{#}{#} \\dfrac{#}{#} \\frac##  \\binom{#}{#} (#,#) [#,#) #\\cup# #\\cap# #\\pm# #\\pmod{#} #\\equiv#"
    " #\\text{or}# #\\choose# \\begin{pmatrix}#&#\\end{pmatrix} \\begin{cases}#\\\\#\\end{cases} {#\\over#} #\\mod#"
).split(" ")
_BIG = (
    "\\int_{#}^{#} # dx|\\int # \\,dx|\\sum_{n=#}^{#} #|\\sum_{n=1}^\\infty #|\\prod_{n=1}^{#} #|\\lim_{x\\to #} #"
    "|\\frac{d}{dx}#|\\oint # dz|\\iint # dx dy|\\lim_{n \\to \\infty} #"
).split("|")


def _tree(draw: random.Random, size: int, templates: list[str], atoms: list[str]) -> str:
    """A formula of about `size` constructs."""
    text = "#"
    for _ in range(size):
        if text.count("#") == 0 or len(text) > 3000:
            break
        holes = [at for at, char in enumerate(text) if char == "#"]
        at = draw.choice(holes)
        text = text[:at] + draw.choice(templates) + text[at + 1 :]
    while "#" in text:
        text = text.replace("#", draw.choice(atoms), 1)
    return text


def latex_soup(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """A well-nested formula of random constructs, mostly meaningless."""
    return _tree(draw, draw.choice((2, 4, 8, 16, 40)), [*_UNARY, *_BINARY, *_BINARY], _ATOMS), False


def calculus(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Integrals, sums, products and limits of random formulas: much that never ends."""
    inside = [
        "#+#",
        "#^{#}",
        "#^#",
        "\\sin #",
        "e^{#}",
        "\\frac{#}{#}",
        "\\ln(#)",
        "\\sqrt{#}",
        "#!",
        "#\\cdot #",
    ]
    atoms = ["x", "x", "n", "n", "1", "2", "100", "\\infty", "t", "\\pi"]
    head = draw.choice(_BIG)
    if draw.random() < 0.3:
        head = head.replace("#", draw.choice(_BIG), 1)
    while "#" in head:
        head = head.replace("#", _tree(draw, draw.choice((0, 1, 2, 4, 6)), inside, atoms), 1)
    return head, False


def endless(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Known to keep SymPy busy for minutes, each with a number that makes it a new one."""
    number = draw.randrange(2, 10**6)
    template = draw.choice(
        (
            "\\int_0^{%d} x^{x^{x^x}} dx", "\\sum_{n=1}^{\\infty} \\frac{\\sin(n^{%d})}{n^n}",
            "\\int \\sin(x^{x+%d}) dx",
            "\\prod_{n=1}^{\\infty} (1+\\frac{1}{n^{%d}+\\sin n})",
            "\\lim_{x \\to \\infty} (x^{\\frac{1}{x}})^{x^{%d}}",
            "\\sum_{n=1}^{%d} n^{n}", "\\int_0^1 \\int_0^1 (xy)^{xy+%d} dx dy", "\\binom{10^{%d}}{10^{5}}",
            "\\sqrt{x+\\sqrt{x^2+\\sqrt{x^3+\\sqrt{x^{%d}+\\sin(\\cos(\\tan x))}}}}", "(x+y+z+w)^{%d}",
        )
    )  # fmt: skip
    return template % number, False


def broken_latex(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Tokens in any order."""
    tokens = (
        "\\frac \\sqrt \\boxed \\text \\left \\right \\begin{pmatrix} \\end{pmatrix} \\begin \\end { } ( ) [ ] ^ _"
        " $ $$ \\( \\)"
        " \\[ \\] \\\\ & % # ~ | ! , ; : . 1 2 18 x y + - * / = < > \\cup \\in \\int \\sum \\infty dx \\pm ' \" ` **"
        " answer is or and #### \n \\%"
    ).split(" ")
    return "".join(draw.choices(tokens, k=draw.choice((3, 10, 40, 200)))), False


# ---- mutations -----------------------------------------------------------------------------------------------------

_DIGITS = [
    "٠١٢٣٤٥٦٧٨٩",
    "०१२३४५६७८९",
    "０１２３４５６７８９",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "①②③④⑤⑥⑦⑧⑨⑩",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "₀₁₂₃₄₅₆₇₈₉",
    "〇一二三四五六七八九",
]
_INVISIBLE = "\u200b\u200d\u202e\u202c\u2066\u2069\ufeff\u00ad\u2061\u2028\x00\x1b\x7f\x85"
_MARKS = (
    f"{_INVISIBLE}\u0301\u0338\u20dd\ufe0f\ud800\udfff"  # and combining marks, and halves of surrogate pairs
)


def mutated_case(draw: random.Random, hostile: Hostile, gold: str) -> Drawn:
    """A labelled answer, right or wrong, damaged a few times."""
    answers = hostile.answers(gold)
    text = draw.choice(answers)
    for _ in range(draw.choice((1, 1, 2, 4, 10))):
        text = draw.choice(_MUTATIONS)(draw, text, draw.choice(answers))[:5000]
    return text, False


def _spliced(draw: random.Random, text: str, other: str) -> str:
    return text[: draw.randint(0, len(text))] + other[draw.randint(0, len(other)) :]


def _without(draw: random.Random, text: str, _: str) -> str:
    at, size = draw.randint(0, len(text)), draw.randint(1, 3)
    return text[:at] + text[at + size :]


def _with_mark(draw: random.Random, text: str, _: str) -> str:
    at = draw.randint(0, len(text))
    return text[:at] + draw.choice(_MARKS + "{}()[]$\\%^_,.;:|!&#-+=/<>' 0123456789xe") + text[at:]


def _stuttered(draw: random.Random, text: str, _: str) -> str:
    start = draw.randint(0, len(text))
    end = draw.randint(start, min(len(text), start + 20))
    return text[:start] + text[start:end] * draw.choice((2, 3, 50, 500)) + text[end:]


def _in_other_digits(draw: random.Random, text: str, _: str) -> str:
    return text.translate(str.maketrans("0123456789", draw.choice(_DIGITS)))


def _wrapped(draw: random.Random, text: str, _: str) -> str:
    outer = draw.choice(
        (
            "\\text{%s}",
            "{%s}",
            "(%s)",
            "\\frac{%s}{1}",
            "$%s$",
            "\\boxed{%s}",
            "-(%s)",
            "%s or %s",
            "\\sqrt{%s}^2",
        )
    )
    return outer.replace("%s", text)


def _swapped(draw: random.Random, text: str, _: str) -> str:
    at = draw.randint(0, len(text))
    return text[at:] + text[:at]


_MUTATIONS: tuple[Callable[[random.Random, str, str], str], ...] = (
    _spliced, _without, _with_mark, _stuttered, _in_other_digits, _wrapped, _swapped,
)  # fmt: skip


# ---- size and depth ------------------------------------------------------------------------------------------------


def random_unicode(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Code points from anywhere: control characters, surrogates, right-to-left, combining, digits of other scripts."""
    ranges = (
        (0, 0x1F), (0x20, 0x7E), (0x300, 0x36F), (0x590, 0x6FF), (0x900, 0x97F), (0x2000, 0x206F), (0x2150, 0x218F),
        (0x2460, 0x24FF), (0x1D400, 0x1D7FF), (0xD800, 0xDFFF), (0xFF00, 0xFFEF), (0x1F100, 0x1F1FF), (0, 0x10FFFF),
    )  # fmt: skip
    length = draw.choice((1, 5, 30, 300, 3000))
    return "".join(chr(draw.randint(*draw.choice(ranges))) for _ in range(length)), False


def power_tower(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Powers that nobody can write out; the smallest has 10^5 digits, so no gold equals one."""
    base = draw.randrange(2, 1000)
    height = draw.choice((3, 4, 8, 50, 500))
    tower = "^{".join(["9"] * height) + "}" * (height - 1)
    shape = draw.choice(
        (
            "{b}^{{{t}}}",
            "({b}^{{{t}}})^{{{t}}}",
            "{b}**{t}",
            "{b}^{{10^{{10}}}}",
            "\\frac{{{b}^{{{t}}}}}{{7}}",
            "10^{{{b}000000}}",
            "{b}^{{{t}}}+\\sqrt{{2}}",
        )
    )
    return shape.format(b=base, t=tower), True


def huge_factorial(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """Factorials and binomials beyond any memory."""
    number = draw.choice((10**5, 10**6, 10**9, 10**30)) + draw.randrange(1000)
    return draw.choice(
        ("{n}!", "({n})!!", "({n}!)!", "\\frac{{{n}!}}{{3}}", "x^{{{n}!}}+{n}!", "(10^{{10}})!+{n}!", "{n}!!!!",
        "\\binom{{{n}!}}{{2}}",
         "\\gcd({n}!, {n}!)", "\\log_{{2}}({n}!)")
    ).format(n=number), True  # fmt: skip


def deep_nest(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """One construct inside itself, closed or not, around 7, which is no gold."""
    opening, closing = draw.choice(
        (("{", "}"), ("(", ")"), ("[", "]"), ("\\boxed{", "}"), ("\\frac{", "}{2}"), ("\\sqrt{", "}"), ("\\text{",
        "}"), ("-", ""),
         ("\\left(", "\\right)"), ("|", "|"), ("\\{", "\\}"), ("2^{", "}"), ("\\sin(", ")"), ("\\frac{1}{1+", "}"),
         ("$", "$"),
         ("x_{", "}"), ("\\begin{pmatrix}", "\\end{pmatrix}"), ("\\overline{", "}"), ("1+(", ")"), ("\\binom{",
         "}{2}"))
    )  # fmt: skip
    depth = draw.choice((20, 59, 60, 61, 200, 1000, 20_000))
    closed = draw.choice((depth, depth, depth - 1, 0, 2 * depth))
    return opening * depth + "7" + closing * closed, False


_PIECES = (
    "1", "9", "a", " ", "\\", "{", "}", "$", "-", "x", "x ", ",", "1,", "1,234,", "1.", "0", "(", "1/", "1 ", "or ",
    "1 or ", "and ",
    "####", "#### ", "####\n", "answer ", "answer: ", "answer is ", "the answer is not ", "final answer ",
    "\\boxed{", "\\boxed",
    "**", "**1** ", "a.m. ", "3:", "12:30 ", "twenty ", "twenty-", "half past ", "a quarter to ", "yes ",
    "no or yes ", "\\text{",
    "\\text{ and }", "\\frac", "\\frac1", "\\left", "\\!", "\\,", "$1", "€", "%", "5% ", "°", "cm ",
    "5 feet 6 inches ", "per ",
    "square ", "first ", "Mrs. ", "Mr. Hilt's ", "'s ", "because ", ". ", "? ", "! ", "\t", "\n", "\r\n", "= ",
    "x = ", "<", "\\le ",
    "\\cup ", "(1,2) ", "\\{1\\},", "\\\\", "&", "1&", "x^", "x_", "2^", "!", "|", "1|", "\\pm ", "\\infty,",
    "<|im_end|>", "<|", "</s",
    "0.", ".5", "1e9", "1e", "--", "+-", "3 1/", "\u0301", "\u202e", "\U0001d7d8", "-\n", "\\( ", "\\[ ", "* ", "- ",
)  # fmt: skip


def repetition(draw: random.Random, _: Hostile, gold: str) -> Drawn:
    """One, two or three pieces again and again, up to 10^5 characters: what makes a pattern backtrack."""
    pieces = draw.choices((*_PIECES, gold), k=draw.choice((1, 1, 2, 3)))
    size = draw.choice((50, 500, 1990, 4000, 20_000, 100_000))
    text = ("".join(pieces) * (size // max(1, len("".join(pieces))) + 1))[:size]
    return text + draw.choice(("", "", "18", "x", "!", "}", "\n", " because")), False


_CUES = (
    "", "answer", "the answer is", "Answer:", "**Answer", "correct option", "A:", "####", "\\boxed{", "\\boxed",
    "18", "$18",
    "18.", "1,", "-", "\\frac{1", "\\text{", "yes", "half past", "3:30", "twenty", "5 feet", "x =", "(", "\\{",
    "Mrs.", "$",
    "check that", "\\[", "**", "<answer>", "<think>", "is the answer", "Question", "therefore", "February", "3^",
    "- ",
)  # fmt: skip
_FILLERS = (
    " ", "\t", "\n", "\r\n", " \n", "*", "_", "`", "-", "#", "$", "1", "1 ", "1,", "1.", "a", "a ", "Ab ", "x=",
    "(", "{", "}", "\\",
    "\\,", ", ", ".", ". ", "'", "a'", "%", ":", "=", "<", "^", "|", "and ", "1 or ", "1/1 ", "twenty ", "\u0301",
)  # fmt: skip


def cue_and_run(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """What a pattern looks for, and then a long run of what it skips, without an end."""
    run = draw.choice(_FILLERS) * draw.choice((100, 1000, 1990, 5000, 20_000))
    return draw.choice(_CUES) + run + draw.choice(("", "18", "x", "\n", ".", draw.choice(_CUES))), False


def long_line(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """A line of 10^5 random characters from a small alphabet."""
    alphabet = draw.choice(
        (
            "0123456789",
            "01 ",
            "()+-*/x1",
            "abc ",
            "{}\\",
            "1,",
            "0123456789,. ",
            "answer is:",
            "ab'. ",
            "#\n 1",
        )
    )
    return "".join(draw.choices(alphabet, k=draw.choice((1999, 2001, 30_000, 100_000)))), False


def long_sum(draw: random.Random, _: Hostile, __: str) -> Drawn:
    """A formula that is flat and as long as may be read: many terms, many variables, many functions."""
    term = draw.choice(
        (
            "x^{%d}",
            "\\sin(%dx)",
            "\\sqrt{%d}",
            "x_{%d}",
            "\\frac{1}{%d}",
            "%d!",
            "e^{%dx}",
            "\\sqrt{x+%d}",
            "(x+%d)",
            "%d\\pi",
        )
    )
    joiner = draw.choice(("+", "-", "\\cdot ", "", ",", "/", "^"))
    terms = [term % draw.randrange(2, 2000) for _ in range(draw.choice((5, 20, 80, 200)))]
    return joiner.join(terms), False


# ---- code ----------------------------------------------------------------------------------------------------------


def code(draw: random.Random, hostile: Hostile, __: str) -> Drawn:
    """Python, shell and SymPy strings that make the canary file if anything runs them."""
    path = str(hostile.canary)
    run = draw.choice(
        (
            f"__import__('pathlib').Path('{path}').touch()", f"open('{path}','w').close()",
            f"__import__('os').system('touch {path}')",
            f"exec(\"open('{path}','w')\")",
            f"[c for c in ().__class__.__base__.__subclasses__()][0].__init__.__globals__ or open('{path}','w')",
            f"Symbol('x').func.__globals__['__builtins__']['open']('{path}','w')",
            f"eval(compile('open(\"{path}\",\"w\")','','exec'))",
            f"$(touch {path})", f"`touch {path}`; touch {path}", f"lambda: open('{path}', 'w')",
            f"{{{{open('{path}','w')}}}}",
            f"x.__class__.__mro__[1]; open('{path}','w')", f"!!python/object/apply:os.system ['touch {path}']",
        )
    )  # fmt: skip
    frame = draw.choice(
        ("%s", "\\int %s dx", "\\sum_{n=1}^{3} %s", "x + %s", "\\binom{%s}{1}", "\\text{%s}", "\\frac{%s}{1}",
        "\\operatorname{%s}", "f(%s)",
         "\\mathrm{%s}", "\\{%s\\}", "(%s, 1)", "\\begin{pmatrix} %s \\end{pmatrix}", "\\lim_{x \\to %s} x",
         "x_{%s}", "\\left(%s\\right)^2")
    )  # fmt: skip
    return frame.replace("%s", run), True


GENERATORS: dict[str, Callable[[random.Random, Hostile, str], Drawn]] = {
    generator.__name__: generator
    for generator in (
        latex_soup, calculus, endless, broken_latex, mutated_case, random_unicode, power_tower, huge_factorial,
        deep_nest, repetition, cue_and_run, long_line, long_sum, code,
    )
}  # fmt: skip
