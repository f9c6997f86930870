"""Requests → completions on an event loop: workers, retries, and who is given up when.

Each worker takes the next request, tries it until it is answered or refused, and hands the completion on. A request
that failed `max_retries` times more is put at the end of the queue as long as others succeed meanwhile; where nothing
at all succeeds, the server is gone and the run stops, to be resumed. So a failing server never fills a run with errors.

A refusal (HTTP 400) may concern this prompt or every request, such as a parameter that the server does not know. So
the first one, unless a request with the same sampling settings was answered before, is followed by a harmless
request: if that is refused too, the run stops.

    await Dispatcher(requests, wire, client, policy, deliver).run()
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from pspo_bench.engines.openai.client import Client
from pspo_bench.engines.openai.failures import Refused, Transient, one_line
from pspo_bench.engines.openai.pacing import Backoff, Budget, BudgetSpentError, Gate, Reservation
from pspo_bench.engines.openai.wire import Answer, Wire, body, completion, conversation, render_messages
from pspo_bench.errors import ModelError
from pspo_bench.records import Completion, Request, Sampling

logger = logging.getLogger(__name__)

Deliver = Callable[[int, Completion], Awaitable[None]]
_TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt, when tokens are reserved."""
_BUDGET_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Policy:
    """What the requests of one engine have in common. `accepted`: sampling settings that the server answered to."""

    backoff: Backoff
    gate: Gate
    budget: Budget
    max_retries: int
    accepted: set[Sampling] = field(default_factory=set)


@dataclass
class Dispatcher:
    """The requests of one `generate`."""

    requests: Sequence[Request]
    wire: Wire
    client: Client
    policy: Policy
    deliver: Deliver
    _queue: deque[int] = field(default_factory=deque)
    _successes: int = 0
    _probing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _fingerprint: str | None = None
    _stopped: BudgetSpentError | None = None

    async def run(self) -> None:
        """Deliver every request's completion. Raises ModelError; what was delivered before stays delivered."""
        self._queue.extend(range(len(self.requests)))
        count = min(self.client.options.concurrency, len(self.requests))
        workers = [asyncio.create_task(self._work()) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if self._stopped is not None:
            raise self._stopped

    async def _work(self) -> None:
        while self._queue and self._stopped is None:
            index = self._queue.popleft()
            try:
                found = await self._persist(index)
            except BudgetSpentError as error:
                self._stopped = error  # the others may finish what is under way and paid for
                return
            if found is None:
                self._queue.append(index)
            else:
                await self.deliver(index, found)

    async def _persist(self, index: int) -> Completion | None:
        """Try a request until it is answered or refused; None if it shall be tried again after the others.

        Raises ModelError when its tries are used up and no request succeeded meanwhile.
        """
        before = self._successes
        try:
            return await self._tried(self.requests[index])
        except Refused as error:
            await self._require_accepted(self.requests[index], error)
            return Completion(
                "", "error", None, None, f"the server refused the request: {self._shown(error)}"
            )
        except Transient as error:
            if self._successes > before:
                return None
            raise self._given_up(index, error) from error

    async def _tried(self, request: Request) -> Completion:
        """The completion, after up to max_retries further attempts. Raises Refused, ModelError, the last Transient."""
        attempt = 0
        while True:
            try:
                found = await self._attempt(request)
            except Transient as error:
                if attempt >= self.policy.max_retries:
                    raise
                await self._pause(error, attempt)
                attempt += 1
            else:
                self._successes += 1
                self.policy.accepted.add(request.sampling)
                return found

    async def _attempt(self, request: Request) -> Completion:
        await self.policy.gate.wait()
        reservation = await self._reserve(request)
        used: int | None = None
        try:
            answer = await self.client.attempt(self.wire.path, body(request, self.wire))
            used = _tokens(answer)
        except Transient as error:
            used = 0 if error.free else None
            raise
        except (Refused, ModelError):
            used = 0
            raise
        finally:
            reservation.settle(used)
        self._note(answer)
        return completion(answer, request.sampling)

    async def _reserve(self, request: Request) -> Reservation:
        # A token is at least one byte of text, so this cannot be too few.
        tokens = (
            len(request.prompt.encode("utf-8", "surrogatepass"))
            + _TEMPLATE_TOKENS
            + request.sampling.max_tokens
        )
        while (reservation := self.policy.budget.reserve(tokens)) is None:
            await asyncio.sleep(_BUDGET_POLL_S)
        return reservation

    async def _pause(self, error: Transient, attempt: int) -> None:
        if error.retry_after_s is not None:
            self.policy.gate.close(error.retry_after_s)
        await asyncio.sleep(self.policy.backoff.pause_s(attempt))

    async def _require_accepted(self, request: Request, refusal: Refused) -> None:
        """Return if a refusal concerns this prompt alone. Raises ModelError if the server refuses any such request."""
        async with self._probing:
            if request.sampling in self.policy.accepted:
                return
            shown = self._shown(refusal)
            try:
                await self._tried(replace(request, prompt=self._harmless(request.prompt)))
            except Refused as error:
                raise ModelError(
                    f"{self.client.address.url} refuses every request with these settings: {shown}; mend the "
                    "settings, or the model's name (served_model)"
                ) from error
            except Transient as error:
                raise ModelError(
                    f"{self.client.address.url} refused a request ({shown}), and then did not answer another one "
                    f"({self._shown(error)}); run again when it does"
                ) from error

    def _harmless(self, prompt: str) -> str:
        """The same roles saying Hi: a template that refuses a role refuses this too."""
        if self.wire.endpoint == "completions":
            return "Hi"
        return render_messages([{**message, "content": "Hi"} for message in conversation(prompt)])

    def _note(self, answer: Answer) -> None:
        named = answer.system_fingerprint
        if named and self._fingerprint and named != self._fingerprint:
            logger.warning(
                "the server's system_fingerprint changed from %.60r to %.60r during the run: the completions may be "
                "of two models",
                self._fingerprint,
                named,
            )
            self._fingerprint = ""  # said once
        elif self._fingerprint is None:
            self._fingerprint = named

    def _shown(self, error: Exception) -> str:
        return one_line(str(error), self.client.address)

    def _given_up(self, index: int, error: Transient) -> ModelError:
        return ModelError(
            f"Request {index + 1} of {len(self.requests)} ({self.requests[index].prompt[:60]!r}) got no answer from "
            f"{self.client.address.url} in {self.policy.max_retries + 1} attempts, and nor did any other meanwhile; "
            f"the last time: {self._shown(error)}; see to the server (or lower concurrency) and run again: "
            "what is finished is kept"
        )


def _tokens(answer: Answer) -> int | None:
    """What the answer cost; None if the server does not say."""
    if answer.prompt_tokens is None or answer.completion_tokens is None:
        return None
    return answer.prompt_tokens + answer.completion_tokens
