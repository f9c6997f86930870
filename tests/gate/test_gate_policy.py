"""Policy files: what they may say, and what is wrong with one that says more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pspo_bench.errors import ConfigError
from pspo_bench.gate import Policy, load_policy
from pspo_bench.gate.policy import Limit

WHOLE = """
max_drop = 2.0
level = 0.9
on_inconclusive = "fail"
[macro]
max_drop = 1
[tasks.gsm8k]
max_drop = 3.0
[tasks.math500]
tier = "advisory"
[limits]
truncation_rise = 2.0
length_rise = {max = 20, tier = "advisory"}
errors = 0.5
[limits.defects]
arith_wrong = 2.0
"""


def load(tmp_path: Path, text: str) -> Policy:
    file = tmp_path / "gate.toml"
    file.write_text(text)
    return load_policy(file)


def test_a_whole_policy(tmp_path: Path) -> None:
    policy = load(tmp_path, WHOLE)
    assert policy.drop_of(None) == Limit(max=1.0)
    assert policy.drop_of("gsm8k") == Limit(max=3.0)
    assert policy.drop_of("math500") == Limit(max=2.0, tier="advisory")
    assert policy.drop_of("svamp") == Limit(max=2.0)
    assert policy.limits.length_rise == Limit(max=20.0, tier="advisory")
    assert policy.limits.defects == {"arith_wrong": Limit(max=2.0)}
    assert (policy.level, policy.on_inconclusive, policy.limits.errors) == (0.9, "fail", 0.5)


def test_one_max_drop_in_place_of_all(tmp_path: Path) -> None:
    policy = load(tmp_path, WHOLE).with_max_drop(7.5)
    assert [policy.drop_of(task).max for task in (None, "gsm8k", "math500", "svamp")] == [7.5] * 4
    assert policy.drop_of("math500").tier == "advisory"
    assert policy.limits.truncation_rise == Limit(max=2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_dorp = 2", r"Unknown key 'max_dorp' \(did you mean 'max_drop'\?\)"),
        ("[tasks.gsm8k]\ndrop = 2", "Unknown key 'tasks.gsm8k.drop'"),
        ("[limits]\ntruncation = 2", "Unknown key 'limits.truncation'"),
        ("max_drop = -1", "max_drop: .*greater than or equal to 0"),
        ("max_drop = 101", "max_drop: .*less than or equal to 100"),
        ("max_drop = nan", "max_drop: .*finite"),
        ("max_drop = inf", "max_drop: "),
        ("max_drop = true", "max_drop: .*valid number"),
        ('max_drop = "2"', "max_drop: .*valid number"),
        ("level = 1.0", "level: .*less than 1"),
        ('[tasks.gsm8k]\ntier = "blocker"', "tasks.gsm8k.tier: .*'critical' or 'advisory'"),
        ('on_inconclusive = "ignore"', "on_inconclusive: "),
        ("[limits]\nlength_rise = {tier = 'advisory'}", "key 'limits.length_rise.max' is missing"),
        ("max_drop = ", "is not valid TOML"),
    ],
)
def test_a_wrong_policy_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    assert "gate.toml" in str(caught.value)


def test_a_policy_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="Cannot read nowhere.toml"):
        load_policy("nowhere.toml")
