"""The worker pool under load: speed with one and two workers, memory over time, restarts, leftovers, Ctrl-C.

    python benchmarks/pool.py --checks 100000 -o pool.json

The mix: 80% numbers at the end of a worked solution, 15% formulas that only a worker can decide (integrals, sums,
limits; `--distinct` is the share of them that are different from each other), 4% names, times and yes/no, and 0.2% that
hang until their worker is killed (`timeout_s=1`). About 40% of the answers are wrong, and every verdict is held
against its label. The checks run through `check_many` in batches, in a process of their own for each number of workers;
this one looks at that process and its children every quarter of a second from outside.

Flat means: the median memory of the last tenth of the samples is at most FLAT_MIB above that of the first tenth.
Ctrl-C: the same run in a process group of its own gets a SIGINT while its workers are busy, as from a terminal; it must
end within INTERRUPT_S seconds with the exit code of an interrupt, and no worker may be left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from _bench import child_command, environment, ratio, same_conditions, table, write_json

from pspo_bench.answers import CheckRow, check_many, close_pool

SHARES = {"number": 0.808, "formula": 0.15, "words": 0.04, "hang": 0.002}
TIMEOUT_S = 1.0
SAMPLE_S = 0.25
FLAT_MIB = 64.0
INTERRUPT_S = 5.0
INTERRUPT_CODES = (-signal.SIGINT, 128 + signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row, its kind in the mix, and whether its answer is right."""

    kind: str
    row: CheckRow
    right: bool


# ---- the mix -------------------------------------------------------------------------------------------------------


def make_rows(count: int, distinct: float, seed: int) -> list[Labelled]:
    """`count` checks in the shares of the mix, shuffled; the same for the same arguments."""
    draw = random.Random(seed)
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, round(share * count)))][:count]
    draw.shuffle(kinds)
    formulas = max(1, round(distinct * kinds.count("formula")))
    serials = {"formula": lambda: draw.randrange(formulas), "hang": lambda: draw.randrange(10**9)}
    return [_MAKERS[kind](draw, serials.get(kind, lambda: 0)()) for kind in kinds]


def number(draw: random.Random, _: int) -> Labelled:
    """A worked solution in the manner of GSM8K."""
    each, count, price = draw.randrange(2, 60), draw.randrange(2, 40), draw.randrange(2, 90)
    total = each * count + price
    right = draw.random() < 0.6
    answer = total if right else total + draw.choice((-1, 1, 10, total * 9))
    packed = each * count
    body = (
        f"Each of the {count} boxes holds {each} pencils: {count} * {each} = <<{count}*{each}={packed}>>{packed}.\n"
        f"With the other {price} there are {packed} + {price} = {total} pencils.\n"
    )
    end = draw.choice(
        ("#### {}", "The answer is {}.", "So the answer is \\boxed{{{}}}.", "**{}**", "{} pencils in all.")
    )
    return Labelled("number", CheckRow(body + end.format(f"{answer:,}"), str(total), "number"), right)


def formula(_: random.Random, serial: int) -> Labelled:
    """An integral, a sum or a limit against its value; which one, and whether it is right, hang on the serial alone."""
    a, b = serial % 997 + 2, serial // 997 % 7 + 1
    right = serial % 5 > 1
    extra = 0 if right else 1
    template, gold = (
        (rf"\int_0^{{{a}}} ({b + 1}x^{{{b}}}+{extra}) dx + \sqrt{{2}}", rf"{a ** (b + 1)}+\sqrt{{2}}"),
        (rf"\sum_{{n=1}}^{{{a}}} (n+{b}) + \sqrt{{3}}+{extra}", rf"{a * (a + 1) // 2 + a * b}+\sqrt{{3}}"),
        (rf"\lim_{{x \to {a}}} (x^2+{b}x) + \pi + {extra}", rf"{a * a + a * b}+\pi"),
    )[serial % 3]
    return Labelled("formula", CheckRow(f"Hence \\boxed{{{template}}}", gold, "expression"), right)


_WORDS = (
    ("The answer is Mrs. Hilt.", "Mrs. Hilt", True), ("So Mr. Hilt has more.", "Mrs. Hilt", False),
    ("The answer is 15:30.", "3:30 p.m.", True), ("It ends at 3:30 a.m.", "3:30 p.m.", False),
    ("Yes, she has enough.", "Yes", True), ("No, she has not.", "Yes", False),
    ("The ratio is 6 to 8.", "3:4", True), ("The answer is 4:3.", "3:4", False),
    ("They are the same.", "They are equal", True), ("Tom's is longer.", "They are equal", False),
)  # fmt: skip


def words(draw: random.Random, _: int) -> Labelled:
    completion, gold, right = draw.choice(_WORDS)
    return Labelled("words", CheckRow(f"Let us see.\n{completion}", gold), right)


