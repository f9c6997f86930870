"""The frozen records that the stages exchange: Example → Request → Completion → Verdict → Sample.

One row of a run is one `Sample`; its fields are the columns of the Parquet parts (see `store`). Example:

    Sample(task="gsm8k", example_id="12", gold="72", completion="... #### 72", status="correct", ...)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of one completion. Everything but `CORRECT` counts as not correct, in the denominator."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The checker's decision on one completion.

    `extracted` is the answer text found (None if none), `method` the extractor that found it,
    `reason` one short sentence that says why the status is what it is.
    """

    status: Status
    extracted: str | None
    method: str | None
    reason: str

    @property
    def correct(self) -> bool:
        return self.status is Status.CORRECT


@dataclass(frozen=True, slots=True)
class Example:
    """One question of a task. `hash` covers question and gold, so a changed row is another example."""

    task: str
    id: str
    question: str
    gold: str
    answer_type: str
    category: str | None = None
    difficulty: str | None = None
    solution: str | None = None

    @property
    def hash(self) -> str:
        return short_hash(self.question, self.gold)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn. Temperature 0 is greedy decoding.

    The candidates for a token are those in the nucleus of mass `top_p`, among the `top_k` most probable (0: all),
    and at least `min_p` times as probable as the most probable one. A completion ends before a `stop` string or, with
    `stop_at_answer_line`, after a whole line `#### <something>`. With `json_schema` (JSON text) engines that can hold a
    completion to a schema do so; others leave it out.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    top_k: int = 0
    min_p: float = 0.0
    stop_at_answer_line: bool = False
    json_schema: str | None = None

    @property
    def stop_conditions(self) -> str:
        """What ends a completion early, as the JSON list that stands in a sample; "[]" for nothing."""
        after = [{"after_line": "####"}] if self.stop_at_answer_line else []
        return json.dumps([*self.stop, *after], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to be made. `prompt` is the final text; `seed` belongs to this (example, sample) alone."""

    prompt: str
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine returned for one request.

    `finish_reason` is stop, length, stop-string or error, and then `error` says what went wrong. Token counts
    are None where the engine was not told them.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion with everything that produced it, and its verdict: one row of a run.

    `stop` is `Sampling.stop_conditions`. Token counts are None where nobody counted.
    """

    task: str
    example_id: str
    example_hash: str
    prompt_hash: str
    system_prompt_hash: str
    chat_template_hash: str
    question: str
    gold: str
    answer_type: str
    category: str | None
    difficulty: str | None
    completion: str
    sample_index: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    stop: str
    seed: int
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    extracted: str | None
    method: str | None
    status: str
    reason: str
    checker: str
    checker_version: str
    model_fingerprint: str
    engine: str
    engine_version: str

    @property
    def key(self) -> tuple[Any, ...]:
        """Identity of the row: two rows with one key are the same sample, however often it was written."""
        return tuple(getattr(self, name) for name in SAMPLE_KEY)


SAMPLE_KEY = (
    "model_fingerprint",
    "task",
    "example_id",
    "prompt_hash",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "stop",
    "seed",
    "sample_index",
)
"""`seed` is the run's base seed, which with the sample index fixes the draw."""


def short_hash(*parts: object) -> str:
    """A 16-hex-digit SHA-256 of the parts, unambiguous about where one part ends and the next begins."""
    text = json.dumps([str(part) for part in parts], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
