"""One attempt over HTTP: bytes bounded in number and time, and every failure as one of `failures`.

async with open_client(address, options) as client:
    answer = await attempt(client, json_body)
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pspo_bench.engines.openai.failures import Transient, failure, one_line
from pspo_bench.engines.openai.options import Address, Options
from pspo_bench.engines.openai.sse import StreamedAnswer
from pspo_bench.engines.openai.wire import Answer, read_answer
from pspo_bench.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    import httpx2

_CONNECT_S = 10.0
MAX_ERROR_BYTES = 1 << 16


def require_httpx() -> Any:
    """The HTTP library. Raises MissingExtraError without it."""
    try:
        import httpx2
    except ImportError as error:
        raise MissingExtraError("openai", "the engine openai") from error
    return httpx2


def settings(address: Address, timeout_s: float, connections: int) -> dict[str, Any]:
    """How every client of ours is made: no redirects, no compression (it would unpack beyond any bound)."""
    httpx = require_httpx()
    return {
        "headers": {**address.headers, "Accept-Encoding": "identity"},
        "timeout": httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s), pool=None),
        "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        "follow_redirects": False,
        "trust_env": not address.local,  # a proxy cannot reach this machine's own servers
    }


@dataclass(frozen=True, slots=True)
class Client:
    """An open client of one server."""

    http: httpx2.AsyncClient
    address: Address
    options: Options

    async def attempt(self, path: str, body: Mapping[str, Any]) -> Answer:
        """POST `body`. Raises Transient, Refused or ModelError."""
        httpx = require_httpx()
        try:
            async with asyncio.timeout(self.options.timeout_s):
                return await self._exchange(path, json.dumps(body).encode())
        except (TimeoutError, httpx.TimeoutException) as error:
            refused = isinstance(error, httpx.ConnectTimeout)
            what = (
                "connecting took too long" if refused else f"no whole answer in {self.options.timeout_s:g} s"
            )
            raise Transient(f"{what} (timeout_s)", free=refused) from error
        except httpx.TransportError as error:
            never_sent = isinstance(error, httpx.ConnectError)
            raise Transient(self._described(error), free=never_sent) from error

    async def _exchange(self, path: str, content: bytes) -> Answer:
        request = self.http.build_request(
            "POST", self.address.url + path, content=content, headers={"Content-Type": "application/json"}
        )
        response = await self.http.send(request, stream=True)
        try:
            if response.status_code != 200:
                body = await _start_of(response)
                key_env = self.options.api_key_env
                raise failure(
                    response.status_code,
                    response.headers,
                    body,
                    self.address,
                    key_env=key_env,
                    now=time.time(),
                )
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Transient("the response is compressed, though that was not asked for")
            return await self._answer(response)
        finally:
            await response.aclose()

    async def _answer(self, response: httpx2.Response) -> Answer:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            whole = b"".join([part async for part in self._bounded(response)])
            try:
                return read_answer(json.loads(whole))
            except (ValueError, RecursionError) as error:
                raise Transient(f"the response is not JSON ({len(whole)} bytes)") from error
        stream = StreamedAnswer()
        async for part in self._bounded(response):
            stream.feed(part)
            if stream.done:
                break
        return stream.answer()

    async def _bounded(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        total = 0
        most = self.options.max_response_bytes
        async for part in response.aiter_raw():
            total += len(part)
            if total > most:
                raise ModelError(
                    f"{self.address.url} sent a response of more than {most} bytes; if that is meant, raise "
                    "max_response_bytes, and check that this is the server you want"
                )
            yield part

    def _described(self, error: Exception) -> str:
        return one_line(f"{type(error).__name__}: {error}".rstrip(": "), self.address)


@asynccontextmanager
async def open_client(address: Address, options: Options) -> AsyncIterator[Client]:
    """A client with as many connections as requests may be under way; closed with all of them afterwards."""
    httpx = require_httpx()
    async with httpx.AsyncClient(**settings(address, options.timeout_s, options.concurrency)) as http:
        yield Client(http, address, options)


async def _start_of(response: httpx2.Response) -> bytes:
    """The start of an error's body: enough to say what the server complains about."""
    found = b""
    async for part in response.aiter_raw():
        found += part
        if len(found) > MAX_ERROR_BYTES:
            break
    return found[:MAX_ERROR_BYTES]
