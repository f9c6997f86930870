"""The checker: extract, normalise by type, compare exactly, and only then symbolically in a worker process.

>>> check("... #### 1,234", "1234", "number")
Verdict(status=<Status.CORRECT: 'correct'>, extracted='1,234', method='hash', reason='equal numbers')
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pspo_bench.answers import paper
from pspo_bench.answers.cache import shared_cache
from pspo_bench.answers.extract import SCORINGS, STATED_METHODS, Extraction, extract_as
from pspo_bench.answers.kinds import Gold, parse_gold, resolve_type
from pspo_bench.answers.labels import restates
from pspo_bench.answers.match import CACHED_CHARS, Match, NeedsSymbolicError, NotAnAnswerError
from pspo_bench.answers.pool import Outcome, close_pool, shared_pool
from pspo_bench.errors import AnswerError, unknown
from pspo_bench.records import Status, Verdict

CHECKER_NAME = "pspo-answers"
CHECKER_VERSION = "2"
"""Raised by one whenever any verdict can change; it is stored with every sample."""

MAX_ANSWER_CHARS = 2000
MAX_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row for `check_many`, with the arguments of `check`."""

    completion: str
    gold: str
    answer_type: str = "auto"
    question: str | None = None
    truncated: bool = False


def check(
    completion: str,
    gold: str,
    answer_type: str = "auto",
    *,
    question: str | None = None,
    scoring: str = "symbolic",
    truncated: bool = False,
    timeout_s: float = 5.0,
) -> Verdict:
    """Does the final answer of `completion` equal `gold`?

    `answer_type` is one of `ANSWER_TYPES`; "auto" decides by the form of the gold. `question` is used only to
    settle what the gold leaves open (is a share asked for, is 17:12 a time or a ratio). `truncated` says that the
    engine stopped at the token limit: without a stated answer the status is then TRUNCATED. `timeout_s` bounds the
    symbolic comparison, in seconds; it runs in a worker process that is killed when the time is up.

    Raises AnswerError for a gold that cannot be parsed or an unknown type or scoring, TypeError for arguments of the
    wrong Python type. Never raises on what the model wrote. Safe in any thread.
    """
    row = CheckRow(completion, gold, answer_type, question, truncated)
    step = _decide(row, scoring, timeout_s)
    return step if isinstance(step, Verdict) else _finish(step, timeout_s, workers=1)


async def check_async(
    completion: str,
    gold: str,
    answer_type: str = "auto",
    *,
    question: str | None = None,
    scoring: str = "symbolic",
    truncated: bool = False,
    timeout_s: float = 5.0,
) -> Verdict:
    """`check` for asyncio: the event loop goes on while a worker process compares."""
    settings = {"question": question, "scoring": scoring, "truncated": truncated, "timeout_s": timeout_s}
    return await asyncio.to_thread(check, completion, gold, answer_type, **settings)  # type: ignore[arg-type]


def check_many(
    rows: Iterable[CheckRow | Sequence[Any]],
    *,
    workers: int = 1,
    timeout_s: float = 5.0,
    scoring: str = "symbolic",
) -> list[Verdict]:
    """`check` for many rows, verdicts in the order of the rows.

    A row is a CheckRow or a tuple of its fields. What can be compared exactly never leaves this process; the rest
    is spread over up to `workers` worker processes. Raises as `check` does, naming the row by its index from 0.
    """
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise AnswerError(f"workers must be a whole number of at least 1, not {workers!r}")
    steps: list[Verdict | _Pending] = []
    for index, row in enumerate(rows):
        try:
            steps.append(_decide(_as_row(row), scoring, timeout_s))
        except (AnswerError, TypeError) as error:
            raise type(error)(f"row {index}: {error}") from error
    pending = [step for step in steps if isinstance(step, _Pending)]
    if workers == 1 or len(pending) < 2:
        finished = iter([_finish(step, timeout_s, workers) for step in pending])
    else:
        finished = iter(_side_by_side(pending, timeout_s, workers))
    return [step if isinstance(step, Verdict) else next(finished) for step in steps]


def _side_by_side(pending: list[_Pending], timeout_s: float, workers: int) -> list[Verdict]:
    threads = ThreadPoolExecutor(min(workers, len(pending)))
    try:
        return list(threads.map(lambda step: _finish(step, timeout_s, workers), pending))
    except BaseException:
        close_pool()  # interrupted: threads that wait for a comparison end with their workers
        raise
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def check_readable(
    rows: Sequence[CheckRow], *, workers: int = 1, timeout_s: float = 5.0, scoring: str = "symbolic"
) -> list[Verdict]:
    """`check_many` for rows of others: a gold that cannot be parsed is an `error` of its row, not the end."""
    # The published scorer has no grammar of golds: any text will do.
    failures = [None if scoring == "paper" else _gold_failure(row) for row in rows]
    readable = [row for row, failure in zip(rows, failures, strict=True) if failure is None]
    checked = iter(check_many(readable, workers=workers, timeout_s=timeout_s, scoring=scoring))
    return [failure or next(checked) for failure in failures]


def _gold_failure(row: CheckRow) -> Verdict | None:
    try:
        validate_gold(row.gold, row.answer_type, question=row.question)
    except AnswerError as error:
        return Verdict(Status.ERROR, None, None, str(error))
    return None


