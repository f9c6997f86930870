"""Intervals, paired tests, pass@k, maj@k and the bootstrap over seeds and questions; numpy and scipy only.

The unit of inference is the question: its repeated samples are averaged first, so that more samples never
inflate n (Miller, arXiv 2411.00640). Scores and differences are fractions, not per cent. Where there is too
little data for a figure the result is None, never 0.0. Randomness comes from a generator that is passed in.

    >>> wilson(1, 10)
    Interval(low=0.0178..., high=0.4041..., method='wilson')
"""

from pspo_bench.stats.bootstrap import bootstrap_scores, hierarchical_bootstrap, percentile_interval
from pspo_bench.stats.comparisons import (
    ArmDifference,
    PairedDifference,
    arm_difference,
    holm,
    mcnemar_exact,
    paired_difference,
)
from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError
from pspo_bench.stats.intervals import (
    clustered_difference,
    clustered_mean,
    mean_interval,
    question_means,
    score_interval,
    wilson,
)
from pspo_bench.stats.repeats import maj_at_k, pass_at_k

__all__ = [
    "LEVEL",
    "ArmDifference",
    "Floats",
    "Interval",
    "PairedDifference",
    "StatsError",
    "arm_difference",
    "bootstrap_scores",
    "clustered_difference",
    "clustered_mean",
    "hierarchical_bootstrap",
    "holm",
    "maj_at_k",
    "mcnemar_exact",
    "mean_interval",
    "paired_difference",
    "pass_at_k",
    "percentile_interval",
    "question_means",
    "score_interval",
    "wilson",
]
