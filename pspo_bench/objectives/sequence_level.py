"""Objectives whose trust region acts on whole sequences. With W = prod r_t, s = W^(1/|y|) and advantage A.

    gspo(batch, epsilon_low=3e-4, epsilon_high=4e-4)    # the clip on s, https://arxiv.org/abs/2507.18071

They take A to be the same at every token of a sequence. `gspo` and `gmpo` have one loss per sequence, which stands
at each of its tokens: under the aggregation `grpo` each sequence counts once, as in their papers, and under one
that sums over tokens as often as it has tokens. `topr` and `vespo` weigh -A log pi of each token by a constant.
Their gradient weight w is that of a token-level objective: with the mean over a sequence's tokens as its loss,
the gradient of -loss is the mean of w A grad log pi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.objectives.base import objective
from pspo_bench.objectives.batch import saturated_exp
from pspo_bench.objectives.token_level import BOTH_EPSILONS, EPSILONS, clip_loss, clip_weight
from pspo_bench.settings import Interval

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.batch import PolicyBatch


def _gspo_weight(batch: PolicyBatch, *, epsilon_low: float, epsilon_high: float) -> Tensor:
    return clip_weight(batch.sequence_ratio, batch.advantages, epsilon_low, epsilon_high)


@objective(
    "gspo",
    source="https://arxiv.org/abs/2507.18071",
    summary="-min(s A, clip(s, 1 - epsilon_low, 1 + epsilon_high) A), s the geometric mean of a sequence's ratios",
    weight=_gspo_weight,
    bounds=EPSILONS,
    shorthands=BOTH_EPSILONS,
    level="sequence",
    aggregation="grpo",
    fixed_aggregation=True,
)
def gspo(batch: PolicyBatch, *, epsilon_low: float = 3e-4, epsilon_high: float = 4e-4) -> Tensor:
    """-min(s A, clip(s, 1 - epsilon_low, 1 + epsilon_high) A), (B, T), equal at all tokens of a sequence.

    s is close to 1, hence epsilons of the order 1e-4. Under `dr_grpo` it is LUSPO, which weighs each sequence by
    its length (https://arxiv.org/abs/2602.05261), divided by the token limit.
    """
    return clip_loss(batch.sequence_ratio, batch.advantages, epsilon_low, epsilon_high)


def _gmpo_clipped(batch: PolicyBatch, low: float, high: float) -> Tensor:
    log_ratio = batch.log_ratio
    return log_ratio.clamp(min=-low).where(batch.advantages < 0, log_ratio.clamp(max=high))


def _gmpo_ratio(batch: PolicyBatch, low: float, high: float) -> Tensor:
    clipped = _gmpo_clipped(batch, low, high)  # (B, T), 0 at padding
    return saturated_exp(clipped.sum(-1, keepdim=True) / batch.lengths)  # (B, 1)


def _gmpo_weight(batch: PolicyBatch, *, epsilon_low: float, epsilon_high: float) -> Tensor:
    inside = _gmpo_clipped(batch, epsilon_low, epsilon_high) == batch.log_ratio
    return _gmpo_ratio(batch, epsilon_low, epsilon_high) * inside


@objective(
    "gmpo",
    source="https://arxiv.org/abs/2507.20673",
    summary="-g A, g the geometric mean of a sequence's ratios, each clipped as by PPO but in log space",
    weight=_gmpo_weight,
    bounds=EPSILONS,
    shorthands=BOTH_EPSILONS,
    level="sequence",
    aggregation="grpo",
    fixed_aggregation=True,
)
def gmpo(batch: PolicyBatch, *, epsilon_low: float = 0.4, epsilon_high: float = 0.4) -> Tensor:
    """-g A, (B, T), equal at all tokens: log g is the mean of min(log r, epsilon_high) where A >= 0, else of
    max(log r, -epsilon_low).

    The epsilons bound log r: 0.4 is the paper's band (e^-0.4, e^0.4). One-sided, as PPO's min makes its clip; the
    published code (github.com/callsys/GMPO) does the same. A clipped token has weight 0, the others g.
    """
    return -_gmpo_ratio(batch, epsilon_low, epsilon_high) * batch.advantages


def _topr_weight(batch: PolicyBatch) -> Tensor:
    tapered = batch.sequence_log_ratio.clamp(max=0.0).exp()  # (B, 1), in [0, 1]
    return tapered.where(batch.advantages < 0, tapered.new_ones(()))


@objective(
    "topr",
    source="https://arxiv.org/abs/2503.14286",
    summary="-A log pi, for A < 0 times the sequence's ratio cut off at 1: what is unlikely by now is let go",
    weight=_topr_weight,
    level="sequence",
    aggregation="grpo",
)
def topr(batch: PolicyBatch) -> Tensor:
    """-A log pi where A >= 0, -sg[min(W, 1)] A log pi else, (B, T); W is the ratio of the whole sequence.

    Equation 8, which sums over tokens (`dr_grpo`, up to a constant); the paper's runs divide by the length (`grpo`).
    The paper has rewards of +1 and -1 where this has advantages. Other implementations use the ratio of each token,
    or the geometric mean s, which tapers less.
    """
    return -_topr_weight(batch).detach() * batch.advantages * batch.logps


def _vespo_weight(
    batch: PolicyBatch, *, k_pos: float, lambda_pos: float, k_neg: float, lambda_neg: float
) -> Tensor:
    log_ratio = batch.sequence_log_ratio  # (B, 1)
    drop = 1 - saturated_exp(log_ratio)
    positive, negative = k_pos * log_ratio + lambda_pos * drop, k_neg * log_ratio + lambda_neg * drop
    return saturated_exp(negative.where(batch.advantages < 0, positive))


@objective(
    "vespo",
    source="https://arxiv.org/abs/2602.10693",
    summary="-W^k exp(lambda (1 - W)) A log pi, the weight taken as a constant: a soft trust region of sequences",
    weight=_vespo_weight,
    bounds={name: Interval(0.0, 1e3) for name in ("k_pos", "lambda_pos", "k_neg", "lambda_neg")},
    level="sequence",
    aggregation="dapo",
)
def vespo(
    batch: PolicyBatch,
    *,
    k_pos: float = 2.0,
    lambda_pos: float = 3.0,
    k_neg: float = 3.0,
    lambda_neg: float = 2.0,
) -> Tensor:
    """-sg[W^k exp(lambda (1 - W))] A log pi, (B, T), equation 20; k and lambda by the sign of A.

    W is the ratio of the whole sequence, without length normalisation. The paper's c1 and c2 are k and lambda here
    as in TRL. TRL folds vLLM's sampling correction into W; here it multiplies the loss, as for every objective.
    """
    weight = _vespo_weight(batch, k_pos=k_pos, lambda_pos=lambda_pos, k_neg=k_neg, lambda_neg=lambda_neg)
    return -weight.detach() * batch.advantages * batch.logps
