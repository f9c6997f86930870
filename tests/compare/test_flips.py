"""What one side solves and the other does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.compare import arm_flips, contest, flips
from pspo_bench.errors import ConfigError
from pspo_bench.results import dump_result, export_result
from pspo_bench.store import Run

MakeRun = Callable[..., Run]


def test_both_ways_with_the_texts(make_run: MakeRun) -> None:
    base = make_run("base", {"a": [1, 0, 1]}, completion="2 + 2 = 4")
    after = make_run("c-s3", {"a": [0, 1, 1]}, objective="c", seed=3, completion="#### 4")
    lost, won = flips(base, after)
    assert (lost.example_id, lost.won, won.example_id, won.won) == ("0", False, "1", True)
    assert (lost.task, lost.seed, lost.question, lost.gold) == ("a", 3, "Secret question 0?", "4")
    assert (lost.base.completion, lost.base.extracted, lost.base.solved) == ("2 + 2 = 4", "4", True)
    assert (lost.candidate.completion, lost.candidate.extracted, lost.candidate.status) == (
        "#### 4",
        "5",
        "wrong",
    )


def test_of_several_samples_a_typical_one_is_shown(
    make_run: MakeRun, make_sample: Callable[..., Any]
) -> None:
    base, after = (make_run(name, {"a": []}, objective=o) for name, o in (("base", None), ("c-s0", "c")))

    def add(run: Run, answers: list[tuple[bool, str, str]]) -> None:
        rows = [
            make_sample(
                "a",
                "0",
                i,
                ok,
                extracted=answer,
                finish_reason=end,
                completion=f"{answer} {i}",
                model_fingerprint=run.info.fingerprint,
            )
            for i, (ok, answer, end) in enumerate(answers)
        ]
        run.append(rows)

    add(base, [(True, "4", "length"), (False, "6", "stop"), (True, "4", "stop")])
    add(after, [(False, "9", "stop"), (False, "5", "length"), (False, "5", "stop"), (True, "4", "stop")])
    (flip,) = flips(base, after)
    assert (flip.won, flip.base.n_correct, flip.base.n_samples, flip.candidate.n_correct) == (False, 2, 3, 1)
    assert flip.base.completion == "4 2"  # right, and not cut
    assert flip.candidate.completion == "5 2"  # the most frequent wrong answer, and not cut


def test_every_pair_of_seeds(make_run: MakeRun) -> None:
    runs = [make_run("base", {"a": [0]})]
    runs += [make_run(f"c-s{s}", {"a": [1]}, objective="c", seed=s) for s in (0, 1)]
    found = contest([run.path for run in runs])
    assert [flip.seed for flip in arm_flips(found.base[1], found.candidates[0][1])] == [0, 1]


def test_result_files_give_the_ids_alone(make_run: MakeRun, tmp_path: Path) -> None:
    base, after = make_run("base", {"a": [1, 0]}), make_run("c-s0", {"a": [1, 1]}, objective="c")
    file = tmp_path / "after.json"
    file.write_text(dump_result(export_result(after)))
    found = contest([base.path, file])
    (flip,) = arm_flips(found.base[1], found.candidates[0][1])
    assert (flip.example_id, flip.candidate.completion, flip.candidate.n_correct) == ("1", None, 1)
    assert flip.base.completion is not None  # the base is a run folder
    assert flip.question == "Secret question 1?"


def test_no_such_temperature(make_run: MakeRun) -> None:
    run = make_run("base", {"a": [1]})
    with pytest.raises(ConfigError, match="has no samples at T=0.5"):
        flips(run, run, temperature=0.5)
