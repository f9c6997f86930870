"""What a gate says: its checks, the verdict over them, and the exit code that follows.

report.verdict                    # Verdict.INCONCLUSIVE
report.checks[0].harm             # Harm(value=1.4, low=-0.9, high=3.7): points lost, with the interval
report.exit_code                  # 2
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pspo_bench.compare import Comparison
from pspo_bench.gate.policy import OnInconclusive, Tier


class Verdict(StrEnum):
    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"


EXIT_CODES = {Verdict.PASS: 0, Verdict.REGRESSION: 1, Verdict.INCONCLUSIVE: 2}


@dataclass(frozen=True, slots=True)
class Harm:
    """What was lost (negative: gained), and the limits of its interval, in the unit of the check."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Check:
    """One limit of the policy, held against one figure.

    `base` and `candidate` are the figures themselves: per cent, per hundred solutions, or tokens. `harm` is
    None where the difference or its interval cannot be had. `advice` says what would settle an inconclusive
    check.
    """

    name: str
    tier: Tier
    unit: str
    limit: float
    base: float | None
    candidate: float | None
    harm: Harm | None
    verdict: Verdict
    n_questions: int | None = None
    advice: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the gate from passing."""
        return self.tier == "critical" and self.verdict is not Verdict.PASS


@dataclass(frozen=True, slots=True)
class GateReport:
    """All checks of one gate. `overruled` are the mismatches that it was told to go on with."""

    comparison: Comparison
    checks: tuple[Check, ...]
    level: float
    on_inconclusive: OnInconclusive = "report"
    overruled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Regression if a critical check is one, else inconclusive if one is, else pass."""
        critical = {check.verdict for check in self.checks if check.tier == "critical"}
        worst_first = (Verdict.REGRESSION, Verdict.INCONCLUSIVE)
        return next((verdict for verdict in worst_first if verdict in critical), Verdict.PASS)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 regression, 2 inconclusive unless the policy maps that to one of the others."""
        mapped = {"pass": 0, "fail": 1}
        if self.verdict is Verdict.INCONCLUSIVE and self.on_inconclusive in mapped:
            return mapped[self.on_inconclusive]
        return EXIT_CODES[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Everything, unrounded, for JSON."""
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}
