"""The samples of runs as rows to be graded, streamed part by part: a run's completions are never all in memory.

for batch in batches(Run.open("runs/clip"), wanted_keys(Run.open("runs/clip"), limit=1000)):
    [row.check for row in batch]
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pspo_bench.answers import CheckRow
from pspo_bench.records import SAMPLE_KEY, short_hash
from pspo_bench.store import Run

BATCH_ROWS = 512
Key = tuple[Any, ...]
_COLUMNS = (*SAMPLE_KEY, "question", "gold", "answer_type", "completion", "finish_reason", "status")


@dataclass(frozen=True, slots=True)
class Row:
    """A sample to be graded. `failed`: the engine made no completion. `recorded`: its status in the run."""

    task: str
    example_id: str
    temperature: float
    sample_index: int
    check: CheckRow
    failed: bool
    recorded: str


def wanted_keys(run: Run, limit: int | None = None) -> set[Key]:
    """The keys of the run's samples, or of `limit` of them: a fixed random subset, the same for every model."""
    keys = run.done_keys()
    if limit is None or limit >= len(keys):
        return keys
    model = SAMPLE_KEY.index("model_fingerprint")
    return set(heapq.nsmallest(limit, keys, key=lambda key: short_hash(*key[:model], *key[model + 1 :])))


def batches(run: Run, wanted: set[Key]) -> Iterator[list[Row]]:
    """The wanted samples, each once (of a key that was written twice the earlier), at most BATCH_ROWS at a time."""
    left = set(wanted)
    for table in run.tables(_COLUMNS):
        for part in table.to_batches(max_chunksize=BATCH_ROWS):
            rows = []
            for values in part.to_pylist():
                key = tuple(values[name] for name in SAMPLE_KEY)
                if key in left:
                    left.remove(key)
                    rows.append(_row(values))
            if rows:
                yield rows


def _row(values: dict[str, Any]) -> Row:
    return Row(
        task=values["task"],
        example_id=values["example_id"],
        temperature=values["temperature"],
        sample_index=values["sample_index"],
        check=CheckRow(
            values["completion"],
            values["gold"],
            values["answer_type"],
            question=values["question"],
            truncated=values["finish_reason"] == "length",
        ),
        failed=values["finish_reason"] == "error",
        recorded=values["status"],
    )
