"""What docs/gate.md and the example workflow show is what the gate takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from pspo_bench.cli.parser import build_parser
from pspo_bench.gate import Policy, load_policy
from pspo_bench.gate.policy import Drop, Limit, Limits

ROOT = Path(__file__).parents[2]


def test_the_policy_of_the_docs_is_valid_and_has_every_key(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/gate.md").read_text(), flags=re.DOTALL)
    (tmp_path / "gate.toml").write_text(shown)
    policy = load_policy(tmp_path / "gate.toml")
    assert policy.drop_of("gsm8k") == Limit(max=3.0)
    assert policy.limits.defects == {"arith_wrong": Limit(max=2.0)}
    for section in (Policy, Drop, Limit, Limits):
        assert all(re.search(rf"\b{key}\b", shown) for key in section.model_fields)


def test_the_policy_of_the_pocket_base_is_valid() -> None:
    assert load_policy(ROOT / "results/baselines/pocket.toml").drop_of(None) == Limit(max=1.0)


def test_the_commands_of_the_example_workflow_are_understood() -> None:
    flat = " ".join((ROOT / "docs/examples/gate.yml").read_text().split())
    commands = re.findall(r">- (pspo-bench .*?) - (?:name|uses):", flat)
    assert [command.split()[1] for command in commands] == ["eval", "gate"]
    for command in commands:
        words = shlex.split(command)[1:]
        build_parser(words[0], alone=True).parse_args(words)
