"""GitHub Actions: annotations and the step summary.

    ::error title=gate%3A regression::gsm8k is worse by 10.2 points (6.6 to 13.8), at most 2 allowed: regression

Syntax and escapes: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, and
`escapeData` and `escapeProperty` of https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pspo_bench.errors import StoreError
from pspo_bench.gate.records import Check, GateReport, Verdict
from pspo_bench.gate.text import headline, sentence


def on_github(environment: Mapping[str, str]) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


def annotations_of(report: GateReport) -> list[str]:
    """One for the verdict, then one for each check that did not pass, the worst first: GitHub shows ten of a
    kind.
    """
    level = {0: "notice", 1: "error"}.get(report.exit_code, "warning")
    found = [annotation(level, f"gate: {report.verdict}", headline(report))]
    found += [annotation("warning", "gate: mismatch", one) for one in report.overruled]
    worst = sorted((c for c in report.checks if c.verdict is not Verdict.PASS), key=_mildness)
    return found + [annotation(_level(check), f"gate: {check.verdict}", sentence(check)) for check in worst]


def annotation(level: str, title: str, message: str) -> str:
    """A workflow command; `level` is error, warning or notice."""
    return f"::{level} title={_property(title)}::{_data(message)}"


def add_summary(path: Path, markdown: str) -> None:
    """Append to the file that GitHub shows as the summary of the step. Raises StoreError where it cannot be
    written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(markdown)
    except OSError as error:
        raise StoreError(f"Cannot write the summary {path}: {error.strerror}; check the path") from error


def _level(check: Check) -> str:
    return "error" if check.blocks and check.verdict is Verdict.REGRESSION else "warning"


def _mildness(check: Check) -> tuple[bool, bool]:
    return (not check.blocks, check.verdict is not Verdict.REGRESSION)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
