"""An audit as terminal text, Markdown, JSON and JSONL. What cannot be had is shown as –.

Questions, golds and completions were written by others: they are cut, put on one line, and escaped for where they
are shown.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION
from pspo_bench.audit.result import Agreement, Audit, Disagreement, Group, Pattern, examples
from pspo_bench.records import Status, Verdict
from pspo_bench.report.text import NONE, escape_markdown
from pspo_bench.store import write_atomic, write_error

FORMAT, VERSION = "pspo-bench-audit", 1
SHOWN_CHARS, QUESTION_CHARS, COMPLETION_CHARS, VERDICT_CHARS = 80, 120, 150, 220
DEFAULT_SHOW = 10
UNLIKE_PUBLISHED = ("paper", "flexible")
TRUNCATION = (
    "a cut completion is called truncated, as by symbolic; the published scorer does not know truncation, so these "
    "accuracies may be lower than what it would give"
)
LEGEND = (
    "Accuracy in per cent of samples; range: highest less lowest, in points. Seconds are wall time; what one scoring "
    "has compared, the next finds in its cache. Agreement in per cent of samples, Cohen's kappa in brackets. Other "
    "answer: of the samples on which two graders decide the same and both extract an answer, those with different "
    "answers (numbers by value, all else by its text)."
)


def write_audit(audit: Audit, folder: Path, *, show: int = DEFAULT_SHOW, command: str | None = None) -> None:
    """Write disagreements.jsonl, audit.json and AUDIT.md, each whole or not at all. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    lines = "".join(json.dumps(_row(row)) + "\n" for row in audit.disagreements)
    write_atomic(folder / "disagreements.jsonl", lines.encode())
    write_atomic(folder / "audit.json", to_json(audit).encode())
    write_atomic(folder / "AUDIT.md", to_markdown(audit, show=show, command=command).encode())


def to_json(audit: Audit) -> str:
    """Everything but the disagreements."""
    from importlib.metadata import version

    data = {
        "format": FORMAT,
        "version": VERSION,
        "checker": {CHECKER_NAME: CHECKER_VERSION, "math-verify": version("math-verify")},
        "runs": audit.runs,
        "graders": audit.graders,
        "limit": audit.limit,
        "timeout_s": audit.timeout_s,
        "seconds": {grader: round(seconds, 3) for grader, seconds in audit.seconds.items()},
        "groups": [
            {**asdict(group), "accuracy": {g: group.accuracy(g) for g in audit.graders}, "range": group.span}
            for group in audit.groups
        ],
        "agreement": [asdict(pair) for pair in audit.agreements],
        "patterns": [
            {"accepted_by": pattern, "samples": count} for pattern, count in sorted(audit.patterns.items())
        ],
        "accepted_by_any": audit.accepted_by_any,
        "accepted_by_all": audit.accepted_by_all,
        "disagreements": len(audit.disagreements),
        "recorded_changes": audit.recorded_changes,
        "notes": audit.notes,
    }
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


def _row(row: Disagreement) -> dict[str, Any]:
    return {
        **asdict(row),
        "verdicts": {
            grader: {**asdict(verdict), "correct": verdict.correct}
            for grader, verdict in row.verdicts.items()
        },
    }


def to_terminal(audit: Audit, *, show: int = DEFAULT_SHOW, width: int = 118) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = StringIO()
    console = Console(width=width, file=out, color_system=None, highlight=False)
    for header, rows in _tables(audit):
        grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for index, name in enumerate(header):
            grid.add_column(Text(name), justify="right" if index else "left", overflow="fold")
        for cells in rows:
            grid.add_row(*(Text(_shown(cell)) for cell in cells))
        console.print(grid)
        console.print()
    lines = [*map(_printable, _sentences(audit)), "", *textwrap.wrap(LEGEND, width), ""]
    for pattern, rows_shown in examples(audit, show).items():
        lines.append(_printable(_pattern_line(audit, pattern)))
        for row in rows_shown:
            lines.append(f"  {_shown(_place(audit, row))}   gold: {_shown(row.gold)}")
            lines += [f"    {label}: {text}" for label, text in _details(row)]
    return "\n".join([*(line.rstrip() for line in out.getvalue().splitlines()), *lines, ""])


def to_markdown(audit: Audit, *, show: int = DEFAULT_SHOW, command: str | None = None) -> str:
    lines = ["# Audit of graders", ""]
    if command:
        lines += [f"Generated by {escape_markdown(command)}; do not edit by hand.", ""]
    for header, rows in _tables(audit):
        lines += [_pipe(header), _pipe(["---", *["---:"] * (len(header) - 1)]), *map(_pipe, rows), ""]
    lines += [*(f"- {escape_markdown(line)}" for line in _sentences(audit)), "", LEGEND, ""]
    for pattern, rows_shown in examples(audit, show).items():
        lines += [f"## {escape_markdown(_pattern_line(audit, pattern))}", ""]
        for row in rows_shown:
            lines.append(f"- {_literal(_shown(_place(audit, row)))}, gold: {_literal(_shown(row.gold))}")
            lines += [f"  - {_literal(label)}: {_literal(text)}" for label, text in _details(row)]
        lines += [""] if rows_shown else []
    return "\n".join(lines)


