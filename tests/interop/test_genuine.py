"""Fresh logs of the installed harnesses: made here and imported at once, so that a new layout is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pspo_bench.interop import import_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TASK = "pocket_gsm"


def interpreter(name: str) -> str:
    python = os.environ.get(name)
    if not python:
        pytest.skip(f"{name} names no interpreter that has the package")
    return python


def test_lm_eval(tmp_path: Path) -> None:
    import genuine

    python = interpreter("PSPO_BENCH_LM_EVAL_PYTHON")
    genuine.prepare(tmp_path / "work")
    out = genuine.lm_eval(python, tmp_path / "work")
    for name, samples in (("greedy", 8), ("sampled", 24)):
        (path,) = out.glob(f"*/samples_pocket_{name}_*.jsonl")
        report = import_run(path, TASK, tmp_path / name)
        assert (report.samples, report.examples_with_samples, report.model) == (samples, 8, "pocket-base")
        assert report.source.startswith("lm-eval 0.")
        flexible = next(one for one in report.agreements if one.name == "exact_match[flexible-extract]")
        assert (flexible.n, flexible.disagreements) == (8, 0)


def test_lighteval(tmp_path: Path) -> None:
    import genuine

    python = interpreter("PSPO_BENCH_LIGHTEVAL_PYTHON")
    genuine.prepare(tmp_path / "work")
    out = genuine.lighteval(python, tmp_path / "work")
    for name, samples in (("once", 8), ("three", 24)):
        (path,) = out.rglob(f"details_pocket_{name}*.parquet")
        report = import_run(path, TASK, tmp_path / name)
        assert (report.samples, report.examples_with_samples, report.model) == (samples, 8, "pocket-base")
        assert report.run.info.settings.temperatures == (0.8,)
        (one,) = report.agreements
        assert one.theirs == pytest.approx(one.ours)


def test_inspect(tmp_path: Path) -> None:
    import genuine

    python = interpreter("PSPO_BENCH_LIGHTEVAL_PYTHON")  # lighteval requires inspect_ai
    genuine.prepare(tmp_path / "work")
    report = import_run(genuine.inspect(python, tmp_path / "work"), TASK, tmp_path / "run")
    assert (report.samples, report.examples_with_samples) == (4, 2)
    (one,) = report.agreements
    assert (one.name, one.theirs, one.disagreements) == ("match", 0.5, 0)
