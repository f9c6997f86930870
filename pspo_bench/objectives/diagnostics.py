"""How far the policy has moved from the behaviour policy: the same figures for every objective.

    parts = [diagnostics(batch, entropies) for batch in micro_batches]
    summarize(combine(parts))      # {"kl_old_new": 0.0012, "clip_fraction": 0.031, "ess": 0.97, ...}

A figure's key says how it is reduced over micro-batches and processes: `sum/` adds, `max/` takes the
largest, `local/` (the quantiles, which have no exact reduction) is averaged over the shards that have
tokens, and is exact only for a single one. The keys depend on nothing but whether entropies, a gradient and
a KL term are given, so every process can reduce the same dictionary.

The expectations below are over tokens drawn from the behaviour policy. Where sampling is truncated
(top_p < 1) the draws come from the truncated policy while `old_logps` do not, and the KL and total
variation estimates carry that bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.batch import PolicyBatch

QUANTILES = {"p05": 0.05, "p50": 0.50, "p95": 0.95, "p99": 0.99}
WOULD_BE_EPSILON = 0.2
"""PPO's usual epsilon (https://arxiv.org/abs/1707.06347, table 1): fixed, so arms compare."""


def kl_k3(log_ratio: Tensor) -> Tensor:
    """Schulman's k3 estimate of KL(q || p) per token (nats), from log p - log q at tokens drawn from q.

    exp(log_ratio) - 1 - log_ratio: non-negative, and unbiased when q is what was sampled;
    http://joschu.net/blog/kl-approx.html.
    """
    return log_ratio.expm1() - log_ratio


def logp_gradient(per_token_loss: Tensor, logps: Tensor) -> Tensor | None:
    """d(sum of the losses) / d(logps), (B, T): the push of the objective alone on each token, -w * A.

    By automatic differentiation, which stops at `logps`, so that it costs no pass through the model and holds for
    every objective. None where no gradient is recorded, as in evaluation.
    """
    import torch

    if not per_token_loss.requires_grad:
        return None
    (gradient,) = torch.autograd.grad(per_token_loss.sum(), logps, retain_graph=True, allow_unused=True)
    return torch.zeros_like(logps) if gradient is None else gradient


def diagnostics(
    batch: PolicyBatch,
    entropies: Tensor | None = None,
    gradient: Tensor | None = None,
    kl_to_reference: Tensor | None = None,
    *,
    epsilon: float = WOULD_BE_EPSILON,
) -> dict[str, Tensor]:
    """Sums, maximum and local quantiles over the tokens of one micro-batch, as scalar float32 tensors.

    `entropies` (B, T) in nats, of the current policy at each position; `gradient` (B, T) as `logp_gradient` gives it;
    `kl_to_reference` (B, T) in nats, of the loss's KL term.
    Over n tokens, with r the ratio:
    - `sum/tokens`: n
    - `sum/kl_old_new`: k3 estimate of KL(pi_old || pi), nats
    - `sum/total_variation`: |r - 1| / 2, whose mean estimates TV(pi, pi_old)
    - `sum/ratio`, `sum/ratio_squared`: for the mean ratio and the effective sample size
    - `sum/clipped`: tokens where a PPO clip at `epsilon` would pass no gradient: r > 1 + epsilon and A > 0,
      or r < 1 - epsilon and A < 0
    - `sum/outside_band`: tokens with r outside [1 - epsilon, 1 + epsilon], whatever A is
    - `sum/entropy`, `sum/kl_to_reference`: only when these are given
    - `sum/no_gradient`, only when a gradient is given: tokens that the arm's own objective stops, A being other than 0
    - `max/ratio`, `local/ratio_p05`, `_p50`, `_p95`, `_p99`; -inf and nan when there are no tokens
    """
    import torch

    with torch.no_grad():
        mask = batch.mask
        log_ratio = batch.logps.float()[mask] - batch.old_logps.float()[mask]  # (n,)
        ratio, advantages = log_ratio.exp(), batch.advantages[mask]
        above, below = ratio > 1 + epsilon, ratio < 1 - epsilon
        sums = {
            "tokens": torch.ones_like(ratio),
            "kl_old_new": kl_k3(log_ratio),
            "total_variation": (ratio - 1).abs() / 2,
            "ratio": ratio,
            "ratio_squared": ratio.square(),
            "clipped": (above & (advantages > 0)) | (below & (advantages < 0)),
            "outside_band": above | below,
        }
        if entropies is not None:
            sums["entropy"] = entropies[mask]
        if kl_to_reference is not None:
            sums["kl_to_reference"] = kl_to_reference[mask]
        if gradient is not None:
            sums["no_gradient"] = (gradient[mask] == 0) & (advantages != 0)
        figures = {f"sum/{name}": values.float().sum() for name, values in sums.items()}
        return figures | _extremes(ratio)


def _extremes(ratio: Tensor) -> dict[str, Tensor]:
    if ratio.numel() == 0:
        quantiles = ratio.new_full((len(QUANTILES),), math.nan)
        largest = ratio.new_tensor(-math.inf)
    else:
        quantiles = ratio.quantile(ratio.new_tensor(list(QUANTILES.values())))
        largest = ratio.max()
    named = {f"local/ratio_{name}": q for name, q in zip(QUANTILES, quantiles, strict=True)}
    return named | {"max/ratio": largest}


def combine(parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The figures of several micro-batches (or processes) as those of one; all must have the same keys."""
    import torch

    gathered = list(parts)
    reducers: dict[str, Callable[[Tensor], Tensor]] = {
        "sum": torch.sum,
        "max": torch.max,
        "local": torch.nanmean,
    }
    return {
        name: reducers[name.partition("/")[0]](torch.stack([part[name] for part in gathered]))
        for name in gathered[0]
    }


def summarize(figures: Mapping[str, Tensor]) -> dict[str, float | None]:
    """The reduced figures as the values to log; None for each when there were no tokens at all.

    Means over tokens: `kl_old_new` (nats), `total_variation`, `ratio_mean`, `clip_fraction`,
    `outside_band_fraction`, `no_gradient_fraction`, `entropy` (nats), `kl_to_reference` (nats). `ess` is the effective
    sample size of the ratios as a fraction of the tokens, (sum r)^2 / (n sum r^2), in (0, 1].
    `ratio_p05` ... `ratio_p99`, `ratio_max`.
    """
    values = {name: float(figure) for name, figure in figures.items()}
    tokens = values["sum/tokens"]
    means = {
        "kl_old_new": "kl_old_new",
        "total_variation": "total_variation",
        "ratio_mean": "ratio",
        "clip_fraction": "clipped",
        "outside_band_fraction": "outside_band",
        "no_gradient_fraction": "no_gradient",
        "entropy": "entropy",
        "kl_to_reference": "kl_to_reference",
    }
    summary = {
        name: values[f"sum/{key}"] / tokens if tokens else None
        for name, key in means.items()
        if f"sum/{key}" in values
    }
    summary["ess"] = values["sum/ratio"] ** 2 / (tokens * values["sum/ratio_squared"]) if tokens else None
    for name in QUANTILES:
        summary[f"ratio_{name}"] = values[f"local/ratio_{name}"] if tokens else None
    summary["ratio_max"] = values["max/ratio"] if tokens else None
    return summary
