"""Every objective's closed-form gradient weight against autograd, in float64, on both sides of every kink."""

from __future__ import annotations

import math

import pytest
import torch

from pspo_bench.errors import ConfigError
from pspo_bench.objectives import OBJECTIVES, PolicyBatch, aggregate, get_objective, token_weights, weight

# Kinks of the arms below: 1 -+ 0.2, 1 + 0.28, 1 -+ 3e-4 and 4e-4, e^-+0.4 = 0.670 and 1.492, caps 1.5, 3 and 5.
RATIOS = torch.tensor(
    [0.05, 0.5, 0.66, 0.68, 0.79, 0.81, 0.95, 0.9996, 0.9998, 1.0, 1.0003, 1.0005, 1.05, 1.19, 1.21, 1.27, 1.29,
     1.48, 1.499, 1.501, 2.9, 3.1, 4.9, 5.1],
    dtype=torch.float64,
)  # fmt: skip
ADVANTAGES = torch.tensor([-2.0, -0.3, 0.3, 2.0], dtype=torch.float64)
ARMS: list[tuple[str, dict[str, float]]] = [
    ("reinforce", {}),
    ("unclipped", {}),
    ("clip", {}),
    ("clip", {"epsilon": 0.1}),
    ("clip", {"epsilon_low": 0.2, "epsilon_high": 0.28}),
    ("clip", {"epsilon": 0.0}),
    ("clip", {"epsilon": math.inf}),
    ("dual-clip", {}),
    ("dual-clip", {"epsilon_low": 0.2, "epsilon_high": 0.28, "cap": 1.5}),
    ("dual-clip", {"epsilon": math.inf, "cap": math.inf}),
    ("pspo", {}),
    ("pspo", {"alpha": 0.0}),
    ("pspo", {"alpha": 0.7}),
    ("cispo", {}),
    ("cispo", {"cap": 1.5}),
    ("cispo", {"cap": math.inf}),
    ("spo", {}),
    ("spo", {"epsilon": math.inf}),
    ("sapo", {}),
    ("sapo", {"tau": 2.0}),
    ("sapo", {"tau_pos": 10.0, "tau_neg": 12.0}),
    ("soft-erf", {}),
    ("soft-erf", {"tau": 1.0}),
    ("soft-arctan", {}),
    ("soft-arctan", {"tau": 1.0}),
    ("soft-softsign", {}),
    ("soft-softsign", {"tau": 1.0}),
    ("gspo", {}),
    ("gspo", {"epsilon": 0.2}),
    ("gspo", {"epsilon": 0.0}),
    ("gmpo", {}),
    ("gmpo", {"epsilon": 0.0}),
    ("gmpo", {"epsilon": math.inf}),
    ("topr", {}),
    ("vespo", {}),
    ("vespo", {"k_pos": 0.0, "lambda_pos": 0.0}),
]


def sequences(logps_grad: bool = True) -> PolicyBatch:
    """For each advantage: one sequence of all ratios, and one of each ratio alone, padded to the same width."""
    width = len(RATIOS)
    rows = torch.cat([RATIOS[None], RATIOS[:, None].expand(-1, width)])  # (1 + width, width)
    mask = torch.cat([torch.ones(1, width), torch.ones(width, 1).expand(-1, width).clone()])
    mask[1:, 1:] = 0
    count = len(ADVANTAGES)
    old = torch.full((count * len(rows), width), -1.5, dtype=torch.float64)
    logps = (old + rows.repeat(count, 1).log()).requires_grad_(logps_grad)
    return PolicyBatch(logps, old, ADVANTAGES.repeat_interleave(len(rows)), mask.repeat(count, 1))


def gradients(name: str, batch: PolicyBatch, **values: float) -> torch.Tensor:
    """Of -(the sum over sequences of each one's mean over its tokens), with respect to log pi."""
    loss = aggregate(get_objective(name)(batch, **values), batch.mask, "grpo") * len(batch.mask)
    (grad,) = torch.autograd.grad(loss, batch.logps)
    return -grad * batch.mask  # batch.logps is masked already: what its padding receives goes nowhere


@pytest.mark.parametrize(("name", "values"), ARMS)
def test_closed_form_weight_is_the_gradient(name: str, values: dict[str, float]) -> None:
    batch = sequences()
    expected = token_weights(name, batch, **values) * batch.advantages / batch.lengths
    torch.testing.assert_close(gradients(name, batch, **values), expected, rtol=1e-10, atol=1e-12)


def test_every_built_in_objective_has_a_weight_and_is_on_the_grid() -> None:
    assert {name for name, _ in ARMS} == set(OBJECTIVES)
    assert all(get_objective(name).weight is not None for name in OBJECTIVES)


@pytest.mark.parametrize(("name", "values"), ARMS)
def test_on_policy_every_weight_is_one(name: str, values: dict[str, float]) -> None:
    """At r = 1 all arms have the gradient of REINFORCE, and pspo 1 - alpha times it."""
    old = torch.tensor([[-0.5, -2.0, -7.0], [-1.0, -3.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    expected = 1 - get_objective("pspo").resolve(values)["alpha"] if name == "pspo" else 1.0
    for advantage in (1.7, -1.7):
        batch = PolicyBatch(old.clone().requires_grad_(), old, torch.tensor([advantage] * 2).double(), mask)
        # A / length of the sequence, at its tokens
        plain = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0]], dtype=torch.float64) * advantage
        torch.testing.assert_close(gradients(name, batch, **values), expected * plain)


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


