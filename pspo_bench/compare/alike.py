"""What two arms were not run alike in, one sentence each.

    The questions of gsm8k differ: content_sha256 91cd… and 07aa… (base and candidate).

A mismatch is a difference that may move a score by itself: data, prompts, graders, sampling. Another engine,
number format or number of samples is worth a note, but a comparison may well be about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pspo_bench.compare.pairing import paired_members
from pspo_bench.results import Arm, Member, Result
from pspo_bench.store import Run, TaskInfo, is_run

_OF_TASKS: tuple[tuple[str, Callable[[TaskInfo], object]], ...] = (
    ("split", lambda info: info.split),
    ("prompt (prompt_hash)", lambda info: info.prompt_hash),
    ("system prompt (system_prompt_hash)", lambda info: info.system_prompt_hash),
    ("max_tokens", lambda info: info.max_tokens),
)
_SETTINGS = ("top_p", "top_k", "min_p", "stop", "stop_at_answer_line", "num_fewshot")
_NOTED: tuple[tuple[str, Callable[[Result], object]], ...] = (
    ("engine", lambda result: result.info.engine),
    ("version of the engine", lambda result: result.info.engine_version),
    ("number format", lambda result: result.info.dtype),
    ("device", lambda result: result.info.device),
)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The runs behind the pairs of seeds, and the tasks that are compared."""

    pairs: list[tuple[Member, Member]]
    tasks: Sequence[str]

    def values(self, of: Callable[[Result], object]) -> tuple[list[object], list[object]]:
        """The distinct values of base and candidate over the runs with a task that is compared."""
        before, after = (
            list(dict.fromkeys(of(run) for pair in self.pairs for run in self._runs(pair[side])))
            for side in (0, 1)
        )
        return before, after

    def _runs(self, member: Member) -> list[Result]:
        return [run for run in member.runs if set(self.tasks) & run.info.tasks.keys()]

    def of_task(self, task: str, of: Callable[[TaskInfo], object]) -> tuple[list[object], list[object]]:
        before, after = (
            list(dict.fromkeys(of(pair[side].tasks[task]) for pair in self.pairs if task in pair[side].tasks))
            for side in (0, 1)
        )
        return before, after


def mismatches(base: Arm, candidate: Arm, tasks: Sequence[str]) -> tuple[str, ...]:
    """Differences in data, prompts, graders and sampling on `tasks`; none where every seed of both was run
    alike."""
    sides = _Sides(paired_members(base, candidate), tasks)
    found = [_sentence("Temperature", [base.temperature], [candidate.temperature])]
    for task in tasks:
        found.append(_data(task, sides))
        found += [_sentence(f"{task}: {name}", *sides.of_task(task, of)) for name, of in _OF_TASKS]
    for name in _SETTINGS:
        found.append(_sentence(name, *sides.values(attrgetter(f"info.settings.{name}"))))
    found.append(_graders(sides))
    return tuple(sentence for sentence in found if sentence)


def _data(task: str, sides: _Sides) -> str | None:
    before, after = sides.of_task(task, lambda info: info.content_sha256)
    if _alike(before, after) or _same_questions(task, sides.pairs):
        return None
    limits = _shown(*sides.values(lambda run: run.info.settings.limit))
    sizes = _shown(*sides.of_task(task, lambda info: info.n_questions))
    hashes = _shown([str(one)[:8] for one in before], [str(one)[:8] for one in after])
    return (
        f"{task}: the questions differ (content_sha256 {hashes}; questions {sizes}; limit {limits}); "
        "whether those with the same id are the same cannot be told"
    )


def _same_questions(task: str, pairs: Sequence[tuple[Member, Member]]) -> bool:
    """Whether questions with the same id have the same text and gold, as run folders tell: those of a run
    with a limit are a part of the others, whose hash is another. Result files do not tell, and False is said.
    """
    sources = {run.source for pair in pairs for m in pair for run in m.runs if task in run.info.tasks}
    if not all(map(is_run, sources)):
        return False
    contents = {
        (row["example_id"], row["example_hash"])
        for source in sources
        for part in Run.open(source).tables(("model_fingerprint", "task", "example_id", "example_hash"))
        for row in part.to_pylist()
        if row["task"] == task
    }
    return len(contents) == len({example for example, _ in contents})


def _graders(sides: _Sides) -> str | None:
    """Files of before checkers were kept say nothing, and are passed over."""
    before, after = sides.values(lambda run: ", ".join(run.checkers))
    before, after = [one for one in before if one], [one for one in after if one]
    return _sentence("Grader", before, after) if before and after else None


def notes(base: Arm, candidate: Arm, tasks: Sequence[str]) -> list[str]:
    """What a reader must know besides: other engines, missing samples, tasks and seeds that are not
    compared."""
    pairs = paired_members(base, candidate)
    sides = _Sides(pairs, tasks)
    found = [_sentence(name.capitalize(), *sides.values(of)) for name, of in _NOTED]
    found.append(_sentence("Samples of a question", *sides.values(lambda run: run.info.settings.samples)))
    for role, side in (("base", 0), ("candidate", 1)):
        if any(not pair[side].complete for pair in pairs):
            found.append(f"The {role} is incomplete: not all of its samples are there")
        only_here = sorted({task for pair in pairs for task in pair[side].scores} - set(tasks))
        if only_here:
            found.append(f"Only the {role} was asked {', '.join(only_here)}")
    return [*(sentence for sentence in found if sentence), *_seed_notes(base, candidate, pairs)]


def _seed_notes(base: Arm, candidate: Arm, pairs: Sequence[tuple[Member, Member]]) -> list[str]:
    found = []
    trained = [arm for arm in (base, candidate) if any(member.seed is not None for member in arm.members)]
    if trained and len(pairs) == 1:
        found.append(
            "One pair of trained seeds: the intervals cover the questions, not the variance of training"
        )
    if len(trained) == 2 and any(before.seed != after.seed for before, after in pairs):
        found.append("The arms share no seed: theirs are paired in the order of their numbers")
    for role, side, arm in (("base", 0, base), ("candidate", 1, candidate)):
        used = {id(pair[side]) for pair in pairs}
        idle = [str(member.seed) for member in arm.members if id(member) not in used]
        if idle:
            found.append(f"Seeds of the {role} without a counterpart, left out: {', '.join(idle)}")
    return found


def _sentence(name: str, before: Sequence[object], after: Sequence[object]) -> str | None:
    """`Temperature differs: 0.0 in the base, 0.7 in the candidate`; None where there is no difference."""
    return None if _alike(before, after) else f"{name} differs: {_shown(before, after)}"


def _alike(before: Sequence[object], after: Sequence[object]) -> bool:
    return len({*before, *after}) <= 1


def _shown(before: Sequence[object], after: Sequence[object]) -> str:
    first, second = (" or ".join(map(_text, side)) or "unknown" for side in (before, after))
    return f"{first} in the base, {second} in the candidate"


def _text(value: object) -> str:
    return repr(value) if isinstance(value, tuple) else str(value)
