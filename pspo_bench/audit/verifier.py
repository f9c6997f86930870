"""Math-Verify in worker processes that can be killed.

Math-Verify 0.9 bounds its time by SIGALRM: it raises ValueError outside of the main thread, and the alarm does not end
every computation. Here each check has a deadline that this process keeps; a worker that misses it is killed, which
costs one verdict.

    >>> with MathVerify() as grade:
    ...     grade([CheckRow("so it is $0.75$", r"\\\\frac{3}{4}")])[0].correct
    True
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from pspo_bench.answers import CheckRow
from pspo_bench.answers.extract import MAX_COMPLETION_CHARS
from pspo_bench.answers.pool import Outcome, Pool, Reply
from pspo_bench.records import Status, Verdict

METHOD = "math-verify"


class MathVerify:
    """The grader `math-verify`: up to `workers` processes, `timeout_s` seconds for each check.

    It knows no truncation: a cut completion in which the library finds an answer is judged by that answer.
    """

    def __init__(self, *, workers: int = 1, timeout_s: float = 5.0) -> None:
        self._workers, self._timeout_s = workers, timeout_s
        self._pool = Pool(workers, module="pspo_bench.audit.verify_worker")

    def __call__(self, rows: Sequence[CheckRow]) -> list[Verdict]:
        """The verdicts, in the order of the rows. Never raises on what a row holds."""
        with ThreadPoolExecutor(self._workers) as threads:
            try:
                return list(threads.map(self._grade, rows))
            except BaseException:  # interrupted: do not grade the rest first
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def __enter__(self) -> MathVerify:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _grade(self, row: CheckRow) -> Verdict:
        request = {"gold": row.gold, "completion": row.completion[-MAX_COMPLETION_CHARS:]}
        return _verdict(self._pool.ask(request, self._timeout_s), row.truncated)


def _verdict(reply: Reply, truncated: bool) -> Verdict:
    if reply.outcome is not Outcome.DONE:
        status = Status.TIMEOUT if reply.outcome is Outcome.TIMEOUT else Status.ERROR
        return Verdict(status, None, None, reply.reason)
    extracted, equal = reply.body["extracted"], reply.body["equal"]
    if reply.body["timed_out"]:
        return Verdict(
            Status.TIMEOUT, extracted, extracted and METHOD, "Math-Verify reached its own time limit"
        )
    if extracted is None:
        reason = "Math-Verify finds no answer"
        return Verdict(Status.TRUNCATED if truncated else Status.NO_ANSWER, None, None, reason)
    reason = f"Math-Verify takes it {'for' if equal else 'to differ from'} the gold"
    return Verdict(Status.CORRECT if equal else Status.WRONG, extracted, METHOD, reason)
