r"""Streamed answers: server-sent events → one `Answer`, or the finding that the stream broke off.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (lines, `data:`, blank line ends an event);
each event's data is a chunk of the OpenAI API, the last one `[DONE]`. Deviation: a lone carriage return, which no
server sends, does not end a line.

    >>> stream = StreamedAnswer()
    >>> stream.feed(b'data: {"choices": [{"delta": {"content": "4"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
    >>> stream.answer().text
    '4'
"""

from __future__ import annotations

import json
from typing import Any

from pspo_bench.engines.openai.failures import Transient, excerpt
from pspo_bench.engines.openai.wire import Answer, answer, first_choice, text_of


class StreamedAnswer:
    """Gathers one answer from the bytes of its stream."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._pieces: list[str] = []
        self._last: dict[str, Any] = {}
        self._whole: dict[str, Any] = {}
        self.done = False

    def feed(self, received: bytes) -> None:
        """Take in more bytes. Raises Transient for what is not a chunk of an answer."""
        start = len(self._rest)
        self._rest += received
        if b"\n" not in self._rest[start:]:
            return
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._line(bytes(line).removesuffix(b"\r"))

    def answer(self) -> Answer:
        """The whole answer. Raises Transient if the stream ended before it did."""
        if not self._last.get("finish_reason"):
            raise Transient("the stream ended before the answer did")
        return answer("".join(self._pieces), self._last, self._whole)

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data.append(line.removeprefix(b"data:").removeprefix(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            self._event(data)

    def _event(self, data: bytes) -> None:
        if self.done:
            return
        if data.strip() == b"[DONE]":
            self.done = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Transient("the stream holds an event that is not JSON") from error
        if not isinstance(chunk, dict) or chunk.get("error"):
            raise Transient(f"the stream holds an error ({excerpt(chunk)})")
        self._chunk(chunk)

    def _chunk(self, chunk: dict[str, Any]) -> None:
        self._whole |= {name: chunk[name] for name in ("usage", "system_fingerprint") if chunk.get(name)}
        choice = first_choice(chunk)
        if choice is None:
            return
        delta = choice.get("delta")
        self._pieces.append(text_of(delta.get("content") if isinstance(delta, dict) else choice.get("text")))
        if choice.get("finish_reason"):
            self._last = choice
