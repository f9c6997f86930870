"""Units: which convert into each other, and by what exact factor.

Factors are the exact definitions (international yard and pound, US customary volumes:
https://www.nist.gov/pml/owm/metric-si/unit-conversion).

    >>> read_unit("square feet").dimension, read_unit("minutes of work").factor
    ('length^2', Fraction(60, 1))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction as F
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written. `dimension` is None for things that are counted (apples), whose words are kept."""

    dimension: str | None
    factor: F
    words: tuple[str, ...]

    @property
    def is_count_noun(self) -> bool:
        """One plural word such as `apples`: it names the thing counted, and is not mere prose."""
        return self.dimension is None and len(self.words) == 1 and self.words[0].endswith("s")


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
    "pound sterling": ("gbp sterling", {"gbp": F(1)}),
    "rupee": ("rupee inr", {"rupee": F(1)}),
    "angle": ("degree deg", {"degree": F(1)}),
}  # fmt: skip
_CURRENCY = {"$": "dollar", "€": "euro", "£": "gbp", "₹": "rupee"}


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
_SQUARE = re.compile(
    r"^(square|sq|cubic|cu)\.?\s+(\S+)(.*)$|^(\S+?)\s*(?:\^\s*\{?\s*|\*\*\s*)?([23])\s*\}?(?:\s+(.*))?$|^(\S+)\s+(squared|cubed)(.*)$"
)
_RATE = re.compile(r"^(\S+)\s*(?:/|\bper\b|\ban?\b)\s*(\S+)(.*)$")
_SPEEDS = {"mph": ("mile", "hour"), "kmph": ("km", "hour"), "kph": ("km", "hour")}
_POWER = {"square": 2, "sq": 2, "squared": 2, "2": 2, "cubic": 3, "cu": 3, "cubed": 3, "3": 3}


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
    words = tuple(re.findall(r"[a-z]+", text.lower()))
    first = text.split()[0].strip(".,") if text else ""
    is_preposition = first == "in" and text != "in"  # 9 in all
    measured = _power(text) or _rate(text) or (None if is_preposition else _lookup(first))
    return Unit(*measured, words) if measured else Unit(None, F(1), words)


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
    found = _SQUARE.match(text)
    if not found:
        return None
    word = found.group(2) or found.group(4) or found.group(7)
    power = _POWER[(found.group(1) or found.group(5) or found.group(8)).lower()]
    base = _lookup(word)
    return (f"length^{power}", base[1] ** power) if base and base[0] == "length" else None


def _rate(text: str) -> tuple[str, F] | None:
    """Speeds; every other rate ("dollars per day") is told by its first unit alone."""
    first, second = _SPEEDS.get(text.split()[0].lower(), (None, None)) if text else (None, None)
    found = _RATE.match(text)
    if found and not first:
        first, second = found.group(1), found.group(2).strip(".,")
    top, bottom = _lookup(first or ""), _lookup(second or "")
    if top and bottom and top[0] == "length" and bottom[0] == "time":
        return "speed", top[1] / bottom[1]
    return None
