"""vLLM's processes: gone after close, after a failed start, and after Ctrl-C; and a run that then resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines.vllm import VLLMEngine
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.records import SAMPLE_KEY
from pspo_bench.store import Run


def vllm_processes() -> list[str]:
    """This process's descendants but Python's own resource tracker, which lives as long as this process."""
    import psutil

    found = []
    for child in psutil.Process().children(recursive=True):
        line = " ".join(child.cmdline()) if child.status() != psutil.STATUS_ZOMBIE else ""
        if line and "resource_tracker" not in line:
            found.append(line)
    return found


def test_close_leaves_no_process(run: Any, pocket_requests: Any) -> None:
    before = vllm_processes()
    engine = VLLMEngine("pocket", dtype="float32")
    requests = pocket_requests(engine, 4)
    assert len(vllm_processes()) > len(before), "vLLM computes in processes of its own"
    stream = engine.generate(requests)
    next(stream)
    engine.close()  # in the middle of generating
    assert vllm_processes() == before
    stream.close()
    engine.close()
    with pytest.raises(ConfigError, match="is closed"):
        run(engine, requests)


def test_a_failed_start_leaves_no_process() -> None:
    before = vllm_processes()
    with pytest.raises(ModelError, match="could not start"):
        VLLMEngine("pocket", kv_cache_memory_bytes=4096)  # not one block: found out in vLLM's own process
    with pytest.raises(ConfigError, match="max_model_len"):
        VLLMEngine("pocket", max_model_len=10**6)  # the model has 2048 positions: found out in this one
    assert vllm_processes() == before


SETTINGS = EvalSettings(
    temperatures=(0.0, 1.0), samples=12, limit=40, engine="vllm", dtype="float32", batch_size=8
)
SCRIPT = """
    import signal
    from pathlib import Path
    from pspo_bench.evaluate import EvalSettings, evaluate, run

    run.PART_ROWS = 16
    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
        settings = EvalSettings(
            temperatures=(0.0, 1.0), samples=12, limit=40, engine="vllm", dtype="float32", batch_size=8
        )
        evaluate("pocket", ["pocket_gsm"], Path({run!r}), settings)
"""


def test_ctrl_c_ends_everything_and_the_run_resumes(tmp_path: Path) -> None:
    folder, script = tmp_path / "run", tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT).format(run=str(folder)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        start_new_session=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while process.poll() is None and len(list(folder.glob("parts/*.parquet"))) < 2:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    assert "KeyboardInterrupt" in output
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and group_lives(process.pid):
        time.sleep(0.1)
    assert not group_lives(process.pid)

    kept = Run.open(folder).frame()
    assert 32 <= len(kept) < 40 * 13
    run = evaluate("pocket", ["pocket_gsm"], folder, SETTINGS)
    frame = run.frame()
    assert len(frame) == 40 * 13
    assert not frame.duplicated(list(SAMPLE_KEY)).any()
    assert len(frame.merge(kept[[*SAMPLE_KEY, "completion"]], on=[*SAMPLE_KEY, "completion"])) == len(kept)
    assert set(frame["engine"]) == {"vllm"}
    assert set(frame["status"]) <= {"correct", "wrong", "no_answer", "truncated"}
    assert run.info.engine_version.startswith("vllm ")


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
