"""Respellings and near misses: what they are, what they must never be, and that the checker tells them apart."""

from __future__ import annotations

import doctest
import importlib
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspo_bench.answers import ANSWER_TYPES, CheckRow, answer_types, check_many
from pspo_bench.answers.kinds import AnswerType
from pspo_bench.answers.match import Match
from pspo_bench.answers.variants import Variant, near_misses, respellings
from pspo_bench.answers.variants.formulas import approximate, differ, reordered
from pspo_bench.answers.variants.numbers import decimal, in_words, neighbours, places_of, plain, repeating
from pspo_bench.answers.variants.numerals import ordinal_suffix, ordinal_words
from pspo_bench.answers.words import number_in_words, ordinal_in_words
from pspo_bench.errors import AnswerError

GOLDS = [
    # gold, type, question
    ("0", "number", None),
    ("-7", "number", None),
    ("11", "number", None),
    ("1,234", "number", None),
    ("51.0", "number", None),
    ("0.05", "number", "How many dollars does one cost?"),
    ("28", "number", "What percent of them is red?"),
    ("5/2", "number", None),
    ("28\\%", "auto", None),
    ("12.5%", "auto", None),
    ("\\$32,\\!348", "auto", None),
    ("2.42 (dollar)", "auto", None),
    ("45 (cents)", "auto", None),
    ("9 (apples)", "auto", "Ann has 3 apples and 9 oranges. How many apples has she with 6 apples more?"),
    ("1102609 (stamps)", "auto", None),
    ("2 (hours)", "auto", None),
    ("5 (pounds)", "auto", None),
    ("7305 (square feet)", "auto", None),
    ("864 \\mbox{ inches}^2", "auto", None),
    ("36^\\circ", "auto", None),
    ("\\frac{270}7\\text{ degrees}", "auto", None),
    ("6th", "auto", None),
    ("The 60th caller.", "auto", None),
    ("52_8", "auto", None),
    ("4210_{5}", "auto", None),
    ("6 remainder 2", "remainder", None),
    ("3:4", "ratio", None),
    ("1:1", "ratio", None),
    ("2:3:4", "ratio", None),
    ("8; 40", "auto", None),
    ("45 (degrees); 45 (degrees); 90 (degrees)", "auto", None),
    ("3; 5; 7", "ordered_values", None),
    ("3:30 p.m.", "auto", None),
    ("9:03:36 a.m.", "auto", None),
    ("17:03", "time", None),
    ("12:10", "time", None),
    ("17:12", "clock", None),
    ("February 3rd", "auto", None),
    ("December 24, 2014", "date", None),
    ("yes", "auto", None),
    ("No", "auto", None),
    ("Mrs. Hilt", "auto", None),
    ("Sara", "auto", "Who has the taller dog, Sara or Joe?"),
    ("Rug B", "auto", None),
    ("\\text{(C)}", "auto", None),
    ("\\frac{3}{4}", "auto", None),
    ("-\\frac{3}{8}", "auto", None),
    ("1\\frac{4}{5}", "auto", None),
    ("\\frac{1}{3}", "auto", None),
    ("3\\sqrt{13}", "auto", None),
    ("-\\frac{\\pi}{6}", "auto", None),
    ("1+274i", "auto", None),
    ("p - q", "auto", None),
    ("x^5 - x^4 + x^3 - x^2 + x - 1", "auto", None),
    ("(a+5)(b+2)", "auto", None),
    ("x=5", "auto", None),
    ("y = 2x + 3", "auto", None),
    ("x^2 + y^2 \\le 4", "inequality", None),
    ("(2,4)", "auto", None),
    ("\\left( 3, \\frac{\\pi}{2} \\right)", "tuple", None),
    ("(6,31,-1)", "auto", None),
    ("(2,2)", "tuple", None),
    ("(3,4]", "auto", None),
    ("(-\\infty, 2) \\cup (3, \\infty)", "auto", None),
    ("\\{1\\pm\\sqrt{5},-2\\}", "auto", None),
    ("1,-2", "auto", None),
    ("3 \\pm 2 \\sqrt{2}", "auto", None),
    ("\\begin{pmatrix} -1/3 \\\\ 2/3 \\\\ 5/3 \\end{pmatrix}", "auto", None),
    ("\\begin{pmatrix} 1 & 2 \\\\ 2 & 1 \\end{pmatrix}", "auto", None),
    ("(1,2)", "expression", None),
]


