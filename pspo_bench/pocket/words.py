"""Names, things and small helpers that the problem generators draw from.

Purpose: variety. With 48 names and 40 things no question of a test split can be remembered.
Source: written for this project.

    >>> people(random.Random(0), 2)[0].they in {"he", "she"}
    True
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SHE = (
    "Mia Ana Lily Emma Zoe Nora Ella Rosa Ivy Kim Lena Amy Sara Tina Jane Maya Ruth Eva Lucy Beth Nina "
    "Olga Gina Fay"
).split()
HE = (
    "Tom Ben Sam Leo Max Ali Dan Jack Omar Paul Luis Raj Ken Hugo Ivan Carl Eric Finn Noah Adam Theo Mark "
    "Joe Pete"
).split()
THINGS = (
    "apples pears plums lemons melons peaches cookies muffins pies cakes eggs beans nuts carrots potatoes "
    "onions pens pencils books notebooks stickers stamps cards coins marbles beads buttons shells stones "
    "leaves flowers balloons kites dolls toys blocks balls ribbons candles tickets"
).split()
BAGS = "boxes bags baskets jars trays packs bowls crates drawers shelves".split()


@dataclass(frozen=True)
class Person:
    """Someone in a story and the pronoun that stands for them."""

    name: str
    they: str


def people(rng: random.Random, count: int) -> list[Person]:
    """`count` different people."""
    everyone = [Person(name, "she") for name in SHE] + [Person(name, "he") for name in HE]
    return rng.sample(everyone, count)


def capital(text: str) -> str:
    """First letter upper case, the rest untouched."""
    return text[:1].upper() + text[1:]
