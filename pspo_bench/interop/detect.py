"""Which format a file has, by its content, and the file that is meant where a folder of outputs is given.

detect(Path("samples_gsm8k_2026-11-22T23-43-18.688708.jsonl")) → "lm-eval"
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pspo_bench.errors import ConfigError, DataError, unknown
from pspo_bench.interop import inspect_log, lighteval, lm_eval, plain
from pspo_bench.interop.reading import MAX_LINE_BYTES, open_bytes, parse
from pspo_bench.interop.source import Source

READERS: dict[str, Callable[[Path], Source]] = {
    plain.FORMAT: plain.read,
    lm_eval.FORMAT: lm_eval.read,
    lighteval.FORMAT: lighteval.read,
    inspect_log.FORMAT: inspect_log.read,
}
PATTERNS = ("samples_*.jsonl", "details_*.parquet")
"""What the samples of lm-eval and lighteval are called in their output folders."""


def open_source(path: Path, format: str | None, task: str) -> tuple[Path, Source]:
    """The log at `path`, a file or an output folder (then that of `task`), and where it was found."""
    if format is not None and format not in READERS:
        raise ConfigError(unknown("format", format, READERS))
    file = find_file(path, task) if path.is_dir() else path
    return file, READERS[format or detect(file)](file)


def find_file(folder: Path, task: str) -> Path:
    """The newest samples of `task` in an output folder, or of its only task. Raises DataError naming what is there."""
    newest: dict[tuple[Path, str], Path] = {}
    for file in sorted(file for pattern in PATTERNS for file in folder.rglob(pattern)):
        newest[_model_folder(file), _task_of(file)] = (
            file  # the time ends the name, so the last is the newest
        )
    named = {key: file for key, file in newest.items() if key[1].partition("|")[0] == task}
    found = named if len(named) == 1 else newest
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise DataError(
            f"{folder} has no samples ({' or '.join(PATTERNS)}); were they saved? Name the file to import"
        )
    files = ", ".join(str(file.relative_to(folder)) for file in list(found.values())[:8])
    raise DataError(
        f"{folder} has the samples of {len(found)} tasks or models: {files}; name one of these files"
    )


def _model_folder(file: Path) -> Path:
    """lighteval keeps each run in a folder named by its time."""
    return file.parent.parent if file.suffix == ".parquet" else file.parent


def _task_of(file: Path) -> str:
    return file.stem.partition("_")[2].rpartition("_")[0]


def detect(path: Path) -> str:
    """The format of a file by its content. Raises DataError saying what it is instead, where that is known."""
    with open_bytes(path) as file:
        if file.peek(4).startswith(b"PAR1"):
            return lighteval.FORMAT
        line = next((line for line in iter(lambda: file.readline(MAX_LINE_BYTES), b"") if line.strip()), b"")
    if line.startswith(b"PK\x03\x04"):
        raise DataError(f"{path} is packed; for a log of Inspect: inspect log dump {path.name} > dump.json")
    if not line:
        raise DataError(f"{path} is empty")
    if line.strip() == b"{":  # one object over many lines
        return inspect_log.FORMAT
    return _by_keys(path, parse(line, f"{path}, its first line"))


def _by_keys(path: Path, row: object) -> str:
    keys = set(row) if isinstance(row, dict) else set()
    if {"resps", "doc"} <= keys:
        return lm_eval.FORMAT
    if {"eval", "samples"} <= keys:
        return inspect_log.FORMAT
    if "completion" in keys:
        return plain.FORMAT
    raise DataError(
        f"{path} is in no known format: its first line has {', '.join(sorted(map(str, keys))[:8]) or 'no object'}; "
        f"known: {', '.join(READERS)} (docs/interop.md says what each looks like)"
    )
