"""What the metrics of single solutions are worth, held against labelled and against damaged solutions.

    python benchmarks/metrics_validation.py --data-dir ../shared/data -o docs/metrics-validation.md

Reads GSM8K (gold solutions), ProcessBench-GSM8K (arXiv 2412.06559: solutions of models, the first wrong step
labelled by
hand) and BIG-Bench-Mistake, multistep arithmetic (arXiv 2311.08516) from the data folder; writes figures alone, no
row of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _bench import DATA_ENV, environment, same_conditions

from pspo_bench.metrics import SolutionMetric, solution_metrics
from pspo_bench.metrics.perturbations import noticed, without_notes
from pspo_bench.metrics.reasoning import Solution, measure
from pspo_bench.pocket.problems import rows as pocket_rows
from pspo_bench.stats import wilson

RESAMPLES = 1000
PERTURBED = 1000
POCKET_TASKS = ("pocket_gsm", "pocket_svamp", "pocket_asdiv")
HOSTILE_CHARS = 100_000
HOSTILE: dict[str, str] = {
    "open brackets": "(",
    "nested fractions": "\\frac{",
    "relations": "1 = ",
    "towers of powers": "9^",
    "huge powers": "9^99999999 = 1, ",
    "digits": "9",
    "groups of digits": "123,",
    "words": "apple ",
    "numbers and words": "3 apples ",
    "sums": "1 + 1 + ",
    "notes": "<<1+1=2>>",
    "equations": "3 + 4 = 7, ",
    "one long chain": "3 + 4 = ",
    "dollars": "$",
    "braces": "{}",
    "lines": "a\n",
}


@dataclass(frozen=True)
class Labelled:
    """A solution with the index of its first wrong step (None: none is labelled) and whether its answer is right."""

    solution: Solution
    label: int | None
    correct: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = os.environ.get(DATA_ENV)
    parser.add_argument("--data-dir", type=Path, default=default, required=default is None)
    parser.add_argument("-o", "--output", type=Path, help="Markdown file (default: stdout)")
    parser.add_argument("--limit", type=int, help="rows of each set, for a trial")
    arguments = parser.parse_args()
    same_conditions()
    text = report(arguments.data_dir, arguments.limit)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        print(text)


def report(data: Path, limit: int | None = None) -> str:
    golds = gold_rows(data)[:limit]
    process, big_bench = process_bench(data)[:limit], big_bench_mistake(data)[:limit]
    parts = [
        HEAD.format(machine=_machine()),
        golds_section(golds),
        maths_section(maths_rows(data)[:limit]),
        labelled_section("ProcessBench-GSM8K", process),
        labelled_section("BIG-Bench-Mistake, multistep arithmetic", big_bench),
        auc_section(process),
        perturbation_section(
            "gold solutions of GSM8K (test), calculator notes taken out", test_rows(data)[:limit]
        ),
        perturbation_section("pocket's own solutions", own_rows()[:limit]),
        speed_section([solution for _, solution in golds], process),
        hostile_section(),
    ]
    return "\n".join(parts)


HEAD = """# What the metrics are worth

Made by `python benchmarks/metrics_validation.py --data-dir DATA -o docs/metrics-validation.md`; do not edit by hand.
{machine} What each metric is and does not see: [metrics.md](metrics.md).

