"""Losses of the objectives at single points, each worked out by hand, and the weight there."""

from __future__ import annotations

import math

import pytest
import torch

from pspo_bench.objectives import PolicyBatch, get_objective, token_weights


def sequence(ratios: list[float], advantage: float) -> PolicyBatch:
    """One sequence with log pi_old = -1 at each token."""
    old = torch.full((1, len(ratios)), -1.0, dtype=torch.float64)
    new = old + torch.tensor([ratios], dtype=torch.float64).log()
    return PolicyBatch(new, old, torch.tensor([advantage], dtype=torch.float64), torch.ones_like(old))


CASES = [
    # A = 2, log pi = -1 + log 1.5
    ("reinforce", {}, 1.5, 2.0, 2 - 2 * math.log(1.5), 1.0),
    ("unclipped", {}, 1.5, 2.0, -3.0, 1.5),
    # min(1.5 * 2, 1.2 * 2) = 2.4: the clipped side is the smaller
    ("clip", {}, 1.5, 2.0, -2.4, 0.0),
    # min(-3.0, -2.4) = -3.0: A < 0 pulls r down, so nothing is clipped
    ("clip", {}, 1.5, -2.0, 3.0, 1.5),
    # min(1.0, 1.6) = 1.0: A > 0 pulls r up
    ("clip", {}, 0.5, 2.0, -1.0, 0.5),
    # min(-1.0, -1.6) = -1.6: clipped
    ("clip", {}, 0.5, -2.0, 1.6, 0.0),
    ("clip", {}, 1.1, 2.0, -2.2, 1.1),
    # max(min(-8, -2.4), 3 * -2) = max(-8, -6) = -6: capped
    ("dual-clip", {}, 4.0, -2.0, 6.0, 0.0),
    # max(min(-4, -2.4), -6) = -4: between the clip and the cap
    ("dual-clip", {}, 2.0, -2.0, 4.0, 2.0),
    # max(min(-1, -1.6), -6) = -1.6, and A > 0 is PPO's clip
    ("dual-clip", {}, 0.5, -2.0, 1.6, 0.0),
    ("dual-clip", {}, 4.0, 2.0, -2.4, 0.0),
    # r~ = 0.9 * 1.5 + 0.1 = 1.45; 0.9 * 0.5 + 0.1 = 0.55; 0.5 * 3 + 0.5 = 2
    ("pspo", {}, 1.5, 2.0, -2.9, 1.35),
    ("pspo", {}, 0.5, -2.0, 1.1, 0.45),
    ("pspo", {"alpha": 0.5}, 3.0, 2.0, -4.0, 1.5),
    # min(2, 5) = 2 and log pi = -1 + log 2: -2 * -2 * (log 2 - 1)
    ("cispo", {}, 2.0, -2.0, 4 * (math.log(2) - 1), 2.0),
    ("cispo", {"cap": 1.5}, 2.0, -2.0, 3 * (math.log(2) - 1), 1.5),
    # 1.5 * 2 - 2 * 0.25 / 0.4 = 3 - 1.25 = 1.75; w = 1.5 (1 - 0.5 / 0.2) = -2.25: pulled back
    ("spo", {}, 1.5, 2.0, -1.75, -2.25),
    # -3 - 1.25 = -4.25; w = 1.5 (1 + 0.5 / 0.2) = 5.25
    ("spo", {}, 1.5, -2.0, 4.25, 5.25),
    # the optimum of A > 0 is r = 1 + epsilon: 2.4 - 2 * 0.04 / 0.4 = 2.2, w = 0
    ("spo", {}, 1.2, 2.0, -2.2, 0.0),
    # sigmoid(log 3) = 3 / 4: 4 * 3 / 4 = 3; w = 4 * 3 / 4 * 1 / 4 * r
    ("sapo", {"tau_pos": 1.0}, 1 + math.log(3), 2.0, -6.0, 0.75 * (1 + math.log(3))),
    # A < 0 takes tau_neg = 2: tau (r - 1) = log 3 again, 4 / 2 * 3 / 4 = 1.5
    ("sapo", {"tau_neg": 2.0}, 1 + math.log(3) / 2, -2.0, 3.0, 0.75 * (1 + math.log(3) / 2)),
    # tau = sqrt(pi / 2) makes the factor 1; r - 1 = sqrt(2) / tau = 2 / sqrt(pi): f = 1 + erf(1), f' = e^-1
    ("soft-erf", {"tau": math.sqrt(math.pi / 2)}, 1 + 2 / math.sqrt(math.pi), 2.0, -2 * (1 + math.erf(1)),
     (1 + 2 / math.sqrt(math.pi)) / math.e),
    # tau (r - 1) = 1: f = 1 + (pi / 4) / 2, f' = 1 / 2
    ("soft-arctan", {"tau": 2.0}, 1.5, -2.0, 2 + math.pi / 4, 0.75),
    # r - 1 = 3/4, sqrt(1 + 9/16) = 5/4: f = 1 + 3/5, f' = (4/5)^3
    ("soft-softsign", {"tau": 1.0}, 1.75, 2.0, -3.2, 1.75 * 0.512),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "ratio", "advantage", "loss", "weight"), CASES)
