"""The worker process: reads comparisons from stdin and answers on stdout, frames of 4-byte length and JSON.

It is started by `pool` as `python -m pspo_bench.answers.worker MEMORY_BYTES`, with its memory limited, and ends when
its stdin does. It sends one frame `{"ready": true}` once SymPy is loaded. A request and its reply:

    {"gold": "2\\\\sqrt{3}", "answer": "\\\\sqrt{12}", "type": "expression", "question": null, "limit_s": 5.0}
    {"equal": true, "reason": "the same value"}
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from pspo_bench.answers.match import NotAnAnswerError

GRACE_S = 2.0
"""A worker whose parent has died kills itself this long after the limit of the check that it is busy with."""


def read_frame(stream: BinaryIO) -> Any | None:
    """The next frame, or None at the end of the stream."""
    header = stream.read(4)
    if len(header) < 4:
        return None
    (size,) = struct.unpack(">I", header)
    return json.loads(stream.read(size))


def pack(message: Any) -> bytes:
    """One frame."""
    body = json.dumps(message).encode("ascii")
    return struct.pack(">I", len(body)) + body


def compare(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to one comparison."""
    from pspo_bench.answers import symbolic
    from pspo_bench.answers.kinds import parse_gold, resolve_type

    try:
        gold = parse_gold(request["gold"], resolve_type(request["gold"], request["type"]))
        match = gold.match(request["answer"], request["question"], symbolic.equal, symbolic.same_equation)
        return {"equal": match.equal, "reason": match.reason}
    except (NotAnAnswerError, RecursionError) as error:
        return {"equal": False, "reason": str(error) or "nested too deeply"}
    except (ArithmeticError, NotImplementedError) as error:
        return {"equal": False, "reason": f"it cannot be evaluated: {type(error).__name__}"}


def serve(handle: Callable[[dict[str, Any]], dict[str, Any]], preload: Callable[[], None]) -> None:
    """Answer requests with `handle` until stdin ends. Whatever a library prints goes to stderr, never between frames.

    `preload` imports what is slow to import, before the first request and so not within its time.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    _limit_memory(int(sys.argv[1]))
    replies.write(pack({"ready": True}))
    replies.flush()
    while (request := read_frame(sys.stdin.buffer)) is not None:
        signal.setitimer(signal.ITIMER_REAL, request["limit_s"] + GRACE_S)
        reply = _guarded(handle, request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        replies.write(pack(reply))
        replies.flush()


def _guarded(handle: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """A failure of the mathematics is a reply too, never the end of the worker."""
    try:
        return handle(request)
    except MemoryError:
        return {"error": "the comparison ran out of memory"}
    except Exception as error:  # SymPy raises nearly anything on strange formulas; the row says so
        return {"error": f"the comparison failed: {type(error).__name__}: {str(error)[:120]}"}


def _limit_memory(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _preload() -> None:
    import latex2sympy2_extended  # noqa: F401
    import mpmath  # noqa: F401
    import sympy  # noqa: F401


if __name__ == "__main__":
    serve(compare, _preload)