def test_weight_of_one_token_broadcasts() -> None:
    got = weight("clip", RATIOS, ADVANTAGES[:, None])
    assert got.shape == (len(ADVANTAGES), len(RATIOS))
    assert weight("clip", torch.tensor(1.5), torch.tensor(1.0)).item() == 0.0
    assert weight("clip", torch.tensor(1.5), torch.tensor(-1.0)).item() == pytest.approx(1.5)
    # a sequence of one token: s = r
    clipped = weight("gspo", RATIOS, ADVANTAGES[:, None], epsilon=0.2)
    torch.testing.assert_close(clipped, got)


def test_weight_of_an_unknown_objective_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown objective 'pspoo'.*did you mean 'pspo'"):
        weight("pspoo", RATIOS, RATIOS)


EXTREMES = [-1000.0, -200.0, -89.0, -30.0, 19.0, 45.0, 89.0, 200.0, 1000.0]


@pytest.mark.parametrize(("name", "values"), ARMS)
@pytest.mark.parametrize("advantage", [-3.0, 0.0, 3.0])
def test_no_log_ratio_makes_nan_or_inf(name: str, values: dict[str, float], advantage: float) -> None:
    """float32, where e^89 overflows: log-ratios of a run that blew up, alone and beside tokens of ratio 1."""
    log_ratios = torch.tensor([[x, 0.0, 0.1] for x in EXTREMES])
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]]).repeat_interleave(len(EXTREMES), 0)
    old = torch.full(mask.shape, -2.0)
    new = (old + log_ratios.repeat(2, 1)).requires_grad_()
    batch = PolicyBatch(new, old, torch.full((len(mask),), advantage), mask)
    per_token = get_objective(name)(batch, **values)
    loss = aggregate(per_token, mask, "bnpo")
    (grad,) = torch.autograd.grad(loss, new)
    assert per_token.isfinite().all()
    assert grad.isfinite().all()
    assert grad.norm().isfinite()
    if advantage == 0:
        assert loss.item() == 0.0
        assert not grad.any()


@pytest.mark.parametrize(
    ("name", "values", "advantage", "expected"),
    [
        ("clip", {}, 2.0, (-2.4, 0.0)),  # held at 1 + epsilon, no gradient
        ("dual-clip", {}, -2.0, (6.0, 0.0)),  # held at the cap of 3
        ("sapo", {"tau": 2.0}, 3.0, (-6.0, 0.0)),  # the sigmoid is 1: 4 / tau * A
        ("soft-arctan", {"tau": 1.0}, 2.0, (-2 * (1 + math.pi / 2), 0.0)),
        (
            "soft-softsign",
            {"tau": 0.5},
            2.0,
            (-2 * (1 + 1 / 0.5), 0.0),
        ),  # the square root tends to tau (r - 1)
        ("soft-erf", {"tau": 1.0}, 2.0, (-2 * (1 + math.sqrt(math.pi / 2)), 0.0)),
        ("cispo", {}, 2.0, (-5 * 2 * (-1.0 + 200.0), 5 * 2.0)),  # cap A log pi
        ("topr", {}, -2.0, (2 * 199.0, -2.0)),  # min(W, 1) = 1
        ("vespo", {}, 2.0, (0.0, 0.0)),  # W^2 e^(3 (1 - W)) tends to 0
        ("gmpo", {}, 2.0, (-2 * math.exp(0.4), 0.0)),
    ],
)
def test_limits_at_an_exploded_ratio(
    name: str, values: dict[str, float], advantage: float, expected: tuple[float, float]
) -> None:
    """log r = 200 in float32: the loss of the token and the gradient of -loss."""
    new = torch.tensor([[199.0]], requires_grad=True)
    batch = PolicyBatch(new, torch.tensor([[-1.0]]), torch.tensor([advantage]), torch.ones(1, 1))
    loss = get_objective(name)(batch, **values).sum()
    (grad,) = torch.autograd.grad(loss, new)
    assert loss.item() == pytest.approx(expected[0], rel=1e-6)
    assert -grad.item() == pytest.approx(expected[1], abs=1e-6)


def test_an_exploded_ratio_is_held_but_not_silent() -> None:
    new = torch.tensor([[199.0, 19.0]], requires_grad=True)
    batch = PolicyBatch(new, torch.tensor([[-1.0, 0.0]]), torch.tensor([1.0]), torch.ones(1, 2))
    (grad,) = torch.autograd.grad(get_objective("unclipped")(batch).sum(), new)
    # log r = 200 counts as 20; 19 is what it is
    torch.testing.assert_close(-grad, torch.tensor([[math.exp(20.0), math.exp(19.0)]]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_ratios_of_16_bit_numbers_are_formed_in_float32(dtype: torch.dtype) -> None:
    new, old = torch.tensor([[-6.0]], dtype=dtype), torch.tensor([[-6.25]], dtype=dtype)
    batch = PolicyBatch(new.requires_grad_(), old, torch.tensor([1.0], dtype=dtype), torch.ones(1, 1))
    assert batch.ratio.dtype == torch.float32
    assert batch.ratio.item() == pytest.approx(math.exp(0.25), rel=1e-6)  # in bfloat16 the nearest is 1.2813
    (grad,) = torch.autograd.grad(get_objective("unclipped")(batch).sum(), new)
    assert grad.dtype == dtype
