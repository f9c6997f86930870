"""Requests → completions on an event loop: workers, retries, and who is given up when.

Each worker takes the next request, tries it until it is answered or refused, and hands the completion on. A request
that failed `max_retries` times more is put at the end of the queue as long as others succeed meanwhile. Where none
does, a harmless request is sent, once: if that is not answered, the server is gone and the run stops, to be resumed.

If it is, this prompt may be what the server cannot bear, such as one that crashes it or takes longer than a proxy
waits. It gets its tries again, at once; only when the harmless request was answered after `Policy.rounds` such rounds
is the sample an error, so that the run can end. A server that is merely unreliable would have to fail on the one and
answer the other every time. More than a few such prompts are no matter of single prompts: then the run stops too.
So a failing server never fills a run with errors.

A refusal (HTTP 400) may concern this prompt or every request, such as a parameter that the server does not know. So
the first one, unless a request with the same sampling settings was answered before, is followed by a harmless
request: if that is refused too, the run stops.

    await Dispatcher(requests, wire, client, policy, deliver).run()
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from pspo_bench.engines.openai.client import Client
from pspo_bench.engines.openai.failures import Refused, Transient, one_line
from pspo_bench.engines.openai.pacing import Backoff, Budget, BudgetSpentError, Gate, Settle
from pspo_bench.engines.openai.wire import Answer, Wire, body, completion, conversation, render_messages
from pspo_bench.errors import ModelError
from pspo_bench.records import Completion, Request, Sampling

logger = logging.getLogger(__name__)

Deliver = Callable[[int, Completion], Awaitable[None]]
_TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt, when tokens are reserved."""
_BUDGET_POLL_S = 0.02
_LEAST_TRIES = 6
"""Attempts on a prompt before the server is said to fail on it, however few the retries of each round."""
_FEW_PROMPTS = 4
_ANSWERED_FOR_ANOTHER = 10
"""The server may fail on a few prompts, and on one more for so many that it answered."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the requests of one engine have in common. `accepted`: sampling settings that the server answered to."""

    backoff: Backoff
    gate: Gate
    budget: Budget
    max_retries: int
    accepted: set[Sampling] = field(default_factory=set)

    @property
    def rounds(self) -> int:
        """How often a request's tries must be used up, and a harmless one be answered, to blame its prompt."""
        return max(2, math.ceil(_LEAST_TRIES / (self.max_retries + 1)))


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
    _failed_rounds: Counter[int] = field(default_factory=Counter)
    _failed_prompts: int = 0
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
            if found is not None:
                await self.deliver(index, found)

    async def _persist(self, index: int) -> Completion | None:
        """Try a request until its fate is known; None if it was put into the queue again."""
        before = self._successes
        try:
            found = await self._tried(self.requests[index])
            self._successes += 1
            return found
        except Refused as error:
            await self._require_accepted(self.requests[index], error)
            return Completion(
                "", "error", None, None, f"the server refused the request: {self._shown(error)}"
            )
        except Transient as error:
            if self._successes > before:
                self._queue.append(index)
                return None
            return await self._suspect(index, error)

    async def _suspect(self, index: int, failed: Transient) -> Completion | None:
        """Its tries are used up, and no other request succeeded meanwhile: is it the prompt, or the server?

        None to try it again, next of all: where every prompt fails, it must not take a round of each to say so.
        An error where it is the prompt. Raises ModelError where it is the server.
        """
        try:
            async with self._probing:  # one at a time: failing prompts must not get in each other's way
                await self._attempt(self._harmless(self.requests[index]))
        except (Transient, Refused) as error:
            raise self._given_up(index, failed, error) from failed
        self._failed_rounds[index] += 1
        if self._failed_rounds[index] < self.policy.rounds:
            self._queue.appendleft(index)
            return None
        self._failed_prompts += 1
        if self._failed_prompts > _FEW_PROMPTS + self._successes // _ANSWERED_FOR_ANOTHER:
            raise self._fails_on_many(index, failed) from failed
        tries = self.policy.rounds * (self.policy.max_retries + 1)
        told = f"the server failed on this prompt alone, at least {tries} times; the last time: {self._shown(failed)}"
        return Completion("", "error", None, None, told)

    async def _tried(self, request: Request) -> Completion:
        """The completion, after up to max_retries further attempts. Raises Refused, ModelError, the last Transient."""
        attempt = 0
        while True:
            try:
                return await self._attempt(request)
            except Transient as error:
                if attempt >= self.policy.max_retries:
                    raise
                await self._pause(error, attempt)
                attempt += 1

    async def _attempt(self, request: Request) -> Completion:
        await self.policy.gate.wait()
        settle = await self._reserve(request)
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
            settle(used)
        self._note(answer)
        found = completion(answer, request.sampling)
        self.policy.accepted.add(request.sampling)
        return found

    async def _reserve(self, request: Request) -> Settle:
        # A token is at least one byte of text, so this cannot be too few.
        tokens = (
            len(request.prompt.encode("utf-8", "surrogatepass"))
            + _TEMPLATE_TOKENS
            + request.sampling.max_tokens
        )
        while (settle := self.policy.budget.reserve(tokens)) is None:
            await asyncio.sleep(_BUDGET_POLL_S)
        return settle

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
                await self._tried(self._harmless(request))
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

    def _harmless(self, request: Request) -> Request:
        """The same roles saying Hi: a template that refuses a role refuses this too."""
        if self.wire.endpoint == "completions":
            return replace(request, prompt="Hi")
        said = [{**message, "content": "Hi"} for message in conversation(request.prompt)]
        return replace(request, prompt=render_messages(said))

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

    def _given_up(self, index: int, error: Transient, harmless: Exception) -> ModelError:
        return ModelError(
            f"{self._named(index)} got no answer from {self.client.address.url} in {self.policy.max_retries + 1} "
            f"attempts, and nor did any other meanwhile; the last time: {self._shown(error)}; then a harmless request: "
            f"{self._shown(harmless)}; see to the server (or lower concurrency) and run again: what is finished is kept"
        )

    def _fails_on_many(self, index: int, error: Transient) -> ModelError:
        return ModelError(
            f"{self._named(index)} got no answer from {self.client.address.url}, as {self._failed_prompts - 1} others, "
            f"though it answered {self._successes} and all harmless ones; the last time: "
            f"{self._shown(error)}; see to the server and the time limits before it (or raise timeout_s, lower "
            "concurrency) and run again: what is finished is kept"
        )

    def _named(self, index: int) -> str:
        return f"Request {index + 1} of {len(self.requests)} ({self.requests[index].prompt[:60]!r})"


def _tokens(answer: Answer) -> int | None:
    """What the answer cost; None if the server does not say."""
    if answer.prompt_tokens is None or answer.completion_tokens is None:
        return None
    return answer.prompt_tokens + answer.completion_tokens
