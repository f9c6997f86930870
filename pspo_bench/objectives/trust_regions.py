"""The built-in objectives. With r = pi / pi_old and advantage A, each is a loss per token (B, T).

    clip(batch, epsilon=0.2)            # PPO / GRPO, https://arxiv.org/abs/1707.06347, equation 7
    pspo(batch, alpha=0.1)              # GR-PSPO, https://arxiv.org/abs/2509.21282

At r = 1, A = 2: clip and unclipped give -2 with gradient weight 1, pspo gives -2 with weight 1 - alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.objectives.base import Interval, objective

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.batch import PolicyBatch


def _unit_weight(ratio: Tensor, advantage: Tensor) -> Tensor:
    return (ratio * advantage).new_ones(()).expand_as(ratio * advantage)


def _ratio_weight(ratio: Tensor, advantage: Tensor) -> Tensor:
    return ratio.expand_as(ratio * advantage)


def _clip_weight(ratio: Tensor, advantage: Tensor, *, epsilon_low: float, epsilon_high: float) -> Tensor:
    too_high = (ratio > 1 + epsilon_high) & (advantage > 0)
    too_low = (ratio < 1 - epsilon_low) & (advantage < 0)
    return _ratio_weight(ratio, advantage).masked_fill(too_high | too_low, 0.0)


def _pspo_weight(ratio: Tensor, advantage: Tensor, *, alpha: float) -> Tensor:
    return (1 - alpha) * _ratio_weight(ratio, advantage)


@objective(
    "reinforce",
    source="https://arxiv.org/abs/2402.14740",
    summary="-A log pi: no importance ratio, so reused data are treated as fresh",
    weight=_unit_weight,
)
def reinforce(batch: PolicyBatch) -> Tensor:
    """-A log pi, (B, T)."""
    return -batch.advantages * batch.logps


@objective(
    "unclipped",
    source="https://arxiv.org/abs/1707.06347",
    summary="-r A: the importance-weighted surrogate (equation 6), with no trust region",
    weight=_ratio_weight,
)
def unclipped(batch: PolicyBatch) -> Tensor:
    """-r A, (B, T)."""
    return -batch.ratio * batch.advantages


@objective(
    "clip",
    source="https://arxiv.org/abs/1707.06347",
    summary="-min(r A, clip(r, 1 - epsilon_low, 1 + epsilon_high) A): PPO's clip, as in GRPO",
    weight=_clip_weight,
    bounds={"epsilon_low": Interval(low=0.0), "epsilon_high": Interval(low=0.0)},
    shorthands={"epsilon": ("epsilon_low", "epsilon_high")},
)
def clip(batch: PolicyBatch, *, epsilon_low: float = 0.2, epsilon_high: float = 0.2) -> Tensor:
    """-min(r A, clip(r, 1 - epsilon_low, 1 + epsilon_high) A), (B, T).

    Two epsilons as in DAPO, https://arxiv.org/abs/2503.14476 (0.2 and 0.28 there).
    """
    ratio = batch.ratio
    clipped = ratio.clamp(1 - epsilon_low, 1 + epsilon_high)
    return -(ratio * batch.advantages).minimum(clipped * batch.advantages)


@objective(
    "pspo",
    source="https://arxiv.org/abs/2509.21282",
    summary="-[(1 - alpha) r + alpha] A: the policy is mixed with the old one before the ratio",
    weight=_pspo_weight,
    bounds={"alpha": Interval(0.0, 1.0, high_open=True)},
)
def pspo(batch: PolicyBatch, *, alpha: float = 0.1) -> Tensor:
    """-[(1 - alpha) r + alpha] A, (B, T), the ratio of (1 - alpha) pi + alpha pi_old to pi_old."""
    smoothed = (1 - alpha) * batch.ratio + alpha
    return -smoothed * batch.advantages
