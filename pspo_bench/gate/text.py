"""A report as a terminal table, as Markdown for a step summary, and as sentences.

Names come from files that others may have written, so each form escapes them.
"""

from __future__ import annotations

from pspo_bench.errors import printable
from pspo_bench.gate.records import Check, GateReport, Harm, Verdict
from pspo_bench.report.text import NONE, WIDTH, escape_markdown, grid

HEADER = ["check", "tier", "baseline", "run", "worse by", "interval", "at most", "verdict"]


def to_terminal(report: GateReport, width: int = WIDTH) -> str:
    """The table, what would settle what is open, the notes and the verdict."""
    table = grid(_title(report), HEADER, "check", width, [_cells(check) for check in report.checks])
    lines = [table.rstrip("\n"), *(printable(line) for line in _remarks(report)), "", headline(report)]
    return "\n".join(lines) + "\n"


def to_markdown(report: GateReport) -> str:
    """A section for GitHub's step summary."""
    lines = [
        f"## Gate: {report.verdict}",
        "",
        escape_markdown(headline(report)),
        "",
        escape_markdown(_title(report)),
        "",
    ]
    lines += [_pipe(HEADER), _pipe(["---", "---", *["---:"] * 5, "---"])]
    lines += [_pipe([escape_markdown(cell) for cell in _cells(check)]) for check in report.checks]
    remarks = [f"- {escape_markdown(line)}" for line in _remarks(report)]
    return "\n".join([*lines, *([""] if remarks else []), *remarks, ""]) + "\n"


def failure_markdown(message: str) -> str:
    """The section where there is no report, as a run failed or was refused."""
    return f"## Gate: no verdict\n\n{escape_markdown(message)}\n\n"


def headline(report: GateReport) -> str:
    """`Regression: pocket_gsm, macro (2 of 5 critical checks)`."""
    verdict = report.verdict
    critical = [check for check in report.checks if check.tier == "critical"]
    if verdict is Verdict.PASS:
        return f"Pass: {len(critical)} critical check{'s' * (len(critical) != 1)}"
    named = [check.name for check in critical if check.verdict is verdict]
    mapped = {0: "; passes, as the policy takes it so", 1: "; fails, as the policy takes it so"}
    taken = mapped.get(report.exit_code, "") if verdict is Verdict.INCONCLUSIVE else ""
    return printable(
        f"{verdict.capitalize()}: {', '.join(named)} ({len(named)} of {len(critical)} critical checks){taken}"
    )


def sentence(check: Check) -> str:
    """`pocket_gsm is worse by 10.2 points (6.6 to 13.8), at most 2 allowed: regression`."""
    harm = check.harm
    if harm is None:
        said = f"{check.name}: no difference with an interval"
    else:
        said = f"{check.name} is worse by {_number(harm.value)} {check.unit} ({_range(harm)})"
    tier = "" if check.tier == "critical" else f" ({check.tier})"
    advice = f"; {check.advice}" if check.advice else ""
    return printable(f"{said}, at most {check.limit:g} allowed: {check.verdict}{tier}{advice}")


def _title(report: GateReport) -> str:
    both = report.comparison
    return f"{both.candidate} against the baseline {both.base}; {100 * report.level:g} % intervals"


def _cells(check: Check) -> list[str]:
    harm = check.harm
    return [
        check.name,
        check.tier,
        _number(check.base),
        _number(check.candidate),
        _number(harm.value if harm else None),
        _range(harm) if harm else NONE,
        f"{check.limit:g} {check.unit}",
        check.verdict.value,
    ]


def _number(value: float | None) -> str:
    if value is None:
        return NONE
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text


def _range(harm: Harm) -> str:
    return f"{_number(harm.low)} to {_number(harm.high)}"


def _remarks(report: GateReport) -> list[str]:
    open_ = [f"{check.name}: {check.advice}" for check in report.checks if check.advice]
    return [*(f"MISMATCH, overruled: {one}" for one in report.overruled), *open_, *report.notes]


def _pipe(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
