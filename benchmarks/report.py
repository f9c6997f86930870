"""The HTML report of 100,000 samples: seconds and peak memory to build it, its size, and how soon Chromium can be used.

    python benchmarks/report.py -o report.json [--keep FOLDER]

Five runs (the base model, two objectives with two seeds each) of two tasks of 1,000 questions, a greedy and nine
sampled solutions each, go through the real store; the command `pspo-bench report` then runs in a process of its own, as
a user would start it. In Chromium the page is opened from its file: until it has loaded, until the list of samples
stands, until a chosen sample is shown, and until a search through all texts is done; and the longest task during the
searches, which is how long the page did not answer (0: none took the 50 ms that Chromium reports).
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _bench import environment, same_conditions, table, write_json

from pspo_bench.records import Sample, short_hash
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo

LIMIT_S, LIMIT_MIB, LIMIT_OPEN_S = 30.0, 1536.0, 3.0
ARMS = (("base", None), ("clip", 0), ("clip", 1), ("pspo", 0), ("pspo", 1))
TASKS = {"sums": 0.62, "rates": 0.44}
"""Task → how often the base model is right."""
TEMPERATURES = (0.0, 0.8)
CATEGORIES = ("Addition", "Change", "Comparison", "Rate", "Share")
WORDS = (
    "first we note that the total number of apples boxes friends hours miles dollars in each of the remaining rows is"
    " then divide by half because every second basket holds twice as many as before so together they must have spent"
).split()  # fmt: skip


def make_runs(folder: Path, questions: int, samples: int) -> int:
    """The run folders; returns the number of samples."""
    settings = RunSettings(TEMPERATURES, samples, top_p=1.0, max_tokens=256, seed=0)
    tasks = {
        name: TaskInfo(
            questions, short_hash(name), "prompt", "system", 256, settings.expected_samples(questions)
        )
        for name in TASKS
    }
    total = 0
    for objective, seed in ARMS:
        name = objective if seed is None else f"{objective}-s{seed}"
        weights = short_hash(name) * 2
        run = Run.open(folder / "runs" / name, create=True)
        run.start(_info(objective, seed, weights, settings, tasks))
        made = list(_samples(objective, seed or 0, questions, samples, weights))
        for start in range(0, len(made), 5000):
            run.append(made[start : start + 5000])
        run.finish()
        total += len(made)
    return total


def _info(
    objective: str, seed: int | None, weights: str, settings: RunSettings, tasks: dict[str, TaskInfo]
) -> RunInfo:
    manifest: dict[str, Any] | None = None
    if seed is not None:
        parts = {"epsilon": 0.2} if objective == "clip" else {"alpha": 0.9}
        manifest = {
            "name": f"report-{objective}",
            "method": "grpo",
            "base_model": "made-up",
            "seed": seed,
            "objective": {"name": objective, "settings": parts},
            "optimizer_steps": 100,
        }
    return RunInfo(
        model="made-up" if seed is None else f"checkpoints/{objective}-s{seed}",
        base_model="made-up",
        fingerprint=weights,
        engine="writer",
        engine_version="1",
        dtype="float32",
        device="cpu",
        settings=settings,
        tasks=tasks,
        versions={"pspo-bench": "0"},
        git_commit=None,
        created="2026-11-29T00:00:00+00:00",
        manifest=manifest,
    )


def _samples(objective: str, seed: int, questions: int, samples: int, weights: str) -> Iterator[Sample]:
    gain = {"base": 0.0, "clip": 0.06, "pspo": 0.09}[objective]
    draw = random.Random(f"{objective}-{seed}")
    for task, rate in TASKS.items():
        for number in range(questions):
            hard = random.Random(f"{task}-{number}").gauss(0.0, 0.25)
            for temperature in TEMPERATURES:
                for index in range(1 if temperature == 0 else samples):
                    right = draw.random() < rate + gain + hard - 0.04 * temperature
                    yield _sample(task, number, temperature, index, right, draw, weights)


def _sample(
    task: str, number: int, temperature: float, index: int, right: bool, draw: random.Random, weights: str
) -> Sample:
    first, second, third = 3 + number % 89, 2 + number % 13, 5 + number % 47
    gold = first * second + third
    said = gold if right else gold + draw.choice((-10, -3, 1, 2, 9))
    cut = not right and draw.random() < 0.15
    steps = [" ".join(draw.choices(WORDS, k=draw.randint(10, 24))).capitalize() + "." for _ in range(4)]
    steps.insert(2, f"So {first} * {second} = {first * second}.")
    steps.append(f"Therefore {first * second} + {third} = {said}.")
    completion = "\n".join(steps[:4] if cut else [*steps, f"#### {said}"])
    question = f"Ann has {first} boxes of {second} apples, and Ben gives her {third} more ({task}). How many has she?"
    return Sample(
        task=task, example_id=str(number), example_hash=short_hash(question, gold), prompt_hash=short_hash(question),
        system_prompt_hash="system", chat_template_hash="template", question=question, gold=str(gold),
        answer_type="number", category=CATEGORIES[number % len(CATEGORIES)], difficulty=None, completion=completion,
        sample_index=index, temperature=temperature, top_p=1.0, top_k=0, min_p=0.0, max_tokens=256, stop="[]", seed=0,
        finish_reason="length" if cut else "stop", prompt_tokens=60,
        completion_tokens=256 if cut else len(completion) // 4,
        extracted=None if cut else str(said), method=None if cut else "hash",
        status="truncated" if cut else "correct" if right else "wrong",
        reason="the completion was cut" if cut else "equal" if right else f"{said} is not {gold}",
        checker="answers", checker_version="1", model_fingerprint=weights, engine="writer", engine_version="1",
    )  # fmt: skip


def build(folder: Path, output: Path) -> dict[str, float]:
    """`pspo-bench report` in a process of its own."""
    command = [sys.executable, "-m", "pspo_bench", "report", str(folder / "runs"), "-o", str(output)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": seconds,
        "cpu_s": cpu,
        "peak_mib": used.ru_maxrss / 1024,
        "file_mb": output.stat().st_size / 1e6,
    }


OBSERVE = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
}).observe({ type: "longtask", buffered: true });
"""


