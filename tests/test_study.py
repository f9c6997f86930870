"""Studies: the grid, a whole small one, what a failed cell does, and what a dry run promises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from pspo_bench.cli import main
from pspo_bench.config import load_study
from pspo_bench.errors import ConfigError, DataError, TrainingError
from pspo_bench.report import leaderboard
from pspo_bench.resources import recipes_dir
from pspo_bench.study import cells, plan_lines, run_study

STUDY = """
name = "small"
recipe = "pocket/grpo"
seeds = [0, 1]
equal = "steps"
[[arms]]
name = "unclipped"
[arms.overrides]
"objective.name" = "unclipped"
"rollout.iterations" = 1
"budget.steps" = 2
"rollout.prompts_per_step" = 4
"rollout.group_size" = 4
"rollout.minibatches" = 1
"data.limit" = 64
"checkpoint.eval_steps" = 2
"data.validation_rows" = 8
[[arms]]
name = "pspo"
[arms.overrides]
"objective.name" = "pspo"
"objective.alpha" = 0.5
"rollout.iterations" = 2
"budget.steps" = 2
"rollout.prompts_per_step" = 4
"rollout.group_size" = 4
"rollout.minibatches" = 1
"data.limit" = 64
"checkpoint.eval_steps" = 2
"data.validation_rows" = 8
[evaluation]
tasks = ["pocket_gsm", "pocket_svamp"]
limit = 8
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(STUDY)
    return file


def test_the_grid_is_arms_by_seeds_and_the_base(study_file: Path) -> None:
    grid = cells(load_study(study_file))
    assert [cell.name for cell in grid] == ["base", "unclipped-s0", "unclipped-s1", "pspo-s0", "pspo-s1"]
    recipe = grid[-1].recipe
    assert [cell.trains for cell in grid] == [False, True, True, True, True]
    assert (recipe.seed, recipe.objective.settings, recipe.name) == (1, {"alpha": 0.5}, "small-pspo")


def test_a_dry_run_counts_what_would_be_done(study_file: Path) -> None:
    lines = list(plan_lines(load_study(study_file)))
    assert lines[0] == "base: 16 samples to score"
    # one generation batch of 4 × 4 completions serves both of pspo's steps, two are made for unclipped
    assert "2 optimiser steps on 64 rows, 32 completions of at most 64 tokens" in lines[1]
    assert "2 optimiser steps on 64 rows, 16 completions" in lines[3]
    # 2 × (32 + 16) completions of at most 64 tokens; 5 models on 2 × 8 questions
    assert lines[5] == (
        "total: 4 trainings, 8 optimiser steps, 96 completions of at most 6144 tokens; 5 evaluations, 80 samples"
    )
    assert len(lines) == 6


@pytest.mark.timeout(300)
def test_a_study_ends_in_a_leaderboard_and_repeats_nothing(study_file: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    board, failures = run_study(load_study(study_file), tmp_path / "out", report=notes.append)
    assert failures == []
    assert [note.split()[-1] for note in notes] == [
        "base",
        "unclipped-s0",
        "unclipped-s1",
        "pspo-s0",
        "pspo-s1",
    ]
    table = board.tables[0]
    assert sorted(map(str, (row.seeds for row in table.rows))) == ["(0, 1)", "(0, 1)", "(None,)"]
    markdown = (tmp_path / "out" / "LEADERBOARD.md").read_text()
    assert "pspo" in markdown
    results = sorted(path.name for path in (tmp_path / "out" / "results").iterdir())
    assert results == ["base.json", "pspo-s0.json", "pspo-s1.json", "unclipped-s0.json", "unclipped-s1.json"]
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert sorted(curves["run"].unique()) == ["pspo-s0", "pspo-s1", "unclipped-s0", "unclipped-s1"]
    assert curves.groupby("run")["step"].max().tolist() == [2, 2, 2, 2]
    assert "## At 2 optimiser steps" in (tmp_path / "out" / "MATCHED.md").read_text()
    result = json.loads((tmp_path / "out" / "results" / "pspo-s1.json").read_text())
    assert "How many" not in json.dumps(result), "no question text leaves the run folder"
    command = re.search("`pspo-bench leaderboard (.*) -o ", markdown)
    assert command is not None
    again = leaderboard([command[1]])
    assert [table.rows for table in again.tables] == [table.rows for table in board.tables]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert main(["study", str(study_file), "-o", str(tmp_path / "out")]) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")} == files
    assert (tmp_path / "out" / "LEADERBOARD.md").read_text() == markdown
    assert "unclipped" in (tmp_path / "out" / "report.html").read_text()


def test_a_failed_cell_is_reported_and_the_others_go_on(study_file: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "out" / "checkpoints" / "pspo-s0"
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("in the way")
    study = load_study(study_file, ["seeds=[0]"])
    board, failures = run_study(study, tmp_path / "out", limit=2)
    assert [failure.cell for failure in failures] == ["pspo-s0"]
    assert "is not a training run" in failures[0].error
    assert len(board.tables[0].rows) == 2


def test_nothing_finished_is_an_error(study_file: Path, tmp_path: Path) -> None:
    study = load_study(study_file, ["include_base=false", "seeds=[0]"])
    for cell in ("unclipped-s0", "pspo-s0"):
        (tmp_path / "out" / "checkpoints" / cell).mkdir(parents=True)
        (tmp_path / "out" / "checkpoints" / cell / "x").write_text("")
    with pytest.raises(
        TrainingError, match="No cell of study 'small' finished; first failure: .*is not a training run"
    ):
        run_study(study, tmp_path / "out")


def test_a_mistake_in_the_last_arm_stops_a_study_before_it_trains(study_file: Path, tmp_path: Path) -> None:
    study_file.write_text(STUDY.replace('"objective.name" = "pspo"', '"objective.name" = "psop"'))
    with pytest.raises(ConfigError, match="Unknown objective 'psop'"):
        run_study(load_study(study_file), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine_stops_a_study_before_it_trains(study_file: Path) -> None:
    with pytest.raises(ConfigError, match="Unknown engine 'hff' in study 'small'"):
        list(plan_lines(load_study(study_file, ["evaluation.engine=hff"])))


def test_missing_data_stop_a_study_before_it_trains(study_file: Path, tmp_path: Path) -> None:
    study = load_study(study_file, ['evaluation.tasks=["svamp"]'])
    with pytest.raises(DataError, match="svamp/test.jsonl does not exist"):
        run_study(study, tmp_path / "out", data_dir=tmp_path)
    assert not (tmp_path / "out" / "checkpoints").exists()


SHIPPED = [
    str(file.relative_to(recipes_dir()).with_suffix(""))
    for file in sorted(recipes_dir().rglob("*.toml"))
    if "[[arms]]" in file.read_text()
]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_studies_can_be_run(name: str, data_dir: Path) -> None:
    study = load_study(name, ["evaluation.engine=hf"])  # vLLM need not be here
    for limit in (None, 4):
        assert list(plan_lines(study, limit=limit, data_dir=data_dir))[-1].startswith("total: ")
