"""A checkpoint that was trained for real, the runs that scored it and its base, and a Hub on loopback."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import fake_hub`

from fake_hub import TOKEN, FakeHub


@dataclass(frozen=True)
class Trained:
    """`checkpoint` after four steps of pspo on the pocket model, `run` its scores, `base` those of the pocket model."""

    checkpoint: Path
    run: Path
    base: Path

    def copy(self, to: Path) -> Path:
        """The checkpoint where a test may spoil it, without its log: drawing curves takes a second."""
        return Path(
            shutil.copytree(self.checkpoint, to, ignore=shutil.ignore_patterns("training_log.parquet"))
        )

    @property
    def log(self) -> Path:
        return self.checkpoint / "training_log.parquet"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from pspo_bench.config import load_recipe
    from pspo_bench.evaluate import EvalSettings, evaluate
    from pspo_bench.training import train

    root = tmp_path_factory.mktemp("trained")
    overrides = [
        "objective.name=pspo", "budget.steps=4", "minibatches=1", "prompts_per_step=4", "group_size=4",
        "max_tokens=48", "data.limit=64", "data.validation_rows=4", "eval_steps=2", "save_steps=2",
        "checkpoint.keep=true",
    ]  # fmt: skip
    checkpoint = train(load_recipe("pocket/grpo", overrides), root / "pspo-s0")
    settings = EvalSettings(limit=8)
    evaluate(str(checkpoint), ["pocket_gsm", "pocket_svamp"], root / "pspo-run", settings)
    evaluate("pocket", ["pocket_gsm"], root / "base-run", settings)
    return Trained(checkpoint, root / "pspo-run", root / "base-run")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub that is reached as the real one is: the network allowed, a token at hand, plain LFS rather than Xet."""
    with FakeHub() as server:
        allow_network(monkeypatch)
        yield server


def allow_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What huggingface_hub reads from the environment when it is imported, which it has been by now."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
