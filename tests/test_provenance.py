"""Provenance: what a manifest says about where it came from."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from pathlib import Path

from pspo_bench.provenance import provenance

ROOT = Path(__file__).resolve().parent.parent


def test_it_is_plain_json_and_true() -> None:
    found = json.loads(json.dumps(provenance()))
    assert found["versions"]["numpy"] == version("numpy")
    assert found["hardware"]["cores"] >= 1
    assert found["hardware"]["memory_gib"] > 0
    assert found["created"].endswith("+00:00")


def test_the_commit_is_gits() -> None:
    if not (ROOT / ".git").exists():
        assert provenance()["git_commit"] is None
        return
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert provenance()["git_commit"].removesuffix("-dirty") == head.stdout.strip()
