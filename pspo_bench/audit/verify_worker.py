r"""The worker process that runs Math-Verify, by the protocol of `answers.worker`. A request and its reply:

    {"gold": "\\frac{3}{4}", "completion": "so it is $0.75$", "limit_s": 5.0}
    {"extracted": "0.75", "equal": true, "timed_out": false}

The library is used as its README recommends (https://github.com/huggingface/Math-Verify, FAQ "What setting I should
use for my dataset?"): a gold that is a number by `ExprExtractionConfig`, another by `LatexExtractionConfig` and inside
`$…$`, which that needs; the completion by both; `verify` with its defaults, the gold first.
"""

from __future__ import annotations

import logging
import re
import signal
from typing import Any

from pspo_bench.answers.worker import GRACE_S, serve

MAX_EXTRACTED_CHARS = 500
_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9]+)?(?:\s*\(?[A-Za-z]{2}[^\\$]*)?")
_ENVIRONMENT = re.compile(r"(?<!\\)\$|\\\[|\\\(|\\boxed")


def gold_text(gold: str) -> tuple[str, bool]:
    r"""(the gold as the library can read it, whether that is LaTeX).

    >>> gold_text("9 (apples)"), gold_text("(3,4]")
    (('9 (apples)', False), ('$(3,4]$', True))
    """
    if _NUMBER.fullmatch(gold.strip()):
        return gold, False
    return (gold if _ENVIRONMENT.search(gold) else f"${gold}$"), True


class _Alarms(logging.Handler):
    """Whether the library's own limit of 5 s was reached, which it only logs, and then takes for different."""

    rang = False

    def emit(self, record: logging.LogRecord) -> None:
        self.rang |= str(record.msg).startswith("Timeout during")


_alarms = _Alarms()


def grade(request: dict[str, Any]) -> dict[str, Any]:
    """The library's decision; `extracted` None where it finds no answer, `error` where it cannot decide."""
    from math_verify.errors import TimeoutException

    # For a worker whose parent has died. Math-Verify takes SIGALRM for itself, so this counts CPU time, by SIGPROF.
    _alarms.rang = False
    signal.setitimer(signal.ITIMER_PROF, request["limit_s"] + GRACE_S)
    try:
        reply = _grade(request["completion"], request["gold"])
        return {**reply, "timed_out": _alarms.rang and not reply.get("equal")}
    except TimeoutException:  # no Exception; its alarm may ring outside of the block that catches it
        return {"error": "Math-Verify's alarm rang outside of its own guard"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _grade(completion: str, gold: str) -> dict[str, Any]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    text, is_latex = gold_text(gold)
    wanted = parse(text, (LatexExtractionConfig() if is_latex else ExprExtractionConfig(),))
    if not wanted:
        return {"error": "Math-Verify reads nothing in the gold"}
    answer = parse(completion, (LatexExtractionConfig(), ExprExtractionConfig()))
    if not answer:
        return {"extracted": None, "equal": False}
    return {"extracted": _as_written(answer), "equal": bool(verify(wanted, answer))}


def _as_written(answer: list[Any]) -> str:
    """`parse` returns the expression, then the text that it was read from. An expression is not printed: SymPy can
    hang on that."""
    texts = [item for item in answer if isinstance(item, str)]
    return texts[-1][:MAX_EXTRACTED_CHARS] if texts else "(an expression)"


def _preload() -> None:
    import math_verify  # noqa: F401

    logging.getLogger("math_verify").addHandler(_alarms)


if __name__ == "__main__":
    serve(grade, _preload)
