"""A little OpenAI-compatible server on loopback that can misbehave in every way that we know servers to.

    with OpenAIServer(plan=lambda number, body: Fault("hang") if number == 0 else None) as server:
        server.url, server.bodies, server.most_in_flight

It speaks just enough HTTP/1.1 (https://www.rfc-editor.org/rfc/rfc9112) over asyncio on a thread of its own, because
its point is to break the protocol where a library would not let it. What it generates depends on the prompt, the seed
and the temperature alone (`echo`), so a mixed-up or repeated answer shows.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One misbehaviour.

    - status: answer with `status`, `headers` and `body`
    - hang: no answer at all; reset: close the connection unanswered
    - cut: half the body, then close; malformed: half a JSON text as if it were whole
    - raw: `body` with status 200; huge: a body of `size` bytes
    - unfinished: a stream that ends properly but says neither how nor [DONE]
    """

    kind: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    size: int = 0


def prompt_of(body: Body) -> str:
    """The text that a request asks about: the prompt, or the last message's content."""
    return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])


def echo(body: Body) -> str:
    """Depends on all that a sample should depend on."""
    return f"{prompt_of(body)} | seed {body.get('seed')} | temperature {body['temperature']:g}"


def tokens_of(body: Body, text: str) -> tuple[int, int]:
    """Counts as the server reports them: a word is a token."""
    return len(prompt_of(body).split()), len(text.split())


@dataclass
class OpenAIServer:
    """The server. `plan(number, body)` says how the request with that number (from 0) shall fail, None: it does not.

    `bodies`, `headers` and `paths` are those of all POSTs in order of arrival; `reported` the tokens of all whole
    answers; `most_in_flight` the most requests that were under way at once; `open_connections` those open now.
    """

    answer: Callable[[Body], str] = echo
    plan: Callable[[int, Body], Fault | None] = lambda number, body: None
    models: Any = field(default_factory=lambda: {"data": [{"id": "m", "object": "model", "owned_by": "us"}]})
    pages: dict[str, tuple[int, Any]] = field(default_factory=dict)
    finish_reason: str = "stop"
    choice: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    delay_s: float = 0.0
    usage: bool = True
    bodies: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    reported: int = 0
    open_connections: int = 0
    port: int = 0

    def __enter__(self) -> OpenAIServer:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="test-server")
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                start, *lines = head.decode("latin-1").strip().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
                content = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = start.split(" ", 2)
                if method == "GET":
                    await self._get(target, writer)
                elif not await self._watched(self._post(target, headers, content, writer), reader):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _watched(self, work: Any, reader: asyncio.StreamReader) -> bool:
        """Do `work` unless the client hangs up meanwhile; says whether the connection goes on."""
        doing = asyncio.ensure_future(work)
        hung_up = asyncio.ensure_future(self._hung_up(reader))
        try:
            await asyncio.wait({doing, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            return bool(doing.done() and doing.result())
        finally:
            for task in (doing, hung_up):
                task.cancel()
            await asyncio.gather(doing, hung_up, return_exceptions=True)

    async def _hung_up(self, reader: asyncio.StreamReader) -> None:
        while not reader.at_eof():
            await asyncio.sleep(0.01)

    async def _get(self, target: str, writer: asyncio.StreamWriter) -> None:
        pages = {"/v1/models": (200, self.models), **self.pages}
        status, page = pages.get(target, (404, {"error": {"message": "no such page"}}))
        await _send(writer, status, page)

    async def _post(
        self, target: str, headers: dict[str, str], content: bytes, writer: asyncio.StreamWriter
    ) -> bool:
        number, body = len(self.bodies), json.loads(content)
        self.bodies.append(body)
        self.headers.append(headers)
        self.paths.append(target)
        async with self._counted():
            await asyncio.sleep(self.delay_s)
            fault = self.plan(number, body)
            if fault is not None:
                return await self._misbehave(fault, body, writer)
            await self._respond(body, writer)
            return True

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    async def _respond(self, body: Body, writer: asyncio.StreamWriter) -> None:
        text = self.answer(body)
        prompt, made = tokens_of(body, text)
        self.reported += prompt + made if self.usage else 0
        usage = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
        whole = {"id": "x", **({"usage": usage} if self.usage else {}), **self.extra}
        if body.get("stream"):
            await self._stream(text, body, whole, writer)
            return
        part = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        choice = {"index": 0, "finish_reason": self.finish_reason, **part, **self.choice}
        await _send(writer, 200, {**whole, "choices": [choice]})

    async def _stream(self, text: str, body: Body, whole: Body, writer: asyncio.StreamWriter) -> None:
        await _start_stream(writer)
        for piece in _pieces(text, 7):
            await _chunk(writer, _event(_delta(body, piece)))
        ending = {**_delta(body, ""), "finish_reason": self.finish_reason, **self.choice}
        await _chunk(writer, b": a comment\r\n\r\n" + _event(ending))
        await _chunk(writer, b"data: " + json.dumps({**whole, "choices": []}).encode() + b"\n\n")
        await _chunk(writer, b"data: [DONE]\n\n")
        await _chunk(writer, b"")

    async def _misbehave(self, fault: Fault, body: Body, writer: asyncio.StreamWriter) -> bool:
        match fault.kind:
            case "status":
                await _send(writer, fault.status, fault.body, fault.headers)
                return True
            case "hang":
                await asyncio.sleep(3600)
            case "cut":
                await self._cut(body, writer)
            case "malformed":
                await _send(writer, 200, b'{"choices": [{"message": {"content": "4')
                return True
            case "raw":
                await _send(writer, 200, fault.body, fault.headers)
                return True
            case "huge":
                await self._huge(fault.size, writer)
            case "unfinished":
                await _start_stream(writer)
                await _chunk(writer, _event(_delta(body, self.answer(body)[:5])))
                await _chunk(writer, b"")
                return True
            case _:
                assert fault.kind == "reset", fault
        return False

    async def _cut(self, body: Body, writer: asyncio.StreamWriter) -> None:
        """Half of a good answer, whole words of it in a stream, then the end of the connection."""
        if body.get("stream"):
            await _start_stream(writer)
            await _chunk(writer, _event(_delta(body, self.answer(body)[:5])))
            return
        content = json.dumps({"choices": [{"message": {"content": self.answer(body)}}]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content[: len(content) // 2]))
        await writer.drain()

    async def _huge(self, size: int, writer: asyncio.StreamWriter) -> None:
        await _start_stream(writer, "application/json")
        for _ in range(0, size, 1 << 16):
            await _chunk(writer, b" " * (1 << 16))


def _event(choice: Body) -> bytes:
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\r\n\r\n"


def _delta(body: Body, piece: str) -> Body:
    return {"text": piece} if "prompt" in body else {"delta": {"content": piece}}


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


async def _send(
    writer: asyncio.StreamWriter, status: int, page: Any, headers: tuple[tuple[str, str], ...] = ()
) -> None:
    content = page if isinstance(page, bytes) else json.dumps(page).encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n{extra}\r\n"
    writer.write(head.encode() + content)
    await writer.drain()


async def _start_stream(writer: asyncio.StreamWriter, kind: str = "text/event-stream") -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(content), content))
    await writer.drain()
