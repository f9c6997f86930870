"""What a study with controls shows: arms against one another, the tuning, and what each trust region did.

    python benchmarks/controls.py results/measured/pocket-controls --figure docs/findings.svg > controls.md

Reads what `pspo-bench study pocket/controls` writes: result files, tuning.json and curves.csv. Differences are in
percentage points over the same questions and the same seeds, with the interval of `stats.arm_difference`; p-values are
adjusted by Holm over all comparisons of a column. An arm is named as in the study.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _bench import write_json

from pspo_bench.report.text import escape_markdown
from pspo_bench.results import Result, load_entries
from pspo_bench.stats import ArmDifference, arm_difference, holm

COMPARISONS = (
    ("pspo-alpha0", "unclipped-mu2"),
    ("pspo-alpha0.05", "unclipped-mu2"),
    ("pspo-alpha0.1", "unclipped-mu2"),
    ("pspo-alpha0.3", "unclipped-mu2"),
    ("pspo-alpha0.5", "unclipped-mu2"),
    ("pspo-alpha0.9", "unclipped-mu2"),
    ("pspo-alpha0.1", "unclipped-norm"),
    ("pspo-alpha0.1", "clip-epsilon0.2"),
    ("pspo-alpha0.1", "clip-epsilon0"),
    ("clip-epsilon0", "clip-epsilon0.2"),
    ("clip-epsilon0.1", "clip-epsilon0.2"),
    ("clip-higher", "clip-epsilon0.2"),
    ("unclipped-mu2", "clip-epsilon0.2"),
    ("unclipped-mu1", "unclipped-mu2"),
    ("sapo", "clip-epsilon0.2"),
    ("cispo", "clip-epsilon0.2"),
    ("gspo", "clip-epsilon0.2"),
    ("random-reward", "base"),
    # pocket/step-sizes
    ("pspo-learning_rate0.0001", "unclipped-learning_rate0.0001"),
    ("pspo-learning_rate0.0002", "unclipped-learning_rate0.0002"),
    ("pspo-learning_rate0.0004", "unclipped-learning_rate0.0004"),
    ("clip-learning_rate0.0001", "unclipped-learning_rate0.0001"),
    ("clip-learning_rate0.0002", "unclipped-learning_rate0.0002"),
    ("clip-learning_rate0.0004", "unclipped-learning_rate0.0004"),
    ("unclipped-learning_rate0.0002", "unclipped-learning_rate0.0001"),
    ("unclipped-learning_rate0.0004", "unclipped-learning_rate0.0001"),
    ("pspo-learning_rate0.0002", "pspo-learning_rate0.0001"),
    ("clip-learning_rate0.0004", "clip-learning_rate0.0001"),
)
"""(candidate, what it is compared with); those whose arms a study does not have are left out."""
DRAWN = {
    "clip-epsilon0.2": "#0072b2",
    "clip-epsilon0": "#56b4e9",
    "unclipped-mu1": "#000000",
    "unclipped-mu2": "#d55e00",
    "pspo-alpha0.1": "#009e73",
    "pspo-alpha0.5": "#cc79a7",
    "random-reward": "#999999",
}
"""Arms in the figure and their colours, those of Okabe and Ito (https://jfly.uni-koeln.de/color/)."""
DIAGNOSTICS = ("clip_fraction", "no_gradient_fraction", "kl_old_new", "ess", "entropy", "grad_clipped")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="a study's folder, or a copy of its results")
    parser.add_argument("--task", default="pocket_gsm", help="the task that was trained on")
    parser.add_argument("--figure", type=Path, help="draw learning curves and step sizes as SVG")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    arms = read_arms(arguments.study)
    pairs = [(a, b) for a, b in COMPARISONS if a in arms and b in arms]
    tasks = list(
        dict.fromkeys(score.task for result in next(iter(arms.values())).values() for score in result.scores)
    )
    columns = (
        {"macro": tasks, arguments.task: [arguments.task]} if len(tasks) > 1 else {arguments.task: tasks}
    )
    found = {name: [difference(arms[b], arms[a], of) for a, b in pairs] for name, of in columns.items()}
    sections = [_differences(pairs, found), _tuning(arguments.study), _diagnostics(arguments.study)]
    print("\n".join(filter(None, sections)))
    if arguments.figure:
        draw(arguments.study, arguments.figure)
    figures = {
        name: [
            {"candidate": a, "base": b, "points": _points(d)} for (a, b), d in zip(pairs, column, strict=True)
        ]
        for name, column in found.items()
    }
    write_json(arguments.output, {"study": arguments.study.name, "differences": figures})
    return 0


def read_arms(study: Path) -> dict[str, dict[int, Result]]:
    """The results by arm and seed; a base model stands for every seed under -1."""
    folder = study / "results" if (study / "results").is_dir() else study
    arms: dict[str, dict[int, Result]] = {}
    for result in load_entries([folder]):
        name, _, seed = result.source.stem.rpartition("-s")
        if not name or not seed.isdigit():
            name, seed = result.source.stem, "-1"
        arms.setdefault(name, {})[int(seed)] = result
    return arms


def difference(
    base: dict[int, Result], candidate: dict[int, Result], tasks: Sequence[str]
) -> ArmDifference | None:
    seeds = sorted({*base, *candidate} - {-1})
    seeds = [seed for seed in seeds if all(seed in arm or -1 in arm for arm in (base, candidate))]
    pairs = []
    for task in tasks:
        rows = [[_shares(arm.get(seed, arm.get(-1)), task) for seed in seeds] for arm in (base, candidate)]
        ids = [sorted(row) for arm in rows for row in arm]
        if any(found != ids[0] for found in ids):
            raise SystemExit(f"The runs were not asked the same questions of {task}")
        pairs.append(tuple(np.array([[row[i] for i in ids[0]] for row in arm]) for arm in rows))
    return arm_difference(pairs)


