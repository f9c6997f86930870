"""What the trainings behind a row warn of: a mark on the row and a note under the table.

    § clipping-not-tested: unclipped (3 of 3 seeds); pspo (alpha=0.9) (1 of 3 seeds). For example unclipped, seed 0:
    Clipping touched 0 % of the tokens, by construction: ...

The warnings are those that a checkpoint's manifest carries (`training.checks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pspo_bench.results import Arm

MARK = "§"


@dataclass(frozen=True, slots=True)
class Caution:
    """One warning of a row: the seeds whose training gave it, and what it said for the first of them."""

    name: str
    seeds: tuple[int | None, ...]
    message: str


def cautions_of(arm: Arm) -> tuple[Caution, ...]:
    """The warnings of an arm's trainings, in the order in which they first appear."""
    seeds: dict[str, list[int | None]] = {}
    messages: dict[str, str] = {}
    for member in arm.members:
        for name, message in member.runs[0].warnings.items():
            seeds.setdefault(name, []).append(member.seed)
            messages.setdefault(name, message)
    return tuple(Caution(name, tuple(seeds[name]), message) for name, message in messages.items())


def caution_notes(rows: Sequence[tuple[str, int, Sequence[Caution]]]) -> list[str]:
    """A note for each warning, naming its rows; `rows` are (objective, number of seeds, cautions)."""
    notes = []
    for name in dict.fromkeys(caution.name for _, _, cautions in rows for caution in cautions):
        warned = [
            (label, n, caution) for label, n, found in rows for caution in found if caution.name == name
        ]
        names = "; ".join(f"{label} ({len(caution.seeds)} of {n} seeds)" for label, n, caution in warned)
        label, _, first = warned[0]
        seed = "" if first.seeds[0] is None else f", seed {first.seeds[0]}"
        notes.append(f"{MARK} {name}: {names}. For example {label}{seed}: {first.message.rstrip('.')}.")
    return notes
