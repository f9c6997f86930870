"""An asynchronous producer on a thread of its own, read by an ordinary iterator.

with Background(produce, ahead=64) as items:      # async def produce(put): await put(item)
    for item in items: ...

Leaving the `with` block, for whatever reason, cancels the producer and waits until its thread and loop are gone. At
most `ahead` items wait unread: then `put` waits too.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
Producer = Callable[[Callable[[T], Awaitable[None]]], Awaitable[None]]


class _End:
    """What the thread puts last: how the producer ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Background(Generic[T]):
    """Runs `produce(put)`; iterating gives what it put, then raises what it raised."""

    def __init__(self, produce: Producer[T], *, ahead: int, name: str) -> None:
        self._produce = produce
        self._ahead = ahead
        self._items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(ahead)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Background[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            self._call(self._room.release)
            yield item

    def stop(self) -> None:
        """Cancel the producer and wait for the thread to end. May be called more than once, from any thread."""
        self._stopping = True
        self._call(self._cancel)
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _call(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nothing left to tell
            self._loop.call_soon_threadsafe(function)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        except BaseException as raised:  # it is the reader's, on its own thread
            error = raised
        self._items.put(_End(error))

    async def _main(self) -> None:
        self._task = asyncio.current_task()
        if self._stopping:
            return
        try:
            await self._produce(self._put)
        except asyncio.CancelledError:
            if not self._stopping:
                raise

    async def _put(self, item: T) -> None:
        await self._room.acquire()
        self._items.put(item)