def right(gold: str, answer_type: str = "auto", question: str | None = None) -> set[str]:
    return {variant.text for variant in respellings(gold, answer_type, question)}


def wrong(gold: str, answer_type: str = "auto", question: str | None = None) -> set[str]:
    return {variant.text for variant in near_misses(gold, answer_type, question)}


@pytest.mark.parametrize(
    ("gold", "answer_type", "some"),
    [
        (
            "1234", "number",
            r"1,234|1{,}234|1,\!234|1 234|1234.0|1234.00|1234/1|\frac{1234}{1}|2468/2|\text{1234}|**1234**|$1234$"
            r"|\(1234\)|one thousand two hundred thirty-four|one thousand two hundred and thirty-four"
            r"|1.234 \times 10^{3}|1.234e3|x = 1234|$1234|\$1234|\$1,234.00|123400%|1233 + 1 = 1234|617 \cdot 2 = 1234",
        ),
        ("-0.5", "number", r"-1/2|-(1)/(2)|-\frac{1}{2}|-\tfrac{1}{2}|\frac{-1}{2}|-\frac12|-.5|−0.5|minus 0.5"),
        (r"\frac{7}{3}", "auto", r"7/3|(7)/(3)|\dfrac{7}{3}|2 1/3|2\frac{1}{3}|2.\overline{3}|\frac{21}{9}|x = 7/3"),
        ("2 (hours)", "auto", r"2|2 hours|2 \text{ hours}|two hours|120 minutes|2 HOURS|2 in all"),
        ("1 (dollar)", "auto", r"$1|\$1|$1.00|100 cents|1 dollars|one dollar"),
        (r"15\mbox{ cm}^2", "auto", r"15|15 cm^2|15 square cm"),
        (r"28\%", "auto", r"28|28%|28 percent|0.28|\frac{28}{1}"),
        (r"36^\circ", "auto", r"36|36°|36 degrees|36^{\circ}|36\text{ degrees}"),
        ("12th", "auto", r"twelfth|12|12^{th}|12^\text{th}|The twelfth"),
        ("52_8", "auto", r"52_{8}|52|52 (base 8)"),
        ("3:4", "ratio", r"3 : 4|3 to 4|6:8|3/4|\frac{3}{4}"),
        ("6 R 2", "remainder", r"6 remainder 2|6 R2|6 with a remainder of 2"),
        ("8; 40", "auto", r"8, 40|8 and 40|40 and 8|40, 8|x = 8 or x = 40"),
        ("4:45 p.m.", "auto", r"4:45 pm|4:45 PM|16:45|4:45|quarter to five|15 minutes to 5|4:45 in the afternoon"),
        ("17:00", "time", r"5:00 p.m.|5:00 PM"),
        ("February 3rd", "auto", r"Feb. 3|3 February|3rd of February|February third"),
        ("Yes", "auto", r"yes|YES|Yes.|Yes, by 3."),
        ("The red house", "auto", r"red house|the red house|THE RED HOUSE|It is The red house"),
        (r"\text{(B)}", "auto", r"B|(B)|\text{B}|option B|B) 12"),
        ("2x + 3", "auto", r"3 + 2x|2 \cdot x + 3|2*x + 3|2x+3|\frac{2(2x + 3)}{2}"),
        (r"6\sqrt{2}", "auto", r"6√2|6sqrt(2)|6 \cdot \sqrt{2}"),
        ("y = 2x + 3", "auto", r"2x + 3 = y|y - (2x + 3) = 0|y = 3 + 2x|2x + 3"),
        ("x + y >= 4", "inequality", r"4 \le x + y|x + y - (4) \ge 0"),
        ("(1,-2)", "tuple", r"(1, -2)|\left( 1, -2 \right)|x = 1, y = -2|\begin{pmatrix} 1 \\ -2 \end{pmatrix}"),
        ("(3,4]", "auto", r"3 < x \le 4|x \in (3, 4]|4 \ge x > 3|3 < x ≤ 4"),
        (r"(-\infty, 2) \cup (3, \infty)", "auto", r"(3, \infty) \cup (-\infty, 2)|x < 2 or x > 3|(-∞, 2) ∪ (3, ∞)"),
        (r"1 \pm \sqrt{19}", "auto", r"1 - \sqrt{19}, 1 + \sqrt{19}|1 + \sqrt{19} and 1 - \sqrt{19}"),
        (r"\{1,2\}", "auto", r"2, 1|\{1, 2, 1\}|x = 1 or x = 2"),
        (
            r"\begin{pmatrix} 1/2 \\ 3 \end{pmatrix}", "auto",
            r"\begin{bmatrix} 1/2 \\ 3 \end{bmatrix}|\begin{pmatrix} \frac{1}{2} \\ 3 \end{pmatrix}",
        ),
    ],
)  # fmt: skip
def test_some_respellings(gold: str, answer_type: str, some: str) -> None:
    assert set(some.split("|")) <= right(gold, answer_type)


