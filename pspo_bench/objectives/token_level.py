"""Objectives on the ratio of each token. With r = pi / pi_old and advantage A, a loss per token (B, T).

    clip(batch, epsilon=0.2)            # PPO / GRPO, https://arxiv.org/abs/1707.06347, equation 7
    pspo(batch, alpha=0.1)              # GR-PSPO, https://arxiv.org/abs/2509.21282

At r = 1, A = 2: clip and unclipped give -2 with gradient weight 1, pspo gives -2 with weight 1 - alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.objectives.base import objective
from pspo_bench.settings import Interval

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.batch import PolicyBatch

EPSILONS = {"epsilon_low": Interval(low=0.0), "epsilon_high": Interval(low=0.0)}
BOTH_EPSILONS = {"epsilon": ("epsilon_low", "epsilon_high")}


def clip_loss(ratio: Tensor, advantages: Tensor, low: float, high: float) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A), of any ratio that broadcasts against the advantages."""
    clipped = ratio.clamp(1 - low, 1 + high)
    return -(ratio * advantages).minimum(clipped * advantages)


def clip_weight(ratio: Tensor, advantages: Tensor, low: float, high: float) -> Tensor:
    """r, or 0 where r lies outside the band on the side to which A pushes."""
    too_high = (ratio > 1 + high) & (advantages > 0)
    too_low = (ratio < 1 - low) & (advantages < 0)
    return ratio.expand_as(advantages).masked_fill(too_high | too_low, 0.0)


def _reinforce_weight(batch: PolicyBatch) -> Tensor:
    return batch.ratio.new_ones(batch.mask.shape)


@objective(
    "reinforce",
    source="https://arxiv.org/abs/2402.14740",
    summary="-A log pi: no importance ratio, so reused data are treated as fresh",
    weight=_reinforce_weight,
    aggregation="dr_grpo",
)
def reinforce(batch: PolicyBatch) -> Tensor:
    """-A log pi, (B, T). The paper takes a whole completion as one action: a sum over its tokens."""
    return -batch.advantages * batch.logps


def _unclipped_weight(batch: PolicyBatch) -> Tensor:
    return batch.ratio


@objective(
    "unclipped",
    source="https://arxiv.org/abs/1707.06347",
    summary="-r A: the importance-weighted surrogate (equation 6), with no trust region",
    weight=_unclipped_weight,
    aggregation="dapo",
)
def unclipped(batch: PolicyBatch) -> Tensor:
    """-r A, (B, T)."""
    return -batch.ratio * batch.advantages


def _clip_weight(batch: PolicyBatch, *, epsilon_low: float, epsilon_high: float) -> Tensor:
    return clip_weight(batch.ratio, batch.advantages, epsilon_low, epsilon_high)


@objective(
    "clip",
    source="https://arxiv.org/abs/1707.06347",
    summary="-min(r A, clip(r, 1 - epsilon_low, 1 + epsilon_high) A): PPO's clip, as in GRPO",
    weight=_clip_weight,
    bounds=EPSILONS,
    shorthands=BOTH_EPSILONS,
    aggregation="dapo",
)
def clip(batch: PolicyBatch, *, epsilon_low: float = 0.2, epsilon_high: float = 0.2) -> Tensor:
    """-min(r A, clip(r, 1 - epsilon_low, 1 + epsilon_high) A), (B, T).

    PPO takes the mean over tokens; GRPO (https://arxiv.org/abs/2402.03300) that of each sequence first.
    Two epsilons (0.2 and 0.28) are DAPO's "clip-higher", https://arxiv.org/abs/2503.14476.
    """
    return clip_loss(batch.ratio, batch.advantages, epsilon_low, epsilon_high)


def _dual_clip_weight(batch: PolicyBatch, *, epsilon_low: float, epsilon_high: float, cap: float) -> Tensor:
    clipped = clip_weight(batch.ratio, batch.advantages, epsilon_low, epsilon_high)
    return clipped.masked_fill((batch.ratio > cap) & (batch.advantages < 0), 0.0)


