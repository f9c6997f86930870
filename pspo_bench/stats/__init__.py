"""Intervals, paired tests, pass@k, maj@k and the bootstrap over seeds and questions; numpy and scipy only.

The unit of inference is the question: its repeated samples are averaged first, so that more samples never
inflate n (Miller, arXiv 2411.00640). Scores and differences are fractions, not per cent. Where there is too
little data for a figure the result is None, never 0.0. Randomness comes from a generator that is passed in.

    >>> wilson(1, 10)
    Interval(low=0.0178..., high=0.4041..., method='wilson')
"""

from pspo_bench.stats.arms import (
    ArmDifference,
    ArmScore,
    ScoreComparison,
    arm_difference,
    arm_interval,
    compare_macro,
    compare_scores,
)
from pspo_bench.stats.bootstrap import bootstrap_scores, hierarchical_bootstrap, percentile_interval
from pspo_bench.stats.comparisons import PairedDifference, holm, mcnemar_exact, paired_difference
from pspo_bench.stats.core import LEVEL, Floats, Interval, StatsError
from pspo_bench.stats.intervals import (
    clustered_difference,
    clustered_mean,
    clustered_proportion,
    mean_interval,
    question_means,
    score_interval,
    wilson,
)
from pspo_bench.stats.permutation import permutation_test
from pspo_bench.stats.power import (
    mcnemar_power,
    minimum_detectable_effect,
    minimum_detectable_flips,
    required_questions,
    required_questions_single,
)
from pspo_bench.stats.repeats import maj_at_k, maj_at_k_interval, pass_at_k, pass_at_k_interval
from pspo_bench.stats.seeds import interquartile_mean, probability_of_improvement

__all__ = [
    "LEVEL",
    "ArmDifference",
    "ArmScore",
    "Floats",
    "Interval",
    "PairedDifference",
    "ScoreComparison",
    "StatsError",
    "arm_difference",
    "arm_interval",
    "bootstrap_scores",
    "clustered_difference",
    "clustered_mean",
    "clustered_proportion",
    "compare_macro",
    "compare_scores",
    "hierarchical_bootstrap",
    "holm",
    "interquartile_mean",
    "maj_at_k",
    "maj_at_k_interval",
    "mcnemar_exact",
    "mcnemar_power",
    "mean_interval",
    "minimum_detectable_effect",
    "minimum_detectable_flips",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_interval",
    "percentile_interval",
    "permutation_test",
    "probability_of_improvement",
    "question_means",
    "required_questions",
    "required_questions_single",
    "score_interval",
    "wilson",
]
