"""Names that a log or a run brings, as names of files: a file that is written stays in the folder it is meant for.

safe_name("../../a b")      # "_.._a_b"
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path


def safe_name(part: str) -> str:
    """`part` as one part of a path: no folder of its own, nothing that leads upwards, no control characters."""
    return re.sub(r"[^\w.+=@-]+", "_", part).strip(".") or "unnamed"


def distinct(path: Path, taken: Collection[Path]) -> Path:
    """`path`, numbered where it is taken: two names may come to look the same, and neither may be lost."""
    held, number, found = {str(one).casefold() for one in taken}, 1, path
    while str(found).casefold() in held:
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found
