"""Losses and gradients of the objectives, against numbers derived by hand and against autograd in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pspo_bench.errors import ConfigError
from pspo_bench.objectives import OBJECTIVES, PolicyBatch, aggregate, get_objective, weight

RATIOS = torch.tensor([0.05, 0.5, 0.79, 0.81, 0.95, 1.0, 1.05, 1.19, 1.21, 1.29, 3.0], dtype=torch.float64)
ADVANTAGES = torch.tensor([-2.0, -0.3, 0.3, 2.0], dtype=torch.float64)
ARMS = [
    ("reinforce", {}),
    ("unclipped", {}),
    ("clip", {}),
    ("clip", {"epsilon": 0.1}),
    ("clip", {"epsilon_low": 0.2, "epsilon_high": 0.28}),
    ("clip", {"epsilon": 0.0}),
    ("clip", {"epsilon": math.inf}),
    ("pspo", {}),
    ("pspo", {"alpha": 0.0}),
    ("pspo", {"alpha": 0.7}),
]


def grid_batch(logps_grad: bool = True) -> PolicyBatch:
    """One row per advantage, one column per ratio; old log-probabilities of -1.5."""
    shape = (len(ADVANTAGES), len(RATIOS))
    old_logps = torch.full(shape, -1.5, dtype=torch.float64)
    logps = (old_logps + RATIOS.log()).requires_grad_(logps_grad)
    return PolicyBatch(logps, old_logps, ADVANTAGES, torch.ones(shape))


def gradient(name: str, batch: PolicyBatch, **values: float) -> torch.Tensor:
    """grad(-loss) with respect to logps, per token: w(r, A) * A."""
    loss = get_objective(name)(batch, **values)
    (grad,) = torch.autograd.grad(loss.sum(), batch.logps)
    return -grad


def one_token(ratio: float, advantage: float) -> PolicyBatch:
    old = torch.tensor([[-1.0]], dtype=torch.float64)
    return PolicyBatch(old + math.log(ratio), old, torch.tensor([[advantage]]).double(), torch.ones(1, 1))


@pytest.mark.parametrize(("name", "values"), ARMS)
def test_closed_form_weight_is_the_gradient(name: str, values: dict[str, float]) -> None:
    batch = grid_batch()
    expected = weight(name, RATIOS, ADVANTAGES[:, None], **values) * ADVANTAGES[:, None]
    torch.testing.assert_close(gradient(name, batch, **values), expected, rtol=1e-12, atol=1e-12)


def test_every_built_in_objective_has_a_weight_and_is_on_the_grid() -> None:
    assert {name for name, _ in ARMS} == set(OBJECTIVES)
    assert all(get_objective(name).weight is not None for name in OBJECTIVES)


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.5, 2.0, -2.4),  # min(1.5 * 2, 1.2 * 2) = 2.4: the clipped side is the smaller
        (1.5, -2.0, 3.0),  # min(-3.0, -2.4) = -3.0: A < 0 pulls r down, so nothing is clipped
        (0.5, 2.0, -1.0),  # min(1.0, 1.6) = 1.0: A > 0 pulls r up
        (0.5, -2.0, 1.6),  # min(-1.0, -1.6) = -1.6: clipped
        (1.1, 2.0, -2.2),  # inside the band: -r A
    ],
)
def test_clip_values(ratio: float, advantage: float, expected: float) -> None:
    assert get_objective("clip")(one_token(ratio, advantage)).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ratio", "alpha", "smoothed"),
    [(1.5, 0.1, 1.45), (0.5, 0.1, 0.55), (3.0, 0.5, 2.0), (1.0, 0.9, 1.0), (1.5, 0.0, 1.5)],
)  # (1 - a) r + a: 0.9 * 1.5 + 0.1 = 1.45, 0.9 * 0.5 + 0.1 = 0.55, 0.5 * 3 + 0.5 = 2
def test_pspo_values(ratio: float, alpha: float, smoothed: float) -> None:
    for advantage in (-2.0, 2.0):
        loss = get_objective("pspo")(one_token(ratio, advantage), alpha=alpha).item()
        assert loss == pytest.approx(-smoothed * advantage)


def test_unclipped_and_reinforce_values() -> None:
    batch = one_token(1.5, 2.0)
    assert get_objective("unclipped")(batch).item() == pytest.approx(-3.0)
    # logp = -1 + log 1.5, loss = -2 logp
    assert get_objective("reinforce")(batch).item() == pytest.approx(2.0 - 2.0 * math.log(1.5))


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.25, 0.9])
def test_pspo_gradient_is_a_constant_multiple_of_the_unclipped_one(alpha: float) -> None:
    batch = grid_batch()
    torch.testing.assert_close(
        gradient("pspo", batch, alpha=alpha), (1 - alpha) * gradient("unclipped", batch), rtol=1e-14, atol=0
    )


@pytest.mark.parametrize("epsilon", [0.0, 0.2])
def test_on_policy_all_arms_agree_up_to_pspo_scale(epsilon: float) -> None:
    old = torch.tensor([[-0.5, -2.0, -7.0]], dtype=torch.float64)
    batch = PolicyBatch(old.clone().requires_grad_(), old, torch.tensor([1.7]), torch.ones(1, 3))
    plain = gradient("reinforce", batch)
    torch.testing.assert_close(plain, torch.full_like(old, 1.7), check_dtype=False)  # A, as w = 1
    torch.testing.assert_close(gradient("unclipped", batch), plain)
    # At r = 1 both sides of the min tie and the clamp's edge passes the gradient: w is 1 even at epsilon 0.
    torch.testing.assert_close(gradient("clip", batch, epsilon=epsilon), plain)
    torch.testing.assert_close(gradient("pspo", batch, alpha=0.1), 0.9 * plain)


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


@pytest.mark.parametrize(("name", "values"), ARMS)
@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf])
def test_padding_does_not_leak(name: str, values: dict[str, float], garbage: float) -> None:
    """Two sequences of 3 and 1 tokens, padding full of garbage: as if each were computed alone."""
    old = torch.tensor([[-1.0, -1.0, -1.0], [-2.0, garbage, garbage]], dtype=torch.float64)
    new = torch.tensor([[-0.5, -1.0, -1.4], [-1.9, garbage, 0.0]], dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([[1.0, 1.0, 1.0], [-0.5, garbage, -0.5]], dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
    loss = get_objective(name)(PolicyBatch(new, old, advantages, mask), **values)
    total = aggregate(loss, mask, "dr_grpo", max_tokens=1) * 2  # the plain sum
    (grad,) = torch.autograd.grad(total, new)

    alone = [
        PolicyBatch(new.detach()[:1], old[:1], torch.tensor([1.0]), torch.ones(1, 3)),
        PolicyBatch(new.detach()[1:, :1], old[1:, :1], torch.tensor([-0.5]), torch.ones(1, 1)),
    ]
    expected = sum(get_objective(name)(batch, **values).sum().item() for batch in alone)
    assert total.item() == pytest.approx(expected)
    assert grad[1, 1:].tolist() == [0.0, 0.0]
    assert grad.isfinite().all()


def test_weight_without_closed_form_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown objective 'pspoo'.*did you mean 'pspo'"):
        weight("pspoo", RATIOS, RATIOS)
