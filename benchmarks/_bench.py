"""What the benchmark scripts share: the machine and versions beside every figure, small tables, JSON files.

payload = {**environment(), "figures": {...}}; write_json(Path("answers.json"), payload)
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION
from pspo_bench.answers.cache import CACHE_ENV
from pspo_bench.provenance import provenance

DATA_ENV = "PSPO_BENCH_DATA"
THREAD_SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def same_conditions() -> None:
    """Hold this process and those it starts to one thread each in numeric libraries, and to no cache on disk."""
    os.environ.update(THREAD_SETTINGS)
    os.environ.pop(CACHE_ENV, None)


def environment() -> dict[str, Any]:
    """Command, machine, versions and load: what a reader needs to judge a figure."""
    found = provenance()
    for name in ("latex2sympy2-extended", "psutil"):
        try:
            found["versions"][name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "command": ["python", *sys.argv],
        **found,
        "checker": f"{CHECKER_NAME} {CHECKER_VERSION}",
        "threads": THREAD_SETTINGS,
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
    }


def child_command(script: str, *arguments: str) -> list[str]:
    """The command that runs a script of this folder in a fresh interpreter."""
    return [sys.executable, str(Path(script).resolve()), *arguments]


def write_json(path: Path | None, payload: dict[str, Any]) -> None:
    """Write `payload` to `path` whole or not at all; nothing where no path is given."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(payload, indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    part.replace(path)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns aligned: the first to the left, the others to the right; None is shown as a dash."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        first, *rest = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def ratio(top: float | None, bottom: float | None) -> float | None:
    """top / bottom, None where either is missing or the divisor is 0."""
    return top / bottom if top is not None and bottom else None


def shown(text: str, limit: int = 100) -> str:
    """`text` on one line of printable ASCII, shortened in the middle."""
    line = ascii(text)[1:-1]
    return line if len(line) <= limit else f"{line[: limit // 2]} … {line[-limit // 3 :]} ({len(text)} chars)"
