"""The example in each module's docstring gives what it says."""

import doctest
import importlib
import random

import pytest

MODULES = [
    "demonstrations",
    "latex",
    "model",
    "phrasings",
    "problems",
    "steps",
    "stories",
    "variations",
    "words",
]


@pytest.mark.parametrize("name", ["", *(f".{module}" for module in MODULES)])
def test_docstring_example(name: str) -> None:
    module = importlib.import_module(f"pspo_bench.pocket{name}")
    failed, attempted = doctest.testmod(module, extraglobs={"random": random})
    assert attempted > 0
    assert failed == 0