Arithmetic finds few of the errors of a solution and is nearly always right about those: most wrong solutions to word
problems work out the wrong thing correctly. A high `arith_valid` is no sign of a right solution.
"""


def _machine() -> str:
    versions = environment()["versions"]
    return f"Made with pspo-bench {versions['pspo-bench']} and Python {versions['python']}."


# The sets


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def gold_rows(data: Path) -> list[tuple[str, Solution]]:
    rows = [row for split in ("train", "test") for row in _lines(data / "gsm8k" / f"{split}.jsonl")]
    return [(row["question"], Solution.of(row["answer"], question=row["question"])) for row in rows]


def maths_rows(data: Path) -> list[Solution]:
    rows = _lines(data / "math500" / "test.jsonl")
    return [Solution.of(row["solution"], question=row["problem"]) for row in rows]


def test_rows(data: Path) -> list[tuple[str, str]]:
    rows = _lines(data / "gsm8k" / "test.jsonl")[:PERTURBED]
    return [(row["question"], without_notes(row["answer"])) for row in rows]


def own_rows() -> list[tuple[str, str]]:
    return [
        (row["question"], row["solution"]) for task in POCKET_TASKS for row in pocket_rows(task, "test")[:300]
    ]


def process_bench(data: Path) -> list[Labelled]:
    rows = json.loads((data / "processbench" / "gsm8k.json").read_text(encoding="utf-8"))
    return [
        Labelled(
            Solution.of("", question=row["problem"], steps=row["steps"]),
            row["label"] if row["label"] >= 0 else None,
            row["final_answer_correct"],
        )
        for row in rows
    ]


def big_bench_mistake(data: Path) -> list[Labelled]:
    rows = _lines(data / "bigbench_mistake" / "multistep_arithmetic.jsonl")
    return [
        Labelled(
            Solution.of("", question=row["input"], steps=row["steps"]),
            row["mistake_index"],
            row["answer"] == row["target"],
        )
        for row in rows
    ]


# Against labels


def golds_section(golds: Sequence[tuple[str, Solution]]) -> str:
    covered = sum(bool(solution.checked) for _, solution in golds)
    flagged = sum(solution.first_wrong_step is not None for _, solution in golds)
    states: dict[str, int] = {}
    for _, solution in golds:
        for statement in solution.statements:
            states[statement.status.value] = states.get(statement.status.value, 0) + 1
    lines = [
        "## GSM8K, gold solutions",
        "",
        f"{len(golds):,} solutions that are meant to be right. At least one statement could be checked in "
        f"{_share(covered, len(golds))}; {_share(flagged, len(golds))} are flagged as wrong somewhere.",
        "",
        _table(("status", "statements"), [(state, f"{count:,}") for state, count in sorted(states.items())]),
        "",
        "Every metric on them (one can be sure of the direction in which a right solution should lie):",
        "",
        _table(("metric", "coverage %", "mean", "share with a defect %"), _gold_lines([s for _, s in golds])),
        "",
    ]
    return "\n".join(lines)


def _gold_lines(solutions: Sequence[Solution]) -> list[Sequence[str]]:
    lines: list[Sequence[str]] = []
    for metric in solution_metrics():
        values = [value for solution in solutions if (value := metric(solution)) is not None]
        if not values:
            continue
        defect = _defects(metric, values)
        share = "–" if defect is None else f"{100 * defect / len(values):.2f}"
        coverage = f"{100 * len(values) / len(solutions):.1f}"
        lines.append((metric.name, coverage, f"{statistics.fmean(values):.3f}", share))
    return lines


def _defects(metric: SolutionMetric, values: Sequence[float]) -> int | None:
    if metric.direction == "neither":
        return None
    return sum(value > 0 if metric.direction == "lower" else value < 1 for value in values)


def maths_section(golds: Sequence[Solution]) -> str:
    covered = sum(bool(solution.checked) for solution in golds)
    flagged = sum(solution.first_wrong_step is not None for solution in golds)
    return "\n".join(
        [
            "## MATH-500, gold solutions",
            "",
            f"{len(golds)} solutions in LaTeX, mostly algebra, which is not checked. At least one statement could be "
            f"checked in {_share(covered, len(golds))}; flagged: {_share(flagged, len(golds))}.",
            "",
        ]
    )


def labelled_section(title: str, rows: Sequence[Labelled]) -> str:
    clean = [row for row in rows if row.label is None]
    faulty = [row for row in rows if row.label is not None]
    alarms = [row for row in clean if row.solution.first_wrong_step is not None]
    found = [row for row in faulty if row.solution.first_wrong_step is not None]
    exact = sum(row.solution.first_wrong_step == row.label for row in found)
    covered = sum(bool(row.solution.checked) for row in rows)
    wrong_anyway = sum(not row.correct for row in alarms)
    table = [
        ("coverage: at least one statement checked", _share(covered, len(rows))),
        ("flagged, among those labelled clean", _share(len(alarms), len(clean))),
        ("of these with a wrong final answer", f"{wrong_anyway} of {len(alarms)}"),
        ("flagged, among those labelled faulty", _share(len(found), len(faulty))),
        ("first wrong step exactly as labelled, among the flagged", f"{exact} of {len(found)}"),
    ]
    return "\n".join([f"## {title}", "", f"{len(rows)} solutions.", "", _table(("", ""), table), ""])


def _share(part: int, whole: int) -> str:
    interval = wilson(part, whole)
    if interval is None:
        return f"{part} of {whole}"
    low, high = 100 * interval.low, 100 * interval.high
    return f"{part:,} of {whole:,} ({100 * part / whole:.2f} %, 95 % {low:.2f} – {high:.2f})"


# Against correctness


def auc_section(rows: Sequence[Labelled]) -> str:
    rng = np.random.default_rng(0)
    lines = []
    for metric in solution_metrics():
        sign = -1.0 if metric.direction == "lower" else 1.0
        values = [(metric(row.solution), row) for row in rows]
        kept = [
            (sign * value, row.correct, row.solution.question or "")
            for value, row in values
            if value is not None
        ]
        figure = auc([(value, right) for value, right, _ in kept])
        interval = _bootstrap(kept, rng)
        within = concordance(kept)
        shown = "–" if figure is None else f"{figure:.3f}"
        lines.append(
            (
                metric.name + (" (higher)" if metric.direction == "neither" else ""),
                str(len(kept)),
                shown,
                "–" if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}",
                "–" if within is None else f"{within[0]:.3f} ({within[1]} pairs)",
            )
        )
    questions = len({row.solution.question for row in rows})
    return "\n".join(
        [
            "## Against the correctness of the final answer (ProcessBench-GSM8K)",
            "",
            "The area under the ROC curve: how often a right solution has the better value than a wrong one, ties "
            f"counting half; 0.5 is no information. {len(rows)} solutions of {questions} questions; intervals by "
            f"{RESAMPLES} bootstrap samples of questions. Within question: the same among solutions of one question, "
            "which takes out how hard questions are. `words` and `steps` show what mere length is worth.",
            "",
            _table(("metric", "solutions", "AUC", "95 % interval", "within question"), lines),
            "",
        ]
    )


def auc(pairs: Iterable[tuple[float, bool]]) -> float | None:
    """The probability that a right one has the larger value than a wrong one, ties half (Mann–Whitney)."""
    pairs = list(pairs)
    right = np.sort([value for value, correct in pairs if correct])
    wrong = np.asarray([value for value, correct in pairs if not correct])
    if right.size == 0 or wrong.size == 0:
        return None
    above = right.size - np.searchsorted(right, wrong, side="right")
    equal = np.searchsorted(right, wrong, side="right") - np.searchsorted(right, wrong, side="left")
    return float((above + equal / 2).sum() / (right.size * wrong.size))


def concordance(rows: Sequence[tuple[float, bool, str]]) -> tuple[float, int] | None:
    """`auc` among the pairs of one question, pooled over questions, and the number of pairs."""
    groups: dict[str, list[tuple[float, bool]]] = {}
    for value, correct, question in rows:
        groups.setdefault(question, []).append((value, correct))
    won, pairs = 0.0, 0
    for group in groups.values():
        wrong = sum(not correct for _, correct in group)
        figure = auc(group)
        if figure is not None:
            count = wrong * (len(group) - wrong)
            won, pairs = won + figure * count, pairs + count
    return (won / pairs, pairs) if pairs else None


def _bootstrap(
    rows: Sequence[tuple[float, bool, str]], rng: np.random.Generator
) -> tuple[float, float] | None:
    groups: dict[str, list[tuple[float, bool]]] = {}
    for value, correct, question in rows:
        groups.setdefault(question, []).append((value, correct))
    members = list(groups.values())
    if not members:
        return None
    figures = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(members), size=len(members))
        figure = auc(pair for index in drawn for pair in members[index])
        if figure is not None:
            figures.append(figure)
    if not figures:
        return None
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


# Against damage


def perturbation_section(what: str, rows: list[tuple[str, str]]) -> str:
    lines = [
        (
            found.perturbation,
            found.metric,
            str(found.tried),
            "–" if found.share is None else f"{100 * found.share:.1f}",
        )
        for found in noticed(rows, random.Random(0))
    ]
    return "\n".join(
        [
            f"## Damage to {what}",
            "",
            f"Each of {len(rows):,} solutions is damaged in a known way (pspo_bench/metrics/perturbations.py); in what "
            "share of those that could be does the metric worsen? The tests hold these shares to thresholds.",
            "",
            _table(("damage", "metric", "solutions", "worse %"), lines),
            "",
        ]
    )


# Time


def speed_section(golds: Sequence[Solution], process: Sequence[Labelled]) -> str:
    metrics = solution_metrics()
    fresh_golds = [Solution.of(s.text, question=s.question) for s in golds[:1000]]
    fresh = [Solution.of(row.solution.text, question=row.solution.question) for row in process]
    lines = []
    for name, solutions in (("GSM8K golds", fresh_golds), ("ProcessBench solutions", fresh)):
        times = [1000 * _seconds(lambda s=solution: measure(s, metrics)) for solution in solutions]  # type: ignore[misc]
        chars = statistics.fmean(len(solution.text) for solution in solutions)
        lines.append(
            (name, f"{chars:.0f}", f"{statistics.fmean(times):.2f}", f"{np.quantile(times, 0.99):.2f}")
        )
    table = _table(("solutions", "characters, mean", "ms, mean", "ms, 99th percentile"), lines)
    return "\n".join(["## Time", "", "All metrics of one solution, CPU time of one process:", "", table, ""])


def _seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def hostile_section() -> str:
    lines = []
    for name, unit in HOSTILE.items():
        times = []
        for chars in (HOSTILE_CHARS // 4, HOSTILE_CHARS):
            text = (unit * (chars // len(unit) + 1))[:chars]
            times.append(_seconds(lambda t=text: measure(Solution.of(t, question="3 apples"))))  # type: ignore[misc]
        lines.append((name, f"{times[0]:.2f}", f"{times[1]:.2f}"))
    table = _table(("text", f"s, {HOSTILE_CHARS // 4:,} characters", f"s, {HOSTILE_CHARS:,}"), lines)
    return "\n".join(
        [
            "## Hostile text",
            "",
            "All metrics of one text without sense: time grows as the length does.",
            "",
            table,
            "",
        ]
    )


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rules = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rules, *lines))


if __name__ == "__main__":
    main()
