"""Vectors written by unit vectors, `3\\mathbf{i} - 5\\mathbf{j}`, as components.

>>> components(parse(r"3\\uniti - 5\\unitj"))[0] is not None
True
"""

from __future__ import annotations

from fractions import Fraction

from pspo_bench.answers.formula import Node
from pspo_bench.answers.points import symbols_of

UNITS = ("uniti", "unitj", "unitk")
"""What `text.clean` makes of \\mathbf{i}, \\hat{j}, \\vec{k}."""


def components(node: Node) -> tuple[Node, ...] | None:
    """The two or three components of a sum of unit vectors, or None where there is no unit vector in it."""
    present = symbols_of(node) & set(UNITS)
    if not present:
        return None
    axes = UNITS if "unitk" in present else UNITS[:2]
    return tuple(_with(node, axis) for axis in axes)


def _with(node: Node, axis: str) -> Node:
    """`node` with this unit vector as 1 and the others as 0."""
    if node[0] == "sym" and node[1] in UNITS:
        return ("num", Fraction(node[1] == axis))
    return tuple(_with(child, axis) if isinstance(child, tuple) else child for child in node)