@pytest.mark.parametrize(
    ("gold", "answer_type", "some"),
    [
        # 12.5: ±1, ±0.1, swapped 21.5 and 15.2 is no neighbour swap (the point is between), ×10, ÷10, first or last
        # digit dropped, 25/2 inverted is 2/25 = 0.08
        ("12.5", "number", "13.5|11.5|12.6|12.4|21.5|125|1.25|1250|2.5|12|-12.5|0.08|12.5 or 13.5|at least 12.5|12.5%"),
        ("1234", "number", "1235|1233|2134|1324|1243|234|123|1.234|12340|one thousand two hundred thirty-five|1,235"),
        (r"\frac{3}{4}", "auto", r"4/3|\frac{4}{3}|1|0.6|\frac{3}{5}|0.7|1.75"),
        ("2 (hours)", "auto", "3 hours|2 minutes|2 kilograms|20 hours"),
        ("2 (feet)", "auto", "2 square feet|2 inches|2 kilograms"),
        (r"\$18", "auto", r"€18|18 cents|19"),
        (r"28\%", "auto", "29|27|2.8|280|2800"),
        ("3:4", "ratio", "4:3|3:5|4:4|0.75|3:4:5"),
        ("52_8", "auto", "53_8|42_{10}|42|25_8|52_{9}"),
        ("6 R 2", "remainder", "7 R 2|6 remainder 3|2 R 6|6|6.2"),
        ("8; 40", "auto", "8|40|9, 40|8, 41|8, 40, 41"),
        ("3; 5", "ordered_values", "5, 3|3, 6|3"),
        ("3:30 p.m.", "auto", "3:31 pm|3:29 pm|4:30 pm|3:30 am"),
        ("12:59 p.m.", "auto", "1:00 pm|12:58 pm|1:59 pm|11:59 pm|12:59 am"),
        ("17:03", "time", "17:04|5:03 am"),
        ("February 3rd", "auto", "February 2|March 3|3rd of March"),
        ("Yes", "auto", "no|No.|yes or no"),
        ("Sara", "auto", "Wilhelmina|Sara or Wilhelmina|not Sara|Wilhelmina has more than Sara"),
        ("Vendor 2", "auto", "Vendor 3"),
        ("They are equal", "auto", "They are not equal|Wilhelmina"),
        (r"\text{(B)}", "auto", r"A|\text{(C)}|B or A"),
        ("2x + 3", "auto", "2x + 3 + 1|2(2x + 3)|-(2x + 3)|2x - 3|2w + 3|2x"),
        (r"3\sqrt{13}", "auto", "10.82|10.816654"),  # 3·3.605551275 = 10.816653826
        ("x=5", "auto", "x = 6|w=5|x > 5|6|x = -(5)"),
        ("x + y < 4", "inequality", r"x + y > 4|x + y \le 4|x + y < 5|x + y = 4"),
        ("(1,-2)", "tuple", r"(-2, 1)|(2, -2)|(1, -1)|(1, -2, 1)|\{1, -2\}|[1, -2]|x = -2, y = 1"),
        ("(3,4]", "auto", r"[3, 4]|(3, 4)|(4, 4]|(3, 5]|3 \le x \le 4|3 < x < 4"),
        (r"\{1,2\}", "auto", r"\{2\}|\{1\}|\{1, 3\}|\{1, 2, 3\}|(1, 2)|[1, 2]"),
        (
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "auto",
            r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}|\begin{pmatrix} 3 & 4 \\ 1 & 2 \end{pmatrix}"
            r"|\begin{pmatrix} 1 & 2 \end{pmatrix}|\begin{pmatrix} 1 & 2 \\ 3 & 5 \end{pmatrix}",
        ),
    ],
)  # fmt: skip
def test_some_near_misses(gold: str, answer_type: str, some: str) -> None:
    assert set(some.split("|")) <= wrong(gold, answer_type)


