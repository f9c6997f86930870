"""What a page is made of: sections with figures, tables, findings and notes. Texts are plain; templates escape them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LONG = 24
Kind = Literal["better", "worse", "open"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the summary, with its badge. `kind` colours it: better, worse, or open, which is not settled."""

    kind: Kind
    badge: str
    text: str


@dataclass(frozen=True, slots=True)
class Graphic:
    """An `<svg>` element of our own making, and what a screen reader calls it."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The first `left` columns are names, aligned to the left; rows whose index is in `strong` stand out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    caption: str = ""
    strong: frozenset[int] = frozenset()

    @property
    def long(self) -> bool:
        """Whether it is folded up at first."""
        return len(self.rows) > LONG


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The provenance of one run: `facts` are (name, value), `manifest` JSON text."""

    name: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Grid, ...] = ()
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs under one heading; under none where `name` is empty."""

    name: str
    runs: tuple[RunFacts, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `missing` says what would fill it where there is nothing to show; `browser` holds the samples.

    `html` is markup of our own that stands after the figures, in which foreign texts are escaped already.
    """

    id: str
    title: str
    lead: str = ""
    missing: str = ""
    findings: tuple[Finding, ...] = ()
    graphics: tuple[Graphic, ...] = ()
    tables: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()
    runs: tuple[RunGroup, ...] = ()
    browser: bool = False
    html: str = ""
