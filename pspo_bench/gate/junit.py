"""A report as JUnit XML, for the test panels of CI servers.

    <testsuite name="pspo-bench gate" tests="2" failures="1" ...>
      <testcase classname="gate.critical" name="gsm8k">
        <failure type="regression" message="gsm8k is worse by ..." />
      </testcase>

Only what blocks is a failure, so that the panel and the exit code agree; the rest that did not pass is
skipped, with its reason. The format is as the test runners of CI write it
(https://github.com/testmoapp/junitxml).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from pspo_bench.gate.records import Check, GateReport, Verdict
from pspo_bench.gate.text import sentence

SUITE = "pspo-bench gate"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def to_junit(report: GateReport) -> str:
    """One test case a check: an inconclusive one fails too, unless the policy lets it pass."""
    return _suite([_case(check, report) for check in report.checks])


def failure_junit(message: str) -> str:
    """One test case in error, where there is no report: a file of an earlier gate must not stand in for this
    one.
    """
    case = ET.Element("testcase", classname="gate", name="gate")
    ET.SubElement(case, "error", type="error", message=_clean(message))
    return _suite([case])


def _case(check: Check, report: GateReport) -> ET.Element:
    case = ET.Element("testcase", classname=f"gate.{check.tier}", name=_clean(check.name))
    said = _clean(sentence(check))
    passes = check.verdict is Verdict.INCONCLUSIVE and report.on_inconclusive == "pass"
    if check.blocks and not passes:
        ET.SubElement(case, "failure", type=check.verdict.value, message=said)
    elif check.verdict is not Verdict.PASS:
        ET.SubElement(case, "skipped", message=said)
    else:
        ET.SubElement(case, "system-out").text = said
    return case


def _suite(cases: list[ET.Element]) -> str:
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    attributes = {"name": SUITE, **{name: str(count) for name, count in counts.items()}}
    suite = ET.Element("testsuite", attributes)
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """Without the characters that no XML document may hold, not even escaped."""
    return _NOT_XML.sub(" ", text)