def hang(_: random.Random, serial: int) -> Labelled:
    """SymPy looks for this antiderivative for minutes."""
    completion = rf"\boxed{{\int_0^{{{serial + 2}}} x^{{x^{{x^x}}}} dx}}"
    return Labelled("hang", CheckRow(completion, r"2\sqrt{3}+x", "expression"), False)


_MAKERS = {"number": number, "formula": formula, "words": words, "hang": hang}


# ---- the measured process ------------------------------------------------------------------------------------------


def run(arguments: argparse.Namespace) -> None:
    """All checks with so many workers; one JSON line when it starts to check and one when it is done."""
    # A shell that starts a program in the background lets it ignore SIGINT; a user's Ctrl-C is not ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rows = make_rows(arguments.checks, arguments.distinct, arguments.seed)
    print("{}", flush=True)
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    mistakes: list[dict[str, str]] = []
    started = time.perf_counter()
    for first in range(0, len(rows), arguments.batch):
        batch = rows[first : first + arguments.batch]
        verdicts = check_many([one.row for one in batch], workers=arguments.run, timeout_s=TIMEOUT_S)
        for one, verdict in zip(batch, verdicts, strict=True):
            statuses[one.kind][verdict.status.value] += 1
            if verdict.correct != one.right:
                mistakes.append(
                    {"completion": one.row.completion, "gold": one.row.gold, "reason": verdict.reason}
                )
    wall_s = time.perf_counter() - started
    close_pool()
    report = {
        "wall_s": wall_s,
        "statuses": statuses,
        "mistakes": mistakes,
        "children_after_close": len(psutil.Process().children(recursive=True)),
    }
    print(json.dumps(report), flush=True)


# ---- from outside --------------------------------------------------------------------------------------------------


@dataclass
class Samples:
    """Memory in MiB at each look, and every worker that was seen. `workers` is the largest one's memory."""

    process: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    seen: set[tuple[int, float]] = field(default_factory=set)
    zombies_at_once: int = 0

    def look(self, process: psutil.Process) -> None:
        try:
            rss = process.memory_info().rss
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            children = process.children(recursive=True)
        except psutil.Error:  # it has just ended
            return
        alive, zombies = [], 0
        for child in children:
            try:
                zombies += child.status() == psutil.STATUS_ZOMBIE
                alive.append(child.memory_info().rss / 2**20)
                self.seen.add((child.pid, child.create_time()))
            except psutil.Error:
                continue
        self.process.append(rss / 2**20)
        self.zombies_at_once = max(self.zombies_at_once, zombies)
        if alive:
            self.workers.append(max(alive))

    def figures(self) -> dict[str, Any]:
        return {
            "samples": len(self.process),
            "workers_seen": len(self.seen),
            "zombies_at_once": self.zombies_at_once,
            "process_mib": _over_time(self.process),
            "largest_worker_mib": _over_time(self.workers),
        }


