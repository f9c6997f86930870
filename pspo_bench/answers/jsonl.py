"""`pspo-bench check FILE.jsonl`: check a file of completions, one JSON object a line.

A row has `gold` and `completion`, and may have `id` (its line number otherwise), `answer_type` ("auto" otherwise),
`question` and `truncated`; other keys are passed over. For each row one is written, in the same order:

    {"id": "7", "gold": "18", "completion": "The answer is $18.00."}
    {"id": "7", "status": "correct", "correct": true, "extracted": "$18.00", "method": "answer_is",
     "reason": "equal numbers"}
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from pspo_bench.answers.check import CheckRow, check_readable
from pspo_bench.answers.extract import SCORINGS
from pspo_bench.answers.kinds import answer_types, resolve_type
from pspo_bench.errors import AnswerError, DataError, unknown
from pspo_bench.records import Status, Verdict

BATCH_ROWS = 512
"""Rows held in memory at a time."""


@dataclass(slots=True)
class Counts:
    """How many rows ended in which status, and how long the checking took, in seconds."""

    rows: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0

    @property
    def checks_per_s(self) -> float | None:
        return self.rows / self.wall_s if self.rows and self.wall_s > 0 else None

    def __str__(self) -> str:
        parts = [
            f"{self.by_status[status.value]} {status.value}"
            for status in Status
            if self.by_status[status.value]
        ]
        speed = f"; {self.checks_per_s:.0f} checks/s" if self.checks_per_s else ""
        return f"{self.rows} rows: {', '.join(parts) or 'none'}{speed}"


def check_file(
    source: Path | Literal["-"],
    output: Path | None = None,
    *,
    workers: int = 1,
    timeout_s: float = 5.0,
    scoring: str = "symbolic",
) -> Counts:
    """Check every row of `source` ("-" is stdin) and write the verdicts to `output`, or to stdout if it is None.

    `output` is written beside itself and renamed when it is whole; a summary goes to stderr. A gold that cannot be
    parsed gives a row with status `error`. Raises DataError naming the file and the line for a line that is not a row,
    and AnswerError for wrong settings.
    """
    if scoring not in SCORINGS:
        raise AnswerError(unknown("scoring", scoring, SCORINGS))
    counts, started = Counts(), time.monotonic()
    with reading(source) as lines, writing(output) as sink:
        rows = _progress(_rows(lines, "standard input" if source == "-" else str(source)))
        while batch := list(islice(rows, BATCH_ROWS)):
            checks = check_readable(
                [row for _, row in batch], workers=workers, timeout_s=timeout_s, scoring=scoring
            )
            for (row_id, _), verdict in zip(batch, checks, strict=True):
                sink.write(json.dumps(_report(row_id, verdict), ensure_ascii=False) + "\n")
                counts.rows += 1
                counts.by_status[verdict.status.value] += 1
    counts.wall_s = time.monotonic() - started
    print(counts, file=sys.stderr)
    return counts


def _report(row_id: Any, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": row_id,
        "status": verdict.status.value,
        "correct": verdict.correct,
        "extracted": verdict.extracted,
        "method": verdict.method,
        "reason": verdict.reason,
    }


def _rows(lines: Iterable[bytes], name: str) -> Iterator[tuple[Any, CheckRow]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _row(line, f"{name}, line {number}", number)


def _row(line: bytes, where: str, number: int) -> tuple[Any, CheckRow]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object with the keys 'gold' and 'completion'")
    missing = [key for key in ("gold", "completion") if row.get(key) is None]
    if missing:
        raise DataError(f"{where} has no {' and no '.join(repr(key) for key in missing)}")
    gold = row["gold"]
    if isinstance(gold, int | float) and not isinstance(gold, bool):
        gold = repr(gold)
    answer_type, question = row.get("answer_type") or "auto", row.get("question")
    for key, value in (("gold", gold), ("completion", row["completion"]), ("answer_type", answer_type)):
        if not isinstance(value, str):
            raise DataError(f"{where}: '{key}' must be text, not {type(value).__name__}")
    if question is not None and not isinstance(question, str):
        raise DataError(f"{where}: 'question' must be text, not {type(question).__name__}")
    _require_type(answer_type, where)
    return row.get("id", number), CheckRow(
        row["completion"], gold, answer_type, question, bool(row.get("truncated"))
    )


def _require_type(answer_type: str, where: str) -> None:
    if answer_type == "auto":
        return
    try:
        resolve_type("", answer_type)
    except AnswerError as error:
        raise DataError(unknown("answer type", answer_type, [*answer_types, "auto"], where)) from error


@contextlib.contextmanager
def reading(source: Path | Literal["-"]) -> Iterator[Iterable[bytes]]:
    """The lines of a file, or of standard input for "-". Raises DataError for a file that cannot be read."""
    if source == "-":
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        try:
            handle = stack.enter_context(Path(source).open("rb"))
        except OSError as error:
            raise DataError(f"Cannot read {source}: {error.strerror}") from error
        yield handle


@contextlib.contextmanager
def writing(output: Path | None) -> Iterator[IO[str]]:
    """A stream for the verdicts; a file appears under its name only when it is whole."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", errors="backslashreplace") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(output)
    except OSError as error:
        raise DataError(f"Cannot write {output}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _progress(rows: Iterator[tuple[Any, CheckRow]]) -> Iterator[tuple[Any, CheckRow]]:
    if not sys.stderr.isatty():
        return rows
    from tqdm import tqdm

    return iter(tqdm(rows, unit=" rows", file=sys.stderr))
