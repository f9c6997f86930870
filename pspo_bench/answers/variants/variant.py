"""What the makers of variants share: the variant, the gold it is made from, and the wrappers of any answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class Variant(NamedTuple):
    """An answer made from a gold, and the rule that made it: `Variant("1,234", "thousands comma")`."""

    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A gold with its type, its parsed value (whatever that type's parser returns) and its question."""

    gold: str
    kind: str
    value: Any
    question: str | None

    @property
    def asked(self) -> str:
        """The question in lower case, "" where there is none."""
        return (self.question or "").lower()


def wrapped(text: str) -> Iterator[Variant]:
    """`text` in what models put around an answer. It must not hold a `$`, which would end the maths."""
    yield Variant(f"${text}$", "inline maths")
    yield Variant(rf"\({text}\)", "inline maths in brackets")
    yield Variant(f"**{text}**", "bold")
    yield Variant(f"{text}.", "full stop")
