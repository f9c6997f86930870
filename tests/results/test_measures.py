"""What the metrics say of a run's solutions: kept beside the samples, and per question in a result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pspo_bench.errors import StoreError
from pspo_bench.results import (
    Measured,
    dump_result,
    export_result,
    kept_measures,
    load_result,
    measures_of,
    result_of,
)
from pspo_bench.results import measures as module

RIGHT, WRONG, NONE = "2 + 2 = 4\n#### 4", "2 + 2 = 5\n#### 5", "I do not know."


@pytest.fixture
def run(tmp_path: Path, make_sample: Any) -> Any:
    """Question a: one right and one wrong calculation; b: nothing to check, twice the same text."""
    from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo

    info = RunInfo(
        model="m",
        base_model="m",
        fingerprint="f0",
        engine="hf",
        engine_version="5",
        dtype="float32",
        device="cpu",
        settings=RunSettings(temperatures=(1.0,), samples=2, top_p=1.0, max_tokens=128, seed=0),
        tasks={"t": TaskInfo(2, "c", "p", "s", 128, {"1": 4})},
        versions={},
        git_commit=None,
        created="2026-01-01T00:00:00Z",
    )
    made = Run.open(tmp_path / "run", create=True)
    made.start(info)
    texts = [("a", 0, RIGHT, True), ("a", 1, WRONG, False), ("b", 0, NONE, False), ("b", 1, NONE, False)]
    made.append(
        [
            make_sample("t", example, index, right, completion=text, temperature=1.0, category="sums")
            for example, index, text, right in texts
        ]
    )
    return made


def test_each_distinct_solution_is_measured_once_and_kept(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = run.frame()
    asked: list[int] = []
    real = module.measured

    def counting(rows: pd.DataFrame, metrics: Any) -> pd.DataFrame:
        asked.append(len(rows))
        return real(rows, metrics)

    monkeypatch.setattr(module, "measured", counting)
    assert kept_measures(run, frame) is None
    found = measures_of(run, frame)
    assert asked == [3], "a right, a wrong and a silent solution; the second silent one is the same text"
    assert found["arith_wrong"].tolist()[:2] == [0.0, 1.0]
    assert found["arith_wrong"].isna().tolist() == [False, False, True, True]
    pd.testing.assert_frame_equal(measures_of(run, frame), found)
    kept = kept_measures(run, frame)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, found)
    assert asked == [3]


def test_a_damaged_file_is_measured_anew(run: Any) -> None:
    frame = run.frame()
    found = measures_of(run, frame)
    (file,) = (run.path / "measures").iterdir()
    file.write_bytes(b"PAR1 and no more")
    assert kept_measures(run, frame) is None
    pd.testing.assert_frame_equal(measures_of(run, frame), found)


def test_what_other_metrics_gave_is_not_taken(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    measures_of(run, run.frame())
    monkeypatch.setattr(module, "METRICS_VERSION", "another")
    assert kept_measures(run, run.frame()) is None


def test_a_result_file_has_them_by_question(run: Any, tmp_path: Path) -> None:
    assert result_of(run).scores[0].measures is None, "nobody asked for them"
    file = tmp_path / "result.json"
    file.write_text(dump_result(export_result(run, measure=True)))
    (score,) = load_result(file).scores
    assert score.example_ids == ["a", "b"]
    assert score.categories == ["sums", "sums"]
    assert score.difficulties is None
    assert score.measures is not None
    # of a both samples have a calculation, one of them wrong; of b none has any
    assert score.measures["arith_wrong"] == Measured(n=[2, 0], total=[1.0, 0.0])
    assert result_of(run).scores[0] == score, "now they are known"


def test_measures_of_other_questions_are_refused(run: Any, tmp_path: Path) -> None:
    data = export_result(run, measure=True)
    data["scores"][0]["measures"]["arith_wrong"]["n"] = [2]
    file = tmp_path / "result.json"
    file.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="different lengths"):
        load_result(file)


def test_lists_stand_on_one_line(run: Any) -> None:
    text = dump_result(export_result(run, measure=True))
    assert json.loads(text) == json.loads(json.dumps(export_result(run, measure=True)))
    assert '"example_ids": ["a","b"]' in text
    assert '"tokens_correct": [[10],[]]' in text
