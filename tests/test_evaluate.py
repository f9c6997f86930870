"""Evaluation on the real pocket model: what a row holds, resume after kills, top-up, and what is refused."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from pspo_bench.answers import check
from pspo_bench.engines.chat import render_plain
from pspo_bench.errors import ConfigError, DataError, ModelError, StoreError
from pspo_bench.evaluate import EvalSettings, evaluate, jobs, workloads
from pspo_bench.metrics.basic import accuracy, accuracy_at_budget
from pspo_bench.models import resolve
from pspo_bench.pocket import base_path
from pspo_bench.records import SAMPLE_KEY
from pspo_bench.store import PartSetAsideWarning, Run, RunInfo

GREEDY = EvalSettings(limit=12, batch_size=16)


def test_a_row_holds_what_produced_it(tmp_path: Path) -> None:
    frame = evaluate("pocket", ["pocket_gsm", "pocket_math"], tmp_path / "run", GREEDY).frame()
    assert Counter(frame["task"]) == {"pocket_gsm": 12, "pocket_math": 12}
    assert set(frame["model_fingerprint"]) == {resolve("pocket").fingerprint}
    for row in frame.itertuples():
        again = check(row.completion, row.gold, row.answer_type, truncated=row.finish_reason == "length")
        assert (row.status, row.extracted, row.method) == (again.status.value, again.extracted, again.method)
        assert row.prompt_tokens > 0
        assert 0 < row.completion_tokens <= row.max_tokens == 64
    assert set(frame["status"]) & {"correct"}, "the base gets something right"
    assert frame["reason"].str.len().min() > 0


def test_the_run_says_how_it_was_made(tmp_path: Path) -> None:
    run = evaluate("pocket", ["pocket_svamp"], tmp_path / "run", GREEDY)
    info = run.info
    assert (info.model, info.base_model, info.engine, info.dtype) == ("pocket", "pocket", "hf", "float32")
    assert info.tasks["pocket_svamp"].n_questions == 12
    assert info.versions["torch"].startswith("2.")
    assert info.finished is not None


def test_temperatures_times_samples_and_greedy_once(tmp_path: Path) -> None:
    settings = EvalSettings(temperatures=(0.0, 1.0), samples=3, limit=5)
    frame = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", settings).frame()
    assert Counter(frame["temperature"]) == {0.0: 5, 1.0: 15}
    sampled = frame[frame["temperature"] == 1.0].groupby("example_id")["completion"].nunique()
    assert sampled.max() > 1, "three draws of one question are not one draw three times"


def test_a_top_up_keeps_the_samples_that_are_there(tmp_path: Path) -> None:
    few = EvalSettings(temperatures=(1.0,), samples=2, limit=5)
    before = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", few).frame()
    parts = set((tmp_path / "run" / "parts").iterdir())
    more = EvalSettings(temperatures=(1.0,), samples=4, limit=8)
    after = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", more).frame()
    assert len(after) == 8 * 4
    assert parts < set((tmp_path / "run" / "parts").iterdir())
    kept = after.merge(before[[*SAMPLE_KEY, "completion"]], on=[*SAMPLE_KEY, "completion"])
    assert len(kept) == len(before) == 10


def test_batch_size_changes_nothing_that_is_drawn(tmp_path: Path) -> None:
    frames = []
    for size in (1, 7):
        settings = EvalSettings(temperatures=(0.0, 1.0), samples=2, limit=6, batch_size=size)
        frames.append(evaluate("pocket", ["pocket_gsm"], tmp_path / str(size), settings).frame())
    pd.testing.assert_frame_equal(*frames)


COMMAND = """
import sys, torch
torch.set_num_threads(1)
import pspo_bench.evaluate.run as evaluation
evaluation.PART_ROWS = 16
from pspo_bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(run: Path, questions: int = 60) -> subprocess.Popen[bytes]:
    arguments = ["eval", "--model", "pocket", "--tasks", "pocket_gsm,pocket_asdiv", "-o", str(run)]
    arguments += ["--limit", str(questions), "--temperature", "0,1", "--samples", "2", "--batch-size", "16"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_after(run: Path, questions: int, new_parts: int, delay_s: float) -> bool:
    """Start or continue the run and kill it once it has written so many parts; False if it ended before."""
    wanted = len(list(run.glob("parts/*.parquet"))) + new_parts
    process = start(run, questions)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(run.glob("parts/*.parquet"))) >= wanted:
            break
        time.sleep(0.002)
    time.sleep(delay_s)
    alive = process.poll() is None
    if alive:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kills", "questions"), [(3, 60), pytest.param(20, 250, marks=pytest.mark.slow)], ids=["3", "20"]
)
def test_sigkill_loses_and_doubles_nothing(tmp_path: Path, kills: int, questions: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole, questions).wait() == 0
    rng = random.Random(0)
    # 0 parts: anywhere from the interpreter's start to the first batch.
    for _ in range(kills):
        new_parts = rng.randrange(0, 5)
        delay_s = rng.uniform(0, 5) if new_parts == 0 else rng.uniform(0, 0.05)
        assert kill_after(killed, questions, new_parts, delay_s)
    assert Run.open(killed).info.finished is None
    assert start(killed, questions).wait() == 0
    expected, found = Run.open(whole).frame(), Run.open(killed).frame()
    assert len(expected) == 2 * questions * 3
    assert not found.duplicated(list(SAMPLE_KEY)).any()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.timeout(300)
