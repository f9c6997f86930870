"""Spellings of one rational number, and numbers that are nearly it.

>>> [spelling.text for spelling in spellings(Fraction(5, 2))][:4]
['2.5', '2.50', '5/2', '(5)/(2)']
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pspo_bench.answers.variants.variant import Variant

MAX_PLACES = 12
"""Decimals and periods longer than this are not written out."""
WORDS_BELOW = 1_000_000

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int) -> str:
    """American number words of a whole number with |number| < 1,000,000: `one hundred five`, `forty-two`."""
    if number < 0:
        return f"minus {in_words(-number)}"
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    head, rest = divmod(number, size)
    return f"{in_words(head)} {name}" + (f" {in_words(rest)}" if rest else "")


def places_of(value: Fraction) -> int | None:
    """How many decimals `value` has; None where they never end or are more than MAX_PLACES."""
    return next((places for places in range(MAX_PLACES + 1) if 10**places % value.denominator == 0), None)


def decimal(value: Fraction, places: int | None = None) -> str:
    """`value` to `places` decimals (default: as many as it has), cut off, not rounded."""
    places = places_of(value) if places is None else places
    if places is None:
        raise ValueError(f"{value} has no end of decimals; give places")
    whole, rest = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
    sign = "-" if value < 0 and (whole or rest) else ""
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"


def plain(value: Fraction) -> str:
    """The shortest spelling: `7`, `-2.5`, `5/7`."""
    return decimal(value) if places_of(value) is not None else f"{value.numerator}/{value.denominator}"


def latex_fraction(value: Fraction, command: str = "frac", times: int = 1) -> str:
    """`-\\frac{3}{4}`, extended by `times`."""
    sign, top, bottom = "-" if value < 0 else "", abs(value.numerator), value.denominator
    return rf"{sign}\{command}{{{times * top}}}{{{times * bottom}}}"


def repeating(value: Fraction) -> str | None:
    """`0.1\\overline{6}` for 1/6; None where the decimals end, or the period is longer than MAX_PLACES."""
    for head in range(4):
        for cycle in range(1, MAX_PLACES + 1):
            if (10**cycle - 1) * 10**head % value.denominator == 0 and 10**head % value.denominator:
                digits = decimal(abs(value), head + cycle)
                sign = "-" if value < 0 else ""
                return f"{sign}{digits[:-cycle]}\\overline{{{digits[-cycle:]}}}"
    return None


def spellings(value: Fraction) -> Iterator[Variant]:
    """Every exact spelling of `value` that the marking scheme names, without a unit; the plain one first."""
    yield Variant(plain(value), "plain digits")
    if places_of(value) is not None:
        yield from _decimals(value)
    yield from _integers(value) if value.denominator == 1 else _fractions(value)
    if value < 0:
        yield Variant("−" + plain(value)[1:], "Unicode minus")
        yield Variant("minus " + plain(value)[1:], "minus in words")
    yield from _scientific(value)
    yield Variant(rf"\text{{{plain(value)}}}", "LaTeX text")


def _decimals(value: Fraction) -> Iterator[Variant]:
    places = places_of(value) or 0
    yield Variant(decimal(value, max(places + 1, 1)), "trailing zero")
    if not places:
        yield Variant(decimal(value, 2), "two decimals")
    elif abs(value) < 1:
        yield Variant(decimal(value).replace("0.", ".", 1), "no leading zero")
    if abs(value) >= 1000:
        whole, point, rest = decimal(value).partition(".")
        grouped = f"{int(whole):,}" + point + rest
        yield Variant(grouped, "thousands comma")
        yield Variant(grouped.replace(",", "{,}"), "thousands comma in braces")
        yield Variant(grouped.replace(",", r",\!"), "thousands comma in LaTeX")
        yield Variant(grouped.replace(",", " "), "thousands space")


def _integers(value: Fraction) -> Iterator[Variant]:
    number = int(value)
    yield Variant(f"{number}/1", "over one")
    yield Variant(rf"\frac{{{number}}}{{1}}", "LaTeX fraction over one")
    yield Variant(f"{2 * number}/2", "fraction not reduced")
    if abs(number) < WORDS_BELOW:
        words = in_words(number)
        yield Variant(words, "number words")
        yield Variant(words.capitalize(), "number words, capital")
        if "hundred " in words:
            yield Variant(words.replace("hundred ", "hundred and ", 1), "number words with and")


def _fractions(value: Fraction) -> Iterator[Variant]:
    sign, top, bottom = "-" if value < 0 else "", abs(value.numerator), value.denominator
    yield Variant(f"{sign}{top}/{bottom}", "fraction in line")
    yield Variant(f"{sign}({top})/({bottom})", "fraction in brackets")
    for command in ("frac", "dfrac", "tfrac"):
        yield Variant(latex_fraction(value, command), f"LaTeX {command}")
    if top < 10 and bottom < 10:
        yield Variant(rf"{sign}\frac{top}{bottom}", "LaTeX fraction without braces")
    if sign:
        yield Variant(rf"\frac{{-{top}}}{{{bottom}}}", "minus in the numerator")
    yield Variant(latex_fraction(value, times=3), "fraction not reduced")
    if top > bottom and top // bottom < 1000:
        whole, rest = divmod(top, bottom)
        if rest < 100:  # "1 169/500" could be 1169/500
            yield Variant(f"{sign}{whole} {rest}/{bottom}", "mixed number")
        yield Variant(rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", "mixed number in LaTeX")
    cycle = repeating(value)
    if cycle:
        yield Variant(cycle, "repeating decimal")


def _scientific(value: Fraction) -> Iterator[Variant]:
    if not value or places_of(value) is None or Fraction(1, 10) <= abs(value) < 10:
        return
    exponent = 0
    while abs(value) / Fraction(10) ** exponent >= 10:
        exponent += 1
    while abs(value) / Fraction(10) ** exponent < 1:
        exponent -= 1
    mantissa = value / Fraction(10) ** exponent
    if places_of(mantissa) is not None:
        yield Variant(rf"{decimal(mantissa)} \times 10^{{{exponent}}}", "scientific notation")
        # two digits, as C and Python print it: 5e-2 could be 5·e − 2
        power = str(exponent) if exponent > 0 else f"{exponent:03d}"
        yield Variant(f"{decimal(mantissa)}e{power}", "scientific notation, e")


def neighbours(value: Fraction, places: int) -> Iterator[tuple[Fraction, str]]:
    """Numbers near `value`, all different from it, with the slip that leads to each.

    `places` is how many decimals the gold was written with.
    """
    for other, rule in _slips(value, places):
        if other != value:
            yield other, rule


def _slips(value: Fraction, places: int) -> Iterator[tuple[Fraction, str]]:
    for step in (1, -1):
        yield value + step, "off by one"
        yield value + Fraction(step, 10 ** max(places, 1)), "off by the last decimal"
    yield value - Fraction(1, 1000), "off by a thousandth"
    yield -value, "negated"
    yield value * 10, "times 10"
    yield value / 10, "a tenth"
    yield value * 100, "times 100"
    yield value / 1000, "a thousandth"
    yield from _digit_slips(value)
    if value.denominator > 1:
        yield from _fraction_slips(value)


def _digit_slips(value: Fraction) -> Iterator[tuple[Fraction, str]]:
    count = places_of(value)
    if count is None:
        return
    digits, sign = decimal(abs(value)), 1 if value >= 0 else -1
    for at in range(len(digits) - 1):
        left, right = digits[at], digits[at + 1]
        if left != right and "." not in (left, right):
            yield sign * Fraction(digits[:at] + right + left + digits[at + 2 :]), "digits swapped"
    if len(digits.replace(".", "")) > 1:
        yield sign * Fraction(digits[1:].lstrip(".")), "first digit dropped"
        yield sign * Fraction(digits[:-1].rstrip(".")), "last digit dropped"


def _fraction_slips(value: Fraction) -> Iterator[tuple[Fraction, str]]:
    top, bottom = value.numerator, value.denominator
    yield 1 / value, "fraction inverted"
    yield Fraction(top + 1, bottom), "numerator off by one"
    yield Fraction(top, bottom + 1), "denominator off by one"
    yield Fraction(top, bottom - 1), "denominator off by one"
    if places_of(value) is None:
        yield Fraction(decimal(value, 2)), "cut to two decimals"
        yield Fraction(decimal(value, 4)), "cut to four decimals"
