"""Diagnostics on four tokens of known ratio, their reduction, and the estimators' exact expectations."""

from __future__ import annotations

import math

import pytest
import torch

from pspo_bench.objectives import (
    PolicyBatch,
    combine,
    diagnostics,
    get_objective,
    kl_k3,
    logp_gradient,
    summarize,
)

# Ratios 0.5, 1.0 | 2.0, 1.1, advantages -1 for the first sequence and 3 for the second; padding is garbage.
RATIOS = torch.tensor([[0.5, 1.0, math.nan], [2.0, 1.1, math.inf]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 0]])
ENTROPIES = torch.tensor([[1.0, 2.0, math.nan], [3.0, 4.0, math.nan]])


def batch_of(rows: slice = slice(None), advantages: tuple[float, float] = (-1.0, 3.0)) -> PolicyBatch:
    old = torch.full_like(RATIOS, -1.0)
    return PolicyBatch((old + RATIOS.log())[rows], old[rows], torch.tensor(advantages)[rows], MASK[rows])


def test_worked_example() -> None:
    figures = summarize(diagnostics(batch_of(), ENTROPIES))
    # k3 = r - 1 - log r: (0.5 - 1 + 0.693147) + 0 + (2 - 1 - 0.693147) + (0.1 - 0.0953102) = 0.5046898
    assert figures["kl_old_new"] == pytest.approx(0.5046898 / 4, rel=1e-5)
    assert figures["total_variation"] == pytest.approx((0.5 + 0 + 1.0 + 0.1) / 2 / 4)
    assert figures["ratio_mean"] == pytest.approx(4.6 / 4)
    assert figures["ess"] == pytest.approx(4.6**2 / (4 * (0.25 + 1 + 4 + 1.21)))
    # clipped: r = 0.5 with A < 0 and r = 2 with A > 0
    assert figures["clip_fraction"] == 0.5
    assert figures["outside_band_fraction"] == 0.5
    assert figures["entropy"] == 2.5
    # sorted 0.5, 1, 1.1, 2, interpolated at 0.05 * 3 = 0.15: 0.5 + 0.15 * 0.5; at 2.85: 1.1 + 0.85 * 0.9
    assert figures["ratio_p05"] == pytest.approx(0.575)
    assert figures["ratio_p50"] == pytest.approx(1.05)
    assert figures["ratio_p95"] == pytest.approx(1.865)
    assert figures["ratio_p99"] == pytest.approx(1.1 + 0.97 * 0.9)
    assert figures["ratio_max"] == pytest.approx(2.0)


def test_clip_fraction_needs_the_advantage_to_push_outwards() -> None:
    figures = summarize(diagnostics(batch_of(advantages=(1.0, -3.0))))
    assert figures["clip_fraction"] == 0.0
    assert figures["outside_band_fraction"] == 0.5
    no_spread = summarize(diagnostics(batch_of(advantages=(0.0, 0.0))))
    assert no_spread["clip_fraction"] == 0.0


def test_epsilon_is_a_setting() -> None:
    # r = 1.1 lies outside a band of 0.05, and A > 0 pushes it further out.
    assert summarize(diagnostics(batch_of(), epsilon=0.05))["clip_fraction"] == 0.75


def test_parts_combine_to_the_whole() -> None:
    whole = summarize(diagnostics(batch_of(), ENTROPIES))
    parts = [diagnostics(batch_of(slice(i, i + 1)), ENTROPIES[i : i + 1]) for i in (0, 1)]
    combined = summarize(combine(parts))
    local = {name for name in whole if name.startswith("ratio_p")}
    for name in whole.keys() - local:
        assert combined[name] == pytest.approx(whole[name]), name
    # Quantiles are averaged over shards: the medians are 0.75 and 1.55.
    assert combined["ratio_p50"] == pytest.approx((0.75 + 1.55) / 2)


def test_keys_are_the_same_with_and_without_tokens() -> None:
    old = torch.zeros(1, 2)
    empty = diagnostics(PolicyBatch(old, old, torch.ones(1), torch.zeros(1, 2)))
    full = diagnostics(batch_of())
    assert empty.keys() == full.keys()
    assert set(summarize(empty).values()) == {None}
    assert summarize(combine([empty, full])) == summarize(full)


