"""Tables within a file that people write: what stands between two markers is replaced, the rest stays byte for byte.

    <!-- pspo-bench leaderboard: begin results/measured/pocket-demo --reported -->
    <!-- pspo-bench leaderboard: end -->

A marker stands alone on its line, outside of fenced code. What follows `begin` are the arguments that make the table;
several blocks of a file are told apart by a name: `pspo-bench leaderboard demo: begin`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pspo_bench.errors import ConfigError

MARKER = re.compile(
    r" {0,3}<!--[ \t]*pspo-bench leaderboard(?:[ \t]+(?P<name>[\w.-]+))?:[ \t]*(?P<kind>begin|end)\b"
    r"(?P<arguments>.*?)-->[ \t]*"
)
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")  # CommonMark 0.31, 4.5
LINES_TO_ADD = "<!-- pspo-bench leaderboard: begin --> and <!-- pspo-bench leaderboard: end -->"


@dataclass(frozen=True, slots=True)
class Block:
    """What lies between two markers: characters `start` to `stop` of a text. `name` is empty for a block without."""

    name: str
    arguments: str
    start: int
    stop: int


def blocks(text: str, where: str) -> list[Block]:
    """The blocks of a text in order. Raises ConfigError, naming `where` and the line, for markers that do not pair, two
    blocks of one name, and a text without any.
    """
    found: list[Block] = []
    begun: tuple[int, str, str, int] | None = None  # line, name, arguments, where the content starts
    for line, marker, start, stop in _markers(text):
        name = marker["name"] or ""
        if marker["kind"] == "begin":
            if begun:
                raise _unpaired(where, begun[0], "begin", "end")
            begun = (line, name, marker["arguments"].strip(), stop)
        elif not begun or begun[1] != name:
            raise _unpaired(where, line, "end", "begin")
        else:
            found.append(Block(name, begun[2], begun[3], start))
            begun = None
    if begun:
        raise _unpaired(where, begun[0], "begin", "end")
    if not found:
        raise ConfigError(f"{where} has no place for a leaderboard; add the lines {LINES_TO_ADD}")
    twice = next((b.name for b in found if [other.name for other in found].count(b.name) > 1), None)
    if twice is not None:
        called = f"called '{twice}'" if twice else "without a name"
        raise ConfigError(
            f"{where} has two leaderboards {called}; name them apart: pspo-bench leaderboard NAME: begin"
        )
    return found


def filled(text: str, contents: Mapping[Block, str]) -> str:
    """The text with new contents, each on lines of its own, ended as the file ends its lines."""
    for block, content in sorted(contents.items(), key=lambda item: -item[0].start):
        newline = "\r\n" if text[: block.start].endswith("\r\n") else "\n"
        lines = ["", *content.strip("\n").split("\n"), "", ""]
        text = text[: block.start] + newline.join(lines) + text[block.stop :]
    return text


def _markers(text: str) -> Iterator[tuple[int, re.Match[str], int, int]]:
    """(number of the line, marker, where the line starts, where the next does) outside of fenced code."""
    fence, offset = "", 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        bare = line.rstrip("\r\n")
        edge = FENCE.fullmatch(bare)
        if edge and not fence:
            fence = edge[1]
        elif edge and edge[1].startswith(fence) and not edge[2].strip():
            fence = ""
        elif not fence and (marker := MARKER.fullmatch(bare)):
            yield number, marker, offset, offset + len(line)
        offset += len(line)


def _unpaired(where: str, line: int, kind: str, other: str) -> ConfigError:
    return ConfigError(
        f"The marker '{kind}' in line {line} of {where} has no '{other}'; the lines are {LINES_TO_ADD}, with the same"
        " name in both"
    )
