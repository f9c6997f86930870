"""Tuning: the same trials for every arm, seeds that are not reported, the best point by validation alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pspo_bench.config import Study, load_study
from pspo_bench.errors import ConfigError
from pspo_bench.resources import recipes_dir
from pspo_bench.study import cells, plan_lines, run_study
from pspo_bench.study.grid import arms, trial_cells
from pspo_bench.study.tuning import Trial, drop_weights, tried_points, tuning_results

STUDY = """
name = "tuned"
recipe = "pocket/grpo"
seeds = [0]
[overrides]
"budget.steps" = 2
"rollout.iterations" = 2
"rollout.minibatches" = 1
"rollout.prompts_per_step" = 4
"rollout.group_size" = 4
"rollout.max_tokens" = 16
"data.limit" = 64
"data.validation_rows" = 8
"checkpoint.eval_steps" = 2
[tuning]
seeds = [100, 101]
[tuning.space]
"optimizer.learning_rate" = [1e-4, 2e-4]
[[arms]]
name = "clip"
[arms.overrides]
"objective.name" = "clip"
[[arms]]
name = "pspo"
[arms.overrides]
"objective.name" = "pspo"
[arms.grid]
"objective.alpha" = [0.1, 0.5]
[evaluation]
tasks = ["pocket_gsm"]
limit = 8
"""


def study_of(tmp_path: Path, text: str = STUDY, *overrides: str) -> Study:
    file = tmp_path / "tuned.toml"
    file.write_text(text)
    return load_study(file, overrides)


def test_a_grid_of_an_arm_is_an_arm_for_each_combination(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    assert [arm.name for arm in arms(study)] == ["clip", "pspo-alpha0.1", "pspo-alpha0.5"]
    grid = cells(study)
    assert [cell.name for cell in grid] == ["base", "clip-s0", "pspo-alpha0.1-s0", "pspo-alpha0.5-s0"]
    assert [cell.recipe.objective.settings for cell in grid[2:]] == [{"alpha": 0.1}, {"alpha": 0.5}]


def test_models_are_a_dimension_of_the_grid(tmp_path: Path) -> None:
    models = (
        '[{name="small", base="pocket"}, {name="big", base="smollm2", overrides={"model.dtype"="bfloat16"}}]'
    )
    grid = cells(study_of(tmp_path, STUDY, f"models={models}"))
    assert [cell.name for cell in grid[:3]] == ["small-base", "big-base", "small-clip-s0"]
    big = next(cell for cell in grid if cell.name == "big-clip-s0")
    assert (big.recipe.model.base, big.recipe.model.dtype, big.recipe.name) == (
        "smollm2",
        "bfloat16",
        "tuned-big-clip",
    )


def test_every_arm_has_the_same_trials(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    tried = tried_points(study)
    points = [{"optimizer.learning_rate": 1e-4}, {"optimizer.learning_rate": 2e-4}]
    assert tried == {"clip": points, "pspo-alpha0.1": points, "pspo-alpha0.5": points}
    trials = trial_cells(study, tried)
    assert len(trials) == 3 * 2 * 2
    last = trials[-1]
    assert (last.name, last.folder) == ("pspo-alpha0.5/t1-s101", "tuning/pspo-alpha0.5/t1-s101")
    assert (last.recipe.optimizer.learning_rate, last.recipe.objective.settings) == (2e-4, {"alpha": 0.5})


def test_random_search_draws_within_the_range_the_same_for_all(tmp_path: Path) -> None:
    text = STUDY.replace(
        '"optimizer.learning_rate" = [1e-4, 2e-4]',
        '"optimizer.learning_rate" = {low=1e-5, high=1e-3, log=true}',
    )
    study = study_of(tmp_path, text, 'tuning.search="random"', "tuning.trials=64")
    tried = tried_points(study)
    rates = np.array([point["optimizer.learning_rate"] for point in tried["clip"]])
    assert tried["clip"] == tried["pspo-alpha0.1"]
    assert ((rates >= 1e-5) & (rates <= 1e-3)).all()
    # uniform in the logarithm: half lie below 1e-4, with a standard error of 1/16
    assert abs((rates < 1e-4).mean() - 0.5) < 4 / 16
    assert tried_points(study) == tried


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("tuning.seeds=[0]",), r"seeds \[0\] are both tuned on and reported"),
        (("tuning.trials=3",), "tuning.trials goes with search='random' alone"),
        (('tuning.search="random"',), "tuning.trials goes with search='random' alone"),
        (('tuning.space={"optimizer.learning_rate"={low=1e-5, high=1e-3}}',), "is a range, which a grid"),
        (('tuning.space={"optimizer.learning_rate"={low=1e-3, high=1e-5}}',), "a range needs low < high"),
        (("tuning.seeds=[100, 100]",), r"tuning.seeds must differ; got \[100, 100\]"),
    ],
)  # fmt: skip
def test_unfair_tuning_is_refused(tmp_path: Path, change: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study_of(tmp_path, STUDY, *change)


def test_an_arm_with_more_trials_is_refused(tmp_path: Path) -> None:
    text = STUDY.replace("[arms.grid]", '[arms.space]\n"optimizer.weight_decay" = [0.0, 0.1]\n[arms.grid]')
    with pytest.raises(
        ConfigError, match="every arm must have the same number of tuning trials; got clip 2, pspo 4"
    ):
        study_of(tmp_path, text)


@pytest.mark.parametrize("key", ["objective.alpha", "alpha"])
def test_an_arm_that_sets_what_is_tuned_is_refused(tmp_path: Path, key: str) -> None:
    text = STUDY.replace('"optimizer.learning_rate" = [1e-4, 2e-4]', f'"{key}" = [0.2, 0.3]')
    with pytest.raises(ConfigError, match=f"Arm 'pspo' of study 'tuned' sets {key}, which is tuned too"):
        arms(study_of(tmp_path, text))


def test_arms_must_have_names_of_their_own(tmp_path: Path) -> None:
    text = STUDY.replace('name = "clip"', 'name = "pspo-alpha0.5"')
    with pytest.raises(ConfigError, match=r"Two arms of study 'tuned' come to be called 'pspo-alpha0.5'"):
        cells(study_of(tmp_path, text))
    with pytest.raises(ConfigError, match="an arm cannot be called 'base'"):
        study_of(tmp_path, STUDY.replace('name = "clip"', 'name = "base"'))


def test_a_local_base_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "pocket").mkdir()
    monkeypatch.chdir(tmp_path)
    bases = [study_of(tmp_path, STUDY, f'overrides={{"model.base"="{name}"}}') for name in ("mine", "pocket")]
    assert [cells(study)[1].recipe.model.base for study in bases] == [str(tmp_path / "mine"), "pocket"]


def test_arms_must_have_equal_budgets(tmp_path: Path) -> None:
    text = STUDY.replace('"objective.name" = "clip"', '"objective.name" = "clip"\n"rollout.iterations" = 1')
    with pytest.raises(ConfigError, match="do not have the same number of completions: .* 16, .* 32"):
        list(plan_lines(study_of(tmp_path, text)))
    list(plan_lines(study_of(tmp_path, text, "equal=steps")))


def test_a_limit_does_not_make_equal_budgets_unequal(tmp_path: Path) -> None:
    # 4 steps at 2 a batch of 16 completions, or 2 steps at 1 a batch: 32 either way
    text = STUDY.replace('"budget.steps" = 2', '"budget.steps" = 4').replace(
        '"objective.name" = "clip"', '"objective.name" = "clip"\n"rollout.iterations" = 1\n"budget.steps" = 2'
    )
    trials = [line for line in plan_lines(study_of(tmp_path, text), limit=2) if "/t0-s100" in line]
    assert "clip/t0-s100: 2 optimiser steps on 64 rows, 32 completions" in trials[0]
    assert "pspo-alpha0.1/t0-s100: 2 optimiser steps on 64 rows, 16 completions" in trials[1]


def test_a_study_under_a_launcher_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="A study is run by one process, not by 2"):
        run_study(study_of(tmp_path), tmp_path / "out")


def test_tuning_without_validation_rows_is_refused(tmp_path: Path) -> None:
    text = STUDY.replace(
        '"data.validation_rows" = 8\n"checkpoint.eval_steps" = 2', '"data.validation_rows" = 0'
    )
    recipe = tmp_path / "r.toml"
    recipe.write_text((recipes_dir() / "pocket" / "grpo.toml").read_text().replace("eval_steps = 20", ""))
    with pytest.raises(ConfigError, match="holds no rows out; set data.validation_rows"):
        list(plan_lines(study_of(tmp_path, text.replace("pocket/grpo", str(recipe)))))
    text = STUDY.replace('"checkpoint.eval_steps" = 2', "").replace("pocket/grpo", str(recipe))
    with pytest.raises(ConfigError, match="never scores it; set checkpoint.eval_steps"):
        list(plan_lines(study_of(tmp_path, text)))


def write_trial(folder: Path, scores: list[float | None]) -> None:
    folder.mkdir(parents=True)
    pd.DataFrame({"step": range(len(scores)), "validation_accuracy": scores}).to_parquet(
        folder / "training_log.parquet"
    )
    (folder / "manifest.json").write_text("{}")


def test_the_best_mean_of_the_last_scores_is_chosen(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    tried = tried_points(study)
    out = tmp_path / "out"
    # clip: t0 ends at .5 and .6 (its .9 on the way does not count), t1 at .4 and .8: the mean .6 beats .55
    for name, scores in {
        "t0-s100": [0.9, 0.5],
        "t0-s101": [0.1, 0.6, None],
        "t1-s100": [0.4],
        "t1-s101": [0.8],
    }.items():
        write_trial(out / "tuning" / "clip" / name, list(scores))
    # pspo 0.1: equal, so the first; pspo 0.5: t0 failed with one seed, so t1 although it is worse
    for name in ("t0-s100", "t0-s101", "t1-s100", "t1-s101"):
        write_trial(out / "tuning" / "pspo-alpha0.1" / name, [0.7])
    for name, score in {"t0-s100": 0.9, "t1-s100": 0.2, "t1-s101": 0.2}.items():
        write_trial(out / "tuning" / "pspo-alpha0.5" / name, [score])
    results = tuning_results(study, tried, out)
    low, high = {"optimizer.learning_rate": 1e-4}, {"optimizer.learning_rate": 2e-4}
    assert results.chosen == {"clip": high, "pspo-alpha0.1": low, "pspo-alpha0.5": high}
    assert results.trials[0] == Trial("clip", 0, low, (0.5, 0.6))
    assert [trial.score for trial in results.trials] == pytest.approx([0.55, 0.6, 0.7, 0.7, None, 0.2])
    assert json.loads(results.to_json())["trials"][4]["scores"] == [0.9, None]
    # what lies in the folder of a trial that has failed now is of another study
    results = tuning_results(study, tried, out, {"clip/t1-s101"})
    assert (results.chosen["clip"], results.trials[1].scores) == (low, (0.4, None))


def test_no_weights_of_a_trial_are_kept(tmp_path: Path) -> None:
    kept = [tmp_path / "manifest.json", tmp_path / "checkpoint-2" / "manifest.json"]
    weights = [file.with_name("model.safetensors") for file in kept]
    weights.append(tmp_path / "model.safetensors.index.json")
    kept[1].parent.mkdir()
    for file in (*kept, *weights):
        file.write_text("")
    drop_weights(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


@pytest.mark.timeout(300)
def test_a_tuned_study_trains_with_what_it_chose(tmp_path: Path) -> None:
    study = study_of(
        tmp_path, STUDY, 'arms=[{name="clip", overrides={"objective.name"="clip"}}]', "tuning.seeds=[100]"
    )
    assert study.tuning is not None
    out = tmp_path / "out"
    blocked = out / "tuning" / "clip" / "t0-s100"
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("in the way")
    board, failures = run_study(study, out)
    assert [failure.cell for failure in failures] == ["clip/t0-s100"]
    tuning = json.loads((out / "tuning.json").read_text())
    assert tuning["chosen"] == {"clip": {"optimizer.learning_rate": 2e-4}}
    manifest = json.loads((out / "checkpoints" / "clip-s0" / "manifest.json").read_text())
    assert manifest["recipe"]["optimizer"]["learning_rate"] == 2e-4
    assert not list((out / "tuning").rglob("*.safetensors"))
    assert len(board.tables[0].rows) == 2
    lines = list(plan_lines(study, output=out, limit=2))
    assert lines[-1].startswith("left: 1 trainings; about ")
    assert "Not finished" in (out / "LEADERBOARD.md").read_text()

    # with other points to try: the finished trial is of none of them, and its score must not be taken for one's
    changed = study.model_copy(
        update={
            "tuning": study.tuning.model_copy(update={"space": {"optimizer.learning_rate": [3e-4, 4e-4]}})
        }
    )
    _, failures = run_study(changed, out)
    assert [failure.cell for failure in failures] == ["clip/t0-s100", "clip/t1-s100", "clip-s0"]
    assert "differs in optimizer.learning_rate: 0.0002 → 0.0004" in failures[1].error
    tuning = json.loads((out / "tuning.json").read_text())
    assert (tuning["chosen"], [trial["score"] for trial in tuning["trials"]]) == ({}, [None, None])
    assert [file.name for file in (out / "results").iterdir()] == ["base.json"]


@pytest.mark.timeout(300)
def test_an_arm_without_a_successful_trial_fails_and_the_others_go_on(tmp_path: Path) -> None:
    study = study_of(tmp_path, STUDY, "tuning.seeds=[100]", 'tuning.space={"optimizer.learning_rate"=[2e-4]}')
    out = tmp_path / "out"
    for arm in ("pspo-alpha0.1", "pspo-alpha0.5"):
        (out / "tuning" / arm / "t0-s100").mkdir(parents=True)
        (out / "tuning" / arm / "t0-s100" / "x").write_text("")
    _, failures = run_study(study, out)
    assert [(failure.cell, failure.error) for failure in failures[2:]] == [
        ("pspo-alpha0.1-s0", "no trial of its tuning finished"),
        ("pspo-alpha0.5-s0", "no trial of its tuning finished"),
    ]
    assert (out / "runs" / "clip-s0").is_dir()
