"""What docs/metrics-validation.md says, held on the real sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pspo_bench.metrics.reasoning import Solution

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_gsm8k_golds_are_rarely_flagged(data_dir: Path) -> None:
    texts = [
        json.loads(line)["answer"]
        for split in ("train", "test")
        for line in (data_dir / "gsm8k" / f"{split}.jsonl").open(encoding="utf-8")
    ]
    solutions = [Solution.of(text) for text in texts]
    assert sum(bool(s.checked) for s in solutions) >= 0.98 * len(texts)
    assert sum(s.first_wrong_step is not None for s in solutions) <= 0.005 * len(texts)


def test_maths_golds_are_rarely_flagged(data_dir: Path) -> None:
    lines = (data_dir / "math500" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    flagged = [Solution.of(json.loads(line)["solution"]).first_wrong_step is not None for line in lines]
    assert sum(flagged) <= 2


def test_process_bench(data_dir: Path) -> None:
    rows = json.loads((data_dir / "processbench" / "gsm8k.json").read_text(encoding="utf-8"))
    found = [(Solution.of("", steps=row["steps"]).first_wrong_step, row["label"]) for row in rows]
    assert sum(first is not None for first, label in found if label < 0) <= 1  # of 193
    caught = [(first, label) for first, label in found if first is not None and label >= 0]
    assert len(caught) >= 20  # of 207
    assert sum(first == label for first, label in caught) >= len(caught) - 2


def test_big_bench_mistake(data_dir: Path) -> None:
    path = data_dir / "bigbench_mistake" / "multistep_arithmetic.jsonl"
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    faulty = [row for row in rows if row["mistake_index"] is not None]
    found = [(Solution.of("", steps=row["steps"]).first_wrong_step, row["mistake_index"]) for row in faulty]
    assert len(faulty) == 238
    assert sum(first is not None for first, _ in found) >= 230
    assert sum(first == label for first, label in found) >= 225
