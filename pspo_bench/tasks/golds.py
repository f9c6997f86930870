"""Hold the golds of a task to the checker: each passes, in every respelling, and no near miss does.

>>> from pspo_bench.tasks.load import load_examples, load_task
>>> task = load_task("pocket_asdiv")
>>> check_golds(task, load_examples(task, limit=2)).failures
()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pspo_bench.errors import AnswerError, DataError
from pspo_bench.records import Example, Status
from pspo_bench.tasks.load import Task

FORMS = ("#### {}", "\\boxed{{{}}}", "The answer is {}.")
"""The ways of stating an answer; every gold and every variant is stated in each of them."""
CHUNK_EXAMPLES = 100


@dataclass(frozen=True, slots=True)
class GoldFailure:
    """A statement whose verdict is not the `expected` status, or a gold that cannot be read.

    `kind` is gold, respelling or near miss; `rule` says how `answer` was made from the gold, and `completion`
    is what the checker was given.
    """

    task: str
    id: str
    gold: str
    answer_type: str
    kind: str
    rule: str
    answer: str
    completion: str
    expected: str
    status: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.task}/{self.id}: gold '{self.gold}', {self.kind} ({self.rule}) '{self.completion}' is"
            f" {self.status}, not {self.expected}: {self.reason}"
        )


@dataclass(frozen=True, slots=True)
class GoldReport:
    """How many golds, respellings and near misses were checked, and the statements with a wrong verdict."""

    task: str
    golds: int
    respellings: int
    near_misses: int
    failures: tuple[GoldFailure, ...]

    @property
    def passed(self) -> bool:
        return not self.failures

    def failing(self, kind: str) -> int:
        """How many answers of one kind fail in any form."""
        return len({(failure.id, failure.answer) for failure in self.failures if failure.kind == kind})

    def __str__(self) -> str:
        return (
            f"{self.golds - self.failing('gold')} of {self.golds} golds pass their own checker;"
            f" {self.respellings - self.failing('respelling')} of {self.respellings} respellings accepted,"
            f" {self.near_misses - self.failing('near miss')} of {self.near_misses} near misses refused"
        )


@dataclass(frozen=True, slots=True)
class _Trial:
    """One answer to be checked; `kind` is gold, respelling or near miss."""

    example: Example
    answer: str
    rule: str
    kind: str


def check_golds(
    task: Task,
    examples: Sequence[Example],
    *,
    workers: int = 1,
    timeout_s: float = 10.0,
    progress: Callable[[int], object] | None = None,
) -> GoldReport:
    """Check every gold, its respellings and its near misses (see `answers.variants`) with the gold's own checker.

    `workers` processes compare formulas, each within `timeout_s` seconds; `progress` is told how many more
    examples are done. A gold that cannot be read is a failure, and has no variants.
    """
    counts: Counter[str] = Counter()
    failures: list[GoldFailure] = []
    for start in range(0, len(examples), CHUNK_EXAMPLES):
        chunk = examples[start : start + CHUNK_EXAMPLES]
        trials: list[_Trial] = []
        for example in chunk:
            try:
                trials += _trials(example)
            except AnswerError as error:
                failures.append(_failure(_Trial(example, example.gold, "unreadable", "gold"), "", str(error)))
        counts.update(trial.kind for trial in trials)
        failures += _failures(trials, workers, timeout_s)
        if progress:
            progress(len(chunk))
    return GoldReport(task.name, len(examples), counts["respelling"], counts["near miss"], tuple(failures))


def require_readable_golds(task: Task, examples: Sequence[Example]) -> None:
    """Raise DataError for the first gold that cannot be parsed: such a row would score every model wrong."""
    from pspo_bench.answers import validate_gold

    for example in examples:
        try:
            validate_gold(example.gold, example.answer_type, question=example.question)
        except AnswerError as error:
            raise DataError(
                f"Task '{task.name}', example '{example.id}': {error}; mend the row or the task's answer_type"
                f" in {task.path}"
            ) from error


def _trials(example: Example) -> list[_Trial]:
    from pspo_bench.answers.variants import near_misses, respellings

    gold = (example.gold, example.answer_type, example.question)
    right, wrong = respellings(*gold), near_misses(*gold)
    return [
        _Trial(example, example.gold, "as it is", "gold"),
        *(_Trial(example, variant.text, variant.rule, "respelling") for variant in right),
        *(_Trial(example, variant.text, variant.rule, "near miss") for variant in wrong),
    ]


def _failures(trials: Sequence[_Trial], workers: int, timeout_s: float) -> Iterator[GoldFailure]:
    from pspo_bench.answers import CheckRow, check_many

    stated = [(trial, form.format(trial.answer)) for trial in trials for form in FORMS]
    rows = [
        CheckRow(completion, trial.example.gold, trial.example.answer_type, trial.example.question)
        for trial, completion in stated
    ]
    verdicts = check_many(rows, workers=workers, timeout_s=timeout_s)
    for (trial, completion), verdict in zip(stated, verdicts, strict=True):
        if verdict.status is not _expected(trial):
            yield _failure(trial, completion, verdict.reason, verdict.status)


def _expected(trial: _Trial) -> Status:
    return Status.WRONG if trial.kind == "near miss" else Status.CORRECT


def _failure(trial: _Trial, completion: str, reason: str, status: Status = Status.ERROR) -> GoldFailure:
    return GoldFailure(
        task=trial.example.task,
        id=trial.example.id,
        gold=trial.example.gold,
        answer_type=trial.example.answer_type,
        kind=trial.kind,
        rule=trial.rule,
        answer=trial.answer,
        completion=completion,
        expected=_expected(trial).value,
        status=status.value,
        reason=reason,
    )
