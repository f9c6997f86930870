"""The pytest plugin, found by pytest itself (entry point `pytest11`): the fixture `assert_no_regression`.

    def test_the_new_checkpoint(assert_no_regression):
        assert_no_regression("runs/new", "results/baselines/pocket-base.json", policy="gate.toml")

It is loaded in every pytest of an environment with this package: nothing is imported before a test asks for
the fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pspo_bench.gate.records import GateReport


@pytest.fixture(scope="session", name="assert_no_regression")
def assert_no_regression_fixture() -> Callable[..., GateReport]:
    """`pspo_bench.gate.assert_no_regression`."""
    from pspo_bench.gate.assertion import assert_no_regression

    return assert_no_regression
