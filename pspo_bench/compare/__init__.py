"""Two or more arms on the same questions: differences with intervals, tests, power, flips."""

from pspo_bench.compare.records import Comparison, Difference, Slice, TaskComparison

__all__ = ["Comparison", "Difference", "Slice", "TaskComparison"]
