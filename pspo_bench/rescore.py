"""Check the saved completions of a run again, without a model: after a change of the checker, or by another rule.

The completions and the verdicts of the run stay; one file of new verdicts is added, and reading the run then shows
those (see `store.verdicts`). Deleting the file in RUN/rescored takes the rescoring back.

    report = rescore(Run.open("runs/clip"), dry_run=True)
    print(report)          # 1319 samples checked in 2.1 s; 3 verdicts change: 2 wrong → correct, 1 correct → wrong
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import AnswerError, StoreError, unknown
from pspo_bench.records import SAMPLE_KEY, Verdict
from pspo_bench.store import VERDICT_FILE_COLUMNS, Run, row_hashes, write_atomic
from pspo_bench.store.verdicts import COMPLETION_HASH, completion_hashes

if TYPE_CHECKING:
    import pyarrow as pa

    from pspo_bench.answers import CheckRow

BATCH_ROWS = 512
FAILED = "error"
"""The finish reason of a sample whose engine made no completion: there is nothing to check."""
_CHECKED = ("completion", "gold", "answer_type", "question", "finish_reason", "status")
Change = tuple[str, str]
"""(status before, status after)"""


@dataclass(frozen=True, slots=True)
class RescoreReport:
    """What a rescoring found. `failed` samples have no completion and stay `error`; `path` is None for a dry run."""

    rows: int
    failed: int
    changed: Mapping[Change, int] = field(default_factory=dict)
    seconds: float = 0.0
    checker: str = ""
    checker_version: str = ""
    path: Path | None = None

    def __str__(self) -> str:
        changes = ", ".join(f"{count} {old} → {new}" for (old, new), count in self.changed.items())
        total = sum(self.changed.values())
        verb = "change" if self.path is None else "changed"
        left = f"; {self.failed} without a completion stay error" if self.failed else ""
        return (
            f"{self.rows} samples checked by {self.checker} {self.checker_version} in {self.seconds:.1f} s; "
            f"{total} verdicts {verb}{': ' + changes if changes else ''}{left}"
        )


def rescore(
    run: Run,
    *,
    scoring: str = "symbolic",
    workers: int = 1,
    timeout_s: float = 5.0,
    cache: Path | None = None,
    output: Path | None = None,
    dry_run: bool = False,
) -> RescoreReport:
    """Check every completion of `run` and write the verdicts: into the run, or to the Parquet file `output`.

    With `output` the run goes on showing the verdicts that it shows; with `dry_run` nothing is written. `cache`
    names a file of remembered decisions. Raises StoreError for a run without samples or a folder that cannot be
    written, AnswerError for wrong settings.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION, SCORINGS, cache_on_disk

    if scoring not in SCORINGS:
        raise AnswerError(unknown("scoring", scoring, SCORINGS))
    if cache is not None:
        cache_on_disk(cache)
    started = time.monotonic()
    checker = CHECKER_NAME if scoring == "symbolic" else f"{CHECKER_NAME}-{scoring}"
    settings = {"scoring": scoring, "workers": workers, "timeout_s": timeout_s}
    batches = [_rescored(batch, checker, CHECKER_VERSION, settings) for batch in _batches(run)]
    if not batches:
        raise StoreError(f"{run.path} holds no samples; evaluate into it first")
    table = _first_of_each_key(pa.concat_tables(batches))
    checked = table.filter(pc.field("finish_reason") != FAILED)
    path = None if dry_run else _write(run, checked, f"{checker}-{CHECKER_VERSION}", output)
    return RescoreReport(
        rows=checked.num_rows,
        failed=table.num_rows - checked.num_rows,
        changed=_changes(checked),
        seconds=time.monotonic() - started,
        checker=checker,
        checker_version=CHECKER_VERSION,
        path=path,
    )


def _batches(run: Run) -> Iterator[pa.Table]:
    """The samples in tables of at most BATCH_ROWS, behind a progress bar."""
    from tqdm import tqdm

    total = sum(table.num_rows for table in run.tables(("model_fingerprint",)))
    columns = (*SAMPLE_KEY, *_CHECKED)
    with tqdm(total=total, desc="rescore", unit="sample", disable=None) as bar:
        for table in run.tables(columns):
            for start in range(0, table.num_rows, BATCH_ROWS):
                batch = table.slice(start, BATCH_ROWS)
                yield batch
                bar.update(batch.num_rows)


def _rescored(batch: pa.Table, checker: str, version: str, settings: dict[str, Any]) -> pa.Table:
    """The key, the finish reason, the status before as `before`, and the new verdict of each row."""
    import pyarrow as pa

    from pspo_bench.answers import check_readable

    verdicts = check_readable(_check_rows(batch), **settings)
    columns = {name: batch.column(name) for name in (*SAMPLE_KEY, "finish_reason")}
    columns[COMPLETION_HASH] = completion_hashes(batch.column("completion"))
    columns["before"] = batch.column("status")
    columns |= _verdict_columns(verdicts)
    columns["checker"] = pa.array([checker] * batch.num_rows)
    columns["checker_version"] = pa.array([version] * batch.num_rows)
    return pa.table(columns)


def _check_rows(batch: pa.Table) -> list[CheckRow]:
    from pspo_bench.answers import CheckRow

    values = [batch.column(name).to_pylist() for name in _CHECKED[:-1]]
    return [
        CheckRow(
            "" if finish == FAILED else text,
            gold,
            kind,
            question=question or None,
            truncated=finish == "length",
        )
        for text, gold, kind, question, finish in zip(*values, strict=True)
    ]


def _verdict_columns(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    import pyarrow as pa

    return {
        "extracted": pa.array([verdict.extracted for verdict in verdicts], pa.string()),
        "method": pa.array([verdict.method for verdict in verdicts], pa.string()),
        "status": pa.array([verdict.status.value for verdict in verdicts], pa.string()),
        "reason": pa.array([verdict.reason for verdict in verdicts], pa.string()),
    }


def _first_of_each_key(table: pa.Table) -> pa.Table:
    """As `Run.frame` has it: of a key that was written twice, the earlier row."""
    import pandas as pd

    return table.filter(~pd.Index(row_hashes(table, SAMPLE_KEY)).duplicated())


def _write(run: Run, checked: pa.Table, label: str, output: Path | None) -> Path:
    from pspo_bench.store.parts import table_bytes

    verdicts = checked.select(list(VERDICT_FILE_COLUMNS))
    if output is None:
        return run.add_verdicts(verdicts, label)
    write_atomic(output, table_bytes(verdicts))
    return output


def _changes(checked: pa.Table) -> dict[Change, int]:
    """How many samples went from which status to which other, the most frequent first."""
    counts = checked.group_by(["before", "status"]).aggregate([([], "count_all")]).to_pylist()
    changed = [row for row in counts if row["before"] != row["status"]]
    changed.sort(key=lambda row: (-row["count_all"], row["before"], row["status"]))
    return {(row["before"], row["status"]): row["count_all"] for row in changed}
