"""CI for checkpoints: a run held against its baseline passes, is a regression, or is inconclusive.

    from pspo_bench.gate import gate, load_policy

    report = gate(["runs/new"], ["results/baselines/pocket-base.json"], load_policy("gate.toml"))
    report.verdict, report.exit_code

The pytest plugin lives here too, and is imported at the start of every pytest in an environment that has this
package: names are imported from their modules when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pspo_bench.gate.assertion import assert_no_regression
    from pspo_bench.gate.baseline import write_baseline
    from pspo_bench.gate.policy import Policy, load_policy
    from pspo_bench.gate.records import Check, GateReport, Harm, Verdict
    from pspo_bench.gate.run import Sides, gate, judge, load_sides

_HOMES = {
    "Check": "records",
    "GateReport": "records",
    "Harm": "records",
    "Policy": "policy",
    "Sides": "run",
    "Verdict": "records",
    "assert_no_regression": "assertion",
    "gate": "run",
    "judge": "run",
    "load_policy": "policy",
    "load_sides": "run",
    "write_baseline": "baseline",
}

__all__ = [
    "Check",
    "GateReport",
    "Harm",
    "Policy",
    "Sides",
    "Verdict",
    "assert_no_regression",
    "gate",
    "judge",
    "load_policy",
    "load_sides",
    "write_baseline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
