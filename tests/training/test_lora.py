"""LoRA: what a run trains and leaves behind, its way through `eval`, resume, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from pspo_bench.cli import main
from pspo_bench.config import Recipe, load_recipe
from pspo_bench.engines.hf import HFEngine
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.models import LoadedModel, load, resolve
from pspo_bench.pocket import base_path
from pspo_bench.prompts import messages
from pspo_bench.records import Example, Request, Sampling
from pspo_bench.store import Run
from pspo_bench.tasks import load_examples, load_task
from pspo_bench.training import train
from pspo_bench.training.callbacks import TIMING
from pspo_bench.training.lora import lora_config

SETTINGS = [
    "data.validation_rows=4", "data.limit=64", "minibatches=1", "prompts_per_step=4", "group_size=4", "max_tokens=48",
    "iterations=2", "eval_steps=2", "learning_rate=2e-3", "model.lora.r=4", "model.lora.alpha=8", "budget.steps=4",
    "save_steps=2",
]  # fmt: skip


def recipe(*overrides: str) -> Recipe:
    return load_recipe("pocket/grpo", [*SETTINGS, *overrides])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = recipe("checkpoint.keep=true", "loss.kl_beta=0.05", "learning_rate=2e-2")
    return train(made, tmp_path_factory.mktemp("lora") / "out")


def test_a_run_leaves_an_adapter_that_names_its_base(adapter: Path) -> None:
    assert not (adapter / "model.safetensors").exists()
    written = json.loads((adapter / "adapter_config.json").read_text())
    assert (written["base_model_name_or_path"], written["r"], written["lora_alpha"]) == ("pocket", 4, 8)
    assert "lm_head" not in written["target_modules"]
    manifest = json.loads((adapter / "manifest.json").read_text())
    assert manifest["base_fingerprint"] == resolve("pocket").fingerprint
    assert manifest["weights_sha256"] == resolve(str(adapter)).fingerprint
    assert sorted(path.name for path in adapter.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-4"]
    last, kept = weights(adapter), weights(adapter / "checkpoint-4")
    assert all(torch.equal(last[name], kept[name]) for name in last)
    # B begins at 0, so that what is not 0 was trained
    assert any(weight.any() for name, weight in last.items() if "lora_B" in name)


def test_kl_is_to_the_base_without_the_adapter(adapter: Path) -> None:
    """At the first step the adapter is 0 and policy and base are one; then it has moved away from the base."""
    kl = pd.read_parquet(adapter / "training_log.parquet").set_index("step")["kl_to_reference"]
    assert kl[1] == pytest.approx(0, abs=1e-8)
    assert kl[4] > 1e-6


def greedy(loaded: LoadedModel, examples: list[Example], limit: int) -> list[str]:
    engine = HFEngine(loaded)
    sampling = Sampling(0.0, max_tokens=limit)
    requests = [Request(engine.render(messages(example, "")), sampling, 0) for example in examples]
    found = dict(engine.generate(requests))
    return [found[index].text for index in range(len(requests))]


def test_eval_scores_the_base_with_the_adapter_merged_in(
    adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--tasks", "pocket_gsm", "--limit", "12", "--output-path", str(tmp_path / "run")]
    assert main(["eval", "--model", str(adapter), "--dtype", "float32", *arguments]) == 0
    frame = Run.open(tmp_path / "run").frame()
    merged = load("pocket", dtype="float32", device="cpu")
    before = load("pocket", dtype="float32", device="cpu")
    with torch.no_grad():
        trained = weights(adapter)
        for name, layer in merged.model.named_modules():
            up = trained.get(f"base_model.model.{name}.lora_B.weight")
            if up is not None:  # W + alpha / r × B A, by hand
                layer.weight += 8 / 4 * up @ trained[f"base_model.model.{name}.lora_A.weight"]
    task = load_task("pocket_gsm")
    examples = {example.id: example for example in load_examples(task)}
    asked = [examples[row.example_id] for row in frame.itertuples()]
    limit = int(frame["max_tokens"].iloc[0])
    assert greedy(merged, asked, limit) == frame["completion"].tolist() != greedy(before, asked, limit)


def test_validation_scores_the_adapted_weights(adapter: Path) -> None:
    """The curve's last point is what the finished checkpoint scores on the rows that the recipe held out."""
    from pspo_bench.answers import check
    from pspo_bench.training import plan

    made = plan(recipe())
    engine = HFEngine(load(str(adapter), dtype="float32", device="cpu"))
    requests = [
        Request(engine.render(messages(example, made.system_prompt)), Sampling(0.0, max_tokens=48), 0)
        for example in made.validation
    ]
    found = dict(engine.generate(requests))
    right = sum(check(found[i].text, e.gold, e.answer_type).correct for i, e in enumerate(made.validation))
    log = pd.read_parquet(adapter / "training_log.parquet").set_index("step")
    assert log["validation_accuracy"][4] == right / 4
    tokens = sum(found[i].completion_tokens or 0 for i in range(4))
    assert log["validation_length_tokens"][4] == tokens / 4


