"""The gate tried for real: the pocket base with growing noise on its weights, against itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pspo_bench.cli import main
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.gate import Policy, gate
from pspo_bench.pocket import base_path

TASK = "pocket_svamp"
SETTINGS = EvalSettings(limit=300, dtype="float32", device="cpu")


def damaged(folder: Path, noise: float) -> str:
    """Every weight times 1 + noise x a standard normal, always the same draw."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    shutil.copytree(base_path(), folder)
    rng = np.random.default_rng(0)
    weights = {
        name: value.astype(np.float32) * (1 + noise * rng.standard_normal(value.shape)).astype(np.float32)
        for name, value in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_growing_damage_passes_then_is_inconclusive_then_a_regression(tmp_path: Path) -> None:
    """5 points allowed, 300 questions, measured on a CPU: with noise of 0.02 the run is worse by -0.3 points (-1.6
    to 1.0), of 0.25 by 6.7 (1.3 to 12.0), of 0.4 by 56.7 (50.1 to 62.5)."""
    evaluate("pocket", [TASK], tmp_path / "base", SETTINGS)
    assert main(["gate", str(tmp_path / "base"), "--write-baseline", str(tmp_path / "base.json")]) == 0
    seen = []
    for noise in (0.02, 0.25, 0.4):
        run = tmp_path / f"run-{noise}"
        evaluate(damaged(tmp_path / f"model-{noise}", noise), [TASK], run, SETTINGS)
        code = main(["gate", str(run), "--baseline", str(tmp_path / "base.json"), "--max-drop", "5"])
        (check,) = gate([run], [tmp_path / "base.json"], Policy(max_drop=5.0)).checks
        assert check.harm is not None
        seen.append((check.verdict.value, code, check.harm.value))
    assert [one[:2] for one in seen] == [("pass", 0), ("inconclusive", 2), ("regression", 1)]
    harms = [harm for *_, harm in seen]
    assert harms == sorted(harms)
