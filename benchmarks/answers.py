"""The checker beside Math-Verify: speed, wrong verdicts and agreement on the same labelled answers.

    PSPO_BENCH_DATA=DIR python benchmarks/answers.py --limit 200 -o answers.json

Three sets, each answer with a label that says whether it is right:
  gsm8k         the worked solutions of the GSM8K test split in four styles, right and with a perturbed answer
                (off by one, times ten, two neighbouring digits swapped)
  processbench  the 400 model solutions of ProcessBench/GSM8K, with its `final_answer_correct` as the label
  math500       the golds of MATH-500 in other spellings and as near misses (pspo_bench.answers.variants), boxed. They
                follow our marking scheme and our spellings, so this set measures agreement with that scheme (the JSON
                counts mistakes by rule) and says less about the rival than the other two

Rival: Math-Verify (https://github.com/huggingface/Math-Verify), called as its README says: the gold parsed first, as
an expression (GSM8K) or as LaTeX between dollar signs (MATH-500), the answer parsed with LatexExtractionConfig and
ExprExtractionConfig, `verify(gold, answer)`, its own time limits of 5 s for each parse and each comparison. Ours has
its default of 5 s as well.

How it is timed. Each tool runs in one child process, one thread; the two take turns at chunks of the same items, so
that both meet the same noise, and each child times each of its checks itself. Cold: the children are new, so no cache
holds anything (the caches of both tools live in memory, and our cache of decisions on disk is switched off); libraries
are loaded, patterns compiled and our worker started by unrelated checks before the clock starts. A gold comes back in
several items, which a cache may use. Warm: the same items again in the same processes. A check that exceeds
`--deadline-s` is a hang: its child is killed, the deadline counts as its time, and a new child (with empty caches) goes
on behind it. The JSON holds counts, figures and item names, no text of the data.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from _bench import DATA_ENV, child_command, environment, ratio, same_conditions, shown, table, write_json

OURS, RIVAL = "pspo-bench", "math-verify"
TOOLS = (OURS, RIVAL)
SETS = ("gsm8k", "processbench", "math500")
CHUNK = 50
STARTUP_S = 120.0


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled check. `latex_gold` says that the gold is LaTeX, which Math-Verify wants between dollar signs."""

    name: str
    group: str
    completion: str
    gold: str
    answer_type: str
    question: str
    right: bool
    latex_gold: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool said of one item. `ended` is decided, timeout (its own), error, hang (killed) or died."""

    correct: bool
    ended: str
    seconds: float
    reason: str = ""


# ---- items ---------------------------------------------------------------------------------------------------------

STYLES: dict[str, Callable[[str, str], str]] = {
    "hash": lambda body, answer: f"{body}\n#### {answer}",
    "answer_is": lambda body, answer: f"{body}\nThe answer is {answer}.",
    "boxed": lambda body, answer: f"{body}\nSo the answer is \\boxed{{{answer}}}.",
    "final_line": lambda body, answer: f"{body}\n{answer}",
}


def gsm8k_items(data_dir: Path, limit: int | None) -> Iterator[Item]:
    """Each worked solution in each style, ending in the gold and in each perturbation of it."""
    from pspo_bench.tasks import load_examples, load_task

    for example in load_examples(load_task("gsm8k"), data_dir=data_dir, limit=limit):
        body = (example.solution or "").rpartition("####")[0].strip()
        answers = {"gold": example.gold, **perturbed(example.gold)}
        for style, write in STYLES.items():
            for rule, answer in answers.items():
                yield Item(
                    f"gsm8k/{example.id}/{style}/{rule}",
                    f"{style}, {'right' if rule == 'gold' else 'wrong'}",
                    write(body, answer),
                    example.gold,
                    "number",
                    example.question,
                    rule == "gold",
                )


def perturbed(gold: str) -> dict[str, str]:
    """Wrong whole numbers near the gold; two unequal neighbouring digits are swapped where there are any."""
    number = int(gold.replace(",", ""))
    wrong = {"off by one": number + 1, "times ten": number * 10}
    digits = str(abs(number))
    at = next((i for i in range(len(digits) - 1) if digits[i] != digits[i + 1]), None)
    if at is not None:
        wrong["swapped digits"] = int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :])
    commas = "," in gold
    return {rule: f"{value:,}" if commas else str(value) for rule, value in wrong.items() if value != number}


def processbench_items(data_dir: Path, limit: int | None) -> Iterator[Item]:
    """Solutions written by models, judged against the GSM8K gold of their problem."""
    golds = {}
    for split in ("test", "train"):
        for line in (data_dir / "gsm8k" / f"{split}.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            golds[_key(row["question"])] = row["answer"].rpartition("####")[2].strip()
    rows = json.loads((data_dir / "processbench" / "gsm8k.json").read_text(encoding="utf-8"))
    random.Random(0).shuffle(rows)  # the file is sorted by label
    for row in rows[:limit]:
        right = bool(row["final_answer_correct"])
        yield Item(
            f"processbench/{row['id']}",
            "labelled right" if right else "labelled wrong",
            "\n\n".join(row["steps"]),
            golds[_key(row["problem"])],
            "number",
            row["problem"],
            right,
        )


def _key(question: str) -> str:
    return " ".join(question.split())


def math500_items(data_dir: Path, limit: int | None) -> Iterator[Item]:
    """Respellings (right) and near misses (wrong) of each gold, boxed."""
    from pspo_bench.answers.variants import near_misses, respellings
    from pspo_bench.tasks import load_examples, load_task

    for example in load_examples(load_task("math500"), data_dir=data_dir, limit=limit):
        for right, make in ((True, respellings), (False, near_misses)):
            for number, variant in enumerate(make(example.gold, example.answer_type, example.question)):
                yield Item(
                    f"math500/{example.id}/{'right' if right else 'wrong'}/{number} {variant.rule}",
                    f"{variant.rule}, {'right' if right else 'wrong'}",
                    f"\\boxed{{{variant.text}}}",
                    example.gold,
                    example.answer_type,
                    example.question,
                    right,
                    latex_gold=True,
                )


ITEMS = {"gsm8k": gsm8k_items, "processbench": processbench_items, "math500": math500_items}


# ---- a tool in its own process -------------------------------------------------------------------------------------


class Tool:
    """A child process that checks items with one tool, and that is replaced when it hangs or dies."""

    def __init__(self, name: str, deadline_s: float) -> None:
        self.name, self.deadline_s = name, deadline_s
        self.startup_s: list[float] = []
        self._start()

    def check(self, items: Sequence[Item]) -> list[Outcome]:
        """An outcome for each item, in order."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(items):
            outcomes += self._check_until_lost(items[len(outcomes) :])
        return outcomes

    def check_many(self, items: Sequence[Item], workers: int) -> float:
        """Wall seconds of one `check_many` over all items."""
        self._send({"op": "check_many", "workers": workers, "items": [asdict(item) for item in items]})
        reply = self._reply(max(600.0, self.deadline_s * len(items)))
        if not isinstance(reply, dict):
            raise RuntimeError(f"check_many with {workers} workers: the process was {reply}")
        return float(reply["seconds"])

    def close(self) -> None:
        """End the child; its standard input closes first, so that it can end its workers."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._kill()

    def _check_until_lost(self, items: Sequence[Item]) -> list[Outcome]:
        self._send({"op": "check", "items": [asdict(item) for item in items]})
        outcomes: list[Outcome] = []
        for _ in items:
            reply = self._reply(self.deadline_s)
            if isinstance(reply, str):
                lost_s = self.deadline_s if reply == "hang" else 0.0
                self._kill()
                self._start()
                return [*outcomes, Outcome(False, reply, lost_s)]
            outcomes.append(Outcome(**reply))
        return outcomes

    def _start(self) -> None:
        self._process = subprocess.Popen(
            child_command(__file__, "--serve", self.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, self._replies), daemon=True).start()
        ready = self._reply(STARTUP_S)
        if not isinstance(ready, dict):
            raise RuntimeError(f"{self.name} did not start: {ready}; its error is above")
        self.startup_s.append(ready["startup_s"])

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _reply(self, deadline_s: float) -> dict[str, Any] | str:
        """The next reply, or "hang" after the deadline, or "died"."""
        try:
            line = self._replies.get(timeout=deadline_s)
        except queue.Empty:
            return "hang"
        return "died" if line is None else dict(json.loads(line))

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


def _pump(stream: Any, replies: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        replies.put(line)
    replies.put(None)


def serve(tool: str) -> None:
    """The child: requests on stdin, one JSON line per reply on what was stdout; libraries print to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    started = time.perf_counter()
    check = _our_check() if tool == OURS else _rival_check()
    # An integral, so that our worker starts; in LaTeX and as an expression, so that both kinds of pattern are compiled.
    check(Item("", "", "so \\boxed{\\int_0^2 x \\, dx + 7y}", "2+7y", "auto", "", True, latex_gold=True))
    check(Item("", "", "so it is 7", "7", "number", "", True))

    def reply(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    reply({"startup_s": time.perf_counter() - started})
    for line in sys.stdin:
        request = json.loads(line)
        items = [Item(**item) for item in request["items"]]
        if request["op"] == "check_many":
            reply({"seconds": _time_check_many(items, request["workers"])})
            continue
        for item in items:
            reply(asdict(_timed(check, item)))


def _timed(check: Callable[[Item], tuple[bool, str, str]], item: Item) -> Outcome:
    started = time.perf_counter()
    try:
        correct, ended, reason = check(item)
    except Exception as error:  # whichever tool raises: an error is a result of this benchmark
        correct, ended, reason = False, "error", f"{type(error).__name__}: {error}"
    return Outcome(correct, ended, time.perf_counter() - started, reason[:200])


def _our_check() -> Callable[[Item], tuple[bool, str, str]]:
    from pspo_bench.answers import check
    from pspo_bench.records import Status

    ends = {Status.TIMEOUT: "timeout", Status.ERROR: "error"}

    def run(item: Item) -> tuple[bool, str, str]:
        verdict = check(item.completion, item.gold, item.answer_type, question=item.question or None)
        return verdict.correct, ends.get(verdict.status, "decided"), f"{verdict.status}: {verdict.reason}"

    return run


def _time_check_many(items: Sequence[Item], workers: int) -> float:
    from pspo_bench.answers import CheckRow, check_many

    rows = [CheckRow(item.completion, item.gold, item.answer_type, item.question or None) for item in items]
    started = time.perf_counter()
    check_many(rows, workers=workers)
    return time.perf_counter() - started


class _Failures(logging.Handler):
    """Counts what Math-Verify swallows: it logs a timeout or an exception, and answers False."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append("timeout" if str(record.msg).startswith("Timeout") else "error")


def _rival_check() -> Callable[[Item], tuple[bool, str, str]]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    failures = _Failures()
    logger = logging.getLogger("math_verify")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(failures)
    logger.propagate = False

    def run(item: Item) -> tuple[bool, str, str]:
        failures.seen.clear()
        if item.latex_gold:
            gold = parse(f"${item.gold}$", extraction_config=[LatexExtractionConfig()])
        else:
            gold = parse(item.gold, extraction_config=[ExprExtractionConfig()])
        answer = parse(item.completion, extraction_config=[LatexExtractionConfig(), ExprExtractionConfig()])
        correct = bool(verify(gold, answer))
        ended = "timeout" if "timeout" in failures.seen else "error" if failures.seen else "decided"
        return correct, ended, "" if gold else "the gold was not parsed"

    return run


# ---- figures -------------------------------------------------------------------------------------------------------


@dataclass
class Pass:
    """The outcomes of both tools for the same items, cold or warm."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: {tool: [] for tool in TOOLS})

    def checks_per_s(self, tool: str) -> float | None:
        outcomes = self.outcomes[tool]
        return ratio(len(outcomes), sum(outcome.seconds for outcome in outcomes))


def run_pass(tools: dict[str, Tool], items: Sequence[Item]) -> Pass:
    """Both tools over all items in chunks, taking turns; who goes first alternates too."""
    result = Pass()
    for number, start in enumerate(range(0, len(items), CHUNK)):
        for tool in TOOLS if number % 2 == 0 else TOOLS[::-1]:
            result.outcomes[tool] += tools[tool].check(items[start : start + CHUNK])
    return result


def run_set(name: str, items: Sequence[Item], deadline_s: float) -> dict[str, Any]:
    """Cold and warm passes in new children, then `check_many`, cold, in a new child for each number of workers."""
    tools = {tool: Tool(tool, deadline_s) for tool in TOOLS}
    try:
        cold, warm = run_pass(tools, items), run_pass(tools, items)
    finally:
        for tool in tools.values():
            tool.close()
    figures = {
        "items": len(items),
        "right": sum(item.right for item in items),
        "wrong": sum(not item.right for item in items),
        "tools": {tool: _tool_figures(tool, tools[tool], items, cold, warm) for tool in TOOLS},
        "speed_ratio": {
            when: ratio(measured.checks_per_s(OURS), measured.checks_per_s(RIVAL))
            for when, measured in (("cold", cold), ("warm", warm))
        },
        "agreement": _agreement(items, cold),
        "by_group": _by_group(items, cold),
        "check_many_checks_per_s": {
            str(workers): ratio(len(items), _many_in_new_child(items, workers, deadline_s))
            for workers in (1, 2)
        },
    }
    print_set(name, figures)
    return figures


def _many_in_new_child(items: Sequence[Item], workers: int, deadline_s: float) -> float:
    tool = Tool(OURS, deadline_s)
    try:
        return tool.check_many(items, workers)
    finally:
        tool.close()


def _tool_figures(name: str, tool: Tool, items: Sequence[Item], cold: Pass, warm: Pass) -> dict[str, Any]:
    outcomes = cold.outcomes[name]
    seconds = sorted(outcome.seconds for outcome in outcomes)
    ended = Counter(outcome.ended for outcome in outcomes)
    pairs = list(zip(items, outcomes, strict=True))
    return {
        "cold_checks_per_s": cold.checks_per_s(name),
        "warm_checks_per_s": warm.checks_per_s(name),
        "median_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[int(0.99 * (len(seconds) - 1))],
        "slowest_ms": 1000 * seconds[-1],
        "false_accepts": [item.name for item, outcome in pairs if outcome.correct and not item.right],
        "false_rejects": [item.name for item, outcome in pairs if item.right and not outcome.correct],
        "ended": dict(ended),
        "not_decided": {item.name: o.ended for item, o in pairs if o.ended != "decided"},
        "verdict_changed_when_warm": [
            item.name
            for item, before, after in zip(items, outcomes, warm.outcomes[name], strict=True)
            if before.correct != after.correct
        ],
        "startup_s": tool.startup_s,
    }


def _agreement(items: Sequence[Item], measured: Pass) -> dict[str, Any]:
    ours, theirs = ([o.correct for o in measured.outcomes[tool]] for tool in TOOLS)
    right = [item.right for item in items]
    triples = list(zip(ours, theirs, right, strict=True))
    return {
        "share": ratio(sum(mine == other for mine, other, _ in triples), len(triples)),
        "only_ours_right": sum(mine == label != other for mine, other, label in triples),
        "only_theirs_right": sum(other == label != mine for mine, other, label in triples),
        "both_wrong": sum(mine == other != label for mine, other, label in triples),
    }


def _by_group(items: Sequence[Item], measured: Pass) -> dict[str, dict[str, int]]:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for index, item in enumerate(items):
        counts = groups[item.group]
        counts["items"] += 1
        for tool in TOOLS:
            counts[f"{tool} mistakes"] += measured.outcomes[tool][index].correct != item.right
    return {group: dict(counts) for group, counts in sorted(groups.items())}


def print_set(name: str, figures: dict[str, Any]) -> None:
    print(
        f"\n{name}: {figures['items']:,} answers, {figures['right']:,} right and {figures['wrong']:,} wrong"
    )
    rows = [
        (
            tool, f["cold_checks_per_s"], f["warm_checks_per_s"], f["median_ms"], f["p99_ms"], f["slowest_ms"],
            len(f["false_accepts"]), len(f["false_rejects"]), f["ended"].get("error", 0) + f["ended"].get("died", 0),
            f["ended"].get("timeout", 0), f["ended"].get("hang", 0),
        )
        for tool, f in figures["tools"].items()
    ]  # fmt: skip
    header = (
        "tool", "cold/s", "warm/s", "median ms", "p99 ms", "max ms", "false accepts", "false rejects", "errors",
        "timeouts", "hangs",
    )  # fmt: skip
    print(table(header, rows))
    speed, agreed, many = figures["speed_ratio"], figures["agreement"], figures["check_many_checks_per_s"]
    print(
        f"speed: {speed['cold']:.3g}x cold, {speed['warm']:.3g}x warm; check_many cold: {many['1']:,.0f}/s"
        f" with 1 worker, {many['2']:,.0f}/s with 2"
    )
    print(
        f"agreement {agreed['share']:.2%}; only ours right {agreed['only_ours_right']}, only theirs right"
        f" {agreed['only_theirs_right']}, both wrong {agreed['both_wrong']}"
    )
    groups = _group_rows(figures["by_group"])
    if groups:
        print(table(("group", "items", *(f"{tool} mistakes" for tool in TOOLS)), groups))


def _group_rows(groups: dict[str, dict[str, int]]) -> list[tuple[Any, ...]]:
    """Groups with a mistake, the most of ours first."""
    rows = [(group, n["items"], *(n[f"{tool} mistakes"] for tool in TOOLS)) for group, n in groups.items()]
    return sorted((row for row in rows if row[2] or row[3]), key=lambda row: (-row[2], -row[3]))


def print_mistakes(items: Sequence[Item], figures: dict[str, Any], count: int) -> None:
    """Our mistakes with their texts, which do not go into the JSON."""
    by_name = {item.name: item for item in items}
    for kind in ("false_accepts", "false_rejects"):
        for name in figures["tools"][OURS][kind][:count]:
            item = by_name[name]
            print(f"  {kind}: {name}: gold {shown(item.gold)} | {shown(item.completion[-120:], 140)}")
    for name, ended in list(figures["tools"][OURS]["not_decided"].items())[:count]:
        print(
            f"  {ended}: {name}: gold {shown(by_name[name].gold)} | {shown(by_name[name].completion[-120:], 140)}"
        )


def main() -> None:
    arguments = parse_arguments()
    same_conditions()
    if arguments.serve:
        serve(arguments.serve)
        return
    if arguments.data_dir is None or not (arguments.data_dir / "gsm8k" / "test.jsonl").is_file():
        sys.exit(f"No data: give --data-dir, or {DATA_ENV}, a folder that holds gsm8k/test.jsonl")
    payload: dict[str, Any] = {**environment(), "deadline_s": arguments.deadline_s, "sets": {}}
    for name in arguments.sets:
        items = list(ITEMS[name](arguments.data_dir, arguments.limit))
        payload["sets"][name] = run_set(name, items, arguments.deadline_s)
        print_mistakes(items, payload["sets"][name], arguments.show)
    write_json(arguments.output, payload)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get(DATA_ENV)
    parser.add_argument("--data-dir", type=Path, default=Path(default) if default else None)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--limit", type=int, help="questions of each set (default: all)")
    parser.add_argument("--deadline-s", type=float, default=30.0, help="a check that takes longer is a hang")
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="print N of our mistakes of each kind"
    )
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--serve", choices=TOOLS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
