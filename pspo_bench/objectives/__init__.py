"""Objectives (trust regions): pure functions of log-probabilities and advantages to a per-token loss.

    from pspo_bench.objectives import PolicyBatch, aggregate, get_objective

    batch = PolicyBatch(logps, old_logps, advantages, mask)         # (B, T) each
    pspo = get_objective("pspo")
    loss = aggregate(pspo(batch, alpha=0.1), batch.mask, "bnpo")    # scalar

Importing this package does not import torch. A new objective is one function under `@objective` in
`token_level`, `gates` or `sequence_level` (or in another package, see docs/objectives.md) and one test.
"""

from pspo_bench.objectives.aggregation import AGGREGATIONS, Aggregation, aggregate, dapo_normalizer
from pspo_bench.objectives.base import (
    OBJECTIVES,
    Objective,
    aggregation_warning,
    get_objective,
    objective,
    token_weights,
    weight,
)
from pspo_bench.objectives.batch import PolicyBatch
from pspo_bench.objectives.diagnostics import combine, diagnostics, kl_k3, logp_gradient, summarize
from pspo_bench.settings import Interval

__all__ = [
    "AGGREGATIONS",
    "OBJECTIVES",
    "Aggregation",
    "Interval",
    "Objective",
    "PolicyBatch",
    "aggregate",
    "aggregation_warning",
    "combine",
    "dapo_normalizer",
    "diagnostics",
    "get_objective",
    "kl_k3",
    "logp_gradient",
    "objective",
    "summarize",
    "token_weights",
    "weight",
]
