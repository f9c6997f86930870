"""Objectives from another package: installed by pip with real entry points, then used in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).with_name("example_package")
ROOT = Path(__file__).resolve().parents[2]

USE = """
import json
import torch
from pspo_bench.config import load_recipe
from pspo_bench.objectives import OBJECTIVES, PolicyBatch, aggregate, get_objective, token_weights

old = torch.full((1, 2), -2.0, dtype=torch.float64)
logps = (old + torch.tensor([[4.0, 1.0]], dtype=torch.float64).log()).requires_grad_()
batch = PolicyBatch(logps, old, torch.tensor([3.0]).double(), torch.ones(1, 2))
recipe = load_recipe("pocket/grpo", ["objective.name=tempered", "objective.k=0.5"])
found = get_objective(recipe.objective.name)
loss = found(batch, **recipe.objective.settings)
aggregate(loss, batch.mask, "bnpo").backward()
print(json.dumps({
    "known": sorted(set(OBJECTIVES)),
    "summary": found.summary,
    "defaults": found.defaults,
    "loss": loss[0].tolist(),
    "gradient": logps.grad[0].tolist(),
    "weights": token_weights("tempered", batch, k=0.5)[0].tolist(),
    "plain": get_objective("plain-power")(batch, power=2.0)[0].tolist(),
    "by path": get_objective("example_objectives.losses:plain_power")(batch, power=2.0)[0].tolist(),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has installed the example package, from a copy of its source."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(PACKAGE, folder / "source")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", source], check=True
    )
    return folder / "site"


def in_a_process(code: str, installed: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_its_objectives_are_found_and_work(installed: Path) -> None:
    result = in_a_process(USE, installed)
    assert result.returncode == 0, result.stderr
    got: dict[str, Any] = json.loads(result.stdout)
    assert {"tempered", "plain-power", "pspo"} <= set(got["known"])
    assert got["summary"].startswith("-r^k / k A")
    assert got["defaults"] == {"k": 0.9}
    # r = 4 and 1, A = 3, k = 1/2: -sqrt(r) / (1/2) * 3 = -12, -6; w = sqrt(r) = 2, 1
    assert got["loss"] == pytest.approx([-12.0, -6.0])
    assert got["weights"] == pytest.approx([2.0, 1.0])
    # mean over 2 tokens: -w A / 2
    assert got["gradient"] == pytest.approx([-3.0, -1.5])
    # -r^2 A
    assert got["plain"] == got["by path"] == pytest.approx([-48.0, -3.0])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("get_objective('tempered').resolve({'k': 2.0})", "Objective 'tempered': k must lie in [0.001, 1], got 2.0"),
        ("get_objective('plain-power').resolve({})", "Objective 'plain-power' needs the setting 'power'"),
        ("get_objective('example_objectives.losses:absent')", "Cannot import objective"),
        ("get_objective('temperd')", "did you mean 'tempered'?"),
    ],
)  # fmt: skip
def test_its_errors_are_those_of_a_built_in_one(installed: Path, code: str, message: str) -> None:
    result = in_a_process(f"from pspo_bench.objectives import get_objective; {code}", installed)
    assert result.returncode != 0
    assert message in result.stderr
