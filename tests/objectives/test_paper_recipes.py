"""The paper's recipes load, and the documentation lists every objective and works as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from pspo_bench.config import load_recipe
from pspo_bench.objectives import OBJECTIVES, PolicyBatch, get_objective, weight

ROOT = Path(__file__).resolve().parents[2]
# Studies lie beside them: qwen2.5-0.5b.toml.
RECIPES = sorted((ROOT / "recipes" / "paper").glob("*b-*.toml"))
DOCS = ROOT / "docs" / "objectives.md"


def test_two_models_by_three_arms() -> None:
    expected = {f"qwen2.5-{size}-{arm}" for size in ("0.5b", "1.5b") for arm in ("clip", "unclipped", "pspo")}
    assert {file.stem for file in RECIPES} == expected


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_recipe_is_what_its_name_says(file: Path) -> None:
    recipe = load_recipe(file, ["seed=4"])
    assert recipe.name == f"paper-{file.stem}"
    assert recipe.seed == 4
    assert recipe.model.base.lower() == "qwen/" + file.stem.rpartition("-")[0]
    assert recipe.objective.name == file.stem.rpartition("-")[2]
    get_objective(recipe.objective.name).resolve(recipe.objective.settings, str(file))
    # 64 completions a step; the unclipped arm is the only one that uses its batch once.
    assert recipe.rollout.completions_per_step == 64
    assert recipe.rollout.iterations == (1 if recipe.objective.name == "unclipped" else 2)


def test_arms_of_one_model_differ_only_in_what_the_notes_list() -> None:
    for size in ("0.5b", "1.5b"):
        dumps = []
        for file in (file for file in RECIPES if size in file.stem):
            values = load_recipe(file).model_dump()
            for section, key in (("optimizer", "learning_rate"), ("rollout", "iterations")):
                del values[section][key]
            del values["objective"], values["name"]
            dumps.append(values)
        assert dumps[0] == dumps[1] == dumps[2]


def test_every_objective_is_documented_with_its_paper() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name in OBJECTIVES:
        row = re.search(rf"^\| `{name}` \|.*$", text, flags=re.MULTILINE)
        assert row, name
        found = get_objective(name)
        assert found.source in row.group()
        assert f"`{found.aggregation}`" in row.group()
        assert all(f"`{setting}`" in row.group() for setting in found.defaults)
        section = text[: row.start()].rpartition("\n## ")[2].partition("\n")[0]
        assert section == {"token": "On each token", "sequence": "On whole sequences"}[found.level]


def test_documented_example_of_a_new_objective_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OBJECTIVES, "_items", dict(OBJECTIVES._items))
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert code
    exec(compile(code.group(1), str(DOCS), "exec"), {})

    ratio = torch.tensor([[0.25, 1.0, 4.0]], dtype=torch.float64)
    old = torch.full_like(ratio, -3.0)
    logps = (old + ratio.log()).requires_grad_()
    batch = PolicyBatch(logps, old, -torch.ones(1).double(), torch.ones(1, 3))
    # A = -1, k = 1/2: loss = 2 sqrt(r), gradient of the loss sqrt(r)
    loss = get_objective("tempered")(batch, k=0.5)
    assert loss[0].tolist() == pytest.approx([1.0, 2.0, 4.0])
    loss.sum().backward()
    assert logps.grad is not None
    assert logps.grad[0].tolist() == pytest.approx([0.5, 1.0, 2.0])
    torch.testing.assert_close(logps.grad, weight("tempered", ratio, -torch.ones(1, 1).double(), k=0.5))