def test_two_processes_may_fill_one_run_at_once(tmp_path: Path) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert start(alone).wait() == 0
    both = [start(shared), start(shared)]
    assert [process.wait() for process in both] == [0, 0]
    pd.testing.assert_frame_equal(Run.open(shared).frame(), Run.open(alone).frame())
    assert Run.open(shared).info.finished is not None


def test_a_foreign_file_among_the_parts_is_named_and_set_aside(tmp_path: Path) -> None:
    whole = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY).frame()
    parts = tmp_path / "run" / "parts"
    (parts / "notes.parquet").write_text("not a table")
    pd.DataFrame({"task": ["pocket_gsm"], "status": ["correct"]}).to_parquet(parts / "other.parquet")
    (parts / "half.parquet.tmp").write_bytes(b"PAR1")  # another name: nobody reads it
    with pytest.warns(PartSetAsideWarning) as caught:
        again = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY).frame()
    pd.testing.assert_frame_equal(again, whole)
    said = " ".join(str(warning.message) for warning in caught)
    assert "notes.parquet is torn or damaged" in said
    assert "other.parquet is not a table of samples" in said
    aside = {path.name for path in (tmp_path / "run" / "set_aside").iterdir()}
    assert aside == {"notes.parquet", "other.parquet"}


def damaged_copy(folder: Path) -> Path:
    """The pocket base with noise on one tensor: another model at a path of our choice."""
    shutil.copytree(base_path(), folder, dirs_exist_ok=True)
    tensors = load_file(folder / "model.safetensors")
    name = max(tensors, key=lambda key: tensors[key].size)
    tensors[name] = tensors[name] + np.float32(0.05)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_other_weights_at_the_same_path_never_get_the_old_answers(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(base_path(), model)
    before = evaluate(str(model), ["pocket_gsm"], tmp_path / "run", GREEDY).frame()
    damaged_copy(model)
    with pytest.raises(StoreError, match="was run with fingerprint '.*', and '.*' is asked for now"):
        evaluate(str(model), ["pocket_gsm"], tmp_path / "run", GREEDY)
    after = evaluate(str(model), ["pocket_gsm"], tmp_path / "other", GREEDY).frame()
    assert set(before["model_fingerprint"]).isdisjoint(after["model_fingerprint"])


def test_other_settings_do_not_mix_into_a_run(tmp_path: Path) -> None:
    evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY)
    with pytest.raises(StoreError, match="was run with seed 0, and 1 is asked for now"):
        evaluate("pocket", ["pocket_gsm"], tmp_path / "run", EvalSettings(limit=12, seed=1))


def test_two_splits_do_not_mix_in_a_run(tmp_path: Path) -> None:
    evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY)
    with pytest.raises(StoreError, match="was run with split 'test', and 'validation' is asked for now"):
        evaluate("pocket", ["pocket_gsm"], tmp_path / "run", EvalSettings(limit=5, split="validation"))


def test_a_torn_part_is_made_again(tmp_path: Path) -> None:
    whole = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY).frame()
    part = next((tmp_path / "run" / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="set_aside"):
        again = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY).frame()
    pd.testing.assert_frame_equal(again, whole)
    assert (tmp_path / "run" / "set_aside" / part.name).exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tasks": ["pocket_gms"]}, ConfigError, "Unknown task 'pocket_gms' .did you mean 'pocket_gsm'"),
        ({"tasks": []}, ConfigError, "No task given"),
        ({"model": "no/such/model"}, ModelError, "no/such/model"),
        ({"settings": EvalSettings(engine="hff")}, ConfigError, "Unknown engine 'hff' .did you mean 'hf'"),
        ({"settings": EvalSettings(engine="replay", batch_size=4)}, ConfigError, "unexpected keyword argument"),
        ({"tasks": ["gsm8k"], "settings": EvalSettings(data_dir=Path("/nowhere"))}, DataError, "does not exist"),
    ],
)  # fmt: skip
def test_mistakes_are_named(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    given = {"model": "pocket", "tasks": ["pocket_gsm"], "settings": EvalSettings(limit=2), **arguments}
    with pytest.raises(error, match=message):
        evaluate(given["model"], given["tasks"], tmp_path / "run", given["settings"])


@pytest.mark.parametrize(
    "bad",
    [
        {"temperatures": ()},
        {"temperatures": (-1.0,)},
        {"temperatures": (math.nan,)},
        {"temperatures": (math.inf,)},
        {"temperatures": (1e-46,)},  # 0 in float32
        {"temperatures": (1, 1.0)},
        {"samples": 0},
        {"samples": 4.5},
        {"seed": "hello"},
        {"max_tokens": True},
        {"num_fewshot": -1},
        {"top_k": -1},
        {"top_p": 0.0},
        {"min_p": 1.1},
        {"limit": 1.5},
        {"stop": ("",)},
    ],
)
def test_impossible_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match={"stop": "stop string"}.get(next(iter(bad)), next(iter(bad)))):
        EvalSettings(**bad)


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="dtype is given both by itself and in model_args"):
        EvalSettings(dtype="float32", model_args={"dtype": "bfloat16"}).engine_options()


