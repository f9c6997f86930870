"""Aggregation on a worked 2 x 3 example: losses [[1, 2, 3], [4, -, -]]."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from pspo_bench.errors import ConfigError
from pspo_bench.objectives import (
    AGGREGATIONS,
    OBJECTIVES,
    PolicyBatch,
    aggregate,
    aggregation_warning,
    dapo_normalizer,
    get_objective,
)

LOSSES = torch.tensor([[1.0, 2.0, 3.0], [4.0, math.nan, math.inf]])
MASK = torch.tensor([[1, 1, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("how", "options", "expected"),
    [
        ("grpo", {}, 3.0),  # ((1 + 2 + 3) / 3 + 4 / 1) / 2
        ("grpo", {"accumulation_steps": 4}, 0.75),
        ("bnpo", {}, 2.5),  # 10 / 4 tokens
        ("bnpo", {"accumulation_steps": 2}, 1.25),
        ("dr_grpo", {"max_tokens": 5}, 1.0),  # 10 / (2 * 5)
        ("dr_grpo", {"max_tokens": 5, "accumulation_steps": 2}, 0.5),
        ("dapo", {"normalizer": 8.0}, 1.25),  # 10 / 8
        (
            "dapo",
            {"normalizer": torch.tensor(8.0), "accumulation_steps": 16},
            1.25,
        ),  # already in the normaliser
    ],
)
def test_worked_example(how: Any, options: dict[str, Any], expected: float) -> None:
    assert aggregate(LOSSES, MASK, how, **options).item() == pytest.approx(expected)
    assert aggregate(LOSSES, MASK.bool(), how, **options).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("how", "weights"),
    [
        ("grpo", [[1 / 6, 1 / 6, 1 / 6], [1 / 2, 0, 0]]),
        ("bnpo", [[1 / 4, 1 / 4, 1 / 4], [1 / 4, 0, 0]]),
        ("dapo", [[1 / 8, 1 / 8, 1 / 8], [1 / 8, 0, 0]]),
        ("dr_grpo", [[1 / 10, 1 / 10, 1 / 10], [1 / 10, 0, 0]]),
    ],
)
def test_weight_of_each_token(how: Any, weights: list[list[float]]) -> None:
    losses = LOSSES.clone().requires_grad_()
    aggregate(losses, MASK, how, normalizer=8.0, max_tokens=5).backward()
    torch.testing.assert_close(losses.grad, torch.tensor(weights))


def test_sequences_without_tokens_count_as_zero() -> None:
    mask = torch.tensor([[1, 1, 1], [0, 0, 0]])
    assert aggregate(LOSSES, mask, "grpo").item() == pytest.approx(1.0)  # (2 + 0) / 2
    assert aggregate(LOSSES, mask, "bnpo").item() == pytest.approx(2.0)  # 6 / 3
    for how in ("grpo", "bnpo"):
        assert aggregate(LOSSES, torch.zeros_like(mask), how).item() == 0.0


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("grpo", 3.0),  # (2 + 4) / 2: each sequence counts once
        ("bnpo", 2.5),  # (2 * 3 + 4 * 1) / 4 tokens: once for each of its tokens
        ("dapo", 1.25),  # 10 / 8
        ("dr_grpo", 1.0),  # 10 / (2 * 5)
    ],
)
def test_one_loss_per_sequence_stands_at_each_of_its_tokens(how: Any, expected: float) -> None:
    per_sequence = torch.tensor([[2.0], [4.0]], requires_grad=True)
    total = aggregate(per_sequence, MASK, how, normalizer=8.0, max_tokens=5)
    assert total.item() == pytest.approx(expected)
    (grad,) = torch.autograd.grad(total, per_sequence)
    spread = per_sequence.detach().expand(2, 3).clone().requires_grad_()
    same = aggregate(spread, MASK, how, normalizer=8.0, max_tokens=5)
    assert same.item() == pytest.approx(expected)
    torch.testing.assert_close(torch.autograd.grad(same, spread)[0].sum(-1, keepdim=True), grad)


def test_gspo_counts_a_sequence_once_under_its_papers_aggregation() -> None:
    """Ratios of 1.1 in 3 tokens with A = 1, and 0.9 in 1 token with A = -1, not clipped: losses -1.1 and 0.9."""
    ratios = torch.tensor([[1.1, 1.1, 1.1], [0.9, 1.0, 1.0]])
    batch = PolicyBatch(ratios.log(), torch.zeros(2, 3), torch.tensor([1.0, -1.0]), MASK)
    losses = get_objective("gspo")(batch, epsilon=0.2)
    assert aggregate(losses, MASK, "grpo").item() == pytest.approx((-1.1 + 0.9) / 2)
    assert aggregate(losses, MASK, "bnpo").item() == pytest.approx((-3.3 + 0.9) / 4)


def test_an_aggregation_that_makes_another_objective_is_warned_of() -> None:
    assert aggregation_warning("gspo", "dapo") == (
        "Objective 'gspo' has one loss per sequence, which loss.aggregation='dapo' counts once for each of its "
        "tokens, so long completions weigh more; its paper's is loss.aggregation='grpo'"
    )
    warned = {
        (name, how)
        for name in OBJECTIVES
        for how in AGGREGATIONS
        if aggregation_warning(name, how)  # type: ignore[arg-type]
    }
    assert warned == {(name, how) for name in ("gspo", "gmpo") for how in ("bnpo", "dapo", "dr_grpo")}
    with pytest.raises(ConfigError, match="Unknown objective 'gspoo'"):
        aggregation_warning("gspoo", "grpo")


def test_dapo_normalizer() -> None:
    # 960 tokens over 2 processes = 480 each, of which a step of 4 of the 16 micro-batches takes 120.
    expected = 120.0
    for items in (960, torch.tensor(960)):
        value = dapo_normalizer(items, num_processes=2, accumulation_steps=4, steps_per_generation=16)
        assert float(value) == pytest.approx(expected)
    assert float(dapo_normalizer(torch.tensor(0), num_processes=1)) == 1.0
    assert float(dapo_normalizer(0.0, num_processes=1)) == 1.0


def test_dapo_micro_batches_add_up_to_the_token_mean() -> None:
    """Whatever the split into micro-batches, the accumulated dapo loss is the mean over all tokens."""
    generator = torch.Generator().manual_seed(0)
    losses = torch.rand(8, 5, generator=generator, dtype=torch.float64)
    mask = torch.rand(8, 5, generator=generator) < 0.6
    for size in (1, 2, 4, 8):
        steps = 8 // size
        normalizer = dapo_normalizer(
            mask.sum(), num_processes=1, accumulation_steps=steps, steps_per_generation=steps
        )
        chunks = zip(losses.split(size), mask.split(size), strict=True)
        total = sum(aggregate(loss, part, "dapo", normalizer=normalizer).item() for loss, part in chunks)
        assert total == pytest.approx(losses[mask].mean().item())


def test_missing_and_unknown() -> None:
    with pytest.raises(ConfigError, match="Aggregation 'dapo' needs normalizer"):
        aggregate(LOSSES, MASK, "dapo")
    with pytest.raises(ConfigError, match="Aggregation 'dr_grpo' needs max_tokens"):
        aggregate(LOSSES, MASK, "dr_grpo")
    with pytest.raises(ConfigError, match="Unknown aggregation 'mean'; known: bnpo, dapo, dr_grpo, grpo"):
        aggregate(LOSSES, MASK, "mean")  # type: ignore[arg-type]
    assert AGGREGATIONS == ("grpo", "bnpo", "dapo", "dr_grpo")
