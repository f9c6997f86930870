"""Soft gates: -f(r) A with a bounded, smooth f in place of the clip, f'(1) = 1. A loss per token (B, T).

    sapo(batch, tau_pos=1.0, tau_neg=1.05)      # f(r) = 4 / tau sigmoid(tau (r - 1)), weight 1 at r = 1

The gradient weight is r f'(r). tau, the temperature, narrows the gate: f' depends on tau (r - 1) alone, so a
gate's width is 1 / tau. It is `tau_pos` where A > 0 and `tau_neg` elsewhere; `tau` sets both.

Sources: the sigmoid, https://arxiv.org/abs/2511.20347; the others, https://arxiv.org/abs/2602.19345, equations
6 to 8, where 10 and 12 were the best temperatures for every gate, and where stands what a gate must satisfy.
Constants added to f (f(1) is 2 / tau for the sigmoid, 1 for the others) do not move the gradient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pspo_bench.objectives.base import objective
from pspo_bench.settings import Interval

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.batch import PolicyBatch

TEMPERATURES = {"tau_pos": Interval(1e-3, 1e3), "tau_neg": Interval(1e-3, 1e3)}
BOTH_TEMPERATURES = {"tau": ("tau_pos", "tau_neg")}


def _temperature(batch: PolicyBatch, positive: float, negative: float) -> Tensor:
    filled = batch.advantages.new_full(batch.advantages.shape, negative)
    return filled.masked_fill(batch.advantages > 0, positive)


def _scaled(batch: PolicyBatch, tau: Tensor) -> Tensor:
    return tau * (batch.ratio - 1)


def _sigmoid_weight(batch: PolicyBatch, *, tau_pos: float, tau_neg: float) -> Tensor:
    scaled = _scaled(batch, _temperature(batch, tau_pos, tau_neg))
    return 4 * scaled.sigmoid() * (-scaled).sigmoid() * batch.ratio


@objective(
    "sapo",
    source="https://arxiv.org/abs/2511.20347",
    summary="-4 / tau sigmoid(tau (r - 1)) A: a sigmoid gate, narrower where A < 0",
    weight=_sigmoid_weight,
    bounds=TEMPERATURES,
    shorthands=BOTH_TEMPERATURES,
    aggregation="grpo",
)
def sapo(batch: PolicyBatch, *, tau_pos: float = 1.0, tau_neg: float = 1.05) -> Tensor:
    """-4 / tau sigmoid(tau (r - 1)) A, (B, T).

    With one `tau` for both signs it is the sigmoid soft clipping of P3O, https://arxiv.org/abs/2205.10047
    (2 or 4 in its code), on which SAPO builds.
    """
    tau = _temperature(batch, tau_pos, tau_neg)
    return -4 / tau * _scaled(batch, tau).sigmoid() * batch.advantages


def _erf_weight(batch: PolicyBatch, *, tau_pos: float, tau_neg: float) -> Tensor:
    scaled = _scaled(batch, _temperature(batch, tau_pos, tau_neg))
    return (-scaled.square() / 2).exp() * batch.ratio


@objective(
    "soft-erf",
    source="https://arxiv.org/abs/2602.19345",
    summary="-[1 + sqrt(pi / 2) / tau erf(tau (r - 1) / sqrt(2))] A: a gate with Gaussian tails",
    weight=_erf_weight,
    bounds=TEMPERATURES,
    shorthands=BOTH_TEMPERATURES,
    aggregation="grpo",
)
def soft_erf(batch: PolicyBatch, *, tau_pos: float = 10.0, tau_neg: float = 12.0) -> Tensor:
    """-[1 + sqrt(pi / 2) / tau erf(tau (r - 1) / sqrt(2))] A, (B, T): f' = exp(-tau^2 (r - 1)^2 / 2)."""
    tau = _temperature(batch, tau_pos, tau_neg)
    gate = 1 + math.sqrt(math.pi / 2) / tau * (_scaled(batch, tau) / math.sqrt(2)).erf()
    return -gate * batch.advantages


def _arctan_weight(batch: PolicyBatch, *, tau_pos: float, tau_neg: float) -> Tensor:
    scaled = _scaled(batch, _temperature(batch, tau_pos, tau_neg))
    return batch.ratio / (1 + scaled.square())


@objective(
    "soft-arctan",
    source="https://arxiv.org/abs/2602.19345",
    summary="-[1 + arctan(tau (r - 1)) / tau] A: a gate whose gradient falls as 1 / r",
    weight=_arctan_weight,
    bounds=TEMPERATURES,
    shorthands=BOTH_TEMPERATURES,
    aggregation="grpo",
)
def soft_arctan(batch: PolicyBatch, *, tau_pos: float = 10.0, tau_neg: float = 12.0) -> Tensor:
    """-[1 + arctan(tau (r - 1)) / tau] A, (B, T): f' = 1 / (1 + tau^2 (r - 1)^2)."""
    tau = _temperature(batch, tau_pos, tau_neg)
    return -(1 + _scaled(batch, tau).atan() / tau) * batch.advantages


def _softsign_weight(batch: PolicyBatch, *, tau_pos: float, tau_neg: float) -> Tensor:
    scaled = _scaled(batch, _temperature(batch, tau_pos, tau_neg))
    return batch.ratio / (1 + scaled.square()) ** 1.5


@objective(
    "soft-softsign",
    source="https://arxiv.org/abs/2602.19345",
    summary="-[1 + (r - 1) / sqrt(1 + tau^2 (r - 1)^2)] A: a gate whose gradient falls as 1 / r^2",
    weight=_softsign_weight,
    bounds=TEMPERATURES,
    shorthands=BOTH_TEMPERATURES,
    aggregation="grpo",
)
def soft_softsign(batch: PolicyBatch, *, tau_pos: float = 10.0, tau_neg: float = 12.0) -> Tensor:
    """-[1 + (r - 1) / sqrt(1 + tau^2 (r - 1)^2)] A, (B, T): f' = (1 + tau^2 (r - 1)^2)^(-3/2).

    The paper's softsign, which has a square root; not x / (1 + |x|), whose derivative has a kink at 0.
    """
    tau = _temperature(batch, tau_pos, tau_neg)
    # u / sqrt(1 + u^2) = sin(arctan(u)), whose gradient does not cancel for large u
    return -(1 + _scaled(batch, tau).atan().sin() / tau) * batch.advantages
