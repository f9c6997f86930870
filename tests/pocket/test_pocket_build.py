"""The build: what it trains on, its loss by hand, and that it gives the same weights twice."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pspo_bench.pocket import TASKS, rows
from pspo_bench.pocket.build import Batch, BuildSettings, build, completion_loss, main, pretraining_rows

TINY: dict[str, Any] = {"steps": 3, "batch_size": 8, "warmup_steps": 2, "threads": 1}


def test_same_settings_give_the_same_weights_and_another_seed_does_not(tmp_path: Path) -> None:
    first, again, other = (
        build(tmp_path / name, progress=False, seed=seed, **TINY)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first["weights_sha256"] == again["weights_sha256"] != other["weights_sha256"]
    assert first["rows_sha256"] == again["rows_sha256"] != other["rows_sha256"]
    # A fresh model spreads its guess over the 640 tokens: the first loss is near ln 640 = 6.46 nats.
    assert first["loss_first_step"] == pytest.approx(math.log(640), abs=0.3)


def test_build_leaves_torch_as_it_was(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(tmp_path, progress=False, **TINY)
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads


def test_no_held_out_question_is_trained_on() -> None:
    trained = {question for question, _ in pretraining_rows(BuildSettings(steps=30, batch_size=64))}
    held_out = {
        row["question"] for task in TASKS for split in ("test", "validation") for row in rows(task, split)
    }
    assert not trained & held_out


def test_loss_counts_completion_tokens_only() -> None:
    """Logits (0, ln 3): token 1 has probability 3/4. Counted targets are 1 and 0: -(ln 3/4 + ln 1/4) / 2."""

    def forward(input_ids: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=torch.ones(*input_ids.shape, 1))

    head = torch.nn.Linear(1, 2, bias=False)
    head.weight.data = torch.tensor([[0.0], [math.log(3)]])
    model: Any = SimpleNamespace(model=forward, lm_head=head)
    batch = Batch(ids=torch.tensor([[1, 1, 1, 0]]), counted=torch.tensor([[False, False, True, True]]))
    expected = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert completion_loss(model, batch).item() == pytest.approx(expected)


def test_command_line_writes_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--output", str(tmp_path), "--steps", "1", "--batch-size", "4", "--threads", "1"])
    assert '"rows": 4' in capsys.readouterr().out
    assert (tmp_path / "manifest.json").exists()
