"""The flip list as Markdown: what the baseline solved and the run does not, then the reverse.

Texts are there where both sides are run folders; of result files only the ids are known. Model output stands
in fences that it cannot end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pspo_bench.compare import Flip
from pspo_bench.report.text import escape_markdown


def flips_markdown(title: str, found: Sequence[Flip]) -> str:
    """Lost questions first: they are what a regression is made of."""
    lost, won = ([flip for flip in found if flip.won is which] for which in (False, True))
    lines = [f"# Flips: {escape_markdown(title)}", "", f"{len(lost)} lost, {len(won)} won.", ""]
    for name, side in (("Lost", lost), ("Won", won)):
        if side:
            lines += [f"## {name}", "", *(line for flip in side for line in _flip(flip))]
    return "\n".join(lines)


def _flip(flip: Flip) -> list[str]:
    seed = "" if flip.seed is None else f", seed {flip.seed}"
    head = escape_markdown(f"{flip.task} {flip.example_id}{seed}")
    counts = (
        f"baseline {flip.base.n_correct} of {flip.base.n_samples} right, "
        f"run {flip.candidate.n_correct} of {flip.candidate.n_samples}"
    )
    if flip.question is None:
        return [f"- {head}: {counts}", ""]
    lines = [
        f"### {head}",
        "",
        f"{counts}; gold {escape_markdown(str(flip.gold))}",
        "",
        *_fenced(flip.question),
    ]
    for name, answer in (("Baseline", flip.base), ("Run", flip.candidate)):
        if answer.completion is not None:
            lines += [f"{name}:", "", *_fenced(answer.completion)]
    return lines


def _fenced(text: str) -> list[str]:
    """Text in a fence of more backticks than any run of them in it (CommonMark 0.31, 4.5), without control
    characters.
    """
    clean = "".join(c if c in "\n\t" or c.isprintable() else " " for c in text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", clean)), default=0))
    return [f"{fence}text", clean, fence, ""]