@objective(
    "dual-clip",
    source="https://arxiv.org/abs/1912.09729",
    summary="PPO's clip, and for A < 0 the ratio is capped: no token is pushed down without bound",
    weight=_dual_clip_weight,
    bounds=EPSILONS | {"cap": Interval(low=1.0)},
    shorthands=BOTH_EPSILONS,
    aggregation="dapo",
)
def dual_clip(
    batch: PolicyBatch, *, epsilon_low: float = 0.2, epsilon_high: float = 0.2, cap: float = 3.0
) -> Tensor:
    """Where A < 0, -max(min(r A, clip(r, 1 - epsilon_low, 1 + epsilon_high) A), cap A); else `clip`. (B, T).

    The paper's c is `cap`. TRL's `delta` (https://arxiv.org/abs/2505.07291) is the same for
    delta >= 1 + epsilon_high; below that, TRL's also lowers the upper clip where A > 0.
    """
    # r A with A < 0 turns max and min over: the ratio is held between 1 - epsilon_low and the cap.
    ratio = batch.ratio
    held = ratio.clamp(min=1 - epsilon_low, max=cap).where(
        batch.advantages < 0, ratio.clamp(max=1 + epsilon_high)
    )
    return -held * batch.advantages


def _pspo_weight(batch: PolicyBatch, *, alpha: float) -> Tensor:
    return (1 - alpha) * batch.ratio


@objective(
    "pspo",
    source="https://arxiv.org/abs/2509.21282",
    summary="-[(1 - alpha) r + alpha] A: the policy is mixed with the old one before the ratio",
    weight=_pspo_weight,
    bounds={"alpha": Interval(0.0, 1.0, high_open=True)},
    aggregation="dapo",
)
def pspo(batch: PolicyBatch, *, alpha: float = 0.1) -> Tensor:
    """-[(1 - alpha) r + alpha] A, (B, T), the ratio of (1 - alpha) pi + alpha pi_old to pi_old.

    The aggregation named is that of the published code.
    """
    smoothed = (1 - alpha) * batch.ratio + alpha
    return -smoothed * batch.advantages


def _cispo_weight(batch: PolicyBatch, *, cap: float) -> Tensor:
    return batch.ratio.clamp(max=cap)


@objective(
    "cispo",
    source="https://arxiv.org/abs/2506.13585",
    summary="-min(r, cap) A log pi, the ratio taken as a constant: every token keeps a gradient",
    weight=_cispo_weight,
    bounds={"cap": Interval(low=0.0)},
    aggregation="dapo",
)
def cispo(batch: PolicyBatch, *, cap: float = 5.0) -> Tensor:
    """-sg[min(r, cap)] A log pi, (B, T).

    Conventions differ. Here the cap is the ratio itself, as in ScaleRL (https://arxiv.org/abs/2510.13786, 4 to 8)
    and as TRL reads `epsilon_high`; MiniMax-M1 writes it 1 + epsilon_high. M1's lower bound 1 - epsilon_low is left
    out, as M1 itself does by a large epsilon_low.
    """
    return -batch.ratio.clamp(max=cap).detach() * batch.advantages * batch.logps


def _spo_weight(batch: PolicyBatch, *, epsilon: float) -> Tensor:
    return batch.ratio * (1 - batch.advantages.sign() * (batch.ratio - 1) / epsilon)


@objective(
    "spo",
    source="https://arxiv.org/abs/2401.16025",
    summary="-[r A - |A| (r - 1)^2 / (2 epsilon)]: a quadratic penalty with its optimum at the edge of the band",
    weight=_spo_weight,
    bounds={"epsilon": Interval(low=1e-3)},
    aggregation="dapo",
)
def spo(batch: PolicyBatch, *, epsilon: float = 0.2) -> Tensor:
    """-[r A - |A| (r - 1)^2 / (2 epsilon)], (B, T): best at r = 1 + sign(A) epsilon, and pulled back beyond.

    The loss of the paper as published at ICML 2025; early arXiv versions hold another, on the KL divergence.
    """
    ratio = batch.ratio
    penalty = batch.advantages.abs() * (ratio - 1).square() / (2 * epsilon)
    return penalty - ratio * batch.advantages