def validate_gold(gold: str, answer_type: str = "auto", *, question: str | None = None) -> None:
    """Raise AnswerError, naming the gold and the type, when `gold` cannot be parsed as `answer_type`."""
    _require_text(gold=gold, answer_type=answer_type)
    _gold(gold, answer_type, question)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A comparison that exact arithmetic could not decide."""

    gold: Gold
    answer: Extraction
    question: str | None


def _decide(row: CheckRow, scoring: str, timeout_s: float) -> Verdict | _Pending:
    _require_arguments(row, scoring, timeout_s)
    if scoring == "paper":
        return paper.check(row.completion, row.gold, truncated=row.truncated)
    gold = _gold(row.gold, row.answer_type, row.question)
    answer = extract_as(row.completion, scoring, gold.kind.fallback, row.question)
    if row.truncated and answer is not None and _is_cut_off(row.completion, answer):
        whole = row.completion.rstrip()[: -len(answer.text)]
        answer = extract_as(whole, scoring, gold.kind.fallback, row.question)
    if row.truncated and (answer is None or answer.method not in STATED_METHODS):
        return Verdict(Status.TRUNCATED, None, None, "stopped at the token limit before an answer was stated")
    if answer is None:
        return Verdict(Status.NO_ANSWER, None, None, f"no answer found by {scoring} extraction")
    if len(answer.text) > MAX_ANSWER_CHARS:
        shown = answer.text[:80] + "…"
        return Verdict(
            Status.WRONG, shown, answer.method, f"the answer is longer than {MAX_ANSWER_CHARS} characters"
        )
    return _compare_here(gold, answer, row.question)


def _is_cut_off(completion: str, answer: Extraction) -> bool:
    """Whether the token limit may have fallen into the answer: `#### 18` may be half of `#### 180`."""
    return answer.method in ("hash", "answer_is") and completion.rstrip().endswith(answer.text)


def _compare_here(gold: Gold, answer: Extraction, question: str | None) -> Verdict | _Pending:
    if question is not None and restates(question, answer.text, gold.text, gold.kind.name):
        return _verdict(
            Match(False, "it is a formula of the question, and the gold is another form of it"), answer
        )
    try:
        return _verdict(
            _exact_match(gold, answer.text, question if gold.kind.uses_question else None), answer
        )
    except NeedsSymbolicError:
        return _Pending(gold, answer, question)
    except (
        Exception
    ) as error:  # a fault of a matcher is this row's verdict: it must not end a run or a training step
        return Verdict(
            Status.ERROR, answer.text, answer.method, f"the matcher failed: {type(error).__name__}: {error}"
        )


def _exact_match(gold: Gold, answer: str, question: str | None) -> Match:
    known = _known_match if len(answer) <= CACHED_CHARS else _match_here
    match = known(gold, answer, question)
    if match is None:
        raise NeedsSymbolicError
    return match


def _match_here(gold: Gold, answer: str, question: str | None) -> Match | None:
    """The match as far as this process can tell; None where a worker must compare."""
    try:
        return gold.match(answer, question)
    except NeedsSymbolicError:
        return None
    except NotAnAnswerError as error:
        return Match(False, str(error))
    except RecursionError:
        return Match(False, "the answer is nested too deeply to be read")


_known_match = lru_cache(maxsize=16384)(_match_here)


def _finish(step: _Pending, timeout_s: float, workers: int) -> Verdict:
    kind = step.gold.kind
    key = (step.gold.text, step.answer.text, kind.spec, step.question if kind.uses_question else None)
    cache = shared_cache(CHECKER_VERSION)
    known = cache.get(key)
    if known is not None:
        return _verdict(known, step.answer)
    request = dict(zip(("gold", "answer", "type", "question"), key, strict=True))
    reply = shared_pool(workers).ask(request, timeout_s)
    if reply.outcome is Outcome.DONE:
        match = Match(reply.body["equal"], reply.body["reason"])
        cache.put(key, match)
        return _verdict(match, step.answer)
    status = Status.TIMEOUT if reply.outcome is Outcome.TIMEOUT else Status.ERROR
    return Verdict(status, step.answer.text, step.answer.method, reply.reason)


def _verdict(match: Match, answer: Extraction) -> Verdict:
    return Verdict(Status.CORRECT if match.equal else Status.WRONG, answer.text, answer.method, match.reason)


def _gold(gold: str, answer_type: str, question: str | None) -> Gold:
    return parse_gold(gold, resolve_type(gold, answer_type, question))


def _as_row(row: CheckRow | Sequence[Any]) -> CheckRow:
    if isinstance(row, CheckRow):
        return row
    if isinstance(row, str) or not isinstance(row, Sequence):
        raise TypeError(
            f"a row must be a CheckRow or a tuple (completion, gold, ...), not {type(row).__name__}"
        )
    return CheckRow(*row)


def _require_arguments(row: CheckRow, scoring: str, timeout_s: float) -> None:
    if not _are_texts(
        row.completion, row.gold, row.answer_type, "" if row.question is None else row.question
    ):
        _require_text(completion=row.completion, gold=row.gold, answer_type=row.answer_type)
        _require_text(question=row.question)
    if not isinstance(row.truncated, bool):
        raise TypeError(f"truncated must be a bool, not {type(row.truncated).__name__}")
    if scoring not in SCORINGS:
        raise AnswerError(unknown("scoring", scoring, SCORINGS))
    if (
        isinstance(timeout_s, bool)
        or not isinstance(timeout_s, int | float)
        or not 0 < timeout_s <= MAX_TIMEOUT_S
    ):
        raise AnswerError(
            f"timeout_s must be a number of seconds above 0 and at most {MAX_TIMEOUT_S:g}, not {timeout_s!r}"
        )


def _are_texts(*values: object) -> bool:
    return all(type(value) is str for value in values)


def _require_text(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
