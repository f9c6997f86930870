"""JUnit XML, annotations and Markdown: what others wrote cannot break them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

from pspo_bench.compare import Comparison
from pspo_bench.gate import Check, GateReport, Harm, Verdict
from pspo_bench.gate.github import annotation, annotations_of
from pspo_bench.gate.junit import failure_junit, to_junit
from pspo_bench.gate.text import to_markdown, to_terminal

Make = Callable[..., Comparison]
EVIL = 'a|b <script>\x00\x1b[31m\ud800"&\n::error::x'


def report(
    comparison: Comparison, *, name: str = "x", on: str = "report", overruled: tuple[str, ...] = ()
) -> GateReport:
    def check(tier: str, verdict: str) -> Check:
        harm = Harm(1.0, 0.0, 2.0)
        return Check(name, tier, "points", 2.0, 50.0, 49.0, harm, Verdict(verdict), 500, "")  # type: ignore[arg-type]

    checks = [check(tier, verdict) for tier in ("critical", "advisory") for verdict in Verdict]
    return GateReport(comparison, tuple(checks), 0.95, on, overruled)  # type: ignore[arg-type]


def test_junit_fails_for_what_blocks_alone(comparison: Make) -> None:
    """Of six checks, a pass, a regression and an inconclusive one of each tier."""
    suite = ET.fromstring(to_junit(report(comparison({"a": None}))).encode())[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "2",
        "errors": "0",
        "skipped": "2",
    }
    kinds = [(case.get("classname"), case[0].tag, case[0].get("type")) for case in suite]
    assert kinds == [
        ("gate.critical", "system-out", None),
        ("gate.critical", "failure", "regression"),
        ("gate.critical", "failure", "inconclusive"),
        ("gate.advisory", "system-out", None),
        ("gate.advisory", "skipped", None),
        ("gate.advisory", "skipped", None),
    ]


def test_junit_skips_what_the_policy_lets_pass(comparison: Make) -> None:
    suite = ET.fromstring(to_junit(report(comparison({"a": None}), on="pass")).encode())[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "3")


def test_hostile_names_leave_every_form_whole(comparison: Make) -> None:
    found = report(comparison({"a": None}), name=EVIL, overruled=(EVIL,))
    for text in (to_junit(found), failure_junit(EVIL)):
        assert ET.fromstring(text.encode())[0].get("name") == "pspo-bench gate"
        assert "\x00" not in text
        assert "\x1b" not in text
    markdown = to_markdown(found)
    assert "<script>" not in markdown
    assert all(line.count(" | ") == 7 for line in markdown.splitlines() if line.startswith("| a"))
    terminal = to_terminal(found)
    assert "\x1b" not in terminal
    for line in [*terminal.splitlines(), *markdown.splitlines()]:
        assert not line.strip().startswith("::")
    for command in annotations_of(found):
        assert len(command.splitlines()) == 1
        assert command.startswith(("::error title=gate", "::warning title=gate"))


def test_annotations_are_escaped_as_the_runner_reads_them() -> None:
    assert (
        annotation("error", "a: 5 %, b", "1 %\r\n2: x, y")
        == "::error title=a%3A 5 %25%2C b::1 %25%0D%0A2: x, y"
    )
