"""Every arithmetic statement of a solution, parsed and checked with exact fractions.

    >>> from pspo_bench.metrics.arithmetic import read_statements
    >>> [(s.text, s.status.value) for s in read_statements("48/2 = 24 clips, so 48 + 24 = 73.")]
    [('48/2 = 24', 'exact'), ('48 + 24 = 73', 'wrong')]

`tokens` splits the text, `parser` reads expressions by recursive descent into the nodes of `tree`, `compare` holds two
sides against each other under the readings that people give to percent signs, units and rounded figures, and
`statements` finds the sides of every relation in a text. Nothing is evaluated but +, -, *, /, powers, roots and
factorials of numbers that were read, all bounded in digits, nesting and size.

The idea of scoring a chain of steps without a reference: ROSCOE (arXiv 2212.07919), ReCEval (arXiv 2304.10703) and
ReasonEval (arXiv 2404.05692). They judge with a model; here only what arithmetic decides is judged.
"""

from pspo_bench.metrics.arithmetic.statements import Findings, Operand, Statement, find, read_statements
from pspo_bench.metrics.arithmetic.verdict import State

__all__ = ["Findings", "Operand", "State", "Statement", "find", "read_statements"]
