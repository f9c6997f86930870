"""Requests as the engines that hold a tokenizer run them: prompts as token ids, and what has been generated so far.

rows = rows_of(requests, tokenizer, templated=True, context=2048)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pspo_bench.records import Completion, Request, Sampling


@dataclass(eq=False)
class Row:
    """One request on its way. `limit` is the number of new tokens it may have, `end` the token that ended it."""

    index: int
    prompt: list[int]
    sampling: Sampling
    seed: int
    limit: int
    tokens: list[int] = field(default_factory=list)
    end: int | None = None
    _uniform: Any = None

    @property
    def ids(self) -> list[int]:
        """Prompt and what was generated so far: what a prefill must read."""
        return self.prompt + self.tokens

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tokens)

    @property
    def uniform(self) -> float:
        """The number in [0, 1) that draws the next token."""
        if self.sampling.temperature <= 0:
            return 0.0
        if self._uniform is None:
            from pspo_bench.engines.sampling import uniforms

            self._uniform = uniforms(self.seed, self.limit)
        return float(self._uniform[len(self.tokens)])

    def completion(self, text: str, finish_reason: str, error: str | None = None) -> Completion:
        return Completion(text, finish_reason, len(self.prompt), len(self.tokens), error)


def rows_of(requests: Sequence[Request], tokenizer: Any, *, templated: bool, context: int) -> list[Row]:
    """A row for each request, with what the `context` leaves of max_tokens (0 or less: the prompt is too long).

    A template (`templated`) writes the beginning-of-sequence token itself; to plain prompts the tokenizer adds it.
    """
    prompts = list(dict.fromkeys(request.prompt for request in requests))
    if not prompts:
        return []
    encoded = tokenizer(prompts, add_special_tokens=not templated)["input_ids"]
    ids = dict(zip(prompts, encoded, strict=True))
    return [
        Row(
            index=index,
            prompt=ids[request.prompt],
            sampling=request.sampling,
            seed=request.seed,
            limit=min(request.sampling.max_tokens, context - len(ids[request.prompt])),
        )
        for index, request in enumerate(requests)
    ]
