"""Run folders on a real disk: resume, torn and foreign parts, several writers, a full disk."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pspo_bench.errors import StoreError
from pspo_bench.records import SAMPLE_KEY, Sample
from pspo_bench.store import PartSetAsideWarning, Run, RunInfo, RunSettings, TaskInfo, is_run, parts

SETTINGS = RunSettings(temperatures=(0.0, 0.7), samples=2, top_p=1.0, max_tokens=128, seed=0)


def info(**changes: Any) -> RunInfo:
    tasks = {"gsm8k": TaskInfo(4, "sha", "p", "s", 128, SETTINGS.expected_samples(4))}
    base = RunInfo(
        model="pocket",
        base_model="pocket",
        fingerprint="f0",
        engine="hf",
        engine_version="5",
        dtype="float32",
        device="cpu",
        settings=SETTINGS,
        tasks=tasks,
        versions={"torch": "2.13"},
        git_commit=None,
        created="2026-01-01T00:00:00+00:00",
    )
    return replace(base, **changes)


def sample(example: str = "0", index: int = 0, temperature: float = 0.0, **changes: Any) -> Sample:
    values: dict[str, Any] = {f.name: f"{f.name}-{example}" for f in fields(Sample)}
    values |= {"task": "gsm8k", "example_id": example, "sample_index": index, "temperature": temperature}
    values |= {
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "stop": "[]",
        "max_tokens": 128,
        "seed": 0,
        "prompt_tokens": 9,
        "completion_tokens": 30 + index,
    }
    values |= {
        "model_fingerprint": "f0",
        "category": None,
        "difficulty": None,
        "extracted": None,
        "method": None,
    }
    return Sample(**{**values, **changes})


EVERY = [sample(str(e), i, t) for e in range(4) for t, n in ((0.0, 1), (0.7, 2)) for i in range(n)]


def started(path: Path) -> Run:
    run = Run.open(path, create=True)
    run.start(info())
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return started(tmp_path / "run")


def as_bytes(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode() + repr(frame.dtypes).encode()


class TestReadBack:
    def test_rows_come_back_as_written(self, run: Run) -> None:
        wanted = sample("7", 1, 0.7, completion="ünï\n\x00 ​ #### 4", category="grade 1")
        run.append([wanted])
        row = run.frame().iloc[0].to_dict()
        found = Sample(**{k: None if pd.isna(v) else v for k, v in row.items()})
        assert found == wanted
        assert run.done_keys() == {wanted.key}

    def test_resumed_in_another_order_gives_the_same_bytes(self, run: Run, tmp_path: Path) -> None:
        run.append(EVERY)
        other = started(tmp_path / "other")
        for part in (EVERY[7:], EVERY[2:9], EVERY[:4][::-1]):  # overlapping, out of order
            other.append(part)
        assert as_bytes(other.frame()) == as_bytes(run.frame())
        assert other.done_keys() == {s.key for s in EVERY}

    def test_order_of_the_table(self, run: Run) -> None:
        run.append(
            [sample("10"), sample("9", 1, 0.7), sample("9", 0, 0.7), sample("9"), sample("x2"), sample("x10")]
        )
        frame = run.frame()
        order = list(zip(frame["example_id"], frame["temperature"], frame["sample_index"], strict=True))
        nine = [("9", 0.0, 0), ("9", 0.7, 0), ("9", 0.7, 1)]
        assert order == [*nine, ("10", 0.0, 0), ("x2", 0.0, 0), ("x10", 0.0, 0)]

    def test_the_first_writing_of_a_key_stays(self, run: Run) -> None:
        run.append([sample(completion="first")])
        run.append([sample(completion="second")])
        assert run.frame()["completion"].tolist() == ["first"]

    def test_keys_read_only_the_key_columns(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        run.append(EVERY)
        seen: list[tuple[str, ...]] = []
        read = parts.read_part

        def spy(path: Path, columns: Sequence[str], fingerprint: str | None) -> Any:
            seen.append(tuple(columns))
            return read(path, columns, fingerprint)

        monkeypatch.setattr("pspo_bench.store.run.read_part", spy)
        run.done_keys()
        assert seen == [SAMPLE_KEY]

    def test_a_part_is_read_for_its_keys_once_and_again_when_it_has_changed(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = run.append(EVERY[:5])
        assert first is not None
        assert len(run.done_keys()) == 5
        second = run.append(EVERY[5:])
        seen: list[Path | None] = []
        read = parts.read_part

        def spy(path: Path, *arguments: Any) -> Any:
            seen.append(path)
            return read(path, *arguments)

        monkeypatch.setattr("pspo_bench.store.run.read_part", spy)
        assert len(run.done_keys()) == len(run.done_keys()) == len(EVERY)
        assert seen == [second]
        first.write_bytes(first.read_bytes()[:-50])
        with pytest.warns(PartSetAsideWarning, match="torn or damaged"):
            assert len(run.done_keys()) == len(EVERY) - 5
        assert seen == [second, first]

    def test_empty(self, run: Run) -> None:
        assert run.append([]) is None
        assert run.done_keys() == set()
        assert list(run.frame().columns) == [f.name for f in fields(Sample)]

    def test_lone_surrogate_is_kept_as_a_replacement(self, run: Run) -> None:
        run.append([sample(completion="a\ud800b")])
        assert run.frame()["completion"].tolist() == ["a\ufffdb"]


class TestUnusableParts:
    def test_torn_part_is_set_aside(self, run: Run) -> None:
        run.append(EVERY[:4])
        whole = run.append(EVERY[4:])
        assert whole is not None
        whole.write_bytes(whole.read_bytes()[:-100])
        with pytest.warns(PartSetAsideWarning, match=whole.name):
            assert run.done_keys() == {s.key for s in EVERY[:4]}
        assert (run.path / "set_aside" / whole.name).is_file()
        run.append(EVERY[4:])  # what eval does next
        assert len(run.frame()) == len(EVERY)

    def test_flipped_bit_is_found(self, run: Run) -> None:
        path = run.append([sample(str(i), completion=f"text {i} " * 50) for i in range(50)])
        assert path is not None
        data = bytearray(path.read_bytes())
        place = len(data) // 3
        data[place] ^= 0xFF
        path.write_bytes(data)
        with pytest.warns(PartSetAsideWarning):
            assert run.frame().empty

    def test_empty_file(self, run: Run) -> None:
        (run.parts / "0-empty.parquet").touch()
        with pytest.warns(PartSetAsideWarning, match=r"0-empty\.parquet is torn"):
            assert run.frame().empty

    def test_foreign_table(self, run: Run) -> None:
        pd.DataFrame({"task": ["gsm8k"], "x": [1]}).to_parquet(run.parts / "foreign.parquet")
        with pytest.warns(PartSetAsideWarning, match="not a table of samples"):
            assert run.frame().empty

    def test_another_models_samples(self, run: Run, tmp_path: Path) -> None:
        other = Run.open(tmp_path / "other", create=True)
        path = other.append([sample(model_fingerprint="f1")])
        assert path is not None
        (run.parts / path.name).write_bytes(path.read_bytes())
        with pytest.warns(PartSetAsideWarning, match="another model"):
            assert run.done_keys() == set()

    def test_part_of_another_version_is_not_moved(self, run: Run) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = run.append(EVERY)
        assert path is not None
        table = pq.read_table(path)
        older = table.drop_columns(["checker"]).replace_schema_metadata({parts.SCHEMA_KEY: b"0"})
        pq.write_table(older, path)
        with pytest.raises(StoreError, match="another version of pspo-bench"):
            run.frame()
        assert path.is_file()
        assert isinstance(older, pa.Table)

    def test_leftover_temporary_files_are_ignored(self, run: Run) -> None:
        (run.parts / ".x.parquet.ab12.tmp").write_bytes(b"half a part")
        run.append(EVERY)
        assert len(run.frame()) == len(EVERY)


def _write(path: str, writer: int) -> None:
    run = Run.open(path)
    for i in range(15):
        run.append([sample(str(i), writer), sample("shared", 9)])


class TestWriting:
    def test_two_processes_at_once(self, run: Run) -> None:
        context = multiprocessing.get_context("fork")
        writers = [context.Process(target=_write, args=(str(run.path), w)) for w in range(2)]
        for process in writers:
            process.start()
        for process in writers:
            process.join(60)
        assert [process.exitcode for process in writers] == [0, 0]
        assert len(list(run.parts.iterdir())) == 30  # no temporary file left, no part overwritten
        assert len(run.frame()) == 31  # 2 × 15, and the one that both wrote

    @pytest.mark.parametrize(
        ("number", "mend"), [(errno.ENOSPC, "free space on that disk"), (errno.EROFS, "writable disk")]
    )
    def test_failing_disk_loses_nothing(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, number: int, mend: str
    ) -> None:
        run.append(EVERY[:3])

        def fail(handle: int) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(StoreError, match=mend) as error:
                run.append(EVERY[3:])
            with pytest.raises(StoreError, match=mend):
                run.update_info(device="cuda")
        assert str(run.parts) in str(error.value)
        assert [p.suffix for p in run.parts.iterdir()] == [".parquet"]
        assert run.info.device == "cpu"
        assert len(run.frame()) == 3
        run.append(EVERY)
        assert len(run.frame()) == len(EVERY)

    def test_interrupt_leaves_no_temporary_file(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(handle: int) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                run.append(EVERY)
        assert list(run.parts.iterdir()) == []

    def test_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"file/run.*parents are folders"):
            Run.open(tmp_path / "file" / "run", create=True)

    def test_another_models_samples_are_refused(self, run: Run) -> None:
        with pytest.raises(StoreError, match="fingerprint 'f0', and 'f1'"):
            run.append([sample(model_fingerprint="f1")])
        assert list(run.parts.iterdir()) == []


class TestInfo:
    def test_round_trip(self, run: Run) -> None:
        assert run.info == info()
        assert run.update_info(device="cuda").device == run.info.device == "cuda"

    def test_expected_samples(self) -> None:
        assert SETTINGS.expected_samples(4) == {"0": 4, "0.7": 8}

    def test_finished_only_when_complete(self, run: Run) -> None:
        run.append(EVERY[:-1])
        assert run.progress() == {("gsm8k", "0"): (4, 4, 4), ("gsm8k", "0.7"): (7, 8, 4)}
        assert not run.finish()
        assert run.info.finished is None
        run.append(EVERY[-1:])
        assert run.finish()
        assert run.info.finished is not None
        assert run.info.finished["samples"] == {"gsm8k T=0": 4, "gsm8k T=0.7": 8}

    def test_top_up_extends_and_is_unfinished(self, run: Run) -> None:
        run.append(EVERY)
        run.finish()
        more = replace(SETTINGS, temperatures=(1.0,), samples=4)
        task = replace(info().tasks["gsm8k"], expected_samples=more.expected_samples(4))
        found = run.start(info(settings=more, tasks={"gsm8k": task, "svamp": task}))
        assert found.settings.temperatures == (0.0, 0.7, 1.0)
        assert found.settings.headline == 0.0  # declared by the first start, and kept
        assert found.tasks["gsm8k"].expected_samples == {"0": 4, "0.7": 8, "1": 16}
        assert set(found.tasks) == {"gsm8k", "svamp"}
        assert run.info.finished is None

    @pytest.mark.parametrize(
        "change",
        [
            {"fingerprint": "f1"},
            {"dtype": "bfloat16"},
            {"settings": replace(SETTINGS, seed=1)},
            {"tasks": {"gsm8k": replace(info().tasks["gsm8k"], max_tokens=256)}},
            {"tasks": {"gsm8k": replace(info().tasks["gsm8k"], content_sha256="other")}},
        ],
    )
    def test_what_cannot_be_mixed_is_refused(self, run: Run, change: dict[str, Any]) -> None:
        run.append(EVERY[:1])
        with pytest.raises(StoreError, match="another folder"):
            run.start(info(**change))
        assert run.info == info()

    def test_a_run_without_a_sample_binds_nobody(self, run: Run) -> None:
        assert run.start(info(fingerprint="f1")).fingerprint == "f1"

    def test_many_samples_of_few_questions_are_not_complete(self, run: Run) -> None:
        # 3 of 4 questions with as many samples at T = 0.7 as all 4 are expected to have: 8.
        few = [sample(str(e), i, 0.7) for e, n in ((0, 3), (1, 3), (2, 2)) for i in range(n)]
        run.append([*(one for one in EVERY if one.temperature == 0), *few])
        assert run.progress()["gsm8k", "0.7"] == (8, 8, 3)
        assert not run.finish()

    def test_a_larger_limit_with_fewer_samples_asks_for_every_question(self, run: Run) -> None:
        run.append(EVERY)
        assert run.finish()
        wider = replace(SETTINGS, temperatures=(0.7,), samples=1)
        task = TaskInfo(8, "more", "p", "s", 128, wider.expected_samples(8))
        merged = run.start(info(settings=wider, tasks={"gsm8k": task})).tasks["gsm8k"]
        assert merged.expected_samples == {"0": 4, "0.7": 8}
        assert merged.expected_questions == {"0": 4, "0.7": 8}
        assert not run.finish()

    def test_broken_run_json_is_named(self, run: Run) -> None:
        (run.path / "run.json").write_text('{"model": ')
        with pytest.raises(StoreError, match=r"run\.json cannot be read"):
            _ = run.info
        (run.path / "run.json").write_text(json.dumps({"model": "x"}))
        with pytest.raises(StoreError, match=r"run\.json is not a run description.*settings"):
            _ = run.info

    def test_not_a_run(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="not a run folder"):
            Run.open(tmp_path)
        Run.open(tmp_path, create=True)  # made, but nothing was started in it
        assert not is_run(tmp_path)


@pytest.mark.slow
def test_many_rows(run: Run) -> None:
    """400,000 rows are read in seconds: nothing in reading is done per row in Python."""
    import time

    import pyarrow as pa
    import pyarrow.parquet as pq

    from pspo_bench.store.parts import sample_schema

    n = 400_000
    first = sample()
    columns = {f.name: [getattr(first, f.name)] * n for f in fields(Sample)}
    columns |= {
        "example_id": [str(i % 5000) for i in range(n)],
        "sample_index": [i // 5000 for i in range(n)],
    }
    pq.write_table(pa.table(columns, schema=sample_schema()), run.parts / "0.parquet")
    start = time.perf_counter()
    assert len(run.done_keys()) == n
    assert len(run.frame()) == n
    assert time.perf_counter() - start < 30
