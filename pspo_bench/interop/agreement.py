"""What an import took in, and how the harness's own scores compare with our verdicts on the same completions.

lm-eval 0.4.13's exact_match[flexible-extract]: 62.5 %; ours: 62.5 %; they disagree on 0 of 8 samples
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pspo_bench.errors import printable
from pspo_bench.interop.collecting import Kept
from pspo_bench.records import Sample, Status
from pspo_bench.store import Run

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sample that one calls right and the other does not."""

    example_id: str
    sample_index: int
    theirs: float
    status: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """One score of the harness and ours, over the same `n` samples, or questions where it scores whole questions.

    `theirs` and `ours` are means. `disagreements` is None where the score is not a yes or no for each sample;
    `shown` are the first of them.
    """

    name: str
    unit: str
    n: int
    theirs: float
    ours: float
    disagreements: int | None = None
    shown: tuple[Disagreement, ...] = ()

    def __str__(self) -> str:
        tail = (
            ""
            if self.disagreements is None
            else f"; they disagree on {self.disagreements} of {self.n} {self.unit}s"
        )
        over = "" if self.disagreements is not None else f" (over {self.n} {self.unit}s)"
        return f"{printable(self.name)}: {100 * self.theirs:.1f} %; ours: {100 * self.ours:.1f} %{over}{tail}"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was taken in. `rows` completions were read, `samples` came of them, `new` of these the run had not.

    `unknown_ends` samples have no finish reason in the log and count as ended by themselves. `complete` says
    whether the run now has every sample that its task expects.
    """

    run: Run
    source: str
    model: str
    rows: int
    samples: int
    new: int
    examples: int
    examples_with_samples: int
    complete: bool
    unknown_ends: int
    agreements: tuple[Agreement, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.rows} completions of {self.model} ({self.source}): {self.samples} samples, {self.new} new, on "
            f"{self.examples_with_samples} of {self.examples} examples; the run is "
            f"{'complete' if self.complete else 'not complete'}"
        ]
        if self.unknown_ends:
            lines.append(
                f"{self.unknown_ends} samples do not say why they ended; they count as ended by themselves"
            )
        lines += [f"{self.source}'s {agreement}" for agreement in self.agreements]
        return "\n".join(map(printable, lines))  # names come from the log


def agreements(kept: Sequence[Kept], samples: Sequence[Sample]) -> tuple[Agreement, ...]:
    """Every score of the harness against our verdicts; `samples[i]` is what became of `kept[i]`."""
    alone: dict[str, list[tuple[float, Sample]]] = defaultdict(list)
    whole: dict[str, list[tuple[float, Sample]]] = defaultdict(list)
    for one, sample in zip(kept, samples, strict=True):
        for score in one.scores:
            (whole if score.of_question else alone)[score.name].append((score.value, sample))
    return (
        *(_by_sample(name, pairs) for name, pairs in sorted(alone.items())),
        *_by_question(whole, samples),
    )


def _by_sample(name: str, pairs: Sequence[tuple[float, Sample]]) -> Agreement:
    differ = [(value, sample) for value, sample in pairs if bool(value) is not _right(sample)]
    yes_or_no = all(value in (0.0, 1.0) for value, _ in pairs)
    return Agreement(
        name=name,
        unit="sample",
        n=len(pairs),
        theirs=sum(value for value, _ in pairs) / len(pairs),
        ours=sum(_right(sample) for _, sample in pairs) / len(pairs),
        disagreements=len(differ) if yes_or_no else None,
        shown=tuple(
            Disagreement(sample.example_id, sample.sample_index, value, sample.status)
            for value, sample in (differ[:SHOWN] if yes_or_no else [])
        ),
    )


def _by_question(whole: dict[str, list[tuple[float, Sample]]], samples: Sequence[Sample]) -> list[Agreement]:
    """Scores of whole questions beside our mean over each question's samples."""
    right: dict[tuple[str, float], list[bool]] = defaultdict(list)
    for sample in samples:
        right[sample.example_id, sample.temperature].append(_right(sample))
    found = []
    for name, pairs in sorted(whole.items()):
        ours = [right[sample.example_id, sample.temperature] for _, sample in pairs]
        found.append(
            Agreement(
                name=name,
                unit="question",
                n=len(pairs),
                theirs=sum(value for value, _ in pairs) / len(pairs),
                ours=sum(sum(one) / len(one) for one in ours) / len(pairs),
            )
        )
    return found


def _right(sample: Sample) -> bool:
    return sample.status == Status.CORRECT.value
