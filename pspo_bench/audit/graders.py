"""The graders, by name: each decides whether a completion answers its question.

| name | what it is |
|---|---|
| `symbolic`, `strict`, `flexible`, `paper` | `pspo_bench.answers`, by that scoring |
| `math-verify` | Math-Verify in the configuration that its README recommends |

Another package announces its own in the entry-point group `pspo_bench.graders`, and `module:attr` names any: a callable
that takes `workers` and `timeout_s` and returns a `Grader`.

    >>> grade = GRADERS.get("paper")(workers=1, timeout_s=5.0)
    >>> grade([CheckRow(r"\\\\frac{1}{4}", r"\\\\frac{3}{4}")])[0].correct
    True
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from pspo_bench.answers import SCORINGS, CheckRow, check_readable
from pspo_bench.audit.verifier import MathVerify
from pspo_bench.records import Verdict
from pspo_bench.registry import Registry

DEFAULT_GRADERS = (*SCORINGS, "math-verify")


class Grader(Protocol):
    """Grades rows (completion, gold, answer type, question, truncated); must not raise on what a model wrote."""

    def __call__(self, rows: Sequence[CheckRow], /) -> list[Verdict]:
        """One verdict a row, in their order."""

    def close(self) -> None:
        """Free what it holds."""


class MakeGrader(Protocol):
    """What is registered."""

    def __call__(self, *, workers: int, timeout_s: float) -> Grader: ...


class Scoring:
    """This project's checker by one of its scorings. A gold that it cannot read is an `error`, not the end."""

    def __init__(self, scoring: str, *, workers: int, timeout_s: float) -> None:
        self._check = partial(check_readable, workers=workers, timeout_s=timeout_s, scoring=scoring)

    def __call__(self, rows: Sequence[CheckRow], /) -> list[Verdict]:
        return self._check(rows)

    def close(self) -> None:
        """The worker processes belong to the whole program."""


GRADERS: Registry[MakeGrader] = Registry("grader", group="pspo_bench.graders")
for _scoring in SCORINGS:
    GRADERS.register(_scoring)(partial(Scoring, _scoring))
GRADERS.register("math-verify")(MathVerify)
