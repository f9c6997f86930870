"""Plain JSON lines, one completion a row: the format that every other tool can be brought to, and that `export` writes.

    {"id": "12", "question": "...", "gold": "72", "completion": "... #### 72", "sample_index": 0, "temperature": 0.0,
     "model": "org/model", "seed": 0, "finish_reason": "stop", "completion_tokens": 31}

Only `gold` (or `target`, or a task to take it from) and `completion` are required. Also read, and written by
`export_run`: the other fields of `records.Sample` that a checker does not make, and `error`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pspo_bench.errors import DataError
from pspo_bench.interop.reading import Record, json_lines
from pspo_bench.interop.source import Drawn, Origin, Source, SourceRow

FORMAT = "jsonl"
FINISH_REASONS = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop-string",
    "stop-string": "stop-string",
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "error": "error",
}
"""What the common servers and libraries call the reasons, and our names of them."""


def read(path: Path) -> Source:
    """The rows of a plain JSON-lines file. Raises DataError naming the line that is not as described."""
    return Source(Origin(FORMAT, FORMAT, task=path.stem), map(to_row, json_lines(path)))


def to_row(row: Record) -> SourceRow:
    question, gold, error = row.text("question"), row.label("gold"), row.text("error")
    completion = row.text("completion")
    if completion is None:
        raise DataError(f"{row.where} has no 'completion'")
    return SourceRow(
        where=row.where,
        completion=completion,
        golds=() if gold is None else (gold,),
        drawn=_drawn(row),
        id=row.label("id"),
        questions=() if question is None else (question,),
        prompt_hash=row.text("prompt_hash") or "",
        sample_index=row.whole("sample_index"),
        model=row.text("model"),
        fingerprint=row.text("model_fingerprint"),
        finish_reason=_finish_reason(row),
        prompt_tokens=row.whole("prompt_tokens"),
        completion_tokens=row.whole("completion_tokens"),
        error=error,
        answer_type=row.text("answer_type"),
        category=row.text("category"),
        difficulty=row.text("difficulty"),
        system_prompt_hash=row.text("system_prompt_hash"),
        chat_template_hash=row.text("chat_template_hash"),
    )


def _drawn(row: Record) -> Drawn:
    top_p, stop = row.number("top_p", 0, 1), row.text("stop") or "[]"
    if top_p == 0:
        row.refuse("top_p", "a number above 0 and at most 1")
    try:
        valid = isinstance(json.loads(stop), list)
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        row.refuse("stop", "a JSON list, as text, such as '[\"\\n\\n\"]'")
    return Drawn(
        temperature=row.number("temperature"),
        top_p=1.0 if top_p is None else top_p,
        top_k=row.whole("top_k") or 0,
        min_p=row.number("min_p", 0, 1) or 0.0,
        max_tokens=row.whole("max_tokens") or 0,
        stop=stop,
        seed=row.whole("seed", least=-(1 << 63)) or 0,
    )


def _finish_reason(row: Record) -> str | None:
    given = row.text("finish_reason")
    if given is None:
        return None
    if given not in FINISH_REASONS:
        known = ", ".join(FINISH_REASONS)
        raise DataError(f"{row.where}: unknown finish_reason '{given[:40]}'; known: {known}")
    return FINISH_REASONS[given]


FIELDS = (
    "id", "question", "gold", "completion", "sample_index", "temperature", "model", "seed", "finish_reason",
    "prompt_tokens", "completion_tokens", "error", "task", "answer_type", "category", "difficulty", "top_p", "top_k",
    "min_p", "max_tokens", "stop", "prompt_hash", "system_prompt_hash", "chat_template_hash", "model_fingerprint",
    "status", "extracted",
)  # fmt: skip
"""The fields of an exported row. `task`, `status` and `extracted` are for readers: an import checks anew."""
