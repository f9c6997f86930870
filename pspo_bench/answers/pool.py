"""Killable worker processes for comparisons that may hang: one pool for the whole program, usable from any thread.

Each request has a deadline that this process keeps. A worker that misses it is killed and replaced, so a hang costs
one timeout and nothing else. Workers are separate Python programs (`worker`), so neither the caller's main module nor
torch is imported into them, and no fork happens in a threaded program.

    >>> request = {"gold": r"\\int_0^1 x dx", "answer": "1/2", "type": "expression", "question": None}
    >>> shared_pool().ask(request, timeout_s=5.0).body
    {'equal': True, 'reason': 'the same value'}
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
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pspo_bench.answers.worker import pack

MEMORY_BYTES = 2 * 1024**3
STARTUP_S = 120.0
COMPARER = "pspo_bench.answers.worker"
NOT_STARTED = f"the worker process did not start; `python -m {COMPARER} {MEMORY_BYTES}` shows why"


class Outcome(Enum):
    """What became of a request."""

    DONE = "done"
    TIMEOUT = "timeout"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's answer in `body`, or in `reason` why there is none."""

    outcome: Outcome
    body: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


class _WorkerDiedError(Exception):
    pass


class _DeadlineError(Exception):
    pass


class Worker:
    """One worker process, running `module`, and the pipes to it."""

    def __init__(self, module: str = COMPARER, memory_bytes: int = MEMORY_BYTES) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # -P keeps the working directory off the path: a user's file sympy.py must not be imported instead.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(memory_bytes)],
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

    def starts(self) -> bool:
        """Block until the libraries are loaded; the time for that is not the comparison's."""
        if not self._is_ready:
            with contextlib.suppress(_DeadlineError, _WorkerDiedError):
                self._receive(time.monotonic() + STARTUP_S)
                self._is_ready = True
        return self._is_ready

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        try:
            assert self._process.stdin is not None
            message = memoryview(pack(request))
            while message:
                message = message[self._process.stdin.write(message) :]
        except OSError as error:
            raise _WorkerDiedError from error
        return self._receive(deadline)

    def stop(self) -> None:
        """End the process now and reap it."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """`stop`, and close the pipes."""
        self.stop()
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
    """Up to `size` warm workers that run `module` (see `worker.serve`), started as they are needed."""

    def __init__(self, size: int = 1, module: str = COMPARER, memory_bytes: int = MEMORY_BYTES) -> None:
        self._size = size
        self._module, self._memory_bytes = module, memory_bytes
        self._started = 0
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._closed = False
        self._changed = threading.Condition()

    def grow(self, size: int) -> None:
        """Allow at least `size` workers."""
        with self._changed:
            self._size = max(self._size, size)
            self._changed.notify_all()

    def ask(self, request: dict[str, Any], timeout_s: float) -> Reply:
        """A worker's reply to `request`, a JSON object.

        Waiting for a free worker and for its start does not count against `timeout_s`: else a neighbour's hang
        would cost this request its time.
        """
        # A worker may have been killed from outside (out of memory) while idle: one fresh try.
        for is_last_try in (False, True):
            try:
                worker = self._take()
            except OSError as error:
                return Reply(Outcome.FAILED, reason=f"no worker process could be started: {error.strerror}")
            if worker is None:
                break
            try:
                if not worker.starts():
                    self._discard(worker)
                    return Reply(Outcome.FAILED, reason=NOT_STARTED)
                body = worker.ask({**request, "limit_s": timeout_s}, timeout_s)
            except _DeadlineError:
                self._discard(worker)
                return Reply(Outcome.TIMEOUT, reason=f"the comparison took longer than {timeout_s:g} s")
            except (_WorkerDiedError, OSError, ValueError):
                self._discard(worker)
                if is_last_try or self._closed:
                    break
            except BaseException:
                # Interrupted: what the worker will still send must not reach the next request.
                self._discard(worker)
                raise
            else:
                self._give_back(worker)
                return (
                    Reply(Outcome.FAILED, reason=body["error"])
                    if "error" in body
                    else Reply(Outcome.DONE, body)
                )
        return Reply(Outcome.FAILED, reason="the worker process ended during the comparison")

    def close(self) -> None:
        """Kill every worker; comparisons under way fail."""
        with self._changed:
            self._closed = True
            idle, busy = list(self._idle), list(self._busy)
            self._idle.clear()
            self._changed.notify_all()
        for worker in busy:
            worker.stop()  # the thread that waits for it reads on its pipes, and closes them
        for worker in idle:
            worker.kill()

    def pids(self) -> list[int]:
        """Process ids of the live workers."""
        with self._changed:
            return [worker.pid for worker in (*self._idle, *self._busy)]

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
                worker = Worker(self._module, self._memory_bytes)
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