def use(page_file: Path, chromium: str) -> dict[str, float]:
    """Opens the page in a fresh Chromium and does what a reader does; milliseconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(OBSERVE)
        figures = {}
        started = time.monotonic()

        def lap(name: str) -> None:
            nonlocal started
            figures[f"{name}_ms"] = 1000 * (time.monotonic() - started)
            started = time.monotonic()

        page.goto(page_file.resolve().as_uri(), wait_until="load")
        lap("load")
        page.wait_for_selector("body[data-shows]")
        page.wait_for_selector(".option")
        lap("list")
        page.locator(".option").first.click()
        page.wait_for_selector(".solution")
        lap("sample")
        page.evaluate("window.longest = 0")
        for name, query in (("first_search", "together they must"), ("next_search", "zzz nowhere")):
            started = time.monotonic()
            page.fill("#search", query)
            page.wait_for_selector(f"body[data-shows='{query}']", timeout=120_000)
            lap(name)
        page.wait_for_timeout(100)
        figures["longest_task_in_search_ms"] = page.evaluate("window.longest")
        browser.close()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=1000, help="of each task")
    parser.add_argument("--samples", type=int, default=9, help="of each question above temperature 0")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--keep", type=Path, help="leave runs and page in this folder")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    same_conditions()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        n = make_runs(folder, arguments.questions, arguments.samples)
        output = folder / "report.html"
        built = build(folder, output)
        used: dict[str, Any] = use(output, arguments.chromium) if Path(arguments.chromium).exists() else {}
    print(table(("figure", "value"), [*built.items(), *used.items()]))
    print(f"{n:,} samples; aim: {LIMIT_S:.0f} s, {LIMIT_MIB:.0f} MiB, open in {LIMIT_OPEN_S:.0f} s")
    write_json(arguments.output, {**environment(), "samples": n, "build": built, "chromium_ms": used})
    print(json.dumps({"samples": n, **built, **used}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
