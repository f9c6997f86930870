"""Whether what is worked out is right, and whether the final answer is among it."""

from __future__ import annotations

from fractions import Fraction

from pspo_bench.metrics.arithmetic import Operand, State
from pspo_bench.metrics.reasoning.solution import Solution
from pspo_bench.metrics.registry import solution_metric

ROSCOE = "https://arxiv.org/abs/2212.07919"  # "arithmetic error" in its taxonomy, section 3
REASON_EVAL = "https://arxiv.org/abs/2404.05692"  # validity of a step, here as far as arithmetic decides it


@solution_metric(
    "arith_wrong",
    definition="Arithmetic statements that are wrong under every reading; None where none could be checked.",
    range=(0, None),
    direction="lower",
    source=ROSCOE,
)
def arith_wrong(solution: Solution) -> float | None:
    if not solution.checked:
        return None
    return float(sum(statement.status is State.WRONG for statement in solution.checked))


@solution_metric(
    "arith_valid",
    definition="Share of the checked arithmetic statements that are right; None where none could be checked.",
    range=(0, 1),
    direction="higher",
    source=REASON_EVAL,
)
def arith_valid(solution: Solution) -> float | None:
    wrong = arith_wrong(solution)
    return None if wrong is None else 1 - wrong / len(solution.checked)


@solution_metric(
    "answer_grounded",
    definition="1 where the final answer is the last figure that is worked out, 0.5 where it is an earlier one, else "
    "0; None without a numeric answer or without any result.",
    range=(0, 1),
    direction="higher",
    source=ROSCOE,
)
def answer_grounded(solution: Solution) -> float | None:
    results = solution.findings.results
    answer = solution.answer_value
    if answer is None or not results:
        return None
    if _says(results[-1], answer):
        return 1.0
    return 0.5 if any(_says(result, answer) for result in results) else 0.0


def _says(result: Operand, answer: Fraction) -> bool:
    """Whether a result is the answer: of 16 % both 16 and 0.16 are."""
    return answer == result.value or (result.is_percent and answer == 100 * result.value)
