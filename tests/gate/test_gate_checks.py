"""Comparison + policy → checks and verdict, each number by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from pspo_bench.compare import Comparison, Difference
from pspo_bench.errors import ConfigError
from pspo_bench.gate import Check, GateReport, Harm, Policy, Verdict
from pspo_bench.gate.checks import checks_of, three_way
from pspo_bench.gate.settle import settling
from pspo_bench.stats import paired_difference

Make = Callable[..., Comparison]


def by_name(comparison: Comparison, policy: Policy) -> dict[str, Check]:
    return {check.name: check for check in checks_of(comparison, policy)}


@pytest.mark.parametrize(
    ("low", "high", "limit", "verdict"),
    [
        (-1.0, 1.9, 2.0, "pass"),  # all of it below the limit
        (-1.0, 2.0, 2.0, "inconclusive"),  # touches it
        (1.0, 3.0, 2.0, "inconclusive"),  # holds it: worse than before, but by how much is open
        (2.0, 5.0, 2.0, "inconclusive"),
        (2.1, 5.0, 2.0, "regression"),  # all of it above
        (-3.0, -1.0, 0.0, "pass"),  # at 0 only a proven gain passes
        (0.1, 0.4, 0.0, "regression"),
        (math.nan, math.nan, 2.0, "inconclusive"),
    ],
)
def test_the_interval_decides(low: float, high: float, limit: float, verdict: str) -> None:
    assert three_way(Harm((low + high) / 2, low, high), limit) == verdict


def test_no_interval_never_passes() -> None:
    assert three_way(None, 100.0) is Verdict.INCONCLUSIVE


def test_a_drop_is_in_points_not_in_standard_deviations(comparison: Make) -> None:
    """1.4 points of 1000 questions, 46 lost and 32 won: (32 - 46) / 1000. Half the interval is about
    1.96 sqrt(79) / 1002 = 1.7 points, so at most 3.1 are lost: 5 are allowed, so it passes."""
    base, candidate = [1.0] * 546 + [0.0] * 454, [1.0] * 500 + [0.0] * 46 + [1.0] * 32 + [0.0] * 422
    found = paired_difference(base, candidate)
    assert found is not None
    assert found.interval is not None
    numbers = (found.difference, found.interval.low, found.interval.high)
    (check,) = checks_of(comparison({"gsm8k": numbers}, n=1000), Policy(max_drop=5.0))
    assert check.harm is not None
    assert check.harm.value == pytest.approx(1.4)
    assert check.harm.high == pytest.approx(3.13, abs=0.01)
    assert check.verdict is Verdict.PASS


def test_ordinary_flips_settle_an_ordinary_limit() -> None:
    """12 won and 10 lost of 500: 2 / 502 ± 1.96 sqrt(23) / 502 = 0.4 ± 1.87 points, which lies above -2."""
    base = [0.0] * 12 + [1.0] * 10 + [1.0] * 478
    candidate = [1.0] * 12 + [0.0] * 10 + [1.0] * 478
    found = paired_difference(base, candidate)
    assert found is not None
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-0.0147, abs=1e-4)
    harm = Harm(-100 * found.difference, -100 * found.interval.high, -100 * found.interval.low)
    assert three_way(harm, 2.0) is Verdict.PASS


def test_each_task_has_its_limit_and_its_tier(comparison: Make) -> None:
    drop = (-0.03, -0.04, -0.02)  # 2 to 4 points lost
    policy = Policy.model_validate(
        {
            "max_drop": 1.0,
            "tasks": {"a": {"max_drop": 5.0}, "b": {"tier": "advisory"}},
            "macro": {"max_drop": 3.0},
        }
    )
    found = by_name(comparison({"a": drop, "b": drop, "c": drop}, macro=drop), policy)
    assert {name: (c.limit, c.tier, c.verdict.value) for name, c in found.items()} == {
        "a": (5.0, "critical", "pass"),
        "b": (1.0, "advisory", "regression"),
        "c": (1.0, "critical", "regression"),
        "macro": (3.0, "critical", "inconclusive"),
    }
    assert found["a"].base == 50.0
    assert found["a"].candidate == pytest.approx(47.0)


def test_one_task_has_no_macro_check(comparison: Make) -> None:
    assert list(by_name(comparison({"a": (0.0, -0.01, 0.01)}, macro=(0.0, -0.01, 0.01)), Policy())) == ["a"]


def test_limits_on_truncation_length_and_defects(comparison: Make) -> None:
    """Truncation rises by 3 points; the length by e^0.2 - 1 = 22.1 %; arith_wrong by 5 in 100 solutions;
    arith_valid, of which more is better, falls by 4 points."""
    policy = Policy.model_validate(
        {
            "limits": {
                "truncation_rise": 2.0,
                "length_rise": {"max": 20, "tier": "advisory"},
                "defects": {"arith_wrong": 10.0, "arith_valid": 2.0},
            }
        }
    )
    made = comparison(
        {"a": (0.0, -0.01, 0.01)},
        truncation=(0.03, 0.025, 0.035),
        length=(0.2, 0.19, 0.21),
        defects={"arith_wrong": (0.05, 0.04, 0.06), "arith_valid": (-0.04, -0.05, -0.03)},
    )
    found = by_name(made, policy)
    assert found["truncation"].verdict is Verdict.REGRESSION
    assert found["length"].verdict is Verdict.REGRESSION
    assert found["length"].tier == "advisory"
    assert found["length"].base == 100.0
    length = found["length"].harm
    assert length is not None
    assert length.value == pytest.approx(22.14, abs=0.01)
    assert length.low == pytest.approx(20.92, abs=0.01)  # e^0.19 - 1
    assert found["defect arith_wrong"].verdict is Verdict.PASS
    valid = found["defect arith_valid"]
    assert valid.harm is not None
    assert (valid.harm.value, valid.harm.low, valid.harm.high) == pytest.approx((4.0, 3.0, 5.0))
    assert valid.verdict is Verdict.REGRESSION


def test_what_was_not_measured_is_inconclusive(comparison: Make) -> None:
    policy = Policy.model_validate(
        {"limits": {"length_rise": 20.0, "defects": {"arith_wrong": 1.0}}, "tasks": {"absent": {}}}
    )
    found = by_name(comparison({"a": (0.0, -0.01, 0.01)}), policy)
    for name in ("length", "defect arith_wrong", "absent"):
        assert found[name].verdict is Verdict.INCONCLUSIVE
        assert found[name].advice == "it cannot be had from these data"


def test_what_changed_alike_on_many_questions_needs_no_interval(comparison: Make) -> None:
    """A length that is the same on every question, as of the same checkpoint; accuracy always has an interval."""
    policy = Policy.model_validate({"limits": {"length_rise": 20.0}})
    for n, verdict in ((29, "inconclusive"), (30, "pass")):
        made = comparison({"a": None}, n=n)
        still = Difference(100.0, 100.0, 0.0, None, None, None, n_questions=n)
        found = by_name(replace(made, macro_length=still), policy)
        assert found["length"].verdict == verdict
        assert found["a"].verdict == "inconclusive"


@pytest.mark.parametrize(
    ("name", "message"), [("arith_wrogn", "did you mean 'arith_wrong'"), ("words", "neither")]
)
def test_a_metric_that_cannot_be_limited_is_named(comparison: Make, name: str, message: str) -> None:
    policy = Policy.model_validate({"limits": {"defects": {name: 1.0}}})
    with pytest.raises(ConfigError, match=message):
        checks_of(comparison({"a": (0.0, -0.01, 0.01)}), policy)


def report(checks: list[tuple[str, str]], comparison: Comparison, on: str = "report") -> GateReport:
    made = [Check("x", tier, "points", 2.0, None, None, None, Verdict(verdict)) for tier, verdict in checks]  # type: ignore[arg-type]
    return GateReport(comparison, tuple(made), 0.95, on)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("checks", "verdict", "codes"),
    [
        ([("critical", "pass"), ("critical", "pass")], "pass", (0, 0, 0)),
        ([("critical", "pass"), ("critical", "inconclusive")], "inconclusive", (2, 0, 1)),
        ([("critical", "inconclusive"), ("critical", "regression")], "regression", (1, 1, 1)),
        ([("critical", "pass"), ("advisory", "regression")], "pass", (0, 0, 0)),
        ([("advisory", "inconclusive")], "pass", (0, 0, 0)),
    ],
)
def test_the_worst_critical_check_is_the_verdict(
    comparison: Make, checks: list[tuple[str, str]], verdict: str, codes: tuple[int, int, int]
) -> None:
    made = comparison({"a": None})
    for on, code in zip(("report", "pass", "fail"), codes, strict=True):
        assert report(checks, made, on).verdict == verdict
        assert report(checks, made, on).exit_code == code


def test_what_would_settle_it() -> None:
    """Half the interval is 2, so the standard error 2 / 1.960 = 1.0204. At the distance 1 from the limit the questions
    must be multiplied by ((1.960 + 0.8416) x 1.0204)^2 = 8.17: 500 become 4087, upward in two digits 4100."""
    said = settling(Harm(1.0, -1.0, 3.0), 2.0, 500)
    assert "a limit of 3.1 would pass" in said
    assert "about 4,100 questions (8.2 times these)" in said


def test_what_lies_on_the_limit_cannot_be_settled() -> None:
    assert "too near 2 for more data" in settling(Harm(2.01, 0.0, 4.02), 2.0, 500)


def test_seeds_are_needed_too() -> None:
    assert "8.2 times the seeds and questions" in settling(Harm(1.0, -1.0, 3.0), 2.0, 500, n_seeds=5)
