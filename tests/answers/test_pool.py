"""Workers that hang, die, eat memory, or are shared between threads, tasks and forks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pspo_bench.answers import check, check_async, check_many, close_pool
from pspo_bench.answers.cache import forget
from pspo_bench.answers.pool import Outcome, Pool, Reply
from pspo_bench.records import Status

HANG = r"\int_0^{1} x^{x^{x^x}} dx"  # SymPy looks for its antiderivative for minutes
GOLD = r"\int_0^1 x^2 dx"  # integrals are not decided outside of a worker
RIGHT = r"\boxed{\int_0^1 \frac{y}{3} + \frac{1}{6} dy}"  # 1/6 + 1/6


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    forget()


def ask(pool: Pool, answer: str, timeout_s: float = 5.0) -> Reply:
    request = {"gold": GOLD, "answer": answer, "type": "expression", "question": None}
    return pool.ask(request, timeout_s)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that its new parent has yet to reap does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ended(pid: int, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid)


def test_a_hang_costs_one_timeout_and_not_its_neighbour() -> None:
    rows = [(RIGHT, GOLD), (f"\\boxed{{{HANG}}}", GOLD), (r"\boxed{\frac{2}{6}}", GOLD), ("#### 18", "18")]
    statuses = [verdict.status for verdict in check_many(rows, timeout_s=1.0)]
    assert statuses == [Status.CORRECT, Status.TIMEOUT, Status.CORRECT, Status.CORRECT]


def test_two_workers_hang_side_by_side() -> None:
    check_many([(RIGHT, GOLD), (r"\boxed{\int_0^1 x dx}", GOLD)], workers=2)  # warm
    rows = [(f"\\boxed{{{HANG}+{term}}}", GOLD) for term in range(4)]
    started = time.monotonic()
    assert {verdict.status for verdict in check_many(rows, workers=2, timeout_s=3.0)} == {Status.TIMEOUT}
    # Two rounds of 3 s, and one restart of both workers between them; one after the other it is 12 s and more.
    assert time.monotonic() - started < 11.5


def test_a_killed_worker_is_replaced(pool: Pool) -> None:
    assert ask(pool, "1/3").body["equal"]
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    assert ask(pool, "2/6").body["equal"]
    assert pool.pids() != [pid]
    assert not is_alive(pid)


def test_decisions_are_remembered_and_timeouts_are_not() -> None:
    assert check(f"\\boxed{{{HANG}}}", GOLD, timeout_s=0.3).status is Status.TIMEOUT
    assert check(f"\\boxed{{{HANG}}}", GOLD, timeout_s=0.3).status is Status.TIMEOUT
    assert check(RIGHT, GOLD).correct
    close_pool()
    started = time.monotonic()
    assert check(RIGHT, GOLD).correct
    assert time.monotonic() - started < 0.3  # a new worker would load SymPy first


def test_close_leaves_no_process() -> None:
    pool = Pool(1)
    ask(pool, "1/3")
    (pid,) = pool.pids()
    assert is_alive(pid)
    pool.close()
    assert not is_alive(pid)
    assert ask(pool, "1/3").outcome is Outcome.FAILED


def test_threads_and_asyncio_share_the_pool() -> None:
    verdicts: list[bool] = []

    def work(term: int) -> None:
        verdicts.append(check(rf"\boxed{{\frac{{1}}{{3}}+{term}}}", rf"{GOLD}+{term}").correct)
        verdicts.append(not check(rf"\boxed{{\frac{{1}}{{4}}+{term}}}", rf"{GOLD}+{term}").correct)

    threads = [threading.Thread(target=work, args=(term,)) for term in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert verdicts == [True] * 12

    async def both() -> tuple[bool, int]:
        ticks = 0
        task = asyncio.create_task(check_async(f"\\boxed{{{HANG}}}", GOLD, timeout_s=0.5))
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.01)
        return (await task).status is Status.TIMEOUT, ticks

    timed_out, ticks = asyncio.run(both())
    assert timed_out
    assert ticks > 10  # the loop went on meanwhile


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hungry.py").write_text(
        "from pspo_bench.answers.worker import serve\n"
        "serve(lambda request: {'size': len(bytearray(request['size']))}, lambda: None)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = Pool(1, module="hungry", memory_bytes=512 * 1024**2)
    try:
        assert pool.ask({"size": 1024}, 5.0).body == {"size": 1024}
        full = pool.ask({"size": 1024**3}, 5.0)
        assert (full.outcome, full.reason) == (Outcome.FAILED, "the comparison ran out of memory")
        assert pool.ask({"size": 1024}, 5.0).body == {"size": 1024}
    finally:
        pool.close()


def test_a_forked_child_has_workers_of_its_own() -> None:
    code = (
        "import os; from pspo_bench.answers import check\n"
        rf"assert check(r'{RIGHT}', r'{GOLD}').correct"
        "\npid = os.fork()\n"
        rf"assert check(r'\boxed{{1/3}}' if pid else r'\boxed{{2/6}}', r'{GOLD}').correct"
        "\nif pid: assert os.waitpid(pid, 0)[1] == 0; print('both')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "both\n", done.stderr


PRINTS_ITS_WORKER = (
    "from pspo_bench.answers import check; from pspo_bench.answers.pool import shared_pool\n"
    rf"assert check(r'{RIGHT}', r'{GOLD}').correct"
    "\nprint(shared_pool().pids()[0], flush=True)\n"
)


def test_a_program_that_ends_takes_its_workers_with_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINTS_ITS_WORKER], capture_output=True, text=True, check=True
    )
    assert ended(int(done.stdout))
    assert done.stderr == ""


def test_a_program_that_is_killed_takes_its_workers_with_it() -> None:
    hanging = PRINTS_ITS_WORKER + rf"check(r'\boxed{{{HANG}}}', r'{GOLD}', timeout_s=1.0)"
    for code in (PRINTS_ITS_WORKER + "import time; time.sleep(60)", hanging):
        program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert program.stdout is not None
        worker = int(program.stdout.readline())
        time.sleep(0.2)
        program.kill()
        program.wait()
        program.stdout.close()
        assert ended(worker)  # a busy one ends by its own alarm, 2 s after the limit
