"""The engine itself: options and server put together behind `pspo_bench.engines.Engine`."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from pspo_bench.engines import chat
from pspo_bench.engines.openai.background import Background
from pspo_bench.engines.openai.client import open_client
from pspo_bench.engines.openai.dispatch import Dispatcher, Policy
from pspo_bench.engines.openai.options import find_address, read_options
from pspo_bench.engines.openai.pacing import Backoff, Budget, Gate
from pspo_bench.engines.openai.server import ask_server, endpoint_fingerprint
from pspo_bench.engines.openai.wire import Wire, render_messages
from pspo_bench.errors import ModelError
from pspo_bench.models import chat_template_hash, load_tokenizer, resolve
from pspo_bench.records import Completion, Request, short_hash

Item = tuple[int, Completion]
_AHEAD = 4
"""Finished completions that wait to be read, for each request that may be under way."""


class OpenAIEngine:
    """A model behind an OpenAI-compatible server; `options` are those of `options.Options`.

    `rng` draws the pauses between attempts. Raises ConfigError for a bad option, ModelError if no server answers or
    it does not know the model, MissingExtraError without the HTTP library.
    """

    name = "openai"
    dtype = ""
    device = ""

    def __init__(self, model: str, *, rng: random.Random | None = None, **options: Any) -> None:
        self._options = checked = read_options(options)
        self._address = find_address(checked, os.environ)
        rng = rng or random.Random()
        files = resolve(checked.weights) if checked.weights else None
        self._tokenizer = load_tokenizer(checked.tokenizer) if checked.tokenizer else None
        served = checked.served_model or model
        found = ask_server(self._address, checked, served, rng)
        self.version = found.version
        self.fingerprint = (
            files.fingerprint if files else endpoint_fingerprint(self._address, served, found.entry)
        )
        self.manifest = files.manifest if files else None
        self.chat_template_hash = self._template_hash()
        self._wire = Wire(
            model=served,
            endpoint=checked.endpoint,
            dialect=found.dialect,
            max_tokens_field=checked.max_tokens_field,
            stream=checked.stream,
            send_seed=checked.send_seed,
            templated=self._tokenizer is not None and chat.has_template(self._tokenizer),
            extra_body=checked.extra_body,
        )
        self._policy = Policy(
            backoff=Backoff(checked.backoff_s, rng),
            gate=Gate(checked.max_retry_after_s, rng),
            budget=Budget(checked.max_requests, checked.max_total_tokens),
            max_retries=checked.max_retries,
        )
        self._running: set[Background[Item]] = set()
        self._closed = False

    def render(self, messages: list[dict[str, str]]) -> str:
        """For `chat` the conversation itself, as JSON; for `completions` as the tokenizer's template has it."""
        if self._options.endpoint == "chat":
            return render_messages(messages)
        return chat.render(self._tokenizer, messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Item]:
        """Yield (index, completion) as the server answers.

        A request that it refuses (a prompt too long for the model) is a completion with finish reason error. Raises
        ModelError if the server cannot be reached or refuses everything, or a budget is used up; ConfigError for a
        prompt that `render` did not make. Closing the iterator breaks off what is under way.
        """
        if self._closed:
            raise ModelError("This engine openai was closed; open another")
        if not requests:
            return

        async def produce(put: Callable[[Item], Awaitable[None]]) -> None:
            async with open_client(self._address, self._options) as client:
                await Dispatcher(
                    requests, self._wire, client, self._policy, lambda index, made: put((index, made))
                ).run()

        ahead = _AHEAD * self._options.concurrency
        with Background(produce, ahead=ahead, name="openai-engine") as items:
            self._running.add(items)
            try:
                yield from items
                if self._closed:  # on another thread
                    raise ModelError("This engine openai was closed while requests were under way")
            finally:
                self._running.discard(items)

    def close(self) -> None:
        """Break off what is under way. Afterwards the engine cannot be used."""
        self._closed = True
        for background in list(self._running):
            with suppress(RuntimeError):
                background.stop()

    def _template_hash(self) -> str:
        """What rendered the prompts: "server", with a hash of what else every request tells it, or the tokenizer's."""
        mark = "server" if self._options.endpoint == "chat" else chat_template_hash(self._tokenizer)
        extra = self._options.extra_body
        return f"{mark}+{short_hash(sorted(extra.items()))}" if extra else mark
