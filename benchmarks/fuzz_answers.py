"""Hostile text against the checker, for minutes on end: what it answers, how soon, and what it leaves behind.

    python benchmarks/fuzz_answers.py --minutes 10 --seed 1 -o fuzz.json

Input number i is a function of (seed, i) and of `--only`: `--replay i` runs it again and prints it. One process and one
worker.

An escape is any of
  exception        `check` raised
  late             a verdict later than timeout_s + slack; the slack is for extraction, exact arithmetic and killing the
                   worker. After a verdict that may have cost the worker (timeout, error) a control check starts the
                   next one, so the start of a worker is never on the clock
  hang             no verdict after HANG_S: the check was interrupted by a signal
  accepted         CORRECT for an answer that cannot be right (a code injection, a tower of powers for 18)
  canary           a file appeared that only running the text could have made
  memory           this process or a worker grew beyond its bound
  control          a plainly right or wrong answer was judged otherwise after the hostile ones
  leftover         a child process was alive after the pool was closed
Not escapes, but listed for review: errors, and CORRECT for what was not made from a labelled answer.
The input in progress is also noted in a scratch file whose path is printed, for the case that the process itself dies.
"""

from __future__ import annotations

import argparse
import faulthandler
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from _bench import environment, same_conditions, shown, table, write_json
from hostile import GENERATORS, GOLDS, WRAPPERS, Hostile, load_cases

from pspo_bench.answers import check, close_pool
from pspo_bench.records import Status, Verdict

BATCH = 100
HANG_S = 10.0
ABORT_S = 120.0
WARM_UP_BATCHES = 3
SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Input:
    """One check to be made, and whether CORRECT would be a mistake."""

    index: int
    generator: str
    completion: str
    gold: str
    answer_type: str
    question: str | None
    scoring: str
    truncated: bool
    never_right: bool


@dataclass
class Findings:
    """What has been seen so far."""

    checks: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    by_generator: dict[str, Counter[str]] = field(default_factory=dict)
    slowest: list[tuple[float, str, Input]] = field(default_factory=list)
    escapes: list[dict[str, Any]] = field(default_factory=list)
    to_review: list[dict[str, Any]] = field(default_factory=list)
    check_s: float = 0.0
    rss_mib: list[float] = field(default_factory=list)
    worker_rss_mib: float = 0.0
    last_index: int = 0

    def escape(self, kind: str, source: Input | None, detail: str) -> None:
        row: dict[str, Any] = {"kind": kind, "detail": detail, "behind_index": self.last_index}
        if source is not None:
            row |= {name: getattr(source, name) for name in Input.__slots__}
        self.escapes.append(row)
        text = (
            f" {source.generator} {source.index}: gold {source.gold}, {shown(source.completion)}"
            if source
            else ""
        )
        print(f"ESCAPE {kind}: {detail}{text}", file=sys.stderr, flush=True)

    def note(self, source: Input, status: str, seconds: float) -> None:
        self.checks += 1
        self.check_s += seconds
        self.statuses[status] += 1
        self.by_generator.setdefault(source.generator, Counter())[status] += 1
        self.slowest = sorted([*self.slowest, (seconds, status, source)], key=lambda row: -row[0])[:SLOWEST]


# ---- inputs --------------------------------------------------------------------------------------------------------


def make_input(seed: int, index: int, hostile: Hostile, generators: Sequence[str]) -> Input:
    """Input `index` of the run with `seed` and these generators."""
    draw = random.Random(f"{seed}:{index}")
    name = draw.choice(generators)
    gold, answer_type, question = draw.choice(GOLDS)
    if name == "mutated_case":
        gold, answer_type, question = draw.choice(hostile.golds)
    text, never_right = GENERATORS[name](draw, hostile, gold)
    wrapper = draw.choice(WRAPPERS)
    scoring = draw.choices(("symbolic", "strict", "flexible", "paper"), (85, 5, 5, 5))[0]
    completion = wrapper.replace("{}", text)
    return Input(
        index, name, completion, gold, answer_type, draw.choice([question, None]), scoring, draw.random() < 0.05,
        never_right and scoring in ("symbolic", "strict"),
    )  # fmt: skip


# ---- one check -----------------------------------------------------------------------------------------------------


class HangError(BaseException):
    """Not an Exception, so that nothing in the checker takes it for a failure of mathematics."""


def _interrupt(*_: Any) -> None:
    raise HangError


