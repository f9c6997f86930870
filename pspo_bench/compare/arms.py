"""Arms → comparisons.

comparison = compare_arms(base, candidate)              # arms, or the results of each
for comparison in compare(["results/measured/pocket-demo"]): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pspo_bench.compare.alike import mismatches, notes
from pspo_bench.compare.cells import defect_differences, length_difference
from pspo_bench.compare.differences import macro_difference, score_difference
from pspo_bench.compare.families import adjusted
from pspo_bench.compare.pairing import PairedTask, paired_tasks
from pspo_bench.compare.records import SLICES, Comparison, OverSeeds, Slice, TaskComparison
from pspo_bench.errors import ConfigError, unknown
from pspo_bench.results import Arm, Result, arms_of, labels_of, load_entries
from pspo_bench.stats import LEVEL, interquartile_mean, probability_of_improvement

BOOTSTRAP_SEED = 0
_LABELS = {"category": "categories", "difficulty": "difficulties"}


@dataclass(frozen=True, slots=True)
class Contest:
    """The arms that are compared, by their labels: every one of `candidates` with `base`."""

    base: tuple[str, Arm]
    candidates: tuple[tuple[str, Arm], ...]


def compare(
    paths: Sequence[str | Path],
    *,
    base: str | None = None,
    temperature: float | None = None,
    level: float = LEVEL,
) -> list[Comparison]:
    """Every other arm found at `paths` against the first, or the one called `base`: see `contest` and
    `comparisons`."""
    return comparisons(contest(paths, base=base, temperature=temperature), level=level)


def contest(
    paths: Sequence[str | Path],
    *,
    base: str | None = None,
    temperature: float | None = None,
    measure: bool = False,
) -> Contest:
    """The arms in run folders, result files and folders of them, with `base` (its label, or how that begins)
    set apart.

    Runs that differ in their seed alone are one arm. Where all of them would be, each path is an arm of its
    own: two seeds, or two runs of the same weights, may be compared too. Raises ConfigError where there are
    not two arms, or no such base.
    """
    entries = [load_entries([path], measure=measure) for path in paths]
    arms = arms_of([entry for found in entries for entry in found], temperature)
    if len(arms) < 2:
        arms = [arm for found in entries for arm in arms_of(found, temperature)]
    if len(arms) < 2:
        at = "" if temperature is None else f" with samples at T={temperature:g}"
        raise ConfigError(
            f"{len(arms)} arm{at} in {', '.join(map(str, paths))}: a comparison needs two; pass another run"
        )
    return contest_of(arms, base=base)


def contest_of(arms: Sequence[Arm], *, base: str | None = None) -> Contest:
    """`arms` with the base set apart: see `contest`."""
    if len(arms) < 2:
        names = ", ".join(labels_of(arms)) or "nothing"
        raise ConfigError(f"A comparison needs two arms, and there is {names}; pass another run")
    named = list(zip(labels_of(arms), arms, strict=True))
    chosen = 0 if base is None else _chosen(base, [label for label, _ in named])
    return Contest(named[chosen], tuple(named[:chosen] + named[chosen + 1 :]))


def _chosen(name: str, labels: Sequence[str]) -> int:
    if name in labels:
        return labels.index(name)
    begin = [place for place, label in enumerate(labels) if label.startswith(name)]
    if len(begin) != 1:
        raise ConfigError(unknown("base", name, labels))
    return begin[0]


def comparisons(arms: Contest, *, level: float = LEVEL) -> list[Comparison]:
    """The comparisons, with p-values adjusted over all of them: see `adjusted`."""
    label, base = arms.base
    found = [_compared(label, base, name, candidate, level) for name, candidate in arms.candidates]
    return adjusted(found)


def compare_arms(
    base: Arm | Sequence[Result],
    candidate: Arm | Sequence[Result],
    *,
    temperature: float | None = None,
    level: float = LEVEL,
) -> Comparison:
    """One arm against another; p-values are adjusted within this comparison (`adjusted`).

    Results are those of one arm: seeds of one recipe, or runs of the same weights. `temperature`: of results,
    instead of the headline temperature of each. Raises ConfigError where a side is not one arm, or the two
    share no question.
    """
    before, after = _one_arm(base, "base", temperature), _one_arm(candidate, "candidate", temperature)
    first, second = labels_of([before, after])
    return adjusted([_compared(first, before, second, after, level)])[0]


def _one_arm(side: Arm | Sequence[Result], role: str, temperature: float | None) -> Arm:
    if isinstance(side, Arm):
        return side
    arms = arms_of(side, temperature)
    if len(arms) != 1:
        names = ", ".join(labels_of(arms)) or "nothing at this temperature"
        raise ConfigError(f"The {role} must be one arm, and {len(side)} results are {len(arms)}: {names}")
    return arms[0]


def _compared(label: str, base: Arm, name: str, candidate: Arm, level: float) -> Comparison:
    pairs = paired_tasks(base, candidate)
    if not pairs:
        asked = [sorted({task for m in arm.members for task in m.scores}) for arm in (base, candidate)]
        shown = " and ".join(", ".join(tasks) or "nothing" for tasks in asked)
        raise ConfigError(
            f"{label} and {name} share no question (they were asked {shown}): nothing to compare"
        )
    tasks = [pair.task for pair in pairs]
    whole = _same_seeds(pairs)
    left_out = [
        f"{p.task}: questions that not all runs were asked, left out: {p.left_out}"
        for p in pairs
        if p.left_out
    ]
    return Comparison(
        base=label,
        candidate=name,
        tasks=tuple(_task(pair, level) for pair in pairs),
        macro=macro_difference([pair.accuracy() for pair in whole], level) if whole else None,
        macro_truncation=macro_difference([pair.truncation() for pair in whole], level) if whole else None,
        macro_length=length_difference(pairs, level),
        macro_defects=defect_differences(pairs, level),
        mismatches=mismatches(base, candidate, tasks),
        notes=(*notes(base, candidate, tasks), *left_out),
        level=level,
        over_seeds=_over_seeds(whole, base, candidate, level),
    )


def _over_seeds(pairs: Sequence[PairedTask], base: Arm, candidate: Arm, level: float) -> OverSeeds | None:
    """On the seeds that are paired; a model that was not trained has none."""
    trained = all(member.seed is not None for arm in (base, candidate) for member in arm.members)
    if not trained or not pairs or len(pairs[0].seeds) < 2:
        return None
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    before, after = (
        np.stack([pair.accuracy()[side].mean(axis=1) for pair in pairs], axis=1) for side in (0, 1)
    )
    return OverSeeds(
        base_iqm=interquartile_mean(before, rng, level=level),
        candidate_iqm=interquartile_mean(after, rng, level=level),
        improvement=probability_of_improvement(after, before, rng, level=level),
    )


def _same_seeds(pairs: Sequence[PairedTask]) -> list[PairedTask]:
    """The tasks restricted to the seeds that have all of them; nothing where no seed has."""
    shared = set.intersection(*(set(pair.seeds) for pair in pairs))
    return [
        replace(
            pair,
            seeds=tuple(seed for seed in pair.seeds if seed in shared),
            sides=tuple(side for seed, side in zip(pair.seeds, pair.sides, strict=True) if seed in shared),
        )
        for pair in pairs
        if shared
    ]


def _task(pair: PairedTask, level: float) -> TaskComparison:
    won, lost = pair.flips()
    return TaskComparison(
        task=pair.task,
        temperature=pair.temperature,
        n_questions=len(pair.ids),
        n_seeds=len(pair.sides),
        accuracy=score_difference(*pair.accuracy(), level),
        won=won,
        lost=lost,
        truncation=score_difference(*pair.truncation(), level),
        length=length_difference([pair], level),
        defects=defect_differences([pair], level),
        slices=tuple(one for kind in SLICES for one in _slices(pair, kind, level)),
    )


def _slices(pair: PairedTask, kind: str, level: float) -> Iterator[Slice]:
    """The questions by category or difficulty, in order of their names; nothing where all have the same or
    none."""
    places: dict[str, list[int]] = {}
    for place, value in enumerate(pair.labels(_LABELS[kind])):
        if value is not None:
            places.setdefault(value, []).append(place)
    base, candidate = pair.accuracy()
    for value, columns in sorted(places.items()) if len(places) > 1 else ():
        found = score_difference(base[:, columns], candidate[:, columns], level)
        yield Slice(kind, value, len(columns), found)
