"""Units: which convert into each other, by what exact factor, and what is merely counted.

Factors are the exact definitions (international yard and pound, US customary volumes:
https://www.nist.gov/pml/owm/metric-si/unit-conversion).

    >>> read_unit("square feet").dimension, read_unit("minutes of work").factor, read_unit("m/s").per.dimension
    ('length^2', Fraction(60, 1), 'time')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction as F
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written. `dimension` is None for things that are counted (apples), whose words are kept; `per` is
    what the unit is a rate of (miles per hour); `is_named` that it is declared a unit, as in 9 (goldfish)."""

    dimension: str | None
    factor: F
    words: tuple[str, ...]
    per: Unit | None = None
    is_named: bool = False

    def __str__(self) -> str:
        return " ".join(self.words) + (f" per {self.per}" if self.per else "")

    @property
    def noun(self) -> str | None:
        """What is counted: `apples` of "9 red apples left", `pieces` of "pieces of candy"; None for mere prose."""
        if self.dimension is not None:
            return None
        chunk: list[str] = []
        for word in self.words:
            if word in _STOPS:
                break
            chunk.append(word)
        last = chunk[-1] if chunk else ""
        return last if (last.endswith("s") and len(last) > 2) or last in _IRREGULAR_PLURALS else None

    @property
    def says_what(self) -> bool:
        """Whether it holds more than words such as "more" or "in all"."""
        return not set(self.words) <= _STOPS | {"all"}

    @property
    def substance(self) -> str | None:
        """`flour` of "cups of flour"."""
        return self.words[self.words.index("of") + 1] if "of" in self.words[:-1] else None


_STOPS = set(
    "of in for from at on with by each every per a an the left remaining to and than that which who was were is are "
    "will would can could altogether total more less fewer away per so because after when".split()
)
_IRREGULAR_PLURALS = {"people", "children", "men", "women", "mice", "geese", "teeth", "sheep", "fish"}
_TABLE: dict[str, tuple[str, dict[str, F]]] = {
    "length": (
        "mm millimeter|cm centimeter|dm decimeter|m meter|km kilometer|in inch inche|ft foot feet|yd yard|mi mile",
        {"mm": F(1, 1000), "cm": F(1, 100), "dm": F(1, 10), "m": F(1), "km": F(1000), "in": F(254, 10000),
         "ft": F(3048, 10000), "yd": F(9144, 10000), "mi": F(1609344, 1000)},
    ),
    "mass": (
        "mg milligram|g gram gramme|kg kilogram kilo|oz ounce|lb pound|tonne",
        {"mg": F(1, 10**6), "g": F(1, 1000), "kg": F(1), "oz": F(45359237, 16 * 10**8), "lb": F(45359237, 10**8),
         "tonne": F(1000)},
    ),
    "time": (
        "second sec|minute min|hour hr h|day|week wk|month|year yr",
        {"second": F(1), "minute": F(60), "hour": F(3600), "day": F(86400), "week": F(604800),
         "month": F(365 * 86400, 12), "year": F(365 * 86400)},
    ),
    "length^3": (
        "ml milliliter|l liter|cup|pint pt|quart qt|gallon gal",
        {"ml": F(1, 10**6), "l": F(1, 1000), "cup": F(236588236500, 10**15) , "pint": F(473176473, 10**12),
         "quart": F(946352946, 10**12), "gallon": F(3785411784, 10**12)},
    ),
    "money": (
        "dollar usd buck|cent penny penni pennie",
        {"dollar": F(1), "cent": F(1, 100)},
    ),
    "euro": ("euro eur", {"euro": F(1)}),
    "pound sterling": ("gbp sterling|pence", {"gbp": F(1), "pence": F(1, 100)}),
    "rupee": ("rupee inr", {"rupee": F(1)}),
    "angle": ("degree deg", {"degree": F(1)}),
    "radian": ("radian rad", {"radian": F(1)}),
    "celsius": ("celsius centigrade", {"celsius": F(1)}),
    "fahrenheit": ("fahrenheit", {"fahrenheit": F(1)}),
}  # fmt: skip
_CURRENCY = {"$": "dollar", "€": "euro", "£": "gbp", "₹": "rupee", "¢": "cent"}


