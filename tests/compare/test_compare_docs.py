"""The example of docs/compare.md is what the command prints."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import pytest

from pspo_bench.cli import main

ROOT = Path(__file__).parents[2]


def test_the_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "compare.md").read_text()
    shown = re.search(r"^    \$ pspo-bench (compare [^\n]+)\n((?:    [^\n]*\n|\n)+)", text, re.MULTILINE)
    assert shown is not None
    command = [path for part in shown[1].split() for path in (sorted(glob.glob(part)) or [part])]
    assert main(command) == 0
    printed = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert [line.strip() for line in shown[2].splitlines() if line.strip() not in printed] == []