@contextmanager
def _watched() -> Iterator[None]:
    """Interrupt what runs longer than HANG_S; what cannot be interrupted ends the process, with a traceback."""
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    faulthandler.dump_traceback_later(ABORT_S, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def run_one(source: Input, findings: Findings, timeout_s: float, slack_s: float) -> bool:
    """Check one input and note what came of it. True where the worker may have been lost."""
    started = time.perf_counter()
    verdict: Verdict | None = None
    status = "hang"
    try:
        with _watched():
            verdict = check(
                source.completion, source.gold, source.answer_type, question=source.question,
                scoring=source.scoring, truncated=source.truncated, timeout_s=timeout_s,
            )  # fmt: skip
        status = verdict.status.value
    except HangError:
        findings.escape("hang", source, f"no verdict after {HANG_S:g} s")
    except Exception as error:  # this is what the run looks for
        status = "exception"
        findings.escape("exception", source, f"{type(error).__name__}: {str(error)[:300]}")
    seconds = time.perf_counter() - started
    findings.last_index = source.index
    findings.note(source, status, seconds)
    if verdict is not None and seconds > timeout_s + slack_s:
        findings.escape("late", source, f"{seconds:.2f} s, {verdict.status}: {verdict.reason}")
    if verdict is not None and verdict.correct and source.never_right:
        findings.escape("accepted", source, f"extracted {shown(str(verdict.extracted))}: {verdict.reason}")
    if verdict is not None and _deserves_review(source, verdict):
        findings.to_review.append({**_described(source), "status": status, "reason": verdict.reason})
    return verdict is None or verdict.status in (Status.TIMEOUT, Status.ERROR)


def _deserves_review(source: Input, verdict: Verdict) -> bool:
    unexpected = verdict.correct and source.generator != "mutated_case" and source.scoring == "symbolic"
    return verdict.status is Status.ERROR or unexpected


def _described(source: Input) -> dict[str, Any]:
    """An input as it is listed in the report, its text shortened; `--replay` gives it whole."""
    return {
        "index": source.index,
        "generator": source.generator,
        "gold": source.gold,
        "answer_type": source.answer_type,
        "completion": shown(source.completion, 400),
    }


# ---- controls ------------------------------------------------------------------------------------------------------


def control_failures(serial: int) -> list[str]:
    """Plain checks whose verdicts are known; `serial` keeps the symbolic ones out of every cache."""
    number = serial % 900_000 + 100
    root = rf"2\sqrt{{3}}+{number}x"
    controls = [
        # Integrals are decided in a worker, so these start one where there is none.
        (rf"\boxed{{\int_0^2 x \, dx + {number}y}}", f"2+{number}y", True),
        (rf"\boxed{{\int_0^3 x \, dx + {number}y}}", f"2+{number}y", False),
        (rf"\boxed{{\sqrt{{12}}+{number}x}}", root, True),
        (rf"\boxed{{\sqrt{{13}}+{number}x}}", root, False),
        (f"16 - 7 = 9\n#### {number}", str(number), True),
        (f"16 - 7 = 9\n#### {number + 1}", str(number), False),
        ("The answer is Mrs. Hilt.", "Mrs. Hilt", True),
        ("The answer is Mr. Hilt's dog.", "Mrs. Hilt", False),
        ("The answer is 16:30.", "4:30 p.m.", True),
        (r"\boxed{(3,4]}", "[3,4]", False),
    ]
    wrong = []
    for completion, gold, expected in controls:
        # A control waits for the worker's start, never for a hard formula: a minute is a failure in itself.
        verdict = check(completion, gold, timeout_s=60.0)
        if verdict.status is not (Status.CORRECT if expected else Status.WRONG):
            wrong.append(f"{completion!r} for {gold!r} is {verdict.status}: {verdict.reason}")
    return wrong


# ---- the run -------------------------------------------------------------------------------------------------------


def fuzz(arguments: argparse.Namespace, scratch: Path) -> Findings:
    """Batches until the time or the number of inputs is reached."""
    signal.signal(signal.SIGALRM, _interrupt)
    hostile = Hostile(load_cases(), scratch / "canary")
    findings = Findings()
    serial = _controls(findings, 0)
    until = time.monotonic() + 60 * arguments.minutes
    with (scratch / "index").open("wb", buffering=0) as progress:
        for index in itertools.count():
            if time.monotonic() > until or index == arguments.limit:
                break
            os.pwrite(progress.fileno(), f"{index:12}\n".encode(), 0)
            source = make_input(arguments.seed, index, hostile, arguments.only)
            may_be_lost = run_one(source, findings, arguments.timeout_s, arguments.slack_s)
            ends_batch = (index + 1) % BATCH == 0
            if may_be_lost or ends_batch:
                serial = _controls(findings, serial)
            if ends_batch:
                _look_around(findings, hostile.canary, arguments)
    _controls(findings, serial)
    _look_around(findings, hostile.canary, arguments)
    _close(findings)
    return findings


def _controls(findings: Findings, serial: int) -> int:
    for failure in control_failures(serial):
        findings.escape("control", None, failure)
    return serial + 1


def _look_around(findings: Findings, canary: Path, arguments: argparse.Namespace) -> None:
    """Canaries and memory, after each batch."""
    if canary.exists():
        canary.unlink()
        findings.escape("canary", None, "text was run: it made the canary file")
    process = psutil.Process()
    findings.rss_mib.append(_rss_mib(process))
    workers = [_rss_mib(child) for child in process.children(recursive=True)]
    findings.worker_rss_mib = max([findings.worker_rss_mib, *workers])
    if len(findings.rss_mib) > WARM_UP_BATCHES:
        growth = findings.rss_mib[-1] - findings.rss_mib[WARM_UP_BATCHES - 1]
        if growth > arguments.rss_mib and not _has_escaped(findings, "memory: this process"):
            findings.escape("memory", None, f"memory: this process grew by {growth:.0f} MiB")
    if findings.worker_rss_mib > arguments.worker_rss_mib and not _has_escaped(findings, "memory: a worker"):
        findings.escape("memory", None, f"memory: a worker has {findings.worker_rss_mib:.0f} MiB")


def _has_escaped(findings: Findings, start: str) -> bool:
    return any(row["detail"].startswith(start) for row in findings.escapes)


def _rss_mib(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.Error:  # a worker may end between the listing and the reading
        return 0.0


def _close(findings: Findings) -> None:
    close_pool()
    left = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(left, timeout=5)
    if alive:
        findings.escape("leftover", None, f"{len(alive)} child processes are alive after close_pool()")


# ---- report --------------------------------------------------------------------------------------------------------


def report(findings: Findings, arguments: argparse.Namespace, wall_s: float) -> dict[str, Any]:
    kinds = Counter(row["kind"] for row in findings.escapes)
    figures = {
        "seed": arguments.seed,
        "generators": arguments.only,
        "timeout_s": arguments.timeout_s,
        "slack_s": arguments.slack_s,
        "bounds_mib": {"growth": arguments.rss_mib, "worker": arguments.worker_rss_mib},
        "checks": findings.checks,
        "wall_s": wall_s,
        "checks_per_s": findings.checks / findings.check_s if findings.check_s else None,
        "statuses": dict(findings.statuses),
        "by_generator": {name: dict(counts) for name, counts in sorted(findings.by_generator.items())},
        "rss_mib": {"first": findings.rss_mib[0], "last": findings.rss_mib[-1], "max": max(findings.rss_mib)},
        "worker_rss_mib_max": findings.worker_rss_mib,
        "slowest": [
            {"seconds": seconds, "status": status, **_described(source)}
            for seconds, status, source in findings.slowest
        ],
        "to_review": findings.to_review,
        "escape_counts": dict(kinds),
        "escapes": findings.escapes,
    }  # fmt: skip
    statuses = sorted({status for counts in findings.by_generator.values() for status in counts})
    rows = [(name, *(counts[s] for s in statuses)) for name, counts in sorted(findings.by_generator.items())]
    print(table(("generator", *statuses), [*rows, ("all", *(findings.statuses[s] for s in statuses))]))
    print(
        f"{findings.checks:,} checks in {wall_s:.0f} s ({figures['checks_per_s'] or 0:,.0f} checks/s of checking);"
        f" memory {findings.rss_mib[0]:.0f} to {findings.rss_mib[-1]:.0f} MiB, largest worker"
        f" {findings.worker_rss_mib:.0f} MiB"
    )
    print("slowest:")
    for seconds, status, source in findings.slowest:
        print(
            f"  {seconds:6.2f} s {status:9} {source.generator} {source.index}: gold {source.gold}"
            f" ({source.answer_type}), {shown(source.completion)}"
        )
    print(f"escapes: {', '.join(f'{count} {kind}' for kind, count in kinds.items()) or 'none'}")
    return figures


def replay(arguments: argparse.Namespace, scratch: Path) -> None:
    """Print one input of the run and the verdict on it."""
    hostile = Hostile(load_cases(), scratch / "canary")
    source = make_input(arguments.seed, arguments.replay, hostile, arguments.only)
    print(json.dumps({name: getattr(source, name) for name in Input.__slots__}, indent=1))
    control_failures(0)  # starts the worker
    started = time.perf_counter()
    verdict = check(
        source.completion, source.gold, source.answer_type, question=source.question, scoring=source.scoring,
        truncated=source.truncated, timeout_s=arguments.timeout_s,
    )  # fmt: skip
    print(f"{time.perf_counter() - started:.3f} s: {verdict}")


def main() -> None:
    arguments = parse_arguments()
    same_conditions()
    with tempfile.TemporaryDirectory(prefix="pspo-fuzz-") as folder:
        scratch = Path(folder)
        if arguments.replay is not None:
            replay(arguments, scratch)
            return
        print(f"seed {arguments.seed}; index of the input in progress: {scratch / 'index'}", file=sys.stderr)
        payload = environment()
        started = time.monotonic()
        findings = fuzz(arguments, scratch)
        payload["figures"] = report(findings, arguments, time.monotonic() - started)
    write_json(arguments.output, payload)
    sys.exit(1 if findings.escapes else 0)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--limit", type=int, help="stop after that many inputs")
    parser.add_argument("--seed", type=int, default=0)
    names = list(GENERATORS)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="GENERATOR")
    parser.add_argument("--timeout-s", type=float, default=1.0)
    parser.add_argument(
        "--slack-s", type=float, default=1.0, help="a verdict later than timeout + slack escapes"
    )
    parser.add_argument("--rss-mib", type=float, default=512.0, help="bound on the growth of this process")
    parser.add_argument("--worker-rss-mib", type=float, default=2048.0, help="bound on a worker")
    parser.add_argument(
        "--replay", type=int, metavar="INDEX", help="run that input of this seed, and print it"
    )
    parser.add_argument("-o", "--output", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
