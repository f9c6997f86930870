r"""When a completion ends: the end-of-sequence token, a stop string, or a finished answer line.

Looking for text in what was generated means decoding it. That is done only after a token that could have
completed a match: one whose own text holds the last character of a stop string (or a newline, for the answer
line), or is not whole text by itself, as half a character is not.

    >>> Stopper(tokenizer).cut([...], Sampling(stop_at_answer_line=True))
    'He has 5 - 2 = 3 apples.\n#### 3\n'
"""

from __future__ import annotations

import re
from typing import Any

from pspo_bench.records import Sampling

# A line that holds the marker of GSM8K's answers (https://arxiv.org/abs/2110.14168) and something after it.
_ANSWER_LINE = re.compile(r"^[ \t]*####[ \t]*\S.*\n", re.MULTILINE)
_HALF_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"


def eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The ids that end a completion: the generation config's and the tokenizer's."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = list(configured) if isinstance(configured, (list, tuple)) else [configured]
    return frozenset(int(token) for token in (*ids, tokenizer.eos_token_id) if token is not None)


def cut_text(text: str, sampling: Sampling) -> str | None:
    """`text` up to its first stop string (left out) or answer line (kept); None if it has neither."""
    ends = [position for string in sampling.stop if (position := text.find(string)) >= 0]
    if sampling.stop_at_answer_line and (line := _ANSWER_LINE.search(text)):
        ends.append(line.end())
    return text[: min(ends)] if ends else None


class Stopper:
    """Decodes completions and finds where they stop."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[int, str] = {}

    def text(self, tokens: list[int]) -> str:
        """The text of generated tokens, without special ones."""
        decoded: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded

    def cut(self, tokens: list[int], sampling: Sampling) -> str | None:
        """The final text if the last of `tokens` completed a stop string (left out) or the answer line
        (kept).
        """
        if not self._may_complete(tokens[-1], sampling):
            return None
        return cut_text(self.text(tokens), sampling)

    def _may_complete(self, token: int, sampling: Sampling) -> bool:
        last = {string[-1] for string in sampling.stop}
        if sampling.stop_at_answer_line:
            last.add("\n")
        if not last:
            return False
        piece = self._piece(token)
        # Some tokenizers drop a lone token's leading space, so a space proves nothing.
        return " " in last or _HALF_A_CHARACTER in piece or not last.isdisjoint(piece)

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self.text([token])
        return self._pieces[token]
