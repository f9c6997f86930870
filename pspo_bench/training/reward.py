"""The reward is the checker's verdict: 1 for a correct completion, 0 for every other status.

correctness(["6 * 7 = 42\n#### 42"], ["What is 6 times 7?"], ["42"], ["number"]) → [1.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pspo_bench.answers import CheckRow, check_many


def correctness(
    completions: Sequence[Any],
    question: Sequence[str],
    gold: Sequence[str],
    answer_type: Sequence[str],
    **_: Any,
) -> list[float]:
    """One reward in {0, 1} per completion; TRL passes a completion as text or as a list of chat messages."""
    rows = [
        CheckRow(completion_text(made), wanted, kind, question=asked)
        for made, asked, wanted, kind in zip(completions, question, gold, answer_type, strict=True)
    ]
    return [float(verdict.correct) for verdict in check_many(rows)]


def completion_text(completion: Any) -> str:
    """The text of a completion in either of TRL's two forms."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message["content"]) for message in completion)
