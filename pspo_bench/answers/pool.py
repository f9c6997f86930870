"""Killable worker processes for comparisons that may hang: one pool for the whole program, usable from any thread.

Each comparison has a deadline that this process keeps. A worker that misses it is killed and replaced, so a hang costs
one timeout and nothing else. Workers are separate Python programs (`worker`), so neither the caller's main module nor
torch is imported into them, and no fork happens in a threaded program.

    >>> shared_pool().compare(r"2\\\\sqrt{3}", r"\\\\sqrt{12}", "expression", None, 5.0).equal
    True
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pspo_bench.answers.worker import pack

MEMORY_BYTES = 2 * 1024**3
STARTUP_S = 120.0
CACHE_SIZE = 20_000


class Outcome(Enum):
    """What became of a comparison."""

    DECIDED = "decided"
    TIMEOUT = "timeout"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """`equal` means something only where the outcome is DECIDED."""

    outcome: Outcome
    equal: bool
    reason: str


class _WorkerDiedError(Exception):
    pass


class _DeadlineError(Exception):
    pass


class Worker:
    """One worker process and the pipes to it."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # -P keeps the working directory off the path: a user's file sympy.py must not be imported instead.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pspo_bench.answers.worker", str(MEMORY_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            bufsize=0,
        )
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        """Block until the libraries are loaded; the time for that is not the comparison's."""
        if not self._is_ready:
            self._receive(time.monotonic() + STARTUP_S)
            self._is_ready = True

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(pack(request))
        except OSError as error:
            raise _WorkerDiedError from error
        return self._receive(deadline)

    def kill(self) -> None:
        """End the process now and reap it."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _receive(self, deadline: float) -> dict[str, Any]:
        (size,) = struct.unpack(">I", self._read(4, deadline))
        reply: dict[str, Any] = json.loads(self._read(size, deadline))
        return reply

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poller = select.poll()
        poller.register(descriptor, select.POLLIN | select.POLLHUP)
        data = b""
        while len(data) < size:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poller.poll(left_s * 1000):
                raise _DeadlineError
            part = os.read(descriptor, size - len(data))
            if not part:
                raise _WorkerDiedError
            data += part
        return data


class Pool:
    """Up to `size` warm workers, started as they are needed, and a cache of what they decided."""

    def __init__(self, size: int = 1) -> None:
        self._size = size
        self._started = 0
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._closed = False
        self._changed = threading.Condition()
        self._cache: OrderedDict[tuple[str, str, str, str | None], Result] = OrderedDict()

    def grow(self, size: int) -> None:
        """Allow at least `size` workers."""
        with self._changed:
            self._size = max(self._size, size)
            self._changed.notify_all()

    def compare(
        self, gold: str, answer: str, answer_type: str, question: str | None, timeout_s: float
    ) -> Result:
        """Compare in a worker. Waiting for a free worker and its start do not count against `timeout_s`."""
        key = (gold, answer, answer_type, question)
        with self._changed:
            known = self._cache.get(key)
            if known:
                self._cache.move_to_end(key)
                return known
        request = dict(zip(("gold", "answer", "type", "question"), key, strict=True))
        result = self._run({**request, "limit_s": timeout_s}, timeout_s)
        if result.outcome is Outcome.DECIDED:
            self._remember(key, result)
        return result

    def close(self) -> None:
        """Kill every worker; comparisons under way fail."""
        with self._changed:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.kill()

    def pids(self) -> list[int]:
        """Process ids of the live workers."""
        with self._changed:
            return [worker.pid for worker in (*self._idle, *self._busy)]

    def _remember(self, key: tuple[str, str, str, str | None], result: Result) -> None:
        with self._changed:
            self._cache[key] = result
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)

    def _run(self, request: dict[str, Any], timeout_s: float) -> Result:
        # A worker may have been killed from outside (out of memory) while idle: one fresh try.
        for is_last_try in (False, True):
            worker = self._take()
            if worker is None:
                break
            try:
                worker.wait_ready()
                reply = worker.ask(request, timeout_s)
            except _DeadlineError:
                self._discard(worker)
                return Result(Outcome.TIMEOUT, False, f"the comparison took longer than {timeout_s:g} s")
            except (_WorkerDiedError, OSError, ValueError):
                self._discard(worker)
                if is_last_try or self._closed:
                    break
            except BaseException:
                self._discard(
                    worker
                )  # interrupted: what the worker will still send must not reach the next row
                raise
            else:
                self._give_back(worker)
                if "error" in reply:
                    return Result(Outcome.FAILED, False, reply["error"])
                return Result(Outcome.DECIDED, reply["equal"], reply["reason"])
        return Result(Outcome.FAILED, False, "the worker process ended during the comparison")

    def _take(self) -> Worker | None:
        """A free worker, waited for if need be; None when the pool is closed."""
        with self._changed:
            while not self._idle and self._started >= self._size and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = Worker()
                self._started += 1
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: Worker) -> None:
        with self._changed:
            self._busy.discard(worker)
            if self._closed:
                return
            self._idle.append(worker)
            self._changed.notify()

    def _discard(self, worker: Worker) -> None:
        worker.kill()
        with self._changed:
            self._busy.discard(worker)
            self._started -= 1
            self._changed.notify()


_lock = threading.Lock()
_shared: Pool | None = None


def shared_pool(workers: int = 1) -> Pool:
    """The program's pool, created on first use, with room for at least `workers` processes."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = Pool(workers)
        else:
            _shared.grow(workers)
        return _shared


def close_pool() -> None:
    """Kill the shared pool's workers; the next check starts new ones. Runs by itself when the program ends."""
    global _shared
    with _lock:
        pool, _shared = _shared, None
    if pool:
        pool.close()


def _forget_after_fork() -> None:
    """A forked child must not share its parent's pipes; it starts workers of its own."""
    global _shared, _lock
    _lock, _shared = threading.Lock(), None


atexit.register(close_pool)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
