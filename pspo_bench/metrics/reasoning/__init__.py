"""Defects of single solutions that need no judge: what arithmetic, the question and the text itself decide.

    solution = Solution.of("48/2 = 24. 48 + 24 = 73. #### 73", question="Natalia sold 48 clips, then half as many ...")
    measure(solution)                 # {"arith_wrong": 1.0, "arith_valid": 0.5, ...}
    solution.first_wrong_step         # 0

Each metric is a defect rate or a share with its own coverage, None where it does not apply; there is no overall
score. They are precise and see little: see docs/metrics.md.
"""

from pspo_bench.metrics.reasoning.solution import Solution, measure

__all__ = ["Solution", "measure"]
