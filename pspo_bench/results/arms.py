"""Entries → arms: which runs are seeds of one recipe, and which belong to one set of weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pspo_bench.results.result import STEP_FOLDER, Result, TaskCounts
from pspo_bench.store import TaskInfo


@dataclass(frozen=True, slots=True)
class Member:
    """One set of weights, with its scores at the temperature shown, from one or several runs."""

    runs: tuple[Result, ...]
    scores: dict[str, TaskCounts]
    tasks: dict[str, TaskInfo]
    complete: bool

    @property
    def seed(self) -> int | None:
        return self.runs[0].seed


@dataclass(frozen=True, slots=True)
class Arm:
    """The trained seeds of one recipe."""

    base_model: str
    objective: str
    recipe: str | None
    temperature: float
    step: int | None
    members: tuple[Member, ...]


def arms_of(entries: Iterable[Result], temperature: float | None) -> list[Arm]:
    """Entries by (base model, objective, recipe, temperature, step), in order of first appearance."""
    grouped: dict[tuple[str, str, str | None, float, int | None], dict[str, list[Result]]] = {}
    for entry in entries:
        shown = entry.info.settings.headline if temperature is None else temperature
        if any(score.temperature == shown for score in entry.scores):
            key = (_base_name(entry), entry.objective, entry.recipe, shown, entry.step)
            grouped.setdefault(key, {}).setdefault(entry.info.fingerprint, []).append(entry)
    arms = []
    for key, by_weights in grouped.items():
        members = [_member(results, key[3]) for results in by_weights.values()]
        arms += [Arm(*key, group) for group in _one_per_seed(members)]
    return arms


def labels_of(arms: Sequence[Arm]) -> list[str]:
    """A name for each arm: its objective, with the recipe, step, temperature or source where that alone does
    not tell two apart, and led by the base model where there are several.
    """
    several = len({arm.base_model for arm in arms}) > 1
    labels = [f"{arm.base_model} {arm.objective}" if several else arm.objective for arm in arms]
    for extra in (
        [f"[{arm.recipe}]" if arm.recipe else "" for arm in arms],
        ["" if arm.step is None else f"step {arm.step}" for arm in arms],
        [f"T={arm.temperature:g}" for arm in arms],
        [f"<{arm.members[0].runs[0].source}>" for arm in arms],
    ):
        twice = {label for label in labels if labels.count(label) > 1}
        alike = {
            label: {e for e, other in zip(extra, labels, strict=True) if other == label} for label in twice
        }
        labels = [
            f"{label} {more}".rstrip() if label in twice and len(alike[label]) > 1 else label
            for label, more in zip(labels, extra, strict=True)
        ]
    return labels


def _base_name(entry: Result) -> str:
    """`Qwen/Qwen2.5-0.5B` and a local copy of it go by `Qwen2.5-0.5B`, `run/checkpoint-120` by `run`."""
    path = Path(entry.info.base_model.rstrip("/"))
    if STEP_FOLDER.fullmatch(path.name) and path.parent.name:
        path = path.parent
    return path.name or entry.info.base_model


def _member(results: Sequence[Result], temperature: float) -> Member:
    """Runs of the same weights together; where two scored one task, the one with more samples counts."""
    scores: dict[str, TaskCounts] = {}
    tasks: dict[str, TaskInfo] = {}
    for result in results:
        for score in result.scores:
            known = scores.get(score.task)
            more = known is None or sum(score.samples) > sum(known.samples)
            if score.temperature == temperature and more:
                scores[score.task], tasks[score.task] = score, result.info.tasks[score.task]
    have = {task: (sum(score.samples), sum(n > 0 for n in score.samples)) for task, score in scores.items()}
    label = f"{temperature:g}"
    complete = all(
        info.is_complete(label, *have.get(task, (0, 0)))
        for result in results
        for task, info in result.info.tasks.items()
        if label in info.expected_samples
    )
    return Member(tuple(results), scores, tasks, complete)


def _one_per_seed(members: Sequence[Member]) -> list[tuple[Member, ...]]:
    """Seeds of one recipe belong together; other weights with a seed that is taken are another training."""
    groups: list[dict[int | None, Member]] = []
    for member in members:
        home = next((group for group in groups if member.seed not in group), None)
        if home is None:
            groups.append(home := {})
        home[member.seed] = member
    return [tuple(sorted(group.values(), key=_seed_order)) for group in groups]


def _seed_order(member: Member) -> tuple[int, str]:
    seed = member.seed
    return (-1 if seed is None else seed, member.runs[0].info.fingerprint)
