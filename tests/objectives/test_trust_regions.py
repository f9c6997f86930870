"""What the formulas of PSPO and of the clip imply, checked on the objectives as they are."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pspo_bench.objectives import PolicyBatch, get_objective, weight

RATIOS = torch.tensor([0.05, 0.5, 0.79, 0.81, 0.95, 1.0, 1.05, 1.19, 1.21, 1.29, 3.0], dtype=torch.float64)
ADVANTAGES = torch.tensor([-2.0, -0.3, 0.3, 2.0], dtype=torch.float64)


def grid_batch() -> PolicyBatch:
    """One row per advantage, one column per ratio; old log-probabilities of -1.5."""
    shape = (len(ADVANTAGES), len(RATIOS))
    old_logps = torch.full(shape, -1.5, dtype=torch.float64)
    logps = (old_logps + RATIOS.log()).requires_grad_()
    return PolicyBatch(logps, old_logps, ADVANTAGES, torch.ones(shape))


def gradient(name: str, batch: PolicyBatch, **values: float) -> torch.Tensor:
    """grad(-loss) with respect to logps, per token: w(r, A) * A."""
    loss = get_objective(name)(batch, **values)
    (grad,) = torch.autograd.grad(loss.sum(), batch.logps)
    return -grad


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.25, 0.9])
def test_pspo_gradient_is_a_constant_multiple_of_the_unclipped_one(alpha: float) -> None:
    batch = grid_batch()
    torch.testing.assert_close(
        gradient("pspo", batch, alpha=alpha), (1 - alpha) * gradient("unclipped", batch), rtol=1e-14, atol=0
    )


def test_epsilon_zero_passes_only_steps_back_towards_the_old_policy() -> None:
    ratio = torch.tensor([0.9, 0.9, 1.1, 1.1], dtype=torch.float64)
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    # r < 1 with A > 0 and r > 1 with A < 0 point back to r = 1 and keep weight r; the others leave and get 0.
    expected = torch.tensor([0.9, 0.0, 0.0, 1.1], dtype=torch.float64)
    torch.testing.assert_close(weight("clip", ratio, advantage, epsilon=0.0), expected)


def test_infinite_epsilon_is_unclipped() -> None:
    batch = grid_batch()
    torch.testing.assert_close(
        get_objective("clip")(batch, epsilon=math.inf), get_objective("unclipped")(batch), rtol=0, atol=0
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 0.95))
def test_smoothing_contracts_total_variation_and_kl(seed: int, alpha: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    policy, old = torch.rand(2, 6, generator=generator, dtype=torch.float64).softmax(-1)
    # The smoothed ratio as the objective computes it: one token per action, and A = -1 so that loss = ratio.
    batch = PolicyBatch(policy.log()[None], old.log()[None], -torch.ones(1, 6).double(), torch.ones(1, 6))
    mixed = get_objective("pspo")(batch, alpha=alpha)[0] * old
    torch.testing.assert_close(mixed, (1 - alpha) * policy + alpha * old)

    def total_variation(p: torch.Tensor) -> float:
        return 0.5 * (p - old).abs().sum().item()

    def kl_from_old(p: torch.Tensor) -> float:
        return (old * (old / p).log()).sum().item()

    assert total_variation(mixed) == pytest.approx((1 - alpha) * total_variation(policy), abs=1e-12)
    # KL is convex in its second argument, and KL(old || old) = 0.
    assert kl_from_old(mixed) <= (1 - alpha) * kl_from_old(policy) + 1e-12


def test_total_variation_on_explicit_distributions() -> None:
    # pi = (.7, .2, .1), old = (.5, .3, .2): TV = (.2 + .1 + .1) / 2 = .2. With a = .25 the mixture is
    # (.65, .225, .125), whose TV from old is (.15 + .075 + .075) / 2 = .15 = .75 * .2.
    policy, old = torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[0.5, 0.3, 0.2]])
    batch = PolicyBatch(policy.log(), old.log(), -torch.ones(1, 3), torch.ones(1, 3))
    mixed = get_objective("pspo")(batch, alpha=0.25) * old
    torch.testing.assert_close(mixed, torch.tensor([[0.65, 0.225, 0.125]]))
    assert 0.5 * (mixed - old).abs().sum().item() == pytest.approx(0.15)


def test_other_limits_are_unclipped_too() -> None:
    """spo without a penalty, dual-clip without bounds, cispo without a cap (in its gradient) and pspo at 0."""
    batch = grid_batch()
    expected = gradient("unclipped", batch)
    for name, values in [
        ("spo", {"epsilon": math.inf}),
        ("dual-clip", {"epsilon": math.inf, "cap": math.inf}),
        ("cispo", {"cap": math.inf}),
        ("pspo", {"alpha": 0.0}),
    ]:
        torch.testing.assert_close(gradient(name, batch, **values), expected)


def test_dual_clip_is_clip_below_the_cap() -> None:
    batch = grid_batch()
    torch.testing.assert_close(
        get_objective("dual-clip")(batch, cap=3.5), get_objective("clip")(batch), rtol=0, atol=1e-15
    )
