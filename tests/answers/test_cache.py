"""Decisions on disk: shared between processes, bound to what decided, and never a reason to fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pspo_bench.answers import cache_on_disk, check, close_pool
from pspo_bench.answers.cache import DecisionCache
from pspo_bench.answers.match import Match
from pspo_bench.errors import DataError

KEY = (r"\int x dx", "x^2/2", "expression", None)
YES = Match(True, "equal")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "deep" / "decisions.sqlite"
    cache_on_disk(None)


def test_decisions_outlive_the_program_and_its_workers(file: Path) -> None:
    gold, answer = r"\int_0^1 x^2 dx", r"\boxed{\int_0^1 \frac{y}{3} + \frac{1}{6} dy}"
    cache_on_disk(file)
    assert check(answer, gold).correct
    close_pool()
    code = (
        "from pspo_bench.answers import check; from pspo_bench.answers.pool import shared_pool\n"
        f"print(check(r'{answer}', r'{gold}').correct, len(shared_pool().pids()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True 0\n", done.stderr  # decided without a worker


def test_another_checker_or_question_is_another_decision(tmp_path: Path) -> None:
    file = tmp_path / "decisions.sqlite"
    first = DecisionCache("1", file)
    first.put(KEY, YES)
    first.put(("\ud800", "a", "text", "q"), YES)
    first.close()
    assert DecisionCache("1", file).get(KEY) == YES
    assert DecisionCache("1", file).get(("\ud800", "a", "text", "q")) == YES
    assert DecisionCache("1", file).get((*KEY[:3], "a question")) is None
    assert DecisionCache("2", file).get(KEY) is None


def test_memory_keeps_what_was_used_last() -> None:
    cache = DecisionCache("1", size=2)
    keys = [(*KEY[:3], str(index)) for index in range(3)]
    cache.put(keys[0], YES)
    cache.put(keys[1], YES)
    assert cache.get(keys[0]) == YES
    cache.put(keys[2], YES)
    assert [cache.get(key) for key in keys] == [YES, None, YES]


def test_a_file_that_is_no_cache_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("no database at all, but long enough to be looked at as one " * 20)
    with pytest.raises(DataError, match=r"Cannot use .*decisions.sqlite as a cache"):
        cache_on_disk(file)
    assert file.read_text().startswith("no database")


def test_a_cache_that_breaks_costs_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "decisions.sqlite"
    cache = DecisionCache("1", file)
    cache.put(KEY, YES)
    other = DecisionCache("1", file)
    assert other._disk is not None
    other._disk.execute("DROP TABLE decisions")
    cache.put((*KEY[:3], "new"), YES)
    assert cache.get((*KEY[:3], "new")) == YES
    assert DecisionCache("1", file).get(KEY) is None
