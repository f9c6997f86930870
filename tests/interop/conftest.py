"""The genuine logs in `data/`, plain rows to write, and the module that makes fresh logs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.records import Example
from pspo_bench.tasks import load_examples, load_task

sys.path.insert(0, str(Path(__file__).parent))  # for `import genuine`

DATA = Path(__file__).parent / "data"
WriteRows = Callable[..., Path]


@pytest.fixture(scope="session")
def logs() -> dict[str, Path]:
    """The genuine logs by name."""
    lm_eval = DATA / "lm-eval" / "pocket-base"
    (old,) = (DATA / "lighteval-0.8.1").rglob("*.parquet")
    return {
        "lm-eval": next(lm_eval.glob("samples_pocket_greedy_*")),
        "lm-eval sampled": next(lm_eval.glob("samples_pocket_sampled_*")),
        "lighteval": next((DATA / "lighteval").rglob("details_pocket_once-*")),
        "lighteval three": next((DATA / "lighteval").rglob("details_pocket_three-*")),
        "lighteval 0.8.1": old,
        "inspect": DATA / "inspect.json",
    }


@pytest.fixture(scope="session")
def examples() -> Sequence[Example]:
    return load_examples(load_task("pocket_gsm"))


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """write_rows({"id": ..., "gold": ..., "completion": ...}, ...): a JSON-lines file of them."""

    def write(*rows: dict[str, Any], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write
