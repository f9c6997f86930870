"""A run → files that other tools read.

export_run(Run.open("runs/clip"), "lm-eval", Path("exported"))    # the paths that were written
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError, StoreError, unknown
from pspo_bench.interop import lm_eval_files, plain
from pspo_bench.interop.names import distinct, safe_name
from pspo_bench.store import Run, RunInfo, write_atomic, write_error

if TYPE_CHECKING:
    import pandas as pd

Files = Iterator[tuple[Path, str]]
"""Each file's path below the output folder, and its text."""
_COUNTS = ("prompt_tokens", "completion_tokens")
"""Whole numbers that a frame holds as floats where some of them are missing."""


def export_run(run: Run, format: str, output: str | Path) -> list[Path]:
    """Write the samples of `run` below the folder `output`, or to it where it names a .jsonl file.

    A run shows the verdicts of its newest rescoring, and so do the files. Raises ConfigError for an unknown
    format, StoreError for a run without samples or a folder that cannot be written.
    """
    if format not in WRITERS:
        raise ConfigError(unknown("format", format, WRITERS))
    frame = run.frame()
    if frame.empty:
        raise StoreError(f"{run.path} holds no samples; evaluate into it first")
    output, written = Path(output), list[Path]()
    for name, text in WRITERS[format](run.info, frame):
        path = distinct(output.joinpath(*map(safe_name, name.parts)), written)
        if output.suffix == ".jsonl":
            path = _single(output, frame, format)
        _make_folder(path.parent)
        write_atomic(path, text.encode("utf-8"))
        written.append(path)
    return written


def _single(output: Path, frame: pd.DataFrame, format: str) -> Path:
    if format != plain.FORMAT or frame["task"].nunique() > 1:
        raise ConfigError(f"{output} is one file, and this export makes several; name a folder")
    return output


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def plain_files(info: RunInfo, frame: pd.DataFrame) -> Files:
    """`<task>.jsonl`: rows as `plain` describes them, which `import_run` reads back as they were."""
    for task, rows in frame.groupby("task", sort=False):
        lines = (json.dumps(row, ensure_ascii=False) for row in plain_rows(info, rows))
        yield Path(f"{safe_name(str(task))}.jsonl"), "\n".join(lines) + "\n"


def plain_rows(info: RunInfo, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The samples of a frame as plain rows; what nobody knows is left out."""
    renamed = rows.rename(columns={"example_id": "id"}).astype(object)
    for row in renamed.where(renamed.notna(), None).to_dict("records"):
        if row["finish_reason"] == "error":
            row["error"] = row["reason"]
        row["model"] = info.model
        row |= {name: int(row[name]) for name in _COUNTS if row.get(name) is not None}
        yield {name: row[name] for name in plain.FIELDS if row.get(name) is not None}


WRITERS: dict[str, Callable[[RunInfo, pd.DataFrame], Files]] = {
    plain.FORMAT: plain_files,
    "lm-eval": lm_eval_files.files,
}
