"""Calls, tokens and dollars: what may be spent, what was, and what a plan would cost.

A call is let through only if the most that it can cost still fits, so `--max-usd` is not passed as long as the
server keeps to max_tokens. Not seen here are attempts that the engine makes again after a failure on the way
(`max_requests` and `max_total_tokens` among its options bound those).

    >>> estimate(["four characters make a token"], JudgeSettings("m", price_in=1.0, price_out=2.0, max_tokens=100))
    Estimate(calls=1, prompt_tokens=7, completion_tokens=100, usd=0.000207)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pspo_bench.judge.settings import JudgeSettings
from pspo_bench.records import Completion

_TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt."""
CHARS_PER_TOKEN = 4
"""About right for English prose in the tokenizers in use; numbers and LaTeX take more tokens."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan would cost if every reply took all of max_tokens; `usd` is None without prices."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None


def estimate(prompts: Sequence[str], settings: JudgeSettings) -> Estimate:
    """The cost of one call for each prompt."""
    read = sum(math.ceil(len(prompt) / CHARS_PER_TOKEN) for prompt in prompts)
    written = len(prompts) * settings.max_tokens
    usd = settings.usd(read, written) if settings.priced else None
    return Estimate(len(prompts), read, written, usd)


class Spending:
    """What this process has spent, against the caps of `settings`. `stopped` names the cap that ended it."""

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self.calls = 0
        self.cached = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.usd = 0.0
        self.stopped: str | None = None

    def affordable(self, prompts: Sequence[str]) -> int:
        """How many of the first of these calls fit into the caps, whatever each of them costs."""
        count, reserved = 0, self.usd
        for prompt in prompts:
            reserved += self._most(prompt)
            if self._settings.max_calls is not None and self.calls + count >= self._settings.max_calls:
                self.stopped = f"--max-calls {self._settings.max_calls}"
                break
            if self._settings.max_usd is not None and reserved > self._settings.max_usd:
                self.stopped = f"--max-usd {self._settings.max_usd:g}"
                break
            count += 1
        else:
            self.stopped = None
        return count

    def settle(self, prompt: str, made: Completion) -> None:
        """Count one finished call; one whose tokens are not known costs the most that it can have."""
        self.calls += 1
        known = made.prompt_tokens is not None and made.completion_tokens is not None
        if made.finish_reason == "error":
            return
        self.prompt_tokens += made.prompt_tokens or 0
        self.completion_tokens += made.completion_tokens or 0
        if known:
            self.usd += self._settings.usd(made.prompt_tokens or 0, made.completion_tokens or 0)
        else:
            self.usd += self._most(prompt)

    def _most(self, prompt: str) -> float:
        # A token is at least one byte of text, so this cannot be too few.
        read = len(prompt.encode("utf-8", "surrogatepass")) + _TEMPLATE_TOKENS
        return self._settings.usd(read, self._settings.max_tokens)