@pytest.mark.parametrize(
    ("gold", "answer_type", "absent"),
    [
        ("11", "number", "11"),  # its digits swapped
        ("0", "number", "0|-0|0.0|00"),  # negated, times ten, a tenth
        ("100%", "auto", "1|100"),  # a hundredth of it is its share of 1
        ("1:1", "ratio", "1:1|2:2"),  # inverted
        ("(2,2)", "tuple", "(2, 2)"),  # reversed
        (r"(\frac{1}{2},0.5)", "tuple", r"(0.5, \frac{1}{2})"),  # reversed, equal by value
        (r"\{1,2\}", "auto", r"\{2, 1\}|2, 1"),
        ("8; 40", "auto", "40, 8"),
        (r"\{2,3\}", "auto", r"\{2, 3, 3\}"),  # 2 + 1 is in the set already
        (
            r"\begin{pmatrix} 1 & 2 \\ 2 & 1 \end{pmatrix}",
            "auto",
            r"\begin{pmatrix} 1 & 2 \\ 2 & 1 \end{pmatrix}",
        ),
        ("2_3", "auto", "2_3|2"),
        (r"\text{the purple Wilhelmina}", "text", "Wilhelmina|the purple giraffe"),
    ],
)
def test_near_misses_are_never_equal_by_accident(gold: str, answer_type: str, absent: str) -> None:
    assert not set(absent.split("|")) & wrong(gold, answer_type)


def test_a_question_decides_what_may_stand_around_a_bare_number() -> None:
    assert "$18" in right("18", "number", "How many dollars has she left?")
    assert "$18" not in right("18", "number", "How many eggs has she left?")
    assert "$18" not in right("18", "number", "It costs $2. How many cents are left?")
    assert "$18" not in right("18", "number", "At $2 each, how many eggs can she buy?")
    assert "1800%" in right("18", "number", "How many eggs has she left?")
    asked = "What percent of the eggs is left?"
    assert not {"1800%", "18%"} & (right("18", "number", asked) | wrong("18", "number", asked))


def test_another_noun_of_the_question_is_a_near_miss() -> None:
    asked = "Ann has 5 oranges and 4 apples and buys 5 apples. How many apples has she now?"
    assert "9 oranges" in wrong("9 (apples)", "auto", asked)
    assert "9 oranges" not in wrong("9 (apples)", "auto", "How many apples has she?")


def test_variants_name_their_rule_and_appear_once() -> None:
    made = respellings("0.50 (dollars)")
    assert made[0] == Variant("0.5", "plain digits")
    assert len({variant.text for variant in made}) == len(made)
    assert "0.50 (dollars)" not in {variant.text for variant in made}


def test_unreadable_golds_and_unknown_types_raise() -> None:
    with pytest.raises(AnswerError, match="cannot be read as answer type 'number'"):
        respellings("a few", "number")
    with pytest.raises(AnswerError, match="Unknown answer type 'numbr'"):
        near_misses("3", "numbr")


def test_a_type_without_makers_has_no_variants() -> None:
    answer_types.register("roman_of_this_test")(
        AnswerType("roman_of_this_test", parse=str, match=lambda gold, answer, _: Match(gold == answer, ""))
    )
    assert respellings("XII", "roman_of_this_test") == near_misses("XII", "roman_of_this_test") == []


def test_the_golds_below_are_of_every_type() -> None:
    from pspo_bench.answers import detect_type

    found = {detect_type(gold, question) if kind == "auto" else kind for gold, kind, question in GOLDS}
    assert found == set(ANSWER_TYPES) - {"auto"}


@pytest.mark.parametrize(("gold", "answer_type", "question"), GOLDS)
def test_the_checker_tells_respellings_from_near_misses(
    gold: str, answer_type: str, question: str | None
) -> None:
    for variants, wanted in (
        (respellings(gold, answer_type, question), "correct"),
        (near_misses(gold, answer_type, question), "wrong"),
    ):
        assert variants
        rows = [CheckRow(f"#### {variant.text}", gold, answer_type, question) for variant in variants]
        verdicts = zip(variants, check_many(rows), strict=True)
        assert [(variant, v.status, v.reason) for variant, v in verdicts if v.status != wanted] == []


rationals = st.one_of(
    st.integers(-(10**7), 10**7).map(Fraction),
    st.decimals(-1000, 1000, places=3).map(Fraction),
    st.fractions(-50, 50, max_denominator=60),
)


