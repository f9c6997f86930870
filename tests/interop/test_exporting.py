"""Runs become files that other tools read, and come back as they were."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pspo_bench.errors import ConfigError, StoreError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.interop import export_run, import_run
from pspo_bench.records import Sample, Status
from pspo_bench.store import Run

TASK = "pocket_gsm"
ENGINE = ["engine", "engine_version"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real run: greedy and two samples, of 12 questions; a few cut short, and one that its engine failed on."""
    folder = tmp_path_factory.mktemp("export") / "run"
    settings = EvalSettings(temperatures=(0.0, 0.8), samples=2, limit=12, max_tokens=24, seed=7)
    made = evaluate("pocket", [TASK], folder, settings)
    frame = made.frame().astype(object)
    rows = frame.where(frame.notna(), None).to_dict("records")
    failed = {"completion": "", "finish_reason": "error", "status": Status.ERROR.value, "reason": "HTTP 500"}
    failed |= {"extracted": None, "method": None, "completion_tokens": None}
    samples = [Sample(**{str(name): value for name, value in row.items()}) for row in rows]
    for part in made.parts.iterdir():
        part.unlink()
    made.append([replace(samples[0], **failed), *samples[1:]])
    return made


def come_back(written: Sequence[Path], folder: Path) -> pd.DataFrame:
    for path in written:
        if path.suffix == ".jsonl":
            import_run(path, TASK, folder)
    return Run.open(folder).frame().drop(columns=ENGINE)


@pytest.mark.parametrize("format", ["jsonl", "lm-eval"])
def test_a_run_comes_back_as_it_was(run: Run, tmp_path: Path, format: str) -> None:
    frame = run.frame()
    assert {"length", "error"} < set(frame["finish_reason"])
    back = come_back(export_run(run, format, tmp_path / "out"), tmp_path / "back")
    pd.testing.assert_frame_equal(back, frame.drop(columns=ENGINE))
    info, was = Run.open(tmp_path / "back").info, run.info
    assert (info.model, info.fingerprint) == (was.model, was.fingerprint)
    assert (info.settings.temperatures, info.settings.samples) == (
        was.settings.temperatures,
        was.settings.samples,
    )


def test_a_plain_row(run: Run, tmp_path: Path) -> None:
    (path,) = export_run(run, "jsonl", tmp_path / "all.jsonl")
    assert path == tmp_path / "all.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 36  # 12 questions: one greedy, two at 0.8
    assert list(rows[1])[:8] == [
        "id",
        "question",
        "gold",
        "completion",
        "sample_index",
        "temperature",
        "model",
        "seed",
    ]
    assert [row["error"] for row in rows if "error" in row] == ["HTTP 500"]
    assert "completion_tokens" not in next(row for row in rows if "error" in row)
    # A column in which one count is missing is a column of floats; the counts are whole all the same.
    assert {type(row["completion_tokens"]) for row in rows if "error" not in row} == {int}


def renamed(run: Run, folder: Path, model: str, *tasks: str) -> Run:
    """A run of this model on tasks of these names, each with the first two samples of `run`."""
    frame = run.frame().astype(object)
    rows = frame.where(frame.notna(), None).to_dict("records")[1:3]
    samples = [Sample(**{str(name): value for name, value in row.items()}) for row in rows]
    made, (task,) = Run.open(folder, create=True), run.info.tasks.values()
    made.start(replace(run.info, model=model, tasks=dict.fromkeys(tasks, task)))
    made.append([replace(sample, task=name) for name in tasks for sample in samples])
    return made


@pytest.mark.parametrize("format", ["jsonl", "lm-eval"])
@pytest.mark.parametrize("task", ["../../escaped", "{tmp}/escaped", "a/b", "..", "a\0b", "a\nb"])
@pytest.mark.parametrize("model", ["..", "../../m", "a\0b"])
def test_files_stay_in_their_folder(run: Run, tmp_path: Path, format: str, task: str, model: str) -> None:
    out = tmp_path / "deep" / "out"
    written = export_run(renamed(run, tmp_path / "run", model, task.format(tmp=tmp_path)), format, out)
    depth = 1 if format == "jsonl" else 2
    assert {len(path.resolve().relative_to(out.resolve()).parts) for path in written} == {depth}
    assert all(str(path).isprintable() and path.is_file() for path in written)
    assert sorted(path for path in tmp_path.rglob("*") if path.suffix in (".json", ".jsonl")) == sorted(
        [*written, tmp_path / "run" / "run.json"]
    )


@pytest.mark.parametrize("format", ["jsonl", "lm-eval"])
def test_names_that_come_to_look_the_same_are_numbered(run: Run, tmp_path: Path, format: str) -> None:
    names = ["a b", "a_b", "A_b"]
    written = export_run(renamed(run, tmp_path / "run", "m", *names), format, tmp_path / "out")
    rows = [path for path in written if path.suffix == ".jsonl"]
    assert len({str(path).casefold() for path in rows}) == 3
    assert all(len(path.read_text().splitlines()) >= 1 for path in rows)


