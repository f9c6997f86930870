"""What the statistics are worth: coverage, false alarms and power by simulation, beside the pooled binomial.

    python benchmarks/stats_simulation.py -o stats.json > tables.md    # --quick: a minute, coarse

Questions differ in how hard they are, trained seeds in how good they are and in which questions they took to,
and samples of a question are drawn anew: `Model`. The pooled binomial takes every sample for an independent
trial and every seed's too: p ± 1.96 sqrt(p (1 - p) / N), and for two runs the difference of two such
proportions, unpaired. Everything is drawn from fixed seeds; a share of R repetitions has the standard error
sqrt(p (1 - p) / R), .5 points for 95 % of 2,000.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from _bench import environment, same_conditions, write_json
from numpy.typing import NDArray

from pspo_bench.stats import (
    LEVEL,
    Floats,
    ScoreComparison,
    arm_interval,
    bootstrap_scores,
    compare_macro,
    compare_scores,
    hierarchical_bootstrap,
    holm,
    pass_at_k,
    pass_at_k_interval,
    required_questions,
)

Z = 1.959963984540054
TASKS = {"GSM8K": 1319, "SVAMP": 1000, "ASDiv": 2305, "MATH-500": 500}
ACCURACIES = (0.05, 0.2, 0.5, 0.95)


@dataclass(frozen=True)
class Model:
    """Logit of a right answer = centre(accuracy) + difficulty of the question + seed + what the seed makes of it."""

    accuracy: float
    difficulty: float = 2.0  # standard deviation over questions
    seed: float = 0.15  # over trained seeds: nearly 2 points at 50 %
    taste: float = 0.5  # of a seed on a question

    def draw(
        self, rng: np.random.Generator, questions: Floats, seeds: int, samples: int
    ) -> NDArray[np.int64]:
        """Counts right (seeds, questions). One seed is one set of weights: its own score is what is asked for."""
        spread = self.seed if seeds > 1 else 0.0
        logits = rng.standard_normal((seeds, questions.size), dtype=np.float32) * self.taste
        logits += (self.difficulty * questions).astype(np.float32)
        logits += centre(Model(self.accuracy, self.difficulty, spread, self.taste))
        logits += (spread * rng.normal(size=(seeds, 1))).astype(np.float32)
        right = 1 / (1 + np.exp(-logits))
        if samples == 1:
            return (rng.random(right.shape, dtype=np.float32) < right).astype(np.int64)
        return rng.binomial(samples, right)


@lru_cache
def centre(model: Model) -> float:
    """The logit at which the mean over questions and seeds is the accuracy."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = math.sqrt(model.difficulty**2 + model.seed**2 + model.taste**2)

    def off(middle: float) -> float:
        return float(weights @ (1 / (1 + np.exp(-middle - spread * nodes))) / weights.sum()) - model.accuracy

    return float(brentq(off, -20, 20))


def naive_score(right: NDArray[np.int64], samples: int) -> tuple[float, float]:
    trials = right.size * samples
    p = right.sum() / trials
    half = Z * math.sqrt(p * (1 - p) / trials)
    return p - half, p + half


def naive_difference(
    base: NDArray[np.int64], candidate: NDArray[np.int64], samples: int
) -> tuple[float, float]:
    sides = [(side.sum() / side.size / samples, side.size * samples) for side in (base, candidate)]
    error = math.sqrt(sum(p * (1 - p) / trials for p, trials in sides))
    middle = sides[1][0] - sides[0][0]
    return middle - Z * error, middle + Z * error


# Coverage of one score


