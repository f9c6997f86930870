"""The reward is the checker's verdict: 1 for a correct completion, 0 for every other status.

The checker is told what evaluation tells it (question, answer type, whether the completion was cut off), so
that what is paid for in training is what counts in the score.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from pspo_bench.answers import CheckRow, check_many


def correctness(
    completions: Sequence[Any],
    completion_ids: Sequence[Sequence[int]],
    question: Sequence[str],
    gold: Sequence[str],
    answer_type: Sequence[str],
    *,
    ends: Set[int],
    **_: Any,
) -> list[float]:
    """One reward in {0, 1} per completion; TRL passes a completion as text or as a list of chat messages.

    `ends` are the ids of the tokens that end a completion. One that does not end in such a token was cut at the
    limit, and is then judged as in evaluation: without a stated answer it is truncated, not correct.
    """
    rows = [
        CheckRow(
            completion_text(made), wanted, kind, question=asked, truncated=not ids or ids[-1] not in ends
        )
        for made, ids, asked, wanted, kind in zip(
            completions, completion_ids, question, gold, answer_type, strict=True
        )
    ]
    return [float(verdict.correct) for verdict in check_many(rows)]


def completion_text(completion: Any) -> str:
    """The text of a completion in either of TRL's two forms."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message["content"]) for message in completion)