@pytest.mark.parametrize("objective", ["clip", "sft"])
def test_a_resumed_run_is_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    made = recipe(f"objective.name={objective}", "model.lora.dropout=0.1")
    whole = train(made, tmp_path / "whole")

    def cut(self: Any, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pspo_bench.training.callbacks.Progress.on_step_end", cut)
        with pytest.raises(KeyboardInterrupt):
            train(made, tmp_path / "cut")
    train(made, tmp_path / "cut", resume=True)
    first, second = (weights(path) for path in (whole, tmp_path / "cut"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    uncounted = [*TIMING, "tokens_seen"]  # SFTTrainer counts the tokens since the resume
    logs = [
        pd.read_parquet(path / "training_log.parquet").drop(columns=uncounted, errors="ignore")
        for path in (whole, tmp_path / "cut")
    ]
    pd.testing.assert_frame_equal(*logs, check_like=True)


def test_a_kill_between_the_last_step_and_the_manifest_adds_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe("budget.steps=2")

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pspo_bench.training.run.write_checkpoint", cut)
        with pytest.raises(KeyboardInterrupt):
            train(made, tmp_path / "cut")
    point = weights(tmp_path / "cut" / "trainer" / "checkpoint-2")
    finished = weights(train(made, tmp_path / "cut", resume=True))
    assert all(torch.equal(point[name], finished[name]) for name in point)


def test_an_adapter_on_other_weights_is_refused(adapter: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors", "manifest.json"):
        (copy / name).write_bytes((adapter / name).read_bytes())
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(manifest | {"base_fingerprint": "0" * 32}))
    with pytest.raises(ModelError, match="was trained on other weights than 'pocket' has now"):
        resolve(str(copy))


def test_a_local_base_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "base").symlink_to(base_path())
    monkeypatch.chdir(tmp_path)
    out = train(recipe("model.base=./base", "budget.steps=2", "objective.name=sft"), tmp_path / "out")
    monkeypatch.chdir("/")
    assert load(str(out)).model.config.model_type == "qwen2"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.lora.target_modules=['q_proj','lm_head']", r"cannot name the output layer \(lm_head\)"),
        ("model.lora.target_modules=[]", "target_modules is empty"),
        ("model.lora.rank=8", "Unknown key 'model.lora.rank'.*known: alpha, dropout, r, target_modules"),
        ("model.lora.r=0", "greater than or equal to 1"),
    ],
)
def test_mistakes_are_found_before_a_model_is_loaded(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe(override)


def test_a_layer_that_the_model_lacks_is_named_with_those_it_has() -> None:
    made = recipe("model.lora.target_modules=['q_proj','query']")
    with pytest.raises(
        ConfigError, match="no linear layer 'query'; the model has: down_proj, gate_proj, k_proj"
    ):
        lora_config(made, load("pocket", device="cpu").model)
