"""Which example a logged completion belongs to: one of a task's, found by id or question, or one of its own.

A task's golds count. A row that matches no example, and a gold that is not the task's, are errors, collected so
that one message names how many there are and which. Nothing is left out in silence.

    matcher = TaskMatcher(task, examples)
    kept = [(matcher.match(row), row) for row in rows]
    matcher.require_all()
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from pspo_bench.answers import STATED_METHODS, check, validate_gold
from pspo_bench.errors import AnswerError, ConfigError, DataError
from pspo_bench.interop.source import SourceRow
from pspo_bench.records import Example, short_hash
from pspo_bench.tasks import Task

SHOWN = 3
"""Of each kind of problem, how many a message names."""


@dataclass(slots=True)
class Problems:
    """Rows with one kind of fault: their number, and what is said of the first few.

    A row of a log may hold several completions; it counts once.
    """

    count: int = 0
    shown: list[str] = field(default_factory=list)
    last: str = ""

    def add(self, where: str, text: str) -> None:
        if where == self.last:
            return
        self.last = where
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{where}: {text}")

    def __str__(self) -> str:
        more = f"; and {self.count - len(self.shown)} more" if self.count > len(self.shown) else ""
        return "; ".join(self.shown) + more


class Matcher(Protocol):
    """What finds the example of a row, and says at the end what it did not find."""

    def match(self, row: SourceRow) -> Example | None: ...

    def require_all(self) -> None: ...

    @property
    def examples(self) -> Sequence[Example]: ...


class TaskMatcher:
    """Rows against the examples of a task."""

    def __init__(self, task: Task, examples: Sequence[Example]) -> None:
        self.task = task
        self.examples = examples
        self._by_id = {example.id: example for example in examples}
        self._by_question: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            self._by_question[squeeze(example.question)].append(example)
        self._unmatched, self._wrong_golds = Problems(), Problems()
        self._holding = lru_cache(maxsize=4096)(self._held_in)

    def match(self, row: SourceRow) -> Example | None:
        """The example of `row`; None, and a note for `require_all`, if there is none or its gold differs."""
        example = self._find(row)
        if example is None:
            asked = squeeze(row.questions[0])[:80] if row.questions else "no question"
            self._unmatched.add(row.where, f"{self._named(row)}{asked!r}")
            return None
        if not self._same_gold(row, example):
            golds = " or ".join(repr(gold.strip()[-80:]) for gold in row.golds)
            self._wrong_golds.add(row.where, f"{golds}, where example {example.id} has {example.gold!r}")
        return example

    def require_all(self) -> None:
        """Raises DataError if a row had no example, or another gold than its example."""
        if self._unmatched.count:
            raise DataError(
                f"{self._unmatched.count} rows match no example of task '{self.task.name}' "
                f"(by id, or else by question): {self._unmatched}; name the task and split that was run"
            )
        if self._wrong_golds.count:
            raise DataError(
                f"{self._wrong_golds.count} rows have another gold than task '{self.task.name}': "
                f"{self._wrong_golds}; the data were not the task's, or one of the two is wrong"
            )

    def _named(self, row: SourceRow) -> str:
        if row.id is None:
            return ""
        known = self._by_id.get(row.id)
        asks = f" (there {squeeze(known.question)[:80]!r})" if known else ""
        return f"id {row.id!r}{asks}, "

    def _find(self, row: SourceRow) -> Example | None:
        named = self._by_id.get(row.id) if row.id is not None else None
        if named is not None and (not row.questions or self._asks(row, named)):
            return named
        asked = self._asked(row)
        return None if named is not None else asked

    def _asks(self, row: SourceRow, example: Example) -> bool:
        question = squeeze(example.question)
        return (
            any(question in squeeze(text) for text in row.questions)
            or self._filled(row, "question") == question
        )

    def _asked(self, row: SourceRow) -> Example | None:
        """By the question as the task makes it of the data set's row, then by a text that is it or holds it."""
        for text in (self._filled(row, "question"), *map(squeeze, row.questions)):
            found = self._by_question.get(text, []) if text else []
            if found:
                return self._among(found, row)
        held = {example.id: example for text in row.questions for example in self._holding(squeeze(text))}
        return self._among(list(held.values()), row) if held else None

    def _held_in(self, text: str) -> tuple[Example, ...]:
        """The examples whose question is part of `text`, without those that are part of a longer such question."""
        found = [question for question in self._by_question if question in text]
        longest = [q for q in found if not any(q != other and q in other for other in found)]
        return tuple(example for question in longest for example in self._by_question[question])

    def _among(self, found: list[Example], row: SourceRow) -> Example | None:
        """The only one, or of examples that share a question the one with the row's id, place or gold."""
        if len(found) == 1:
            return found[0]
        own_id, place = self._filled(row, "id"), row.position
        at_place = self.examples[place] if place is not None and place < len(self.examples) else None
        named = [example for example in found if example.id == own_id or example is at_place]
        fitting = named or [example for example in found if row.golds and self._same_gold(row, example)]
        if len(fitting) == 1:
            return fitting[0]
        ids = ", ".join(example.id for example in found[:SHOWN])
        self._unmatched.add(row.where, f"it may be any of the examples {ids}; give its id")
        return None

    def _filled(self, row: SourceRow, column: str) -> str | None:
        """A column of the task made of the data set's row, None where the row has not the fields for it.

        Templates name plain columns only (`tasks.load` sees to it), so that no attribute can be reached.
        """
        template = getattr(self.task.columns, column)
        if not template or not row.fields:
            return None
        values = {name: "" if value is None else str(value) for name, value in row.fields.items()}
        try:
            return squeeze(template.format_map(values))
        except (KeyError, ValueError, IndexError):
            return None

    def _same_gold(self, row: SourceRow, example: Example) -> bool:
        filled = self._filled(row, "gold")
        golds = [*row.golds, *([filled] if filled else [])]
        after = self.task.columns.gold_after
        return not golds or any(_same(gold, example, after) for gold in golds)