def by_python(text: str) -> Fraction | None:
    """The value of a plain number or a/b, read by Python instead of by the checker."""
    try:
        return Fraction(text.replace("{,}", "").replace("\\!", "").replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None


@given(rationals)
def test_respellings_and_near_misses_of_a_number_never_meet(value: Fraction) -> None:
    gold = plain(value)
    equal = {by_python(text) for text in right(gold, "number")} - {None}
    near = {by_python(text) for text in wrong(gold, "number")} - {None}
    assert equal <= {value}
    assert value not in near
    assert {value + 1, value - 1} <= near
    assert not right(gold, "number") & wrong(gold, "number")


@given(rationals, st.sampled_from(["number", "percent", "money", "unit", "degrees"]))
def test_the_checker_agrees_on_numbers(value: Fraction, answer_type: str) -> None:
    gold = f"{plain(value)} (apples)" if answer_type == "unit" else plain(value)
    variants = [(v, True) for v in respellings(gold, answer_type)] + [
        (v, False) for v in near_misses(gold, answer_type)
    ]
    verdicts = check_many([(f"#### {variant.text}", gold, answer_type) for variant, _ in variants])
    failures = [pair for pair, verdict in zip(variants, verdicts, strict=True) if verdict.correct != pair[1]]
    assert failures == []


@given(rationals, st.integers(0, 4))
def test_neighbours_differ(value: Fraction, places: int) -> None:
    assert value not in {other for other, _ in neighbours(value, places)}


@given(st.integers(-999_999, 999_999))
def test_number_words_are_read_back(number: int) -> None:
    assert number_in_words(in_words(number)) == number


@given(st.integers(1, 99))
def test_ordinals_are_read_back(number: int) -> None:
    assert [ordinal_in_words(word) for word in ordinal_words(number)] == [number]
    assert ordinal_in_words(f"{number}{ordinal_suffix(number)}") == number


def test_number_words() -> None:
    assert [in_words(n) for n in (0, 13, 42, 105, 7000, 999_999)] == [
        "zero", "thirteen", "forty-two", "one hundred five", "seven thousand",
        "nine hundred ninety-nine thousand nine hundred ninety-nine",
    ]  # fmt: skip
    assert [f"{n}{ordinal_suffix(n)}" for n in (1, 2, 3, 4, 11, 12, 13, 21, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "111th",
    ]  # fmt: skip


def test_scientific_notation() -> None:
    # 0.05 = 5·10⁻², and 5e-2 without the second digit could be 5·e − 2
    assert {r"5 \times 10^{-2}", "5e-02"} <= right("0.05", "number")
    assert {r"-1.25 \times 10^{3}", "-1.25e3"} <= right("-1250", "number")
    assert not any("times 10" in text for text in right("7.5", "number"))


def test_decimals() -> None:
    assert places_of(Fraction(1, 8)) == 3  # 0.125
    assert places_of(Fraction(1, 3)) is None
    assert decimal(Fraction(-2, 3), 2) == "-0.66"  # cut off, not rounded
    assert decimal(Fraction(-1, 1000), 2) == "0.00"
    assert repeating(Fraction(1, 6)) == r"0.1\overline{6}"
    assert repeating(Fraction(-1, 7)) == r"-0.\overline{142857}"
    assert repeating(Fraction(1, 4)) is None
    with pytest.raises(ValueError, match="1/3 has no end"):
        decimal(Fraction(1, 3))


def test_a_sum_is_reordered_only_where_its_signs_are_certain() -> None:
    assert reordered("-x^2 + 3") == "3 - x^2"
    assert reordered(r"(a+b) - \frac{1+c}{2}") == r"-\frac{1+c}{2} + (a+b)"
    for text in ("3x", "2^-1 + 3", r"3 \cdot -2 + 1", r"1 \pm 2", "|x - 1| + 2", "x = 1 + 2"):
        assert reordered(text) is None


def test_differences_of_formulas() -> None:
    assert not differ(r"\frac{1}{2}", "0.5")
    assert not differ(r"\sqrt{8}", r"2\sqrt{2}")
    assert differ(r"\pi", "3.14159")
    assert differ("a", "b")
    assert not differ("a + b", "b + a")  # not known to differ
    assert approximate(r"\frac{\pi}{6}") == pytest.approx(math.pi / 6, abs=1e-15)
    assert approximate("x + 1") is None


@pytest.mark.parametrize(
    "module", ["", ".numbers", ".measures", ".numerals", ".formulas", ".shapes", ".sets", ".phrases"]
)
def test_the_examples_in_the_docstrings(module: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(f"pspo_bench.answers.variants{module}"))
    assert (failed, attempted > 0) == (0, True)
