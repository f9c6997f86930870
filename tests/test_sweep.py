"""Several models in one command, checkpoints by pattern, and the curve over their steps."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pspo_bench.cli import main
from pspo_bench.config import load_recipe, validate
from pspo_bench.config.sections import CheckpointSection
from pspo_bench.engines import ENGINES
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.evaluate import EvalSettings, Failure, Target, evaluate_all, targets
from pspo_bench.evaluate.sweep import HeldEngine
from pspo_bench.models import resolve
from pspo_bench.records import Completion, Request
from pspo_bench.report import Curve, leaderboard
from pspo_bench.results import load_entries

POCKET = resolve("pocket").path


def checkpoint(folder: Path) -> Path:
    shutil.copytree(POCKET, folder, ignore=shutil.ignore_patterns("manifest.json"))
    return folder


def test_names_tell_the_models_apart(tmp_path: Path) -> None:
    for name in ("a/checkpoint-100", "a/checkpoint-20", "b/checkpoint-20"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/checkpoint-3").write_text("a file is no checkpoint")
    one = targets([], [f"{tmp_path}/a/checkpoint-*"], tmp_path)
    assert [target.name for target in one] == ["checkpoint-20", "checkpoint-100"]
    both = targets(["pocket", "pocket"], [f"{tmp_path}/[ab]/checkpoint-20"], tmp_path)
    assert [target.name for target in both] == ["pocket", "a-checkpoint-20", "b-checkpoint-20"]
    assert both[1].path == tmp_path / "a-checkpoint-20"
    # One model by its name: the output folder is its run, as it always was.
    assert targets(["a/B-0.5"], [], tmp_path) == [Target("B-0.5", "a/B-0.5", tmp_path)]
    # Two spellings of one path are one model, and no name leaves the output folder or is shared.
    (tmp_path / "a b").mkdir()
    (tmp_path / "a_b").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "b")
        found = targets(["..", "../b/", ".", "pocket", "../a b", "../a_b", "./checkpoint-20"], [], tmp_path)
    assert [target.model for target in found] == [
        "..",
        "../b/",
        "pocket",
        "../a b",
        "../a_b",
        "./checkpoint-20",
    ]
    assert len({target.name for target in found}) == 6
    assert {target.path.parent for target in found} == {tmp_path}
    with pytest.raises(ConfigError, match="No model given"):
        targets([], [], tmp_path)
    with pytest.raises(ConfigError, match="No folder matches --checkpoints '.*nothing-"):
        targets([], [f"{tmp_path}/nothing-*"], tmp_path)


def test_a_sweep_scores_every_checkpoint_and_orders_them_by_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (9, 10):
        checkpoint(tmp_path / f"train/checkpoint-{step}")
    (tmp_path / "train/checkpoint-11").mkdir()  # torn: no config, no weights
    command = ["eval", "--model", "pocket", "--checkpoints", f"{tmp_path}/train/checkpoint-*"]
    command += ["--tasks", "pocket_gsm", "--limit", "6", "-o", str(tmp_path / "out")]
    assert main(command) == 1
    shown = capsys.readouterr()
    assert "checkpoint-11 failed" in shown.err
    assert "holds no config.json" in shown.err
    rows = list(csv.DictReader((tmp_path / "out/curve.csv").open()))
    assert [(row["model"], row["step"]) for row in rows] == [
        ("pocket", ""),
        ("checkpoint-9", "9"),
        ("checkpoint-10", "10"),
    ]
    assert len({row["accuracy"] for row in rows}) == 1  # the same weights in all three
    assert shown.out.index("checkpoint-9 ") < shown.out.index("checkpoint-10 ")
    # The folder's name is the training, and its steps are rows of one table.
    (table,) = (t for t in leaderboard([tmp_path / "out"]).tables if t.base_model == "train")
    assert [row.objective for row in table.rows] == ["base step 9", "base step 10"]


def test_a_bad_manifest_costs_only_its_step(tmp_path: Path) -> None:
    for number, steps in enumerate(("abc", None, True, 7)):
        folder = checkpoint(tmp_path / f"checkpoint-{number}")
        (folder / "manifest.json").write_text(json.dumps({"optimizer_steps": steps}))
    wanted = targets([], [f"{tmp_path}/checkpoint-*"], tmp_path / "out")
    runs, _ = evaluate_all(wanted, ["pocket_gsm"], EvalSettings(limit=2))
    curve = Curve.of(load_entries([run.path for run in runs]))
    assert [point.step for point in curve.points] == [0, 1, 2, 7]


class Counting:
    """Answers with the model's name; swaps to any model but one called `other`."""

    name, version, chat_template_hash, dtype, device, manifest = "counting", "1", "", "", "", None
    made: ClassVar[list[str]] = []
    closed: ClassVar[list[str]] = []

    def __init__(self, model: str) -> None:
        self.model = self.fingerprint = model
        self.made.append(model)

    def render(self, messages: list[dict[str, str]]) -> str:
        return messages[-1]["content"]

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        for index, _ in enumerate(requests):
            yield index, Completion(self.model, "stop", None, None)

    def swap(self, model: str) -> bool:
        if model == "other":
            return False
        self.model = self.fingerprint = model
        return True

    def close(self) -> None:
        self.closed.append(self.model)