class OwnExamples:
    """Rows that stand alone: each distinct question is an example, with the gold of its rows.

    Raises ConfigError for a `task` that cannot be the name of a task.
    """

    def __init__(self, task: str, answer_type: str) -> None:
        if "/" in task or not task.isprintable():
            raise ConfigError(
                f"A task cannot be called {task[:80]!r}, with a slash or control characters; "
                f"give it another name: name= (--name)"
            )
        self._task, self._answer_type = task, answer_type
        self._found: dict[str, Example] = {}

    @property
    def examples(self) -> Sequence[Example]:
        return list(self._found.values())

    def match(self, row: SourceRow) -> Example:
        """The example that `row` makes, or made before. Raises DataError for a gold that cannot be read."""
        example = self._example(row)
        known = self._found.get(example.id)
        if known is None:
            _require_readable(example, row)
            self._found[example.id] = known = example
        elif known.hash != example.hash:
            raise DataError(
                f"{row.where}: example '{example.id}' has another question or gold than before "
                f"({example.gold[:60]!r}, before {known.gold[:60]!r}); give each question its own id"
            )
        return known

    def require_all(self) -> None:
        """Nothing to say: every row has its example."""

    def _example(self, row: SourceRow) -> Example:
        if len(row.golds) != 1:
            raise DataError(f"{row.where} has {len(row.golds)} golds, and one is needed; or name a task")
        question = row.questions[0].strip() if row.questions else ""
        gold = row.golds[0].rpartition("####")[2].strip()  # a whole GSM8K solution ends in it
        return Example(
            task=self._task,
            id=_own_id(row, question),
            question=question,
            gold=gold,
            answer_type=row.answer_type or self._answer_type,
            category=row.category,
            difficulty=row.difficulty,
        )


def _own_id(row: SourceRow, question: str) -> str:
    field_id = row.fields.get("id")
    if row.id is not None:
        return row.id
    if isinstance(field_id, str | int) and not isinstance(field_id, bool):
        return str(field_id)
    if row.position is not None:
        return str(row.position)
    if not question:
        raise DataError(f"{row.where} has neither an id nor a question; give one of them")
    return short_hash(question)


def _require_readable(example: Example, row: SourceRow) -> None:
    try:
        validate_gold(example.gold, example.answer_type, question=example.question or None)
    except AnswerError as error:
        raise DataError(f"{row.where}: {error}; mend the row, or give its answer_type") from error


@lru_cache(maxsize=4096)
def _same(gold: str, example: Example, after: str | None) -> bool:
    """Whether a log's gold is the example's: as text, behind the task's marker, or as an answer that is right."""
    for text in (gold, gold.rpartition(after)[2] if after else gold):
        if squeeze(text) == squeeze(example.gold):
            return True
    return any(_is_right(text, example) for text in _statements(gold))


def _statements(gold: str) -> Iterator[str]:
    """The gold as an answer line, and as the solution that some data sets have in its place."""
    if "\n" not in gold.strip():
        yield f"#### {gold.strip()}"
    yield gold


def _is_right(text: str, example: Example) -> bool:
    try:
        verdict = check(text, example.gold, example.answer_type, question=example.question)
    except AnswerError:
        return False
    return verdict.correct and verdict.method in STATED_METHODS


def squeeze(text: str) -> str:
    """The text with every run of white space as one blank."""
    return " ".join(text.split())
