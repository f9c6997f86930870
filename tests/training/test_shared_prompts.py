"""Prompts read once for their group: the values and the gradient must be those of TRL's padded computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig

from pspo_bench.objectives import get_objective
from pspo_bench.pocket import base_path
from pspo_bench.training.shared_prompts import IGNORED, can_share_prompts, share_prompts
from pspo_bench.training.trainer import TrustRegionTrainer

PROMPTS = [[5, 6, 7], [5, 6, 7], [8], [8], [5, 6, 7], [9, 10]]
COMPLETIONS = [[11, 12, 2], [13, 2], [14, 15, 16, 17], [18, 2], [11, 12, 2], [19]]
"""Groups of different sizes, a prompt of one token, a completion drawn twice, one cut at the limit."""


def padded(rows: list[list[int]], *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids = [[0] * (width - len(row)) + row if left else row + [0] * (width - len(row)) for row in rows]
    mask = [
        [0] * (width - len(row)) + [1] * len(row) if left else [1] * len(row) + [0] * (width - len(row))
        for row in rows
    ]
    return torch.tensor(ids), torch.tensor(mask)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    return (*padded(PROMPTS, left=True), *padded(COMPLETIONS, left=False))


def test_the_layout_holds_every_prompt_and_completion_once() -> None:
    layout = share_prompts(*batch())
    # group 567: 2 shared + 3 + 2 (the completion drawn twice stands once); group 8: 0 + 4 + 2; group 9 10: 1 + 1.
    # The longest, 7, is the width; 6 and 2 do not fit beside it or each other, so there are three rows.
    assert layout.input_ids.shape == (3, 7)
    assert layout.input_ids[0].tolist() == [5, 6, 7, 11, 12, 7, 13]
    assert layout.position_ids[0].tolist() == [0, 1, 2, 3, 4, 2, 3]
    assert layout.labels[0].tolist() == [IGNORED, IGNORED, 11, 12, 2, 13, 2]
    assert layout.place[0].tolist() == layout.place[4].tolist() == [2, 3, 4, 0]
    seen = layout.attention_mask[0, 0]
    assert seen[4].tolist() == [True, True, True, True, True, False, False]
    assert seen[6].tolist() == [True, True, False, False, False, True, True]


def trainer(tmp_path: Path, folder: Path, **options: Any) -> TrustRegionTrainer:
    args = GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=6, num_generations=2, max_completion_length=4,
        temperature=0.7, bf16=False, activation_checkpointing=False, report_to="none",
    )  # fmt: skip
    return TrustRegionTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        args=args,
        processing_class=AutoTokenizer.from_pretrained(base_path()),
        train_dataset=Dataset.from_list([{"prompt": "1 + 1"}] * 8),
        reward_funcs=[lambda completions, **_: [0.0] * len(completions)],
        objective=get_objective("unclipped").function,
        aggregation="dapo",
        **options,
    )


@pytest.mark.parametrize("batch_size", [None, 2, 4])
def test_values_and_gradient_equal_trls(tmp_path: Path, tiny_folder: Path, batch_size: int | None) -> None:
    prompt_ids, prompt_mask, completion_ids, completion_mask = batch()
    ids = torch.cat([prompt_ids, completion_ids], dim=1)
    mask = torch.cat([prompt_mask, completion_mask], dim=1)
    weight = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    found = []
    for shared in (False, True):
        made = trainer(tmp_path, tiny_folder, shared_prompts=shared)
        assert made.shared_prompts is shared
        logps, entropies, aux = made._get_per_token_logps_and_entropies(
            made.model, ids, mask, 4, batch_size, compute_entropy=True
        )
        assert aux is None
        assert entropies is not None
        (logps * weight).sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in made.model.parameters() if p.grad is not None])
        found.append((logps.detach(), entropies.detach(), gradient))
    for ours, trls in zip(found[1], found[0], strict=True):
        assert (ours - trls).abs().max() < 1e-5 * trls.abs().max()
    assert found[1][0][5].tolist()[1:] == [0, 0, 0]  # padding
    assert found[1][0].abs().sum() > 1


def test_a_sliding_window_is_left_to_trl(tiny_folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_folder)
    assert can_share_prompts(model)
    model.config.sliding_window = 8
    assert not can_share_prompts(model)
    eager = AutoModelForCausalLM.from_pretrained(tiny_folder, attn_implementation="eager")
    assert not can_share_prompts(eager)
