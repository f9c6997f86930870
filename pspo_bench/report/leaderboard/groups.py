"""Which rows are not told apart: a compact letter display.

    letters(4, {(0, 3), (1, 3), (0, 2)})     # ["a", "ab", "b", "b"] would share letters: see below
    ["a", "ab", "bc", "c"]

Rows that share a letter are not told apart, and rows that do not are. Insert and absorb: Piepho 2004,
doi:10.1198/1061860043515.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from string import ascii_letters


def letters(n: int, apart: Collection[tuple[int, int]]) -> list[str]:
    """The letters of rows 0 to n - 1, of which the pairs in `apart` (smaller first) are told apart.

    Letters are given in the order of the rows, so that the first row has an a. Where there are more groups than letters
    they are numbered.
    """
    groups = _swept(_groups(n, apart), n)
    groups.sort(key=sorted)
    if len(groups) <= len(ascii_letters):
        return [
            "".join(ascii_letters[i] for i, group in enumerate(groups) if row in group) for row in range(n)
        ]
    return [" ".join(str(i) for i, group in enumerate(groups, 1) if row in group) for row in range(n)]


def _groups(n: int, apart: Collection[tuple[int, int]]) -> list[frozenset[int]]:
    """The largest sets of rows without a pair that is apart: each such pair splits the sets that hold both, and a set
    within another is absorbed.
    """
    groups = {frozenset(range(n))}
    for one, other in sorted(apart):
        split = {group for group in groups if one in group and other in group}
        groups -= split
        for part in (group - {gone} for group in split for gone in (one, other)):
            if not any(part <= group for group in groups):
                groups = {group for group in groups if not group < part} | {part}
    return sorted(groups, key=sorted)


def _swept(groups: list[frozenset[int]], n: int) -> list[frozenset[int]]:
    """Without the groups whose pairs are all in others."""
    kept = list(groups)
    for group in reversed(groups):
        others = [other for other in kept if other != group]
        pairs = [*combinations(sorted(group), 2), *((row, row) for row in group)]
        if all(any(one in other and two in other for other in others) for one, two in pairs):
            kept = others
    return kept