def test_whole_and_decimal_temperatures_draw_the_same() -> None:
    (load,) = workloads(["pocket_gsm"], EvalSettings(limit=1))
    seeds = [
        [job.draw_seed for job in jobs(render_plain, [load], EvalSettings(temperatures=(t,)))]
        for t in (1, 1.0)
    ]
    assert seeds[0] == seeds[1]


def test_other_arguments_of_the_chat_template_do_not_mix_into_a_run(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(base_path(), model)
    template = model / "chat_template.jinja"
    template.write_text(template.read_text() + "{% if enable_thinking %}Hm. {% endif %}")
    evaluate(str(model), ["pocket_gsm"], tmp_path / "run", GREEDY)
    thinking = replace(GREEDY, model_args={"chat_template_args": {"enable_thinking": True}})
    with pytest.raises(StoreError, match="was run with prompt_hash"):
        evaluate(str(model), ["pocket_gsm"], tmp_path / "run", thinking)


def test_the_accuracy_at_a_budget_is_a_lower_bound_of_a_run_with_that_limit(tmp_path: Path) -> None:
    whole = evaluate("pocket", ["pocket_gsm"], tmp_path / "whole", EvalSettings(limit=40)).frame()
    bounds = accuracy_at_budget(whole, [16, 20, 24, 28, 64])
    for budget in (20, 24):
        short = EvalSettings(limit=40, max_tokens=budget)
        frame = evaluate("pocket", ["pocket_gsm"], tmp_path / str(budget), short).frame()
        assert bounds[budget] <= accuracy(frame)
        finished = frame[frame["finish_reason"] == "stop"]
        assert bounds[budget] == (finished["status"] == "correct").sum() / 40
    assert bounds[64] == accuracy(whole)
    assert bounds[16] < bounds[28]


def test_two_processes_that_start_at_once_with_other_tasks_both_count(tmp_path: Path) -> None:
    # As if the other had read run.json before ours was written, and written its own afterwards.
    run = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY)
    ours = run.info
    plain = Run.start

    def late(self: Run, info: RunInfo) -> RunInfo:
        found = plain(self, info)
        if not raced:
            raced.append(True)
            self._write_info(replace(ours, finished=None))
        return found

    raced: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "start", late)
        evaluate("pocket", ["pocket_svamp"], tmp_path / "run", GREEDY)
    assert set(run.info.tasks) == {"pocket_gsm", "pocket_svamp"}
    assert run.info.finished is not None


def test_a_full_disk_is_one_clear_error_and_keeps_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evaluate("pocket", ["pocket_gsm"], tmp_path / "run", GREEDY)
    saved = run.frame()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device; free space on that disk and run again"):
        evaluate("pocket", ["pocket_svamp"], tmp_path / "run", GREEDY)
    monkeypatch.undo()
    pd.testing.assert_frame_equal(Run.open(tmp_path / "run").frame(), saved)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["tasks"].keys() == {"pocket_gsm"}


def test_few_shots_are_the_same_for_every_question_and_stand_with_their_solutions(tmp_path: Path) -> None:
    (load,) = workloads(["pocket_gsm"], EvalSettings(limit=3, num_fewshot=2))
    prompts = {job.example.id: job.prompt for job in jobs(render_plain, [load], EvalSettings())}
    first, second = load.shots
    shown = f"{first.question}\n{first.solution}\n\n{second.question}\n{second.solution}\n\n"
    assert list(prompts.values()) == [f"{shown}{e.question}\n" for e in load.examples]
    assert {shot.question for shot in load.shots}.isdisjoint(e.question for e in load.examples)
    # More shots keep these, and the run of one number does not take in those of another.
    assert set(load.shots) < set(workloads(["pocket_gsm"], EvalSettings(num_fewshot=3))[0].shots)
    evaluate("pocket", ["pocket_gsm"], tmp_path / "run", EvalSettings(limit=2, num_fewshot=1))
    with pytest.raises(StoreError, match="was run with num_fewshot 1, and 0 is asked"):
        evaluate("pocket", ["pocket_gsm"], tmp_path / "run", EvalSettings(limit=2))
    with pytest.raises(ConfigError, match="more than the 6000 rows of the train split"):
        workloads(["pocket_gsm"], EvalSettings(limit=1, num_fewshot=7000))
    with pytest.raises(ConfigError, match="has no train split apart from what is scored"):
        workloads(["pocket_gsm"], EvalSettings(split="train", num_fewshot=1))