@dataclass(frozen=True)
class Cell:
    """A corner of a grid. `candidate_seeds` 0: as many as the base has."""

    n: int
    accuracy: float
    seeds: int
    samples: int
    candidate_seeds: int = 0
    seed_sd: float = 0.15

    @property
    def generator(self) -> np.random.Generator:
        code = [self.n, round(1000 * self.accuracy), self.seeds, self.samples, self.candidate_seeds]
        return np.random.default_rng([*code, round(1000 * self.seed_sd)])

    @property
    def model(self) -> Model:
        return Model(self.accuracy, seed=self.seed_sd)

    def pair(
        self, rng: np.random.Generator, change: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Counts of base and candidate on the same questions, the candidate better by `change`."""
        questions = rng.normal(size=self.n)
        better = Model(self.accuracy + change, seed=self.seed_sd)
        return (
            self.model.draw(rng, questions, self.seeds, self.samples),
            better.draw(rng, questions, self.candidate_seeds or self.seeds, self.samples),
        )

    def compared(self, rng: np.random.Generator, change: float = 0.0) -> tuple[ScoreComparison, bool]:
        """The comparison, and whether the pooled binomial sees a difference."""
        base, candidate = self.pair(rng, change)
        found = compare_scores(base / self.samples, candidate / self.samples, rng)
        low, high = naive_difference(base, candidate, self.samples)
        assert found is not None
        return found, not low <= 0 <= high


def coverage(cell: Cell, repetitions: int) -> dict[str, Any]:
    rng, hits, naive = cell.generator, 0, 0
    for _ in range(repetitions):
        right = cell.model.draw(rng, rng.normal(size=cell.n), cell.seeds, cell.samples)
        found = arm_interval([right / cell.samples])
        assert found is not None
        assert found.interval is not None
        hits += found.interval.low <= cell.accuracy <= found.interval.high
        low, high = naive_score(right, cell.samples)
        naive += low <= cell.accuracy <= high
    return {**asdict(cell), "covered": hits / repetitions, "naive": naive / repetitions}


def coverage_of_bootstrap(cell: Cell, repetitions: int) -> dict[str, Any]:
    """The percentile bootstrap over seeds, questions and samples on the same data."""
    rng, hits = cell.generator, 0
    for _ in range(repetitions):
        right = cell.model.draw(rng, rng.normal(size=cell.n), cell.seeds, cell.samples)
        found = hierarchical_bootstrap(right, np.full_like(right, cell.samples), rng, 400)
        hits += found is not None and found.low <= cell.accuracy <= found.high
    return {**asdict(cell), "covered": hits / repetitions}


def coverage_of_pass(cell: Cell, k: int, repetitions: int) -> dict[str, Any]:
    """pass@k of one set of weights; the truth from two million questions."""
    rng, hits = cell.generator, 0
    many = cell.model.draw(rng, rng.normal(size=2_000_000), 1, cell.samples)[0]
    each = np.array([pass_at_k(cell.samples, c, k) for c in range(cell.samples + 1)], dtype=float)
    truth = float(each[many].mean())
    for _ in range(repetitions):
        right = cell.model.draw(rng, rng.normal(size=cell.n), 1, cell.samples)[0]
        found = pass_at_k_interval([cell.samples] * cell.n, right.tolist(), k)
        assert found is not None
        assert found[1] is not None
        hits += found[1].low <= truth <= found[1].high
    return {**asdict(cell), "k": k, "truth": truth, "covered": hits / repetitions}


# Comparison: false positives, families, power


def false_positives(cell: Cell, repetitions: int) -> dict[str, Any]:
    rng, rejected, missed, naive = cell.generator, 0, 0, 0
    for _ in range(repetitions):
        found, seen = cell.compared(rng)
        rejected += found.p_value is not None and found.p_value <= 1 - LEVEL
        missed += found.interval is not None and not found.interval.low <= 0 <= found.interval.high
        naive += seen
    return {
        **asdict(cell),
        "rejected": rejected / repetitions,
        "covered": 1 - missed / repetitions,
        "naive": naive / repetitions,
    }


def families(cell: Cell, repetitions: int) -> dict[str, Any]:
    """Four tasks of equal arms: how often Holm, and each test for itself, finds a difference anywhere."""
    rng, by_holm, plain, naive, macro = cell.generator, 0, 0, 0, 0
    for _ in range(repetitions):
        pairs = [Cell(**{**asdict(cell), "n": n}).pair(rng) for n in TASKS.values()]
        scores = [(base / cell.samples, candidate / cell.samples) for base, candidate in pairs]
        found = [compare_scores(base, candidate, rng) for base, candidate in scores]
        p_values = [one.p_value if one else None for one in found]
        by_holm += any(p is not None and p <= 1 - LEVEL for p in holm(p_values))
        plain += any(p is not None and p <= 1 - LEVEL for p in p_values)
        seen = [naive_difference(*pair, cell.samples) for pair in pairs]
        naive += any(not low <= 0 <= high for low, high in seen)
        over = compare_macro(scores, rng)
        macro += over is not None and over.p_value is not None and over.p_value <= 1 - LEVEL
    shares = {"holm": by_holm, "unadjusted": plain, "macro": macro, "naive": naive}
    return {**asdict(cell), **{name: share / repetitions for name, share in shares.items()}}


def power(cell: Cell, repetitions: int) -> dict[str, Any]:
    """How often a true difference as large as the printed minimum detectable effect is found: it says 80 %."""
    rng = cell.generator
    printed = [cell.compared(rng)[0].minimum_detectable for _ in range(max(40, repetitions // 4))]
    effect = float(np.median([one for one in printed if one is not None]))
    rejected, naive = 0, 0
    for _ in range(repetitions):
        found, seen = cell.compared(rng, effect)
        rejected += found.p_value is not None and found.p_value <= 1 - LEVEL
        naive += seen
    return {
        **asdict(cell),
        "effect": effect,
        "power": rejected / repetitions,
        "naive": naive / repetitions,
    }


# The gate


def verdict(low: float, high: float, max_drop: float) -> str:
    if low > -max_drop:
        return "pass"
    return "regression" if high < -max_drop else "inconclusive"


def gate(cell: Cell, max_drop: float, repetitions: int) -> dict[str, Any]:
    """Verdicts where nothing changed, and where the drop is the margin or twice it."""
    row: dict[str, Any] = {**asdict(cell), "max_drop": max_drop}
    for name, times in (("equal", 0.0), ("at", 1.0), ("twice", 2.0)):
        rng, ours, naive, plain, variances = cell.generator, [], [], 0, []
        for _ in range(repetitions):
            base, candidate = cell.pair(rng, -times * max_drop)
            found = compare_scores(base / cell.samples, candidate / cell.samples, rng)
            assert found is not None
            assert found.interval is not None
            ours.append(verdict(found.interval.low, found.interval.high, max_drop))
            naive.append(verdict(*naive_difference(base, candidate, cell.samples), max_drop))
            plain += found.difference < -max_drop
            variances.append(float((candidate - base).var(ddof=1)) / cell.samples**2)
        row[name] = {
            **{v: ours.count(v) / repetitions for v in ("pass", "regression", "inconclusive")},
            "naive": {v: naive.count(v) / repetitions for v in ("pass", "regression", "inconclusive")},
            "threshold": plain / repetitions,
            "needed": required_questions(max_drop, float(np.mean(variances)), power=0.9),
        }
    return row


# Speed


def speed(resamples: int) -> dict[str, Any]:
    """The bootstrap of 5 seeds × 1,319 questions × 16 samples × 4 tasks, and one that redraws every sample."""
    rng = np.random.default_rng(0)
    model, tasks = Model(0.5), []
    for _ in range(4):
        right = model.draw(rng, rng.normal(size=1319), 5, 16)
        tasks.append((right, np.full_like(right, 16)))
    wall, cpu = time.perf_counter(), time.process_time()
    bootstrap_scores(tasks, rng, resamples)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    answers = [rng.permuted(np.arange(16) < right[..., None], axis=2) for right, _ in tasks]
    few = max(2, resamples // 200)
    start = time.process_time()
    for _ in range(few):
        _plain_replicate(answers, rng)
    plain = (time.process_time() - start) * resamples / few
    return {"resamples": resamples, "wall_s": wall, "cpu_s": cpu, "plain_cpu_s": plain}


def _plain_replicate(answers: Sequence[NDArray[np.bool_]], rng: np.random.Generator) -> list[float]:
    seeds = rng.integers(5, size=5)
    means = []
    for table in answers:
        drawn = table[seeds][:, rng.integers(table.shape[1], size=table.shape[1])]
        again = rng.integers(16, size=drawn.shape)
        means.append(float(np.take_along_axis(drawn, again, axis=2).mean()))
    return means


# Tables


def spread_of(rows: Iterable[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows]
    return f"{100 * min(values):.1f} – {100 * max(values):.1f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " ---: |" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def arms_of(row: dict[str, Any]) -> str:
    other = row["candidate_seeds"] or row["seeds"]
    return f"{row['seeds']}" if other == row["seeds"] else f"{row['seeds']} and {other}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def grouped(rows: list[dict[str, Any]], *keys: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def coverage_section(rows: list[dict[str, Any]]) -> str:
    lines = []
    for (seeds, samples), group in grouped(rows, "seeds", "samples").items():
        outside = sum(not 0.93 <= row["covered"] <= 0.97 for row in group)
        mean = float(np.mean([row["covered"] for row in group]))
        lines.append(
            [
                f"{seeds}",
                f"{samples}",
                percent(mean),
                spread_of(group, "covered"),
                f"{outside} of {len(group)}",
                spread_of(group, "naive"),
            ]
        )
    header = ["seeds", "samples", "mean %", "least – most %", "outside 93 – 97", "pooled binomial %"]
    return markdown(header, lines)


def outside_section(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            f"{r['seeds']}",
            f"{r['samples']}",
            f"{r['n']:,}",
            percent(r["accuracy"]),
            f"{r['seed_sd']:g}",
            percent(r["covered"]),
        ]
        for r in rows
        if not 0.93 <= r["covered"] <= 0.97
    ]
    return markdown(["seeds", "samples", "questions", "accuracy %", "seed sd", "covered %"], lines)


def bootstrap_section(rows: list[dict[str, Any]], grid: list[dict[str, Any]]) -> str:
    ours = {tuple(Cell(**{k: r[k] for k in Cell.__annotations__}).__dict__.values()): r for r in grid}
    lines = []
    for row in rows:
        cell = tuple(row[key] for key in Cell.__annotations__)
        lines.append([f"{row['seeds']}", percent(row["covered"]), percent(ours[cell]["covered"])])
    return markdown(["seeds", "percentile bootstrap %", "ours %"], lines)


def pass_section(rows: list[dict[str, Any]]) -> str:
    lines = [
        [f"{r['n']:,}", f"{r['samples']}", f"{r['k']}", percent(r["truth"]), percent(r["covered"])]
        for r in rows
    ]
    return markdown(["questions", "samples", "k", "pass@k %", "covered %"], lines)


def false_positive_section(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            arms,
            f"{samples}",
            f"{len(group)}",
            percent(float(np.mean([row["rejected"] for row in group]))),
            spread_of(group, "rejected"),
            spread_of(group, "covered"),
            spread_of(group, "naive"),
        ]
        for (arms, samples), group in grouped(
            [{**row, "arms": arms_of(row)} for row in rows], "arms", "samples"
        ).items()
    ]
    header = [
        "seeds",
        "samples",
        "corners",
        "mean %",
        "least – most %",
        "interval covers %",
        "pooled binomial %",
    ]
    return markdown(header, lines)


def family_section(rows: list[dict[str, Any]]) -> str:
    lines = [
        [arms_of(row), f"{row['samples']}"]
        + [percent(row[key]) for key in ("holm", "unadjusted", "macro", "naive")]
        for row in rows
    ]
    return markdown(["seeds", "samples", "Holm %", "unadjusted %", "macro %", "pooled binomial %"], lines)


def power_section(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            f"{row['n']:,}",
            arms_of(row),
            f"{row['samples']}",
            f"{100 * row['effect']:.2f}",
            percent(row["power"]),
            percent(row["naive"]),
        ]
        for row in rows
    ]
    header = ["questions", "seeds", "samples", "minimum detectable, points", "power %", "pooled binomial %"]
    return markdown(header, lines)


def gate_section(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        equal, at, twice = row["equal"], row["at"], row["twice"]
        lines.append(
            [f"{100 * row['max_drop']:.0f}", f"{row['n']:,}", f"{row['samples']}"]
            + [percent(equal[v]) for v in ("regression", "inconclusive")]
            + [percent(at[v]) for v in ("regression", "pass")]
            + [percent(twice[v]) for v in ("regression", "inconclusive")]
            + [f"{twice['needed']:,}", percent(equal["threshold"]), percent(twice["naive"]["regression"])]
        )
    header = ["max drop", "questions", "samples", "equal: regression %", "inconclusive %"]
    header += ["at the margin: regression %", "pass %", "twice: regression %", "inconclusive %"]
    header += ["questions for 90 %", "equal: plain threshold %", "twice: pooled binomial %"]
    return markdown(header, lines)


# What is run

Job = tuple[str, Callable[[], dict[str, Any]]]


def jobs(quick: bool, repetitions: int) -> list[Job]:
    """(section, one row of it); the grids in full, or a few corners of each."""
    out: list[Job] = []

    def add(section: str, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
        out.append((section, partial(work, *arguments)))

    sizes = (100,) if quick else (100, 500, 1319)
    for seeds, samples, n, p in product((1, 3) if quick else (1, 2, 3, 5), (1, 4, 16), sizes, ACCURACIES):
        if not quick or (samples != 16 and p != 0.2):
            for sd in (0.15,) if seeds == 1 or quick else (0.0, 0.1, 0.2):
                add("coverage", coverage, Cell(n, p, seeds, samples, seed_sd=sd), repetitions)
    for seeds in (3,) if quick else (1, 2, 3, 5):
        cell = Cell(100 if quick else 500, 0.5, seeds, 1, seed_sd=0.15 if quick or seeds == 1 else 0.1)
        add("bootstrap", coverage_of_bootstrap, cell, repetitions // 4)
    for n, k in product((100,) if quick else (100, 1319), (1, 4, 16)):
        add("pass", coverage_of_pass, Cell(n, 0.25, 1, 16), k, repetitions)
    arms = ((1, 1), (2, 2), (3, 3), (5, 5), (1, 5), (5, 3))
    for (base, candidate), samples, n, p in product(arms, (1, 4, 16), sizes, (0.05, 0.5, 0.9)):
        if not quick or (samples == 1 and p == 0.5):
            add("false positives", false_positives, Cell(n, p, base, samples, candidate), repetitions)
    for (base, candidate), samples in (
        (((1, 1), 1), ((5, 5), 1)) if quick else product(((1, 1), (3, 3), (5, 5), (1, 5)), (1, 4))
    ):
        add("families", families, Cell(0, 0.5, base, samples, candidate), repetitions // 2)
    powered = (
        (100, 1, 1, 1), (500, 1, 1, 1), (1319, 1, 1, 1), (500, 1, 1, 4), (1319, 1, 1, 16), (1319, 3, 3, 1),
        (1319, 5, 5, 1), (1319, 5, 5, 4), (1319, 1, 5, 4), (1319, 5, 3, 1),
    )  # fmt: skip
    for n, base, candidate, samples in powered[:2] if quick else powered:
        add("power", power, Cell(n, 0.5, base, samples, candidate), repetitions)
    gates = (
        (0.05, (50, 100, 250, 500, 1000, 1300, 2000), 1), (0.05, (50, 100, 220, 500), 8),
        (0.02, (500, 1319, 2600, 5000, 8200), 1), (0.02, (500, 1319, 2600), 8),
    )  # fmt: skip
    for max_drop, ns, samples in (gates[0],) if quick else gates:
        for n in ns[2:4] if quick else ns:
            add("gate", gate, Cell(n, 0.5, 1, samples), max_drop, repetitions // 2)
    return out


def run(job: Job) -> tuple[str, dict[str, Any]]:
    return job[0], job[1]()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few corners, few repetitions")
    parser.add_argument("--repetitions", type=int, help="of a corner; 2000, quick 100")
    parser.add_argument("--sections", nargs="*", help="only these")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    same_conditions()
    repetitions = arguments.repetitions or (100 if arguments.quick else 2000)
    found: dict[str, list[dict[str, Any]]] = {}
    todo = [
        job
        for job in jobs(arguments.quick, repetitions)
        if arguments.sections in (None, []) or job[0] in arguments.sections
    ]
    with get_context("spawn").Pool(arguments.jobs) as pool:
        for place, (section, row) in enumerate(pool.imap(run, todo), 1):
            found.setdefault(section, []).append(row)
            print(f"\r{place} of {len(todo)}", end="", file=sys.stderr)
    pace = speed(200 if arguments.quick else 10_000)
    payload = {**environment(), "repetitions": repetitions, "figures": found, "speed": pace}
    write_json(arguments.output, payload)
    for title, text in tables(found):
        print(f"\n## {title}\n\n{text}")
    print(
        f"\n## Speed\n\n{pace['resamples']:,} resamples: {pace['cpu_s']:.2f} s of processor time; a loop that redraws"
        f" every sample would take {pace['plain_cpu_s']:.0f} s, "
        f"{pace['plain_cpu_s'] / pace['cpu_s']:.0f} times as long."
    )
    return 0


def tables(found: dict[str, list[dict[str, Any]]]) -> Iterable[tuple[str, str]]:
    if "coverage" in found:
        yield "Coverage of one score", coverage_section(found["coverage"])
        yield "Corners outside", outside_section(found["coverage"])
    if "bootstrap" in found and "coverage" in found:
        yield "The percentile bootstrap", bootstrap_section(found["bootstrap"], found["coverage"])
    plain = {
        "pass": ("pass@k", pass_section),
        "false positives": ("False positives", false_positive_section),
        "families": ("Four tasks", family_section),
        "power": ("Power", power_section),
        "gate": ("The gate", gate_section),
    }
    for section, (title, render) in plain.items():
        if section in found:
            yield title, render(found[section])


if __name__ == "__main__":
    raise SystemExit(main())