class TestLmEval:
    def test_worked_examples_are_said(self, run: Run, tmp_path: Path) -> None:
        made = renamed(run, tmp_path / "run", "m", TASK)
        made.update_info(settings=replace(made.info.settings, num_fewshot=5))
        written = export_run(made, "lm-eval", tmp_path / "out")
        results = json.loads(written[-1].read_text())
        assert set(results["n-shot"].values()) == {5}
        assert {config["num_fewshot"] for config in results["configs"].values()} == {5}
        (samples,) = (path for path in written if path.name.startswith("samples_"))
        assert import_run(samples, TASK, tmp_path / "back").run.info.settings.num_fewshot == 5

    def test_the_folder_is_as_lm_eval_writes_it(self, run: Run, tmp_path: Path) -> None:
        written = export_run(run, "lm-eval", tmp_path)
        names = sorted(path.name.rpartition("_")[0] for path in written)
        assert names == ["results", "samples_pocket_gsm_T0", "samples_pocket_gsm_T0.8"]
        assert {path.parent for path in written} == {tmp_path / "pocket"}
        assert len({path.stem.rpartition("_")[2] for path in written}) == 1

    def test_scores_are_ours(self, run: Run, tmp_path: Path) -> None:
        written = export_run(run, "lm-eval", tmp_path)
        results = json.loads(next(p for p in written if p.name.startswith("results_")).read_text())
        frame = run.frame()
        hot = frame[frame["temperature"] == 0.8]
        means = (hot["status"] == "correct").groupby(hot["example_id"]).mean()
        scores = results["results"]["pocket_gsm_T0.8"]
        assert scores["exact_match,pspo-answers"] == pytest.approx(means.mean())
        assert scores["exact_match_stderr,pspo-answers"] == pytest.approx(
            means.sem()
        )  # over questions, n - 1
        assert results["n-samples"]["pocket_gsm_T0"] == {"original": 12, "effective": 12}
        assert results["configs"]["pocket_gsm_T0.8"]["repeats"] == 2

    def test_a_row_has_lm_eval_s_fields_and_hashes(self, run: Run, tmp_path: Path) -> None:
        written = export_run(run, "lm-eval", tmp_path)
        path = next(p for p in written if "T0.8" in p.name)
        genuine = json.loads(next(DATA.glob("samples_pocket_sampled_*")).read_text().splitlines()[0])
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            assert set(genuine) <= set(row)
            assert {name: type(row[name]) for name in genuine} == {
                name: type(genuine[name]) for name in genuine
            }
            assert row["target_hash"] == hashlib.sha256(row["target"].encode()).hexdigest()
        assert [row["doc_id"] for row in rows] == list(range(12))
        assert [len(row["resps"][0]) for row in rows] == [2] * 12


DATA = Path(__file__).parent / "data" / "lm-eval" / "pocket-base"


def test_what_cannot_be_exported(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Unknown format 'lm_eval' .did you mean 'lm-eval'"):
        export_run(run, "lm_eval", tmp_path)
    with pytest.raises(ConfigError, match="is one file, and this export makes several"):
        export_run(run, "lm-eval", tmp_path / "one.jsonl")
    with pytest.raises(StoreError, match="holds no samples"):
        export_run(Run.open(tmp_path / "empty", create=True), "jsonl", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot write to"):
        export_run(run, "jsonl", tmp_path / "file")


READERS = """
import json, sys
from pathlib import Path
from datasets import load_dataset
from lm_eval.utils import (get_file_datetime, get_file_task_name, get_latest_filename, get_results_filenames,
                           get_sample_results_filenames, make_table, sanitize_model_name)
folder = Path(sys.argv[1])
files = [path.as_posix() for path in folder.iterdir()]
results = json.loads(Path(get_latest_filename(get_results_filenames(files))).read_text())
samples = get_sample_results_filenames(files)
tasks = sorted(get_file_task_name(Path(path).name) for path in samples)
table = make_table(results)
rows = {path: load_dataset("json", data_files=path, split="train") for path in samples}
print(json.dumps({
    "folder": sanitize_model_name(results["model_name"]) == folder.name,
    "tasks": tasks,
    "times": len({get_file_datetime(Path(path).name) for path in samples}),
    "rows": sorted(len(one) for one in rows.values()),
    "columns": sorted(next(iter(rows.values())).column_names),
    "table": table,
}))
"""


@pytest.mark.slow
def test_lm_eval_reads_what_is_exported(run: Run, tmp_path: Path) -> None:
    python = os.environ.get("PSPO_BENCH_LM_EVAL_PYTHON")
    if not python:
        pytest.skip("PSPO_BENCH_LM_EVAL_PYTHON names no interpreter that has lm-eval")
    export_run(run, "lm-eval", tmp_path / "out")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    command = [python, "-c", READERS, str(tmp_path / "out" / "pocket")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["folder"]
    assert (found["tasks"], found["times"], found["rows"]) == (
        ["pocket_gsm_T0", "pocket_gsm_T0.8"],
        1,
        [12, 12],
    )
    assert "pspo-answers" in found["table"]
    assert "exact_match" in found["columns"]
