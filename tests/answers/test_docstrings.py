"""The examples in the docstrings of the answers package say what is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import pspo_bench.answers
from pspo_bench.answers.kinds import parse_gold, resolve_type
from pspo_bench.answers.match import NotAnAnswerError

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(pspo_bench.answers.__path__, "pspo_bench.answers.")
    if not found.name.endswith(".worker")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    names = {"parse_gold": parse_gold, "resolve_type": resolve_type, "NotAnAnswerError": NotAnAnswerError}
    for used in ("parse", "components", "read_quantity"):
        home = {"parse": "formula", "components": "vectors", "read_quantity": "quantity"}[used]
        names[used] = getattr(importlib.import_module(f"pspo_bench.answers.{home}"), used)
    failed, _ = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert not failed
