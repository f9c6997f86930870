"""Tasks: declarative benchmarks, one TOML file each.

`load` reads task files and rows; `golds` holds every gold, its respellings and its near misses to the checker.

    task = load_task("gsm8k")
    examples = load_examples(task, data_dir=Path("data"))
    report = check_golds(task, examples)
"""

from __future__ import annotations

from pspo_bench.tasks.golds import GoldFailure, GoldReport, check_golds, require_readable_golds
from pspo_bench.tasks.load import (
    DATA_ENV,
    LIMIT_SEED,
    Columns,
    Split,
    Task,
    content_hash,
    data_folder,
    load_examples,
    load_task,
    task_files,
)

__all__ = [
    "DATA_ENV",
    "LIMIT_SEED",
    "Columns",
    "GoldFailure",
    "GoldReport",
    "Split",
    "Task",
    "check_golds",
    "content_hash",
    "data_folder",
    "load_examples",
    "load_task",
    "require_readable_golds",
    "task_files",
]
