"""Shared fixtures: thread counts, and the folder of real data sets where it is present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets: PSPO_BENCH_DATA, else `shared/data` beside the checkout; skipped if absent."""
    candidates = [os.environ.get("PSPO_BENCH_DATA"), str(ROOT.parent / "shared" / "data")]
    for candidate in candidates:
        if candidate and (Path(candidate) / "gsm8k" / "test.jsonl").is_file():
            return Path(candidate)
    pytest.skip("real data sets not found; set PSPO_BENCH_DATA to their folder")