def test_one_token(
    name: str, values: dict[str, float], ratio: float, advantage: float, loss: float, weight: float
) -> None:
    batch = sequence([ratio], advantage)
    assert get_objective(name)(batch, **values).item() == pytest.approx(loss, rel=1e-12)
    assert token_weights(name, batch, **values).item() == pytest.approx(weight, abs=1e-12)


SEQUENCES = [
    # s = sqrt(1.21 * 1) = 1.1, inside the band: -1.1 * 2 at both tokens
    ("gspo", {"epsilon": 0.2}, [1.21, 1.0], 2.0, [-2.2, -2.2], [1.1, 1.1]),
    # outside: min(2.2, 1.05 * 2) = 2.1; with A < 0 min(-2.2, -2.1) = -2.2, not clipped
    ("gspo", {"epsilon": 0.05}, [1.21, 1.0], 2.0, [-2.1, -2.1], [0.0, 0.0]),
    ("gspo", {"epsilon": 0.05}, [1.21, 1.0], -2.0, [2.2, 2.2], [1.1, 1.1]),
    # log r = (1, -0.2) becomes (0.4, -0.2), mean 0.1: the first token is clipped
    ("gmpo", {}, [math.e, math.exp(-0.2)], 1.0, [-math.exp(0.1)] * 2, [0.0, math.exp(0.1)]),
    # A < 0 clips from below alone: (1, -0.2), mean 0.4; and (1, -2) becomes (1, -0.4), mean 0.3
    ("gmpo", {}, [math.e, math.exp(-0.2)], -1.0, [math.exp(0.4)] * 2, [math.exp(0.4)] * 2),
    ("gmpo", {}, [math.e, math.exp(-2.0)], -1.0, [math.exp(0.3)] * 2, [math.exp(0.3), 0.0]),
    # W = 1/8 and A < 0: -1/8 * -2 * log pi, log pi = -1 - log 2 and -1 - log 4
    ("topr", {}, [0.5, 0.25], -2.0, [0.25 * (-1 - math.log(2)), 0.25 * (-1 - math.log(4))], [0.125] * 2),
    # W = 2 is cut off at 1; A > 0 has no ratio
    ("topr", {}, [4.0, 0.5], -2.0, [2 * (-1 + math.log(4)), 2 * (-1 - math.log(2))], [1.0] * 2),
    ("topr", {}, [0.5, 0.25], 2.0, [-2 * (-1 - math.log(2)), -2 * (-1 - math.log(4))], [1.0] * 2),
    # W = 2: 2^2 e^(3 (1 - 2)) where A > 0, 2^3 e^(2 (1 - 2)) where A < 0; log pi of the second token is -1
    ("vespo", {}, [2.0, 1.0], 1.0, [-4 * math.exp(-3) * (math.log(2) - 1), 4 * math.exp(-3)], [4 * math.exp(-3)] * 2),
    ("vespo", {}, [2.0, 1.0], -1.0, [8 * math.exp(-2) * (math.log(2) - 1), -8 * math.exp(-2)], [8 * math.exp(-2)] * 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "ratios", "advantage", "losses", "weights"), SEQUENCES)
def test_two_tokens(
    name: str,
    values: dict[str, float],
    ratios: list[float],
    advantage: float,
    losses: list[float],
    weights: list[float],
) -> None:
    batch = sequence(ratios, advantage)
    assert get_objective(name)(batch, **values)[0].tolist() == pytest.approx(losses, rel=1e-12)
    assert token_weights(name, batch, **values)[0].tolist() == pytest.approx(weights, abs=1e-12)


def test_soft_gates_pass_through_one_and_sapo_through_two_over_tau() -> None:
    for name in ("soft-erf", "soft-arctan", "soft-softsign"):
        assert get_objective(name)(sequence([1.0], -1.0)).item() == pytest.approx(1.0)
    assert get_objective("sapo")(sequence([1.0], -1.0), tau=4.0).item() == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["sapo", "soft-erf", "soft-arctan", "soft-softsign"])
def test_gates_satisfy_what_their_paper_asks(name: str) -> None:
    """f' = w / r is 1 at r = 1, falls to both sides, and w vanishes far away (2602.19345, section 4)."""
    ratios = torch.linspace(0.02, 8.0, 400, dtype=torch.float64)
    old = torch.zeros(1, len(ratios), dtype=torch.float64)
    batch = PolicyBatch(ratios.log()[None], old, torch.tensor([1.0]).double(), torch.ones_like(old))
    slope = (token_weights(name, batch, tau=3.0)[0] / ratios).diff()
    below, above = ratios[1:] <= 1, ratios[:-1] >= 1
    assert (slope[below] > 0).all()
    assert (slope[above] < 0).all()
    assert token_weights(name, sequence([1e6], 1.0), tau=3.0).item() < 1e-5
