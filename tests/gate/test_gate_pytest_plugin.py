"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from pspo_bench.store import Run

pytest_plugins = ["pytester"]
MakeRun = Callable[..., Run]
PLUGIN = "pspo_bench.gate.pytest_plugin"
BASE = [1] * 200 + [0] * 200


CASES = """
import pytest

base = {base!r}

@pytest.mark.parametrize(("name", "settings"), {cases!r})
def test_gate(assert_no_regression, name, settings):
    assert_no_regression({runs!r} + "/" + name, base, **settings)
"""


def test_the_verdict_is_the_tests(pytester: pytest.Pytester, make_run: MakeRun, tmp_path: Path) -> None:
    """All in one pytest, as each imports everything anew."""
    base = make_run("base", {"gsm8k": BASE}).path
    for name, n in (("same", 0), ("open", 8), ("bad", 24)):  # test_gate_command.py works out their verdicts
        make_run(name, {"gsm8k": [0] * n + BASE[n:]})
    expected: list[tuple[str, dict[str, object], str]] = [
        ("same", {}, "passed"),
        ("bad", {}, "failed"),
        ("bad", {"max_drop": 9.0}, "passed"),
        ("open", {}, "failed"),  # what is not shown does not pass by itself
        ("open", {"on_inconclusive": "skip"}, "skipped"),
        ("open", {"on_inconclusive": "pass"}, "passed"),
        ("bad", {"on_inconclusive": "pass"}, "failed"),
        ("nowhere", {}, "failed"),
    ]
    cases = [case[:2] for case in expected]
    pytester.makepyfile(CASES.format(base=str(base), runs=str(tmp_path / "runs"), cases=cases))
    known = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    result = pytester.runpytest_inprocess("-rA", *([] if known else ["-p", PLUGIN]))
    found = [
        call.outcome for call in result.reprec.getreports("pytest_runtest_logreport") if call.when == "call"
    ]  # type: ignore[attr-defined]
    assert found == [outcome for *_, outcome in expected]
    result.stdout.fnmatch_lines(["*Regression: gsm8k (1 of 1 critical checks)"])


def test_pytest_finds_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert PLUGIN in project["entry-points"]["pytest11"].values()


def test_loading_it_imports_nothing_heavy() -> None:
    heavy = ("numpy", "pandas", "pydantic", "scipy", "torch", "rich", "pyarrow")
    code = f"import sys, {PLUGIN}\nprint([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