def _over_time(values: Sequence[float]) -> dict[str, Any] | None:
    """Medians of the tenths of the samples, in order, and whether the last is not above the first."""
    if not values:
        return None
    tenths = [values[len(values) * i // 10 : len(values) * (i + 1) // 10] for i in range(10)]
    medians = [sorted(part)[len(part) // 2] for part in tenths if part]
    return {
        "by_tenth": medians,
        "first": medians[0],
        "last": medians[-1],
        "max": max(values),
        "flat": medians[-1] - medians[0] <= FLAT_MIB,
    }


def _start(arguments: argparse.Namespace, workers: int, **more: Any) -> subprocess.Popen[str]:
    """The measured process, once it has begun to check."""
    settings = {
        "checks": arguments.checks,
        "distinct": arguments.distinct,
        "seed": arguments.seed,
        "batch": arguments.batch,
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    process = subprocess.Popen(
        child_command(__file__, "--run", str(workers), *flags), stdout=subprocess.PIPE, text=True, **more
    )
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError("the measured process ended before it began; its error is above")
    return process


def measure(arguments: argparse.Namespace, workers: int) -> dict[str, Any]:
    """One run: throughput, statuses, memory, workers seen, what was left."""
    process = _start(arguments, workers)
    watched, samples = psutil.Process(process.pid), Samples()
    while process.poll() is None:
        samples.look(watched)
        time.sleep(SAMPLE_S)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    if process.returncode or not lines:
        raise RuntimeError(
            f"the run with {workers} workers ended with exit code {process.returncode}; see above"
        )
    found = json.loads(lines[-1])
    return {
        "workers": workers,
        "checks_per_s": ratio(arguments.checks, found["wall_s"]),
        **found,
        "alive_after_exit": sum(_is_alive(*worker) for worker in samples.seen),
        **samples.figures(),
    }


def _is_alive(pid: int, created: float) -> bool:
    try:
        return bool(psutil.Process(pid).create_time() == created)
    except psutil.Error:
        return False


def interrupt(arguments: argparse.Namespace, workers: int) -> dict[str, Any]:
    """SIGINT to the whole group of a run whose workers are busy."""
    process = _start(arguments, workers, start_new_session=True, stderr=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    children = _wait_for_children(watched, workers)
    time.sleep(arguments.interrupt_after_s)
    children = watched.children(recursive=True) or children
    was_running = process.poll() is None
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=4 * INTERRUPT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    ended_s = time.monotonic() - started
    _, alive = psutil.wait_procs(children, timeout=1)
    good = was_running and ended_s <= INTERRUPT_S and process.returncode in INTERRUPT_CODES and not alive
    return {
        "workers": workers,
        "was_running": was_running,
        "workers_then": len(children),
        "ended_s": ended_s,
        "exit_code": process.returncode,
        "workers_left": len(alive),
        "good": good,
    }


def _wait_for_children(process: psutil.Process, count: int, limit_s: float = 60.0) -> list[psutil.Process]:
    until = time.monotonic() + limit_s
    children: list[psutil.Process] = []
    while len(children) < count and time.monotonic() < until and process.is_running():
        time.sleep(0.1)
        children = process.children(recursive=True)
    return children


# ---- report --------------------------------------------------------------------------------------------------------


def faults(runs: Sequence[dict[str, Any]], interrupts: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the run should not have shown."""
    for one in runs:
        name = f"{one['workers']} workers"
        if one["mistakes"]:
            first = one["mistakes"][0]
            yield f"{name}: {len(one['mistakes'])} wrong verdicts, the first {first}"
        if one["children_after_close"] or one["alive_after_exit"]:
            left = f"{one['children_after_close']} children after close_pool, {one['alive_after_exit']} after exit"
            yield f"{name}: {left}"
        for part in ("process_mib", "largest_worker_mib"):
            if one[part] and not one[part]["flat"]:
                yield f"{name}: {part} grew from {one[part]['first']:.0f} to {one[part]['last']:.0f}"
    for one in interrupts:
        if not one["good"]:
            yield f"Ctrl-C with {one['workers']} workers: {one}"


def print_runs(runs: Sequence[dict[str, Any]], interrupts: Sequence[dict[str, Any]]) -> None:
    rows = [
        (
            str(one["workers"]), one["checks_per_s"], one["wall_s"], len(one["mistakes"]),
            sum(counts.get("timeout", 0) for counts in one["statuses"].values()), one["workers_seen"],
            *(f"{one[part]['first']:.0f} → {one[part]['last']:.0f}" if one[part] else None
              for part in ("process_mib", "largest_worker_mib")),
            one["zombies_at_once"], one["children_after_close"] + one["alive_after_exit"],
        )
        for one in runs
    ]  # fmt: skip
    header = (
        "workers", "checks/s", "wall s", "mistakes", "timeouts", "processes used", "MiB", "worker MiB",
        "zombies", "left",
    )  # fmt: skip
    print(table(header, rows))
    for one in runs:
        print(f"  {one['workers']} workers: {one['statuses']}")
    columns = ("Ctrl-C, workers", "ended after s", "exit code", "workers left", "good")
    print(
        table(
            columns,
            [
                (str(i["workers"]), i["ended_s"], i["exit_code"], i["workers_left"], str(i["good"]))
                for i in interrupts
            ],
        )
    )


def main() -> None:
    arguments = parse_arguments()
    same_conditions()
    if arguments.run:
        run(arguments)
        return
    payload: dict[str, Any] = {
        **environment(),
        "mix": SHARES,
        **{name: getattr(arguments, name) for name in ("checks", "distinct", "batch", "seed")},
        "timeout_s": TIMEOUT_S,
    }
    payload["runs"] = [measure(arguments, workers) for workers in arguments.workers]
    payload["interrupts"] = [interrupt(arguments, workers) for workers in arguments.workers]
    payload["faults"] = list(faults(payload["runs"], payload["interrupts"]))
    print_runs(payload["runs"], payload["interrupts"])
    print("\n".join(f"FAULT {fault}" for fault in payload["faults"]) or "no faults")
    write_json(arguments.output, payload)
    sys.exit(1 if payload["faults"] else 0)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checks", "--limit", type=int, default=100_000)
    parser.add_argument(
        "--distinct", type=float, default=0.5, help="share of the formulas that differ (default 0.5)"
    )
    parser.add_argument("--batch", type=int, default=1000, help="rows of one call of check_many")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--interrupt-after-s", type=float, default=2.0, help="how long workers are busy before SIGINT"
    )
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--run", type=int, metavar="WORKERS", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