def test_on_policy() -> None:
    old = torch.full((2, 3), -2.0)
    figures = summarize(diagnostics(PolicyBatch(old.clone(), old, torch.ones(2), torch.ones(2, 3))))
    zero = ("kl_old_new", "total_variation", "clip_fraction", "outside_band_fraction")
    assert [figures[name] for name in zero] == [0.0] * 4
    assert figures["ess"] == figures["ratio_max"] == 1.0


def test_no_gradient_and_bfloat16() -> None:
    old = torch.full((1, 2), -2.0)
    logps = torch.tensor([[-1.0, -2.5]], dtype=torch.bfloat16, requires_grad=True)
    figures = diagnostics(PolicyBatch(logps, old, torch.ones(1), torch.ones(1, 2)))
    assert not any(value.requires_grad for value in figures.values())
    assert {value.dtype for value in figures.values()} == {torch.float32}
    assert figures["max/ratio"].item() == pytest.approx(math.e)  # -1.0 and -2.5 are exact in bfloat16


def test_estimators_have_the_exact_expectation() -> None:
    """Weighted by the behaviour policy, k3 is KL(old || new) and |r - 1| / 2 is the total variation."""
    new = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    old = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    exact = (old * (old / new).log()).sum()
    torch.testing.assert_close((old * kl_k3((new / old).log())).sum(), exact)
    # The same through `diagnostics`, each action as often as the behaviour policy draws it: 5, 3, 2 of 10.
    actions = torch.tensor([[0] * 5 + [1] * 3 + [2] * 2])
    batch = PolicyBatch(new.log()[actions], old.log()[actions], torch.ones(1), torch.ones_like(actions))
    figures = summarize(diagnostics(batch))
    assert figures["kl_old_new"] == pytest.approx(exact.item(), rel=1e-4)
    assert figures["total_variation"] == pytest.approx(0.2)
    assert figures["ratio_mean"] == pytest.approx(1.0)


def no_gradient_fraction(
    name: str, advantages: tuple[float, float] = (-1.0, 3.0), **settings: float
) -> float | None:
    made = batch_of(advantages=advantages)
    logps = made.logps.detach().requires_grad_()
    batch = PolicyBatch(logps, made.old_logps, made.advantages, made.mask)
    gradient = logp_gradient(get_objective(name)(batch, **settings), batch.logps)
    return summarize(diagnostics(batch, gradient=gradient))["no_gradient_fraction"]


def test_the_tokens_that_an_objective_stops_itself() -> None:
    # ratios 0.5 and 1.0 at A = -1, 2.0 and 1.1 at A = 3
    assert no_gradient_fraction("clip", epsilon=0.2) == 0.5  # 0.5 and 2.0
    assert no_gradient_fraction("clip", epsilon=0.05) == 0.75  # 1.1 too
    assert no_gradient_fraction("clip", epsilon=0.0) == 0.75  # 1.0 has not moved
    assert no_gradient_fraction("unclipped") == no_gradient_fraction("pspo", alpha=0.9) == 0.0
    assert no_gradient_fraction("clip", (0.0, 3.0), epsilon=0.2) == 0.25  # where A is 0 nothing is stopped
    assert no_gradient_fraction("unclipped", (0.0, 0.0)) == 0.0


def test_the_gradient_of_an_objective_is_weight_times_advantage() -> None:
    made = batch_of()
    logps = made.logps.detach().requires_grad_()
    batch = PolicyBatch(logps, made.old_logps, made.advantages, made.mask)
    gradient = logp_gradient(get_objective("pspo")(batch, alpha=0.5), batch.logps)
    # d(-((1 - a) r + a) A) / d log pi = -(1 - a) r A
    expected = -0.5 * torch.tensor([[0.5, 1.0, 0.0], [2.0, 1.1, 0.0]]) * torch.tensor([[-1.0], [3.0]])
    torch.testing.assert_close(gradient, expected)
    assert logps.grad is None
    assert logp_gradient(-made.advantages, made.logps) is None
    constant = -batch.advantages + logps.detach().clone().requires_grad_()
    assert logp_gradient(constant, batch.logps).count_nonzero() == 0  # type: ignore[union-attr]
