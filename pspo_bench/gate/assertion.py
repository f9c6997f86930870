"""The gate as an assertion, for tests of one's own.

def test_the_new_checkpoint(assert_no_regression):
    assert_no_regression("runs/new", "results/baselines/pocket-base.json", max_drop=2.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pspo_bench.gate.policy import Policy, load_policy
from pspo_bench.gate.records import GateReport, Verdict
from pspo_bench.gate.run import gate
from pspo_bench.gate.text import to_terminal

Paths = str | Path | Sequence[str | Path]


def assert_no_regression(
    run: Paths,
    baseline: Paths,
    policy: Policy | str | Path | None = None,
    max_drop: float | None = None,
    *,
    on_inconclusive: Literal["fail", "skip", "pass"] | None = None,
    allow_mismatch: bool = False,
    temperature: float | None = None,
) -> GateReport:
    """Raises AssertionError, with the table, for a regression and for what could not be settled.

    What could not be settled fails unless `on_inconclusive`, or the policy, says that it passes; `skip` skips
    the test. Errors of runs and policies are those of `gate`.
    """
    demanded = policy if isinstance(policy, Policy) else load_policy(policy) if policy else Policy()
    if max_drop is not None:
        demanded = demanded.with_max_drop(max_drop)
    report = gate(
        _several(run), _several(baseline), demanded, temperature=temperature, allow_mismatch=allow_mismatch
    )
    if report.verdict is Verdict.PASS:
        return report
    open_ = report.verdict is Verdict.INCONCLUSIVE
    taken = on_inconclusive or ("pass" if demanded.on_inconclusive == "pass" else "fail")
    if open_ and taken == "pass":
        return report
    if open_ and taken == "skip":
        import pytest

        pytest.skip(to_terminal(report))
    raise AssertionError("\n" + to_terminal(report))


def _several(paths: Paths) -> Sequence[str | Path]:
    return [paths] if isinstance(paths, str | Path) else paths
