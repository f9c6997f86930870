"""Trackers: refused before anything is loaded, or given every figure of the log under its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pspo_bench.config import Recipe, load_recipe
from pspo_bench.errors import ConfigError
from pspo_bench.training import plan, train
from pspo_bench.training.callbacks import Progress

SETTINGS = [
    "data.validation_rows=4", "data.limit=32", "minibatches=1", "prompts_per_step=2", "group_size=4", "max_tokens=48",
    "eval_steps=2", "iterations=2", "budget.steps=4", "save_steps=2", "learning_rate=1e-3",
]  # fmt: skip


def recipe(*overrides: str) -> Recipe:
    return load_recipe("pocket/grpo", [*SETTINGS, 'report_to=["tensorboard"]', *overrides])


def curves(folder: Path) -> dict[str, dict[int, float]]:
    """Everything in the event files: tag → step → value. A step that is there twice fails."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        points = events.Scalars(tag)
        found[tag.removeprefix("train/")] = {point.step: point.value for point in points}
        assert len(found[tag.removeprefix("train/")]) == len(points), f"{tag} has a step twice"
    return found


def assert_equal_to_the_log(folder: Path) -> None:
    log = pd.read_parquet(folder / "training_log.parquet").set_index("step")
    events = curves(folder / "tracking" / "tensorboard")
    assert set(log.columns) <= set(events)
    for column in log.columns:
        expected = log[column].dropna().to_dict()
        assert events[column] == pytest.approx(expected, rel=1e-6), column  # event files hold float32


@pytest.mark.parametrize("objective", ["pspo", "sft"])
def test_tensorboard_gets_what_the_log_holds(tmp_path: Path, objective: str) -> None:
    folder = train(recipe(f"objective.name={objective}"), tmp_path / "out")
    assert_equal_to_the_log(folder)
    events = curves(folder / "tracking" / "tensorboard")
    assert sorted(events["validation_accuracy"]) == [0, 2, 4]
    assert sorted(events["grad_clipped"]) == [1, 2, 3, 4]
    if objective == "pspo":
        assert sorted(events["ess"]) == sorted(events["clip_fraction"]) == [1, 2, 3, 4]
        assert sorted(events["correctness"]) == [1, 3], "one generation batch for two steps"


def test_no_step_is_shown_twice_after_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_step_three(self: Any, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_log", at_step_three)
        with pytest.raises(KeyboardInterrupt):
            train(recipe(), tmp_path / "out")
    assert 3 in curves(tmp_path / "out" / "tracking" / "tensorboard")["loss"]
    assert_equal_to_the_log(train(recipe(), tmp_path / "out", resume=True))


def test_where_figures_go_is_no_other_recipe(tmp_path: Path) -> None:
    train(recipe("budget.steps=2", "report_to=[]"), tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    train(recipe("budget.steps=2"), tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorbord", "Unknown tracker 'tensorbord' in tracking.report_to .* .did you mean 'tensorboard'"),
        ("all", "Unknown tracker 'all'"),
        ("neptune", "Tracker 'neptune' in .* is not ready: .* install it with: pip install neptune"),
    ],
)
def test_mistakes_are_found_before_a_model_is_loaded(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(recipe("model.base=/no/such/model", f'report_to=["{name}"]'))
