"""Workers that hang, die, or are shared between threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pspo_bench.answers import check, check_many, close_pool
from pspo_bench.answers.pool import Outcome, Pool
from pspo_bench.records import Status

HANG = r"\int_0^{1} x^{x^{x^x}} dx"  # SymPy looks for its antiderivative for minutes
GOLD = r"2\sqrt{3}+x"
RIGHT = r"\boxed{\sqrt{12}+x}"


@pytest.fixture
def pool():
    made = Pool(1)
    yield made
    made.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_hang_costs_one_timeout_and_not_its_neighbour() -> None:
    rows = [
        (RIGHT, GOLD),
        (f"\\boxed{{{HANG}}}", GOLD),
        (r"\boxed{\sqrt{4\cdot 3}+x}", GOLD),
        ("#### 18", "18"),
    ]
    statuses = [verdict.status for verdict in check_many(rows, timeout_s=1.0)]
    assert statuses == [Status.CORRECT, Status.TIMEOUT, Status.CORRECT, Status.CORRECT]


def test_a_killed_worker_is_replaced(pool: Pool) -> None:
    assert pool.compare(r"\sqrt{8}", r"2\sqrt{2}", "expression", None, 5.0).equal
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    assert pool.compare(r"\sqrt{8}", r"\sqrt{2}+\sqrt{2}", "expression", None, 5.0).equal
    assert pool.pids() != [pid]


def test_decisions_are_cached_and_timeouts_are_not(pool: Pool) -> None:
    assert pool.compare(GOLD, HANG, "expression", None, 0.3).outcome is Outcome.TIMEOUT
    assert pool.pids() == []
    assert pool.compare(r"\sqrt{8}", r"2\sqrt{2}", "expression", None, 5.0).equal
    os.kill(pool.pids()[0], signal.SIGSTOP)  # a stopped worker cannot answer: this one comes from the cache
    assert pool.compare(r"\sqrt{8}", r"2\sqrt{2}", "expression", None, 0.2).equal


def test_close_leaves_no_process() -> None:
    pool = Pool(1)
    pool.compare(r"\sqrt{8}", r"2\sqrt{2}", "expression", None, 5.0)
    (pid,) = pool.pids()
    assert is_alive(pid)
    pool.close()
    assert not is_alive(pid)
    assert pool.compare("x", "2x", "expression", None, 5.0).outcome is Outcome.FAILED


def test_threads_share_the_pool() -> None:
    verdicts: list[bool] = []

    def work(term: int) -> None:
        verdicts.append(check(rf"\boxed{{\sqrt{{12}}+x+{term}}}", rf"2\sqrt{{3}}+x+{term}").correct)
        verdicts.append(not check(rf"\boxed{{\sqrt{{13}}+x+{term}}}", rf"2\sqrt{{3}}+x+{term}").correct)

    threads = [threading.Thread(target=work, args=(term,)) for term in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert verdicts == [True] * 12


def test_the_pool_restarts_after_it_was_closed() -> None:
    close_pool()
    assert check(RIGHT, GOLD).correct


def test_a_program_that_ends_takes_its_workers_with_it() -> None:
    code = (
        "from pspo_bench.answers import check; from pspo_bench.answers.pool import shared_pool\n"
        r"assert check(r'\boxed{\sqrt{12}+x}', r'2\sqrt{3}+x').correct"
        "\n"
        "print(shared_pool().pids()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    deadline = time.monotonic() + 5
    while is_alive(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(done.stdout))
    assert done.stderr == ""
