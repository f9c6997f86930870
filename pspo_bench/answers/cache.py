"""What worker processes decided, remembered: in memory, and on disk where a file is named.

The file is an SQLite database that several processes may share. A decision belongs to one version of the checker and
of SymPy; timeouts and failures are not remembered.

    cache_on_disk(Path("~/.cache/pspo-bench/decisions.sqlite").expanduser())     # or $PSPO_BENCH_ANSWER_CACHE
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sqlite3
import threading
import time
import warnings
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path

from pspo_bench.answers.match import Match
from pspo_bench.errors import DataError

CACHE_ENV = "PSPO_BENCH_ANSWER_CACHE"
SIZE = 100_000
"""Decisions held in memory by digest, the least recently used leaving first: at most about 40 MB."""
MAX_REASON = 200
BUSY_S = 5.0
Key = tuple[str, str, str, str | None]
"""(gold, answer, answer type, question)"""


class DecisionCache:
    """Decisions by `Key`. `stamp` names what decided; decisions of another stamp are never returned.

    Raises DataError when `path` cannot be opened as a cache.
    """

    def __init__(self, stamp: str, path: Path | None = None, size: int = SIZE) -> None:
        self._stamp = stamp
        self._size = size
        self._known: OrderedDict[bytes, Match] = OrderedDict()
        self._lock = threading.Lock()
        self._disk = None if path is None else _open(path)

    def get(self, key: Key) -> Match | None:
        digest = self._digest(key)
        with self._lock:
            match = self._known.get(digest)
            if match is not None:
                self._known.move_to_end(digest)
            elif self._disk is not None and (match := self._stored(digest)) is not None:
                self._remember(digest, match)
            return match

    def put(self, key: Key, match: Match) -> None:
        digest, match = self._digest(key), Match(match.equal, match.reason[:MAX_REASON])
        with self._lock:
            self._remember(digest, match)
            if self._disk is not None:
                # A full disk or a file locked for long costs the memory of this decision, never the decision.
                try:
                    self._disk.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)", (digest, *match))
                except sqlite3.Error:
                    self._disk = None

    def close(self) -> None:
        with self._lock:
            if self._disk is not None:
                self._disk.close()
            self._disk = None

    def _remember(self, digest: bytes, match: Match) -> None:
        self._known[digest] = match
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def _stored(self, digest: bytes) -> Match | None:
        assert self._disk is not None
        try:
            row = self._disk.execute(
                "SELECT equal, reason FROM decisions WHERE key = ?", (digest,)
            ).fetchone()
        except sqlite3.Error:
            self._disk = None
            return None
        return None if row is None else Match(bool(row[0]), str(row[1]))

    def _digest(self, key: Key) -> bytes:
        text = json.dumps([self._stamp, *key])  # ASCII, so that lone surrogates do no harm
        return hashlib.sha256(text.encode("ascii")).digest()


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        _write_ahead(disk)
        disk.execute("PRAGMA synchronous = OFF")  # a cache may lose its last entries with the power
        disk.execute(
            "CREATE TABLE IF NOT EXISTS decisions (key BLOB PRIMARY KEY, equal INTEGER, reason TEXT) WITHOUT ROWID"
        )
    except (sqlite3.Error, OSError) as error:
        raise DataError(
            f"Cannot use {path} as a cache of answer decisions: {error}; name another file, or delete this one"
        ) from error
    return disk


def _write_ahead(disk: sqlite3.Connection) -> None:
    """Readers beside a writer. The switch does not wait for a process that is making it too, so it is tried again."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            disk.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                return  # slower, and right all the same
            time.sleep(random.uniform(0.005, 0.05))


_lock = threading.Lock()
_kept: list[DecisionCache | None] = []
_shared: DecisionCache | None = None


def shared_cache(checker_version: str) -> DecisionCache:
    """The program's cache, created on first use; on disk where the environment names a file."""
    global _shared
    with _lock:
        if _shared is None:
            named = os.environ.get(CACHE_ENV)
            try:
                _shared = DecisionCache(_stamp(checker_version), Path(named) if named else None)
            except DataError as error:  # a verdict must not fail for want of a cache
                warnings.warn(f"{error}; going on without it", stacklevel=2)
                _shared = DecisionCache(_stamp(checker_version))
        return _shared


def cache_on_disk(path: Path | None) -> None:
    """Remember decisions in the SQLite file `path` from now on, or (None) in memory alone. Raises DataError.

    Sets $PSPO_BENCH_ANSWER_CACHE, so that child processes share the file.
    """
    os.environ.pop(CACHE_ENV, None)
    if path is not None:
        _open(path).close()
        os.environ[CACHE_ENV] = str(path)
    forget()


def forget() -> None:
    """Drop what is remembered in memory, and close the file; the next check opens it anew."""
    global _shared
    with _lock:
        cache, _shared = _shared, None
    if cache:
        cache.close()


def _stamp(checker_version: str) -> str:
    libraries = ("sympy", "mpmath", "latex2sympy2_extended")
    return "/".join([checker_version, *(f"{name} {version(name)}" for name in libraries)])


def _after_fork() -> None:
    """SQLite connections must not be used, nor closed, across a fork: the child makes its own."""
    global _shared, _lock
    _kept.append(_shared)
    _lock, _shared = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
