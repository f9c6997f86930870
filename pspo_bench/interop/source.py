"""What a reader makes of another harness's log: where it comes from, and one `SourceRow` a completion.

Source(Origin(format="lm-eval", harness="lm-eval 0.4.13", model="org/model"), iter([SourceRow(...), ...]))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a completion was drawn, as far as the log says: `records.Sampling`, with what stops it as in a Sample.

    `temperature` None: not said. `max_tokens` 0: not said.
    """

    temperature: float | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int = 0
    stop: str = "[]"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The harness's own score: of this completion, or of the whole question where `of_question`."""

    name: str
    value: float
    of_question: bool = False


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One completion of a log. `where` names file and line for messages.

    `id` is a name that the question was given, `position` its number in the data set, `fields` the data set's
    row and `questions` texts that are or hold the question. `finish_reason` None: not said. `error` is what the
    harness says went wrong.
    """

    where: str
    completion: str
    golds: tuple[str, ...]
    drawn: Drawn
    id: str | None = None
    position: int | None = None
    questions: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    prompt_hash: str = ""
    sample_index: int | None = None
    model: str | None = None
    fingerprint: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    answer_type: str | None = None
    category: str | None = None
    difficulty: str | None = None
    system_prompt_hash: str | None = None
    chat_template_hash: str | None = None
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a log comes from. `harness` is its name and version, `task` its own name of the task."""

    format: str
    harness: str
    model: str | None = None
    revision: str = ""
    dtype: str = ""
    device: str = ""
    task: str = ""
    system_prompt_hash: str = ""
    chat_template_hash: str = ""
    num_fewshot: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """An opened log; `rows` are read as they are asked for."""

    origin: Origin
    rows: Iterator[SourceRow]