def _flatten() -> dict[str, tuple[str, F]]:
    names: dict[str, tuple[str, F]] = {}
    for dimension, (groups, factors) in _TABLE.items():
        for group in groups.split("|"):
            spellings = group.split()
            for spelling in spellings:
                names[spelling] = (dimension, factors[spellings[0]])
    return names


_NAMES = _flatten()
_BRITISH = re.compile(r"(met|lit)re")
_POWER = re.compile(
    r"^(square|sq|cubic|cu)\.?\s+(\S+)(.*)$|^(\S+?)\s*(?:\^\s*\{?\s*|\*\*\s*)?([23])\s*\}?(?:\s+(.*))?$"
    r"|^(\S+)\s+(squared|cubed)(.*)$",
    re.IGNORECASE,
)
_RATE = re.compile(r"^(.*?)\s*(?:/|\bper\b|(?<=\S )\b(?:an?|each)\b)\s*(\S.*)$")
_RECIPROCAL = re.compile(r"\s*(?:\\cdot\s*)?\b([a-z]+)\s*\^\s*\{?\s*-([12])\s*\}?")
_SHORT_RATES = {
    "kmh": "km/hour",
    "mph": "mile/hour",
    "kmph": "km/hour",
    "kph": "km/hour",
    "fps": "foot/second",
}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "2": 2, "cubic": 3, "cu": 3, "cubed": 3, "3": 3}


def currency(sign: str) -> Unit:
    """The unit of a currency sign."""
    name = _CURRENCY[sign]
    dimension, factor = _NAMES[name]
    return Unit(dimension, factor, (name,))


def is_unit(word: str) -> bool:
    """Whether one word or abbreviation is a unit that converts."""
    return _lookup(word) is not None


@lru_cache(maxsize=8192)
def read_unit(text: str) -> Unit:
    """The unit that `text` (behind a number) names; prose and unknown nouns give a Unit without dimension."""
    text = " ".join(text.replace("(", " ").replace(")", " ").strip(" .,;").split())
    text = _RECIPROCAL.sub(lambda found: f"/{found[1]}" + ("^2" if found[2] == "2" else ""), text)
    text = text.removesuffix(" daily") + " per day" if text.endswith(" daily") else text
    text = _SHORT_RATES.get(text.split()[0].lower(), text) if text else text
    rate = _RATE.match(text)
    if rate:
        return replace(_simple(rate.group(1)), per=_simple(rate.group(2)))
    return _simple(text)


def _simple(text: str) -> Unit:
    words = tuple(re.findall(r"[a-z]+", text.lower()))
    parts = text.split()
    first = parts[0].strip(".,") if parts else ""
    scale = re.match(r"degrees?\s+(celsius|fahrenheit|[CF])\b", text)
    if scale:
        return Unit({"c": "celsius", "f": "fahrenheit"}[scale.group(1)[0].lower()], F(1), words)
    # "9 in all" is no length, nor are "5 second graders" a time, nor "6 foot ladders" a length.
    is_prose = (first == "in" and not re.fullmatch(r"in(?:\s*\^?\s*\{?[23]\}?)?", text)) or _is_compound_noun(
        parts
    )
    measured = None if is_prose else _power(text) or _lookup(first)
    return Unit(*measured, words) if measured else Unit(None, F(1), words)


def _is_compound_noun(parts: list[str]) -> bool:
    if (
        len(parts) < 2
        or len(parts[0]) < 4
        or parts[0].endswith("s")
        or parts[0].lower() in _POWERS
        or parts[0] == "feet"
    ):
        return False
    return parts[1].endswith("s") and not is_unit(parts[1])


