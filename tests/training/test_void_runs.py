"""A run that can teach nothing, from its training to the leaderboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pspo_bench.config import load_recipe
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.report import leaderboard
from pspo_bench.results import export_result
from pspo_bench.training import train

SETTINGS = [
    "data.validation_rows=4", "data.limit=16", "minibatches=1", "iterations=1", "prompts_per_step=2", "group_size=4",
    "max_tokens=48", "budget.steps=2", "eval_steps=2", "save_steps=2",
]  # fmt: skip


def test_a_void_run_says_so_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = [*SETTINGS, "reward.name=random", "reward.p=0", "objective.name=unclipped"]
    folder = train(load_recipe("pocket/grpo", overrides), tmp_path / "out")
    found = {w["name"]: w["message"] for w in json.loads((folder / "manifest.json").read_text())["warnings"]}
    assert set(found) == {"no-reward-spread", "clipping-not-tested"}
    assert found["no-reward-spread"].startswith(
        "In 100 % of the groups, on average, all completions were paid the same (mean reward 0)"
    )
    assert "by construction" in found["clipping-not-tested"]
    err = capsys.readouterr().err
    for name, message in found.items():
        assert err.count(f"pspo-bench: warning: pocket-clip s0: {name}: {message}\n") == 1
    run = evaluate(str(folder), ["pocket_gsm"], tmp_path / "run", EvalSettings(limit=4))
    assert export_result(run)["run"]["manifest"]["warnings"]
    board = leaderboard([run.path])
    (row,) = board.tables[0].rows
    assert row.objective == "unclipped, random reward (p=0)"
    assert row.marks == "†§"
    assert "| unclipped, random reward (p=0) | 1†§ |" in board.to_markdown()
    assert any(
        note.startswith("§ no-reward-spread: unclipped, random reward") for note in board.tables[0].notes
    )


def test_what_cannot_be_saved_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first step throws the weights away; the second, on the same batch, meets what is left of the policy."""
    overrides = [*SETTINGS, "iterations=2", "learning_rate=10", "budget.steps=2", "reward.name=random"]
    made = load_recipe("pocket/grpo", overrides)
    unscored = made.checkpoint.model_copy(update={"eval_steps": None})
    folder = train(made.model_copy(update={"checkpoint": unscored}), tmp_path / "out")
    warnings = {
        w["name"]: w["message"] for w in json.loads((folder / "manifest.json").read_text())["warnings"]
    }
    assert "above 0.5 nats per token at step 2 (largest" in warnings["kl-blow-up"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "kl-blow-up" in line]
    assert lines == [f"pspo-bench: warning: pocket-clip s0: kl-blow-up: {warnings['kl-blow-up']}"] * 2
