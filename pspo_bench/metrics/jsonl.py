"""`pspo-bench metrics FILE.jsonl`: the metrics of single solutions for a file of them, one JSON object a line.

A row has `completion` or `steps` (a list of texts), and may have `id` (its line number otherwise), `question` and
`gold`; other
keys are passed over. For each row one is written, in the same order; `first_wrong_step` counts from 0 in `steps`,
else in the lines of the completion:

    {"id": "7", "question": "...48 clips...", "completion": "48 / 2 = 24\\n48 + 24 = 73\\n#### 73", "gold": "72"}
    {"id": "7", "correct": false, "arith_valid": 0.5, "arith_wrong": 1.0, ..., "first_wrong_step": 1}

A row that cannot be read is written as {"id": ..., "error": "..."} and reported on stderr; the others are not lost.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pspo_bench.answers import CheckRow, check_readable
from pspo_bench.answers.jsonl import reading, writing
from pspo_bench.errors import DataError, printable
from pspo_bench.metrics.arithmetic import Statement
from pspo_bench.metrics.reasoning.solution import Solution, measure
from pspo_bench.metrics.registry import SolutionMetric, solution_metrics


@dataclass(slots=True)
class RowCounts:
    """How many rows were read, and how many of them could not be."""

    rows: int = 0
    bad: int = 0


def measure_file(
    source: Path | Literal["-"], output: Path | None = None, *, explain: bool = False
) -> RowCounts:
    """Measure every row of `source` ("-" is stdin) and write the figures to `output`, or to stdout if it is None.

    `explain`: with every statement and what became of it. Raises DataError if a file cannot be read or written.
    """
    metrics, counts = solution_metrics(), RowCounts()
    name = "standard input" if source == "-" else str(source)
    with reading(source) as lines, writing(output) as sink:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            report = _report(line, f"{name}, line {number}", number, metrics, explain)
            counts.rows += 1
            if "error" in report:
                counts.bad += 1
                print(printable(report["error"]), file=sys.stderr)
            sink.write(json.dumps(report, allow_nan=False) + "\n")
    return counts


def _report(
    line: bytes, where: str, number: int, metrics: Sequence[SolutionMetric], explain: bool
) -> dict[str, Any]:
    row: Any = None
    try:
        row = _row(line, where)
        solution = _solution(row, where)
        correct = {} if row.get("gold") is None else {"correct": _is_correct(row, solution, where)}
    except DataError as error:
        known = row.get("id", number) if isinstance(row, dict) else number
        return {"id": known, "error": str(error)}
    figures = measure(solution, metrics)
    report = {
        "id": row.get("id", number),
        **correct,
        **figures,
        "first_wrong_step": solution.first_wrong_step,
    }
    if explain:
        report["statements"] = [statement_row(solution, s) for s in solution.statements]
    return report


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object with the key 'completion' or 'steps'")
    return row


def _solution(row: dict[str, Any], where: str) -> Solution:
    steps, completion, question = row.get("steps"), row.get("completion"), row.get("question")
    if steps is not None and not (isinstance(steps, list) and all(isinstance(step, str) for step in steps)):
        raise DataError(f"{where}: 'steps' must be a list of texts")
    if steps is None and completion is None:
        raise DataError(f"{where} has no 'completion' and no 'steps'")
    for key, value in (("completion", completion), ("question", question)):
        if value is not None and not isinstance(value, str):
            raise DataError(f"{where}: '{key}' must be text, not {type(value).__name__}")
    return Solution.of(completion or "", question=question, steps=steps)


def _is_correct(row: dict[str, Any], solution: Solution, where: str) -> bool:
    gold = row["gold"]
    if isinstance(gold, int | float) and not isinstance(gold, bool):
        gold = repr(gold)
    if not isinstance(gold, str):
        raise DataError(f"{where}: 'gold' must be text or a number, not {type(gold).__name__}")
    text = row.get("completion") or solution.text
    (verdict,) = check_readable([CheckRow(text, gold, "auto", row.get("question"))])
    return verdict.correct


def statement_row(solution: Solution, statement: Statement) -> dict[str, Any]:
    """A statement as JSON: its step, place and text, its status, what stands there and what should."""
    return {
        "step": solution.step_of(statement.end),
        "start": statement.start,
        "end": statement.end,
        "text": statement.text,
        "status": statement.status.value,
        "expected": figure(statement.expected),
        "found": figure(statement.right_value),
    }


MAX_FIGURE_BITS = 200


def figure(value: Fraction | None) -> str | None:
    """A value as a reader wants it: 72, 4.75, 10/3; a huge one by its order of magnitude."""
    if value is None:
        return None
    top, bottom = value.numerator, value.denominator
    if top.bit_length() + bottom.bit_length() > MAX_FIGURE_BITS:
        digits = (abs(top).bit_length() - bottom.bit_length()) * 0.30103
        return f"about {'-' if top < 0 else ''}10^{digits:.0f}"
    return f"{top}" if bottom == 1 else _decimal(value) or f"{top}/{bottom}"


def _decimal(value: Fraction) -> str | None:
    """The decimal of a value that has a short one."""
    for places in range(1, 7):
        scaled = value * 10**places
        if scaled.denominator == 1:
            sign, digits = "-" if value < 0 else "", str(abs(scaled.numerator)).rjust(places + 1, "0")
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
    return None