def _shares(result: Result | None, task: str) -> dict[str, float]:
    """Share correct of each question at the headline temperature, by its id."""
    assert result is not None
    headline = result.info.settings.headline
    score = next(score for score in result.scores if (score.task, score.temperature) == (task, headline))
    return {i: c / n for i, c, n in zip(score.example_ids, score.correct, score.samples, strict=True)}


def _points(d: ArmDifference | None) -> dict[str, float] | None:
    if d is None:
        return None
    low, high = d.interval.low, d.interval.high
    return {"difference": 100 * d.difference, "low": 100 * low, "high": 100 * high, "p": d.p_value}


def _differences(pairs: Sequence[tuple[str, str]], found: dict[str, list[ArmDifference | None]]) -> str:
    adjusted = {name: holm([d.p_value if d else None for d in column]) for name, column in found.items()}
    header = ["arm", "against", *(f"{name} {part}" for name in found for part in ("(95 %)", "p, Holm"))]
    rows = []
    for place, (candidate, base) in enumerate(pairs):
        cells = [candidate, base]
        for name, column in found.items():
            cells += [_interval(column[place]), _p(adjusted[name][place])]
        rows.append(cells)
    return markdown("Differences in percentage points", header, rows)


def _interval(d: ArmDifference | None) -> str:
    if d is None:
        return "–"
    middle, low, high = (round(100 * x, 1) + 0.0 for x in (d.difference, d.interval.low, d.interval.high))
    return f"{middle:+.1f} ({low:+.1f} to {high:+.1f})"  # + 0.0: no negative zero


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value >= 0.001 else "< .001"


def _tuning(study: Path) -> str | None:
    """Validation accuracy of every trial, a column a point; what was chosen in bold."""
    file = study / "tuning.json"
    if not file.is_file():
        return None
    tuning: dict[str, Any] = json.loads(file.read_text())
    points = list(dict.fromkeys(json.dumps(trial["point"]) for trial in tuning["trials"]))
    by_arm: dict[str, dict[str, str]] = {}
    for trial in tuning["trials"]:
        score = "failed" if trial["score"] is None else f"{100 * trial['score']:.1f}"
        bold = trial["point"] == tuning["chosen"].get(trial["arm"])
        by_arm.setdefault(trial["arm"], {})[json.dumps(trial["point"])] = f"**{score}**" if bold else score
    header = ["arm", *(re.sub(r'[{}"]', "", point).replace("optimizer.", "") for point in points)]
    rows = [[arm, *(scores.get(point, "–") for point in points)] for arm, scores in by_arm.items()]
    return markdown("Tuning: validation accuracy in per cent", header, rows, escape=False)


def _diagnostics(study: Path) -> str | None:
    """Means over the steps and seeds of what each trust region did."""
    file = study / "curves.csv"
    if not file.is_file():
        return None
    curves = pd.read_csv(file)
    known = [name for name in DIAGNOSTICS if name in curves]
    means = curves.groupby("arm", sort=False)[known].mean()
    rows = [
        [str(arm), *(("–" if v != v else f"{v:.3g}") for v in row)]
        for arm, row in zip(means.index, means.values, strict=True)
    ]
    return markdown("Diagnostics, means over steps and seeds", ["arm", *known], rows)


def draw(study: Path, file: Path) -> None:
    """Left: share correct in the rollouts against tokens, mean over seeds with their range. Right: the trials."""
    import matplotlib

    matplotlib.rcParams.update({"svg.hashsalt": "pspo-bench", "svg.fonttype": "none"})
    from matplotlib.figure import Figure

    curves = pd.read_csv(study / "curves.csv")
    tuning = json.loads((study / "tuning.json").read_text())
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for arm, colour in DRAWN.items():
        _learning(left, curves[curves["arm"] == arm], arm, colour)
        trials = [trial for trial in tuning["trials"] if trial["arm"] == arm]
        rates = [trial["point"]["optimizer.learning_rate"] for trial in trials]
        right.plot(rates, [100 * trial["score"] for trial in trials], "o-", color=colour, markersize=4)
    left.set(
        xlabel="generated tokens",
        ylabel="share correct in the batch",
        title="Training, at the tuned step size",
    )
    right.set(
        xlabel="learning rate",
        ylabel="validation accuracy, %",
        title="Tuning, one seed a point",
        xscale="log",
    )
    figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", metadata={"Date": None})


def _learning(axes: Any, curves: pd.DataFrame, arm: str, colour: str) -> None:
    """Batches of equal number over the seeds: their mean tokens and the share that the checker found correct."""
    rows = curves.dropna(subset=["correctness"]).copy()
    rows["batch"] = rows.groupby("run").cumcount()
    by_batch = rows.groupby("batch")
    tokens, correct = by_batch["tokens"].mean(), by_batch["correctness"]
    axes.plot(tokens, correct.mean(), color=colour, label=arm)
    axes.fill_between(tokens, correct.min(), correct.max(), color=colour, alpha=0.1, linewidth=0)


def markdown(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, escape: bool = True) -> str:
    lines = [f"## {title}", "", _row(header), _row(["---", *["---:"] * (len(header) - 1)])]
    return "\n".join(
        [*lines, *(_row([escape_markdown(c) for c in row] if escape else row) for row in rows), ""]
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