def test_after_a_swap_that_failed_half_way_no_model_is_taken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Breaking(Counting):
        made: ClassVar[list[str]] = []

        def swap(self, model: str) -> bool:
            self.model = "half of each"
            raise ModelError("no")

    monkeypatch.setitem(ENGINES._items, "breaking", Breaking)
    held = HeldEngine(EvalSettings(engine="breaking"))
    first = held.engine_for("a")
    with pytest.raises(ModelError):
        held.engine_for("b")
    with pytest.raises(ModelError):  # swaps again, as nothing is known of what is in it
        held.engine_for("a")
    assert first.model == "half of each"


def test_an_engine_that_can_swap_weights_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES._items, "counting", Counting)
    wanted = [Target(name, name, tmp_path / name) for name in ("a", "b", "other", "c")]
    settings = EvalSettings(engine="counting", limit=2)
    runs, failures = evaluate_all(wanted, ["pocket_gsm"], settings)
    assert failures == []
    assert [run.path.name for run in runs] == ["a", "b", "other", "c"]
    for run in runs:
        assert set(run.frame()["completion"]) == {run.path.name}
        assert run.info.fingerprint == run.path.name
    assert Counting.made == ["a", "other"]
    assert Counting.closed == ["b", "c"]


def test_a_model_that_fails_costs_only_itself(tmp_path: Path) -> None:
    wanted = targets([str(tmp_path / "none.gguf"), "pocket"], [], tmp_path / "out")
    runs, failures = evaluate_all(wanted, ["pocket_gsm"], EvalSettings(limit=2))
    assert [run.path.name for run in runs] == ["pocket"]
    assert [failure.name for failure in failures] == ["none.gguf"]
    assert isinstance(failures[0], Failure)
    assert "No model at" in failures[0].error


@pytest.mark.timeout(240)
def test_kept_checkpoints_make_a_curve(tmp_path: Path) -> None:
    from pspo_bench.training import train

    small = ["data.limit=8", "rollout.prompts_per_step=4", "rollout.group_size=2", "rollout.max_tokens=24"]
    steps = ["budget.steps=4", "checkpoint.save_steps=2", "checkpoint.keep=true"]
    recipe: Any = load_recipe(
        "pocket/grpo", [*small, *steps, "rollout.iterations=1", "rollout.minibatches=1"]
    )
    output = train(recipe, tmp_path / "train")
    found = targets([], [f"{output}/checkpoint-*"], tmp_path / "sweep")
    assert [target.name for target in found] == ["checkpoint-2", "checkpoint-4"]
    # The last one is the finished model; each says of itself what it is.
    assert resolve(found[1].model).fingerprint == resolve(str(output)).fingerprint
    assert resolve(found[0].model).fingerprint != resolve(str(output)).fingerprint
    runs, _ = evaluate_all(found, ["pocket_gsm"], EvalSettings(limit=4))
    curve = Curve.of(load_entries([run.path for run in reversed(runs)]))
    assert [point.step for point in curve.points] == [2, 4]
    assert {run.info.base_model for run in runs} == {"pocket"}


def test_keep_without_saves_is_refused() -> None:
    with pytest.raises(ConfigError, match="checkpoint.keep needs checkpoint.save_steps"):
        validate(CheckpointSection, {"keep": True}, "mine.toml")