def _tables(audit: Audit) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Accuracy by group, status counts by grader, agreement and differing answers of every two graders."""
    names = list(audit.graders)
    yield (
        ["accuracy %", "samples", *names, "range"],
        [_group_cells(audit, group) for group in audit.groups],
    )
    statuses = [status.value for status in Status]
    counts = audit.overall.status
    yield (
        ["grader", *statuses, "seconds"],
        [
            [name, *(str(counts[name].get(status, 0)) for status in statuses), f"{audit.seconds[name]:.1f}"]
            for name in names
        ],
    )
    if len(names) > 1:
        pairs = {(pair.first, pair.second): pair for pair in audit.agreements}
        for title, cell in (("agreement", _agreement), ("other answer", _other_answers)):
            cells = {key: cell(pair) for key, pair in pairs.items()}
            yield (
                [title, *names[:-1]],
                [[row, *(cells.get((column, row), "") for column in names[:-1])] for row in names[1:]],
            )


def _group_cells(audit: Audit, group: Group) -> list[str]:
    name = group.name if group.kind == "all" else f"{group.kind} {group.name}"
    shares = [_percent(group.accuracy(grader)) for grader in audit.graders]
    return [name, str(group.samples), *shares, _percent(group.span)]


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f}"


def _agreement(pair: Agreement) -> str:
    return f"{_percent(pair.share)} ({NONE if pair.kappa is None else f'{pair.kappa:.2f}'})"


def _other_answers(pair: Agreement) -> str:
    return f"{pair.other_answers} of {pair.answers}" if pair.answers else NONE


def _sentences(audit: Audit) -> list[str]:
    group, lines = audit.overall, list(audit.notes)
    shares = {name: share for name in audit.graders if (share := group.accuracy(name)) is not None}
    if len(shares) > 1:
        low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
        lines.append(
            f"The choice of grader spans {_percent(group.span)} points of accuracy: "
            f"{_percent(shares[low])} by {low} to {_percent(shares[high])} by {high}"
        )
        lines.append(
            f"Graders differ on {len(audit.disagreements)} of {group.samples} samples; of the {audit.accepted_by_any} "
            f"samples that any grader accepts, {audit.accepted_by_all} are accepted by all"
        )
    cut = [name for name in audit.graders if name in UNLIKE_PUBLISHED and "truncated" in group.status[name]]
    if cut:
        lines.append(f"{' and '.join(cut)}: {TRUNCATION}")
    if audit.recorded_changes:
        lines.append(
            f"{audit.recorded_changes} samples were recorded with another status than symbolic gives today"
        )
    return lines


def _pattern_line(audit: Audit, pattern: Pattern) -> str:
    others = [name for name in audit.graders if name not in pattern]
    return f"{audit.patterns[pattern]} accepted by {', '.join(pattern)}; not by {', '.join(others)}"


def _place(audit: Audit, row: Disagreement) -> str:
    run = f"{row.run}: " if len(audit.runs) > 1 else ""
    return f"{run}{row.task}/{row.example_id} (T={row.temperature:g}, sample {row.sample_index})"


def _details(row: Disagreement) -> Iterator[tuple[str, str]]:
    """(label, text) of each line about a sample; graders with the same status and extracted answer share one."""
    yield "question", _shown_end(row.question, QUESTION_CHARS)
    yield "completion", _shown_end(row.completion_end, COMPLETION_CHARS)
    alike: dict[tuple[Status, str | None], list[str]] = {}
    for name, verdict in row.verdicts.items():
        alike.setdefault((verdict.status, verdict.extracted), []).append(name)
    for names in alike.values():
        yield (
            _printable(", ".join(names)),
            _shown(_verdict([row.verdicts[name] for name in names]), VERDICT_CHARS),
        )


def _verdict(alike: Sequence[Verdict]) -> str:
    """`wrong 40 by last_sentence – different values`; where the methods differ, one for each grader."""
    first = alike[0]
    found = "" if first.extracted is None else f" {_shown(first.extracted)}"
    methods = [verdict.method or NONE for verdict in alike]
    by = ", ".join(methods if len(set(methods)) > 1 else methods[:1])
    reasons = "; ".join(dict.fromkeys(verdict.reason for verdict in alike))
    return f"{first.status.value}{found}{'' if by == NONE else f' by {by}'} – {reasons}"


def _shown(text: str, limit: int = SHOWN_CHARS) -> str:
    line = _printable(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _shown_end(text: str, limit: int) -> str:
    line = _printable(text)
    return (line if len(line) <= limit else "…" + line[-limit:]) or NONE


def _printable(text: str) -> str:
    """One line without control and invisible characters, with which a text could rewrite the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _literal(text: str) -> str:
    """Markdown that shows the text as it is: what stands between two $ would be taken for a formula."""
    return escape_markdown(text).replace("$", r"\$")


def _pipe(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape_markdown(cell) if cell.strip('-:') else cell for cell in cells)} |"
