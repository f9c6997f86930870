"""A large run through the real path: store, resume check, metrics and leaderboard of 400,000 samples.

    python benchmarks/scale.py --questions 5000 --samples 16 -o scale.json

5 temperatures × 16 samples × 5,000 questions, answered by an engine that writes a worked solution of about 400
characters, right in about 60 % and cut in 5 %. Everything else is what `pspo-bench eval` and `leaderboard` do: prompts,
keys, answer checks, Parquet parts, the check of what is already there, pass@k and maj@k, intervals. Each stage runs
in a process of its own, so its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from _bench import child_command, environment, same_conditions, table, write_json

from pspo_bench.records import Completion, Request

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
STAGES = ("store", "resume", "metrics", "leaderboard")
LIMIT_S, LIMIT_MIB = 60.0, 2048.0
TASK = """
name = "scale"
title = "Made-up sums"
license = "CC0-1.0"
answer_type = "number"
[columns]
question = "{question}"
gold = "{gold}"
[splits.test]
file = "scale.jsonl"
"""


class Writer:
    """An engine that writes at once: a solution of the sum in the prompt, by the request's seed right or wrong."""

    name = "writer"
    version = "1"
    fingerprint = "0" * 32
    chat_template_hash = ""
    dtype = "float32"
    device = "cpu"
    manifest: dict[str, Any] | None = None

    def render(self, messages: list[dict[str, str]]) -> str:
        return messages[-1]["content"]

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        for index, request in enumerate(requests):
            yield index, self._solution(request)

    def close(self) -> None:
        pass

    def _solution(self, request: Request) -> Completion:
        first, second = (int(word) for word in request.prompt.split() if word.isdigit())
        slip = 0 if request.seed % 100 < 60 else 1 + request.seed % 7
        steps = "".join(f"There are {first} and {second} of them, step {step}. " for step in range(8))
        if request.seed % 100 >= 95:
            return Completion(steps, "length", 30, 128)
        total = first + second + slip
        return Completion(f"{steps}\n{first} + {second} = {total}\n#### {total}", "stop", 30, 90 + slip)


def writer(model: str) -> Writer:
    return Writer()


def make_task(folder: Path, questions: int) -> None:
    draw = random.Random(0)
    rows = []
    for number in range(questions):
        first, second = number, draw.randrange(10_000)
        question = f"Ann has {first} apples and Ben has {second} apples. How many have they together?"
        rows.append(json.dumps({"question": question, "gold": str(first + second)}))
    (folder / "scale.toml").write_text(TASK)
    (folder / "scale.jsonl").write_text("\n".join(rows) + "\n")


def stage(name: str, folder: Path, samples: int) -> None:
    """One stage, as a command would do it; prints its seconds and peak memory as JSON."""
    started = time.monotonic()
    run_path = folder / "run"
    if name in ("store", "resume"):
        from pspo_bench.evaluate import EvalSettings, evaluate

        settings = EvalSettings(
            temperatures=TEMPERATURES, samples=samples, engine="scale:writer", tasks_dir=folder
        )
        evaluate("writer", ["scale"], run_path, settings)
    elif name == "metrics":
        from pspo_bench.report import scores_table
        from pspo_bench.store import Run

        print(scores_table(Run.open(run_path).frame()), file=sys.stderr)
    else:
        from pspo_bench.report import leaderboard

        print(leaderboard([run_path]).to_terminal(), file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"stage": name, "seconds": time.monotonic() - started, "peak_mib": peak}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=5000)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        stage(arguments.stage, arguments.folder, arguments.samples)
        return 0
    same_conditions()
    expected = arguments.questions * arguments.samples * len(TEMPERATURES)
    figures = []
    with tempfile.TemporaryDirectory() as name:
        make_task(Path(name), arguments.questions)
        for one in STAGES:
            options = ["--stage", one, "--folder", name, "--samples", str(arguments.samples)]
            done = subprocess.run(
                child_command(__file__, *options), capture_output=True, text=True, check=True
            )
            figures.append(json.loads(done.stdout))
        on_disk = sum(part.stat().st_size for part in Path(name).glob("run/parts/*")) / 2**20
        finished = json.loads((Path(name) / "run/run.json").read_text())["finished"]["samples"]
    total_s, peak = sum(one["seconds"] for one in figures), max(one["peak_mib"] for one in figures)
    rows = [(one["stage"], one["seconds"], one["peak_mib"]) for one in figures]
    print(table(("stage", "seconds", "peak MiB"), [*rows, ("all", total_s, peak)]))
    print(f"{expected:,} samples, {on_disk:.0f} MiB on disk; aim: {LIMIT_S:.0f} s and {LIMIT_MIB:.0f} MiB")
    payload = {
        "samples": expected,
        "stages": figures,
        "seconds": total_s,
        "peak_mib": peak,
        "disk_mib": on_disk,
    }
    write_json(arguments.output, {**environment(), **payload})
    assert sum(finished.values()) == expected, finished
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
