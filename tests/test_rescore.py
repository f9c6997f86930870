"""Rescoring: new verdicts for old completions, in a file of their own that reading lays over the parts."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pspo_bench.answers import CHECKER_VERSION
from pspo_bench.errors import AnswerError, StoreError
from pspo_bench.records import SAMPLE_KEY, Sample
from pspo_bench.rescore import rescore
from pspo_bench.store import VERDICT_FILE_COLUMNS, PartSetAsideWarning, Run, RunInfo, RunSettings, TaskInfo

SETTINGS = RunSettings(temperatures=(0.0,), samples=1, top_p=1.0, max_tokens=64, seed=0)


def sample(example: str, completion: str, status: str, **changes: Any) -> Sample:
    made = Sample(
        task="sums",
        example_id=example,
        example_hash="h",
        prompt_hash=f"p{example}",
        system_prompt_hash="s",
        chat_template_hash="",
        question="How many are there?",
        gold="4",
        answer_type="number",
        category=None,
        difficulty=None,
        completion=completion,
        sample_index=0,
        temperature=0.0,
        top_p=1.0,
        top_k=0,
        min_p=0.0,
        max_tokens=64,
        stop="[]",
        seed=0,
        finish_reason="stop",
        prompt_tokens=None,
        completion_tokens=3,
        extracted="old",
        method="old",
        status=status,
        reason="as it was",
        checker="pspo-answers",
        checker_version="0",
        model_fingerprint="f0",
        engine="hf",
        engine_version="5",
    )
    return replace(made, **changes)


FIRST = [
    sample("a", "#### 4", "correct"),
    sample("b", "#### 4", "wrong"),  # an older checker missed it
    sample("c", "#### 5", "correct"),
]
SECOND = [
    sample("d", "There are 4 of them, 3 big ones.", "no_answer"),
    sample("e", "2 + 2 =", "wrong", finish_reason="length"),
    sample("f", "", "error", finish_reason="error", reason="HTTP 500", extracted=None, method=None),
]


def start(path: Path) -> Run:
    run = Run.open(path, create=True)
    run.start(
        RunInfo(
            model="m",
            base_model="m",
            fingerprint="f0",
            engine="hf",
            engine_version="5",
            dtype="float32",
            device="cpu",
            settings=SETTINGS,
            tasks={"sums": TaskInfo(6, "sha", "p", "s", 64, SETTINGS.expected_samples(6))},
            versions={},
            git_commit=None,
            created="2026-01-01T00:00:00+00:00",
        )
    )
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = start(tmp_path / "run")
    made.append(FIRST)
    made.append(SECOND)
    return made


def statuses(run: Run) -> dict[str, str]:
    frame = run.frame()
    return dict(zip(frame["example_id"], frame["status"], strict=True))


RESCORED = {"a": "correct", "b": "correct", "c": "wrong", "d": "wrong", "e": "truncated", "f": "error"}
"""d states nothing, and its last number is 3."""


class TestRescore:
    def test_what_changes(self, run: Run) -> None:
        before = {path.name: path.read_bytes() for path in run.parts.iterdir()}
        report = rescore(run)
        assert statuses(run) == RESCORED
        changed = [("correct", "wrong"), ("no_answer", "wrong"), ("wrong", "correct"), ("wrong", "truncated")]
        assert report.changed == dict.fromkeys(changed, 1)
        assert (report.rows, report.failed) == (5, 1)
        assert {path.name: path.read_bytes() for path in run.parts.iterdir()} == before
        assert report.path is not None
        assert report.path.parent == run.path / "rescored"
        assert report.path.name.endswith(f"-pspo-answers-{CHECKER_VERSION}.parquet")
        assert list(pd.read_parquet(report.path).columns) == list(VERDICT_FILE_COLUMNS)

    def test_the_rest_of_a_row_stays(self, run: Run) -> None:
        verdict = ["extracted", "method", "status", "reason", "checker", "checker_version"]
        before = run.frame()
        rescore(run)
        after = run.frame()
        pd.testing.assert_frame_equal(after.drop(columns=verdict), before.drop(columns=verdict))
        assert list(after.columns) == list(before.columns)
        row = after[after["example_id"] == "b"].iloc[0]
        assert (row["extracted"], row["method"], row["checker_version"]) == ("4", "hash", CHECKER_VERSION)

    def test_a_verdict_is_not_laid_over_another_completion(self, run: Run) -> None:
        rescore(run)
        min(run.parts.iterdir()).unlink()  # the part of FIRST is lost, and made anew
        run.append([replace(FIRST[1], completion="#### 7"), FIRST[2]])
        found = run.frame().set_index("example_id")
        assert found.loc["b", ["completion", "status", "extracted"]].tolist() == ["#### 7", "wrong", "old"]
        assert found.loc["c", "status"] == "wrong"  # the same completion as before: rescored
        tables = [table.to_pydict() for table in run.tables(("example_id", "extracted"))]
        assert dict(zip(tables[-1]["example_id"], tables[-1]["extracted"], strict=True)) == {
            "b": "old",
            "c": "5",
        }

    def test_a_failed_sample_stays_an_error(self, run: Run) -> None:
        rescore(run)
        row = run.frame().set_index("example_id").loc["f"]
        assert (row["status"], row["reason"], row["checker_version"]) == ("error", "HTTP 500", "0")

    def test_again_changes_nothing(self, run: Run) -> None:
        rescore(run)
        first = run.frame()
        again = rescore(run)
        assert again.changed == {}
        pd.testing.assert_frame_equal(run.frame(), first)

    def test_a_dry_run_writes_nothing(self, run: Run) -> None:
        before = sorted(path for path in run.path.rglob("*"))
        report = rescore(run, dry_run=True)
        assert report.path is None
        assert report.changed["wrong", "correct"] == 1
        assert "5 samples checked by pspo-answers" in str(report)
        assert "1 wrong → correct" in str(report)
        assert sorted(path for path in run.path.rglob("*")) == before

    def test_to_another_file(self, run: Run, tmp_path: Path) -> None:
        before = run.frame()
        report = rescore(run, output=tmp_path / "verdicts.parquet")
        found = pd.read_parquet(tmp_path / "verdicts.parquet").set_index("example_id")["status"].to_dict()
        assert report.path == tmp_path / "verdicts.parquet"
        assert found["b"] == "correct"
        pd.testing.assert_frame_equal(run.frame(), before)

    def test_another_scoring_is_named(self, run: Run) -> None:
        report = rescore(run, scoring="strict")
        assert statuses(run)["d"] == "no_answer"  # nothing is stated with #### or \boxed
        assert report.checker == "pspo-answers-strict"
        assert set(run.frame().loc[lambda f: f["finish_reason"] != "error", "checker"]) == {
            "pspo-answers-strict"
        }

    def test_a_row_written_twice_is_checked_once(self, run: Run) -> None:
        run.append([replace(FIRST[0], completion="#### 9")])
        assert rescore(run).rows == 5
        assert statuses(run)["a"] == "correct"

    def test_samples_that_come_later_keep_their_own(self, run: Run) -> None:
        rescore(run)
        run.append([sample("g", "#### 4", "wrong")])
        assert statuses(run)["g"] == "wrong"
        assert rescore(run).changed == {("wrong", "correct"): 1}
        assert statuses(run)["g"] == "correct"

    def test_the_run_of_workers(self, run: Run) -> None:
        assert rescore(run, workers=2, timeout_s=10).rows == 5

    def test_bad_settings(self, run: Run, tmp_path: Path) -> None:
        with pytest.raises(AnswerError, match="Unknown scoring 'strickt' .did you mean 'strict'"):
            rescore(run, scoring="strickt")
        with pytest.raises(AnswerError, match="workers must be a whole number"):
            rescore(run, workers=0)
        with pytest.raises(StoreError, match="holds no samples"):
            rescore(start(tmp_path / "empty"))

    def test_a_full_disk_loses_nothing(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        import errno

        def fail(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        before = run.frame()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(StoreError, match="free space on that disk"):
                rescore(run)
        assert list(run.rescored.iterdir()) == []
        pd.testing.assert_frame_equal(run.frame(), before)


class TestOverlay:
    def test_the_newest_counts(self, run: Run) -> None:
        rescore(run, scoring="strict")
        rescore(run)
        assert set(run.frame()["checker"]) == {"pspo-answers"}
        newest = max(run.rescored.iterdir())
        newest.unlink()
        assert "pspo-answers-strict" in set(run.frame()["checker"])

    def test_a_torn_file_is_set_aside_and_the_one_before_counts(self, run: Run) -> None:
        rescore(run, scoring="strict")
        torn = rescore(run).path
        assert torn is not None
        torn.write_bytes(torn.read_bytes()[:-50])
        with pytest.warns(
            PartSetAsideWarning, match=r"is torn.*its verdicts do not count: run rescore again"
        ):
            frame = run.frame()
        assert "pspo-answers-strict" in set(frame["checker"])
        assert (run.path / "set_aside" / torn.name).is_file()

    def test_another_model_s_file_is_set_aside(self, run: Run, tmp_path: Path) -> None:
        other = start(tmp_path / "other")
        other.update_info(fingerprint="f1")
        other.append([replace(FIRST[1], model_fingerprint="f1")])
        path = rescore(other).path
        assert path is not None
        run.rescored.mkdir()
        shutil.copy(path, run.rescored)
        with pytest.warns(PartSetAsideWarning, match="holds samples of another model"):
            assert statuses(run)["b"] == "wrong"

    def test_a_foreign_table_is_set_aside(self, run: Run) -> None:
        run.rescored.mkdir()
        pd.DataFrame({"example_id": ["a"], "status": ["wrong"]}).to_parquet(run.rescored / "9.parquet")
        with pytest.warns(PartSetAsideWarning, match="it lacks"):
            assert statuses(run)["a"] == "correct"

    def test_tables_show_it_too(self, run: Run) -> None:
        rescore(run)
        columns = ("example_id", "status", "completion")
        tables = list(run.tables(columns))
        assert [table.column_names for table in tables] == [list(columns)] * 2
        found = {row["example_id"]: row["status"] for table in tables for row in table.to_pylist()}
        assert found == statuses(run)

    def test_keys_are_those_of_the_parts(self, run: Run) -> None:
        before = run.done_keys()
        rescore(run)
        assert run.done_keys() == before == {one.key for one in [*FIRST, *SECOND]}

    @pytest.mark.parametrize("name", [name for name in SAMPLE_KEY if name != "model_fingerprint"])
    def test_every_part_of_the_key_tells_rows_apart(self, run: Run, name: str) -> None:
        rescore(run)
        value = getattr(FIRST[1], name)
        run.append([replace(FIRST[1], **{name: f"{value}x" if isinstance(value, str) else value + 1})])
        # a and b were rescored; the new row, whose key differs in one part, has the verdict it was written with
        assert Counter(run.frame().query("completion == '#### 4'")["status"]) == {"correct": 2, "wrong": 1}


@pytest.mark.slow
def test_many_rows_are_laid_over_in_seconds(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    for start_at in range(0, 400_000, 4_000):
        numbers = range(start_at, start_at + 4_000)
        run.append([replace(FIRST[1], example_id=f"q{n // 64}", sample_index=n % 64) for n in numbers])
    began = time.monotonic()
    run.frame()
    without = time.monotonic() - began
    assert rescore(run).changed == {("wrong", "correct"): 400_000}
    began = time.monotonic()
    frame = run.frame()
    assert time.monotonic() - began < without + 5
    assert Counter(frame["status"]) == {"correct": 400_000}
