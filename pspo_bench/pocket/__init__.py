"""The embedded default: a language model of about a million weights and four maths tasks.

Purpose: the whole loop (train, evaluate, compare, gate) runs on two CPU cores, offline, with real
learning.
Source: made here; problems are procedural (`problems.py`), the base is trained from scratch (`build.py`).

    >>> from pspo_bench import pocket
    >>> pocket.rows("pocket_gsm", "test")[0]["answer_type"]
    'number'
    >>> pocket.base_path().name
    'base'
"""

from __future__ import annotations

from pathlib import Path

from pspo_bench.pocket.problems import SPLITS, TASKS, rows

__all__ = ["SPLITS", "TASKS", "base_path", "rows"]


def base_path() -> Path:
    """Folder of the shipped base model: config, weights, tokenizer and `manifest.json`."""
    return Path(__file__).parent / "base"
