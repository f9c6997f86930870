"""Decide whether the final answer of a completion equals the gold answer: reward in training, verdict in evaluation.

The rules are written down in docs/marking-scheme.md. Example:

    >>> from pspo_bench.answers import check
    >>> check("16 - 7 = 9 eggs, so she makes 9 * 2 dollars. The answer is $18.00.", "18").correct
    True

Importing this package is cheap: SymPy is loaded only inside the worker processes that compare formulas.
"""

from __future__ import annotations

from pspo_bench.answers.cache import cache_on_disk
from pspo_bench.answers.check import (
    CHECKER_NAME,
    CHECKER_VERSION,
    CheckRow,
    check,
    check_async,
    check_many,
    check_readable,
    validate_gold,
)
from pspo_bench.answers.extract import METHODS, SCORINGS, STATED_METHODS, Extraction, extract
from pspo_bench.answers.kinds import ANSWER_TYPES, answer_types, detect_type
from pspo_bench.answers.pool import close_pool
from pspo_bench.answers.votes import vote_key
from pspo_bench.errors import AnswerError
from pspo_bench.records import Status, Verdict

__all__ = [
    "ANSWER_TYPES",
    "CHECKER_NAME",
    "CHECKER_VERSION",
    "METHODS",
    "SCORINGS",
    "STATED_METHODS",
    "AnswerError",
    "CheckRow",
    "Extraction",
    "Status",
    "Verdict",
    "answer_types",
    "cache_on_disk",
    "check",
    "check_async",
    "check_many",
    "check_readable",
    "close_pool",
    "detect_type",
    "extract",
    "validate_gold",
    "vote_key",
]
