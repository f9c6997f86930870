"""Paths → what a report is made of: results, arms, learning curves, and the samples of the runs that have texts.

    material = gather([Path("runs/controls")])
    material.arms[0]        # Labelled("clip (epsilon=0.2)", Arm(...))
    material.samples        # a row a sample, with `arm` and `seed`; None where there are result files alone

A study folder holds each run twice, as a run folder and as a result file; the folder counts, for it has the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.errors import ConfigError, unknown
from pspo_bench.results import Arm, Result, arms_of, labels_of, load_entries
from pspo_bench.store import Run, is_run, natural_key

if TYPE_CHECKING:
    import pandas as pd

MAX_SAMPLES = 400_000
KEPT = (
    "task", "example_id", "example_hash", "question", "gold", "category", "difficulty", "completion", "sample_index",
    "temperature", "finish_reason", "completion_tokens", "max_tokens", "extracted", "status", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """An arm and what the report calls it."""

    label: str
    arm: Arm


@dataclass(frozen=True, slots=True)
class Material:
    """`arms` are those at the temperature shown, the one that the others are held against first.

    `samples` are sorted by question, then arm; `left_out` of them were too many.
    """

    entries: tuple[Result, ...]
    arms: tuple[Labelled, ...]
    curves: pd.DataFrame | None
    samples: pd.DataFrame | None
    left_out: int = 0

    @property
    def base(self) -> Labelled:
        return self.arms[0]


def gather(
    paths: Sequence[Path],
    *,
    against: str | None = None,
    temperature: float | None = None,
    max_samples: int = MAX_SAMPLES,
) -> Material:
    """Everything below `paths` (study folders, run folders, result files, folders of them).

    `against`: the label of the arm that the others are held against, or how that begins; by default clip, the usual
    choice, else the model before training, else the first. `max_samples`: whole questions are left out beyond it.
    Raises StoreError for a path without a run, ConfigError if no run has the temperature or no arm that name.
    """
    entries = once(load_entries(paths))
    arms = arms_of(entries, temperature)
    if not arms:
        shown = "its headline temperature" if temperature is None else f"T={temperature:g}"
        raise ConfigError(
            f"None of the {len(entries)} runs has samples at {shown}; pass another --temperature"
        )
    labelled = [Labelled(label, arm) for label, arm in zip(labels_of(arms), arms, strict=True)]
    labelled = base_first(labelled, against)
    samples, left_out = load_samples(entries, labelled, max_samples)
    return Material(tuple(entries), tuple(labelled), load_curves(paths), samples, left_out)


def once(entries: Sequence[Result]) -> list[Result]:
    """The entries without the result files of runs that are there as folders, by weights and time of the run."""
    folders = {(entry.info.fingerprint, entry.info.created) for entry in entries if is_run(entry.source)}
    return [
        entry
        for entry in entries
        if is_run(entry.source) or (entry.info.fingerprint, entry.info.created) not in folders
    ]


def base_first(arms: Sequence[Labelled], against: str | None) -> list[Labelled]:
    """The arms with the one that the others are held against at the head; the others in their order."""
    labels = [one.label for one in arms]
    if against is None:
        usual = ("clip (epsilon=0.2)", "clip", "base", labels[0])
        against = next(
            label for name in usual for label in labels if label == name or label.startswith(f"{name} ")
        )
    found = [one for one in arms if one.label == against] or [
        one for one in arms if one.label.startswith(against)
    ]
    if len(found) != 1:
        raise ConfigError(unknown("arm", against, labels, "--against"))
    return [*found, *(one for one in arms if one is not found[0])]


def load_samples(
    entries: Sequence[Result], arms: Sequence[Labelled], max_samples: int
) -> tuple[pd.DataFrame | None, int]:
    """(the samples of the run folders with codes of arm and seed, how many were left out); None without a run folder.

    A run belongs to the arm that counts its weights, at whatever temperature its samples are.
    """
    import pandas as pd

    home = {
        (run.info.fingerprint, run.source): (place, -1 if member.seed is None else member.seed)
        for place, one in enumerate(arms)
        for member in one.arm.members
        for run in member.runs
    }
    frames = []
    for entry in entries:
        found = home.get((entry.info.fingerprint, entry.source))
        if found is not None and is_run(entry.source):
            frame = Run.open(entry.source).frame()[list(KEPT)]
            frames.append(frame.assign(arm=found[0], seed=found[1]))
    if not frames:
        return None, 0
    return _sorted(pd.concat(frames, ignore_index=True), max_samples)


def _sorted(samples: pd.DataFrame, max_samples: int) -> tuple[pd.DataFrame, int]:
    """By task, question and arm; whole questions are left out where there are too many samples."""
    ranks = {
        name: place for place, name in enumerate(sorted(samples["example_id"].unique(), key=natural_key))
    }
    keyed = samples.assign(place=samples["example_id"].map(ranks))
    order = ["task", "place", "example_hash", "temperature", "arm", "seed", "sample_index"]
    keyed = keyed.sort_values(order, kind="stable", ignore_index=True)
    if len(keyed) > max_samples:
        kept = keyed[_fitting(keyed, max_samples)]
        return kept.drop(columns="place").reset_index(drop=True), len(keyed) - len(kept)
    return keyed.drop(columns="place"), 0


def _fitting(keyed: pd.DataFrame, max_samples: int) -> pd.Series[bool]:
    """Which rows are of the questions that fit: the same share of every task, from its first question on."""
    question = keyed.groupby(["task", "place", "example_hash"], sort=False).ngroup()
    by_task = question.groupby(keyed["task"])
    share = (question - by_task.transform("min")) / (1 + by_task.transform("max") - by_task.transform("min"))
    sizes = (
        keyed.assign(question=question, share=share)
        .groupby("question")
        .agg(n=("share", "size"), share=("share", "first"))
    )
    sizes = sizes.sort_values("share", kind="stable")
    return question.isin(sizes.index[sizes["n"].cumsum() <= max_samples])


def load_curves(paths: Sequence[Path]) -> pd.DataFrame | None:
    """The learning curves of the studies at `paths`: `curves.csv`, beside the runs or above them."""
    import pandas as pd

    places = dict.fromkeys(
        place for path in paths for place in (path / "curves.csv", path.parent / "curves.csv")
    )
    frames = [pd.read_csv(place) for place in places if place.is_file()]
    return pd.concat(frames, ignore_index=True) if frames else None
