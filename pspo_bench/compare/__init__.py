"""Two or more arms on the same questions: differences with intervals, tests, power, flips.

(comparison,) = compare(["runs/base", "runs/pspo"])
comparison.macro                    # Difference(base=0.41, candidate=0.45, difference=0.04, interval=..., ...)
compare_arms(base, candidate)       # of arms, or of the results of each
flips(base_run, candidate_run)      # what one of them solves and the other does not, with the texts
"""

from pspo_bench.compare.arms import Contest, compare, compare_arms, comparisons, contest, contest_of
from pspo_bench.compare.flips import Answer, Flip, arm_flips, flips
from pspo_bench.compare.records import Comparison, Difference, OverSeeds, Slice, TaskComparison

__all__ = [
    "Answer",
    "Comparison",
    "Contest",
    "Difference",
    "Flip",
    "OverSeeds",
    "Slice",
    "TaskComparison",
    "arm_flips",
    "compare",
    "compare_arms",
    "comparisons",
    "contest",
    "contest_of",
    "flips",
]
