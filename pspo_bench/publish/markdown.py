"""Text that others wrote, made inert: in a table, in a code block, and as TOML.

Names, settings and warnings come from manifests and model folders that anybody may have written; a card must show
them and not obey them. Prose and table cells go through `report.text.escape_markdown`.

    >>> print(toml({"name": 'a"b', "budget": {"steps": 3, "epochs": None}}))
    name = "a\\"b"
    <BLANKLINE>
    [budget]
    # epochs is not set
    steps = 3
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pspo_bench.errors import printable
from pspo_bench.report.text import escape_markdown

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def one_line(text: object) -> str:
    """`text` on one line, without control characters."""
    return " ".join(printable(str(text)).split())


def code(text: object) -> str:
    """A code span that the text cannot end: fenced by more backticks than it holds (CommonMark 0.31, 6.1)."""
    inner = one_line(text)
    fence = "`" * (1 + _longest_run(inner))
    padding = " " if "`" in inner else ""
    return f"{fence}{padding}{inner}{padding}{fence}" if inner else "–"


def code_cell(text: object) -> str:
    """`code` for a table cell, in which a pipe would begin the next one even inside a code span (GFM, 4.10)."""
    return code(text).replace("|", "\\|")


def fenced(text: str, language: str) -> str:
    """A code block that the text cannot end; control characters other than line breaks are dropped."""
    lines = [printable(line) for line in text.split("\n")]
    fence = "`" * max(3, 1 + _longest_run(text))
    return "\n".join([f"{fence}{language}", *lines, fence])


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GFM table, the first column to the left and the others to the right. The cells must be escaped already."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in ([escape_markdown(h) for h in header], marks, *rows)
    )


# TOML, https://toml.io/en/v1.0.0


def toml(values: Mapping[str, Any]) -> str:
    """`values` as TOML: every key, with those that are None (TOML has no null) as comments."""
    return "\n".join(_tables(values, ())).strip()


def _tables(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    if path and (len(inner) < len(values) or not values):
        yield ""
        yield f"[{'.'.join(_key(part) for part in path)}]"
    for key, value in values.items():
        if key not in inner:
            yield f"# {_key(key)} is not set" if value is None else f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        yield from _tables(value, (*path, key))


def _key(key: object) -> str:
    return str(key) if _BARE_KEY.fullmatch(str(key)) else _string(str(key))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)  # inf and nan are words of TOML too
    if isinstance(value, Mapping):
        pairs = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    return _string(str(value))


def _string(text: str) -> str:
    return f'"{"".join(_character(c) for c in text)}"'


def _character(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if "\ud800" <= c <= "\udfff":
        return "\\uFFFD"  # a lone surrogate, which TOML cannot hold
    return c if c.isprintable() else f"\\U{ord(c):08X}"
