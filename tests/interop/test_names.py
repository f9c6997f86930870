"""Names of files: one part each, and no two the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from pspo_bench.interop.names import distinct, safe_name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("org__m-1.5+x=2@v3", "org__m-1.5+x=2@v3"),
        ("Ångström", "Ångström"),
        ("../../a b", "_.._a_b"),
        ("a\0\n\x1b[2Jb", "a_2Jb"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".hidden", "hidden"),
    ],
)
def test_safe_names(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_a_name_that_is_taken_is_numbered() -> None:
    taken = [Path("out/a_b.jsonl"), Path("out/A_B-2.jsonl")]
    assert distinct(Path("out/a_b.jsonl"), taken) == Path("out/a_b-3.jsonl")
    assert distinct(Path("other/a_b.jsonl"), taken) == Path("other/a_b.jsonl")
