"""Where a gate writes besides the terminal: JUnit XML, the step summary, annotations, the flip list.

A gate without a verdict writes these too: what an earlier gate left there must not stand in for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pspo_bench.errors import printable
from pspo_bench.gate.github import add_summary, annotation, annotations_of, on_github
from pspo_bench.gate.junit import failure_junit, to_junit
from pspo_bench.gate.records import GateReport
from pspo_bench.gate.text import failure_markdown, to_markdown
from pspo_bench.store import write_atomic


@dataclass(frozen=True, slots=True)
class Outputs:
    """`annotate` puts workflow commands out through `put_line`."""

    put_line: Callable[[str], None]
    junit: Path | None = None
    summary: Path | None = None
    annotate: bool = False

    @classmethod
    def on(
        cls,
        put_line: Callable[[str], None],
        junit: Path | None,
        summary: Path | None,
        environment: Mapping[str, str] = os.environ,
    ) -> Outputs:
        """Those asked for, and on GitHub its step summary (unless another file is named) and annotations."""
        step = environment.get("GITHUB_STEP_SUMMARY")
        if summary is None and step:
            summary = Path(step)
        return cls(put_line, junit, summary, on_github(environment))

    def put(self, report: GateReport) -> None:
        """Raises StoreError for a file that cannot be written."""
        self._put(to_junit(report), to_markdown(report), annotations_of(report))

    def put_failure(self, message: str) -> None:
        """The same where there is no verdict."""
        line = printable(" ".join(message.split()))
        self._put(
            failure_junit(line), failure_markdown(line), [annotation("error", "gate: no verdict", line)]
        )

    def _put(self, junit: str, markdown: str, commands: list[str]) -> None:
        for command in commands if self.annotate else ():
            self.put_line(command)
        if self.junit:
            write_atomic(self.junit, junit.encode())
        if self.summary:
            add_summary(self.summary, markdown)
