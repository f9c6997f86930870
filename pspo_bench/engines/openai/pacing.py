"""When to send: pauses between attempts, a pause for all, and the budgets.

Source of the pauses: exponential backoff with full jitter,
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    >>> Backoff(0.5, random.Random(0)).pause_s(attempt=3)      # anywhere in 0 ... 4 seconds
    3.37...
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pspo_bench.errors import ModelError

_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses after failed attempts: uniform between 0 and `first_s` times 2, 4, 8 ..., a minute at most."""

    first_s: float
    rng: random.Random

    def pause_s(self, attempt: int) -> float:
        """The pause after failure number `attempt` (0 for the first)."""
        return self.rng.uniform(0, min(_LONGEST_PAUSE_S, self.first_s * 2.0 ** min(attempt, 60)))


class Gate:
    """Closed for everybody until the time that the server asked for."""

    def __init__(self, longest_s: float, rng: random.Random) -> None:
        self._longest_s = longest_s
        self._rng = rng
        self._opens = 0.0

    def close(self, seconds: float) -> None:
        """Let nobody through for so long, at most `max_retry_after_s`."""
        self._opens = max(self._opens, time.monotonic() + min(seconds, self._longest_s))

    async def wait(self) -> None:
        """Wait until it is open. Those who waited come through one by one within a second, not all at once."""
        import asyncio

        while (left := self._opens - time.monotonic()) > 0:
            await asyncio.sleep(left + self._rng.uniform(0, min(1.0, self._longest_s)))


class BudgetSpentError(ModelError):
    """A budget does not allow another request."""


Settle = Callable[[int | None], None]
"""Called once for an attempt's reservation, with the tokens that it really took; None: nobody knows."""


class Budget:
    """Requests and tokens that may still be spent. An attempt reserves the most that it can cost before it is sent.

    So the tokens that the server reports cannot exceed the budget, as long as it keeps to max_tokens. An attempt that
    got lost on its way back costs all that it had reserved: what the server spent on it is not known.
    """

    def __init__(self, max_requests: int | None, max_total_tokens: int | None) -> None:
        self._max_requests = max_requests
        self._max_tokens = max_total_tokens
        self._requests = 0
        self._tokens = 0
        self._reserved = 0
        self._lock = threading.Lock()

    def reserve(self, tokens: int) -> Settle | None:
        """Set aside one request of up to `tokens`, to be settled; None: ask again when others have settled.

        Raises BudgetSpentError if it cannot be sent whatever becomes of the others.
        """
        with self._lock:
            if self._max_requests is not None and self._requests >= self._max_requests:
                raise self._spent(f"max_requests={self._max_requests}")
            if self._max_tokens is not None and self._tokens + self._reserved + tokens > self._max_tokens:
                if self._reserved:
                    return None
                raise self._spent(f"max_total_tokens={self._max_tokens}", tokens)
            self._requests += 1
            self._reserved += tokens
        return lambda used: self._settle(tokens, used)

    def _settle(self, reserved: int, used: int | None) -> None:
        with self._lock:
            self._reserved -= reserved
            self._tokens += reserved if used is None else used

    def _spent(self, name: str, wanted: int | None = None) -> BudgetSpentError:
        next_one = f" and the next request may need {wanted}" if wanted else ""
        return BudgetSpentError(
            f"The budget {name} is used up: {self._requests} requests and {self._tokens} tokens so far{next_one}; "
            "what is finished is kept: raise it, or run again with the same one for more"
        )
