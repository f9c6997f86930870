"""What one arm solves and the other does not, with the texts.

    for flip in flips(Run.open("runs/base"), Run.open("runs/pspo")):
        print(flip.example_id, "won" if flip.won else "lost", flip.candidate.completion)

A question of several samples counts as solved where more than half of them are right. Of the side that solves
it a right sample is shown, of the other one that gave its most frequent wrong answer; where there is a
choice, the first that was not cut. Result files hold no texts: of these only the ids are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pspo_bench.compare.pairing import PairedTask, paired_members, paired_tasks
from pspo_bench.errors import ConfigError
from pspo_bench.records import Status
from pspo_bench.results import Arm, Member, arms_of, result_of
from pspo_bench.store import Run, is_run

Row: TypeAlias = dict[Hashable, Any]
_COLUMNS = (
    "task",
    "temperature",
    "example_id",
    "sample_index",
    "question",
    "gold",
    "category",
    "completion",
    "extracted",
    "status",
    "finish_reason",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one side answered: `n_correct` of `n_samples`, and the sample that is shown, of which None is what
    is not known.

    `extracted` is None also where no answer was found: `status` then says so.
    """

    n_correct: int
    n_samples: int
    completion: str | None = None
    extracted: str | None = None
    status: str | None = None

    @property
    def solved(self) -> bool:
        return 2 * self.n_correct > self.n_samples


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that one side alone solves: the candidate (`won`), or the base."""

    task: str
    temperature: float
    seed: int | None
    example_id: str
    won: bool
    question: str | None
    gold: str | None
    category: str | None
    base: Answer
    candidate: Answer


def flips(base: Run, candidate: Run, *, temperature: float | None = None) -> list[Flip]:
    """The flips between two runs, in the order of tasks and questions; at their headline temperature if None
    is given."""
    arms = [arms_of([result_of(run)], temperature) for run in (base, candidate)]
    for run, found in zip((base, candidate), arms, strict=True):
        if not found:
            raise ConfigError(f"{run.path} has no samples at T={temperature}; pass another temperature")
    return arm_flips(arms[0][0], arms[1][0])


def arm_flips(base: Arm, candidate: Arm) -> list[Flip]:
    """The flips between two arms: those of each pair of seeds, by task, then question, then seed."""
    members = paired_members(base, candidate)
    texts = _Texts()
    return [flip for pair in paired_tasks(base, candidate) for flip in _of_task(pair, members, texts)]


def _of_task(pair: PairedTask, members: Sequence[tuple[Member, Member]], texts: _Texts) -> Iterator[Flip]:
    both = [sides for sides in members if all(pair.task in member.scores for member in sides)]
    for place, example in enumerate(pair.ids):
        for sides, seed, counts in zip(both, pair.seeds, pair.sides, strict=True):
            tally = [(one.correct[place], one.samples[place]) for one in counts]
            solved = [2 * right > n for right, n in tally]
            if solved[0] == solved[1]:
                continue
            rows = [
                texts.rows(member, pair.task, member.scores[pair.task].temperature, example)
                for member in sides
            ]
            first: Row = next((row[0] for row in rows if row), {})
            yield Flip(
                pair.task,
                pair.temperature,
                seed,
                example,
                solved[1],
                first.get("question"),
                first.get("gold"),
                first.get("category"),
                *(_answer(*count, own) for count, own in zip(tally, rows, strict=True)),
            )


def _answer(n_correct: int, n_samples: int, rows: Sequence[Row]) -> Answer:
    known = Answer(n_correct, n_samples)
    shown = _shown(rows, solved=known.solved)
    if shown is None:
        return known
    return Answer(n_correct, n_samples, shown["completion"], shown["extracted"], shown["status"])


def _shown(rows: Sequence[Row], *, solved: bool) -> Row | None:
    """The sample to show: see the head of the module."""
    fitting = [row for row in rows if (row["status"] == Status.CORRECT.value) == solved]
    if not solved and fitting:
        usual = Counter(row["extracted"] for row in fitting).most_common(1)[0][0]
        fitting = [row for row in fitting if row["extracted"] == usual]
    return min(fitting, key=lambda row: row["finish_reason"] == "length", default=None)


class _Texts:
    """The samples of run folders by question, each folder read once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[str, float, str], list[Row]]] = {}

    def rows(self, member: Member, task: str, temperature: float, example: str) -> list[Row]:
        """The samples that `member.scores[task]` counts, in order; none where they came from a result
        file."""
        source = next(run.source for run in member.runs if member.scores[task] in run.scores)
        if str(source) not in self._known:
            self._known[str(source)] = _by_question(Run.open(source)) if is_run(source) else {}
        return self._known[str(source)].get((task, temperature, example), [])


def _by_question(run: Run) -> dict[tuple[str, float, str], list[Row]]:
    frame = run.frame()[list(_COLUMNS)].astype(object)
    found: dict[tuple[str, float, str], list[Row]] = {}
    for row in frame.where(frame.notna(), None).to_dict("records"):
        found.setdefault((row["task"], float(row["temperature"]), row["example_id"]), []).append(row)
    return found