def _lookup(word: str) -> tuple[str, F] | None:
    word = word.strip(".")
    if word == "L":
        return _NAMES["l"]
    if len(word) == 1:
        return _NAMES.get(word) if word in "mghl" else ("time", F(1)) if word == "s" else None
    lowered = _BRITISH.sub(r"\1er", word.lower())
    for name in (lowered, lowered.removesuffix("s"), lowered.removesuffix("es")):
        if name in _NAMES:
            return _NAMES[name]
    return None


def _power(text: str) -> tuple[str, F] | None:
    found = _POWER.match(text)
    if not found:
        return None
    word = found.group(2) or found.group(4) or found.group(7)
    power = _POWERS[(found.group(1) or found.group(5) or found.group(8)).lower()]
    base = _lookup(word)
    return (f"{base[0]}^{power}", base[1] ** power) if base and base[0] in ("length", "time") else None


def conversion(gold: Unit, answer: Unit, question: str | None) -> F | None:
    """The factor that turns the answer's number into the gold's unit; None where it is another unit.

    1 where the words do not disagree. `question` tells two things apart that are counted.
    """
    factor = (
        _measured(gold, answer) if gold.dimension and answer.dimension else _counted(gold, answer, question)
    )
    if (
        gold.dimension
        and gold.substance
        and answer.substance
        and not _share_stem(gold.substance, answer.substance)
    ):
        factor = None if _are_two(gold.substance, answer.substance, question) else factor
    if factor is None or gold.per is None or answer.per is None:
        is_speed = (gold.per or answer.per) and gold.dimension == "length"
        return None if is_speed else factor
    below = conversion(gold.per, answer.per, question)
    return None if below is None else factor / below


_SAME = ({"angle", "celsius"}, {"angle", "fahrenheit"})  # degrees without a scale


def _measured(gold: Unit, answer: Unit) -> F | None:
    if gold.dimension == answer.dimension:
        return answer.factor / gold.factor
    dimensions = {gold.dimension, answer.dimension}
    pounds = dimensions == {"mass", "pound sterling"} and "pound" in " ".join(gold.words + answer.words)
    return F(1) if dimensions in _SAME or pounds else None


_GENERIC = set(
    "items things objects pieces people persons students kids children units times ones members friends animals "
    "fruits points ways toys more total boys girls".split()
)


def _counted(gold: Unit, answer: Unit, question: str | None) -> F | None:
    """Two nouns are two things where the question speaks of both or, without a question, where neither is general."""
    if gold.dimension or answer.dimension:
        thing = gold if gold.dimension is None else answer
        return None if (thing.noun or thing.is_named) and thing.noun != "units" else F(1)
    for mine, theirs in ((gold.noun, answer.noun), (gold.substance, answer.substance)):
        if mine and theirs and not _share_stem(mine, theirs) and _are_two(mine, theirs, question):
            return None
    return F(1)


def _are_two(mine: str, theirs: str, question: str | None) -> bool:
    if question is None:
        return not {mine, theirs} & _GENERIC
    asked = question.lower()
    return mine.removesuffix("s") in asked and theirs.removesuffix("s") in asked


def _share_stem(left: str, right: str) -> bool:
    return left[:4] == right[:4]


_ASKED = re.compile(r"\b(?:how many|how much|what|find|determine|calculate|compute)\b")
_UNIT_OF = re.compile(
    r"(?:^how many\s+(?:more |total |extra |additional |whole )?|\bin (?:total )?)"
    r"((?:square |cubic )?(?:[a-z]+s|feet|inches)(?: per [a-z]+)?)\b"
)


@lru_cache(maxsize=4096)
def asked_unit(question: str | None) -> Unit | None:
    """The unit of measure that a question asks for: "How many minutes …?", "… in square feet?"."""
    text = (question or "").lower()
    asking = list(_ASKED.finditer(text))
    if not asking:
        return None
    clause = re.split(r"[?]|\.\s", text[asking[-1].start() :])[0]
    for phrase in _UNIT_OF.finditer(clause):
        unit = read_unit(phrase.group(1))
        if unit.dimension:
            return unit
    return None
