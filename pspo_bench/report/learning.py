"""Learning curves of many trainings, and arms compared at the same cost: generated tokens, or optimiser steps.

    curves = learning_curves({"clip-s0": Path("runs/x/checkpoints/clip-s0"), ...})     # a DataFrame, a row a step
    reached, arms = matched(curves, "tokens")

A curve is compared at the largest cost that every training reached, by straight lines between the steps at which the
validation rows were scored. The figures are validation accuracies: the test tasks are scored at the end alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pspo_bench.report.text import NONE, escape_markdown, percent
from pspo_bench.stats import Interval, clustered_mean

if TYPE_CHECKING:
    import pandas as pd

Cost = Literal["tokens", "step"]
COSTS: dict[Cost, str] = {"tokens": "generated tokens", "step": "optimiser steps"}
SCORE = "validation_accuracy"
NOT_CURVES = ("wall_time_s", "step_time_s")


def learning_curves(checkpoints: Mapping[str, Path]) -> pd.DataFrame:
    """The training logs of finished checkpoints, one below the other, by their names.

    Columns: `run`, `model` (what training started from), `arm` (the name without its seed), `seed`, `step`, `tokens`
    (generated up to then), and those of the logs, without times.
    """
    import json

    import pandas as pd

    frames = []
    for name, folder in checkpoints.items():
        log = pd.read_parquet(folder / "training_log.parquet").drop(columns=list(NOT_CURVES), errors="ignore")
        manifest = json.loads((folder / "manifest.json").read_text())
        seed = manifest["seed"]
        drawn = log["tokens_generated"] if "tokens_generated" in log else pd.Series(0.0, index=log.index)
        first = {
            "run": name,
            "model": str(manifest.get("base_model", "")),
            "arm": name.removesuffix(f"-s{seed}"),
            "seed": seed,
            "step": log["step"].astype(int),
        }
        tokens = drawn.fillna(0.0).cumsum()
        frames.append(pd.DataFrame({**first, "tokens": tokens, **log.drop(columns="step")}))
    return (
        pd.concat(frames, ignore_index=True)
        if frames
        else pd.DataFrame(columns=["run", "model", "arm", "seed", "step"])
    )


@dataclass(frozen=True, slots=True)
class MatchedArm:
    """An arm at a cost: mean validation accuracy over its seeds, and the 95 % Student-t interval over them.

    `interval` is None for one seed.
    """

    arm: str
    seeds: int
    accuracy: float
    interval: Interval | None


def matched(curves: pd.DataFrame, by: Cost) -> tuple[float, list[MatchedArm]] | None:
    """(the cost, the arms at it, the best first); None where no training has a validation curve.

    Arms that draw no completions (sft) are compared by steps alone.
    """
    if SCORE not in curves:
        return None
    scored = curves.dropna(subset=[SCORE])
    if by == "tokens":
        drew = curves.groupby("run")["tokens"].transform("max") > 0
        scored = scored[drew.loc[scored.index]]
    if scored.empty:
        return None
    reached = float(scored.groupby("run")[by].max().min())
    values: dict[str, list[float]] = {}
    for (arm, _), points in scored.groupby(["arm", "run"], sort=False):
        values.setdefault(str(arm), []).append(float(np.interp(reached, points[by], points[SCORE])))
    arms = [MatchedArm(arm, len(v), sum(v) / len(v), clustered_mean(v)) for arm, v in values.items()]
    return reached, sorted(arms, key=lambda arm: -arm.accuracy)


def matched_markdown(curves: pd.DataFrame) -> str:
    """Both views as Markdown tables, one of each for every model that was trained."""
    lines = [
        "# Arms at the same cost",
        "",
        "Greedy accuracy on the held-out validation rows of the training task, in per cent, mean over seeds with its"
        " 95 % interval over seeds; between two scored steps by a straight line. The trainings end at different costs,"
        " so each table takes the largest that all of them reached.",
        "",
    ]
    several = curves["model"].nunique() > 1
    for model, of_model in curves.groupby("model", sort=False):
        lines += [f"## {escape_markdown(str(model))}", ""] if several else []
        for by in COSTS:
            lines += _view(of_model, by, "###" if several else "##")
    return "\n".join(lines)


def _view(curves: pd.DataFrame, by: Cost, heading: str) -> list[str]:
    found = matched(curves, by)
    if found is None:
        return []
    reached, arms = found
    head = [f"{heading} At {reached:,.0f} {COSTS[by]}", "", "| arm | seeds | accuracy | 95 % interval |"]
    return [*head, "| --- | ---: | ---: | ---: |", *map(_line, arms), ""]


def _line(arm: MatchedArm) -> str:
    interval = (
        NONE if arm.interval is None else f"{100 * arm.interval.low:.1f} – {100 * arm.interval.high:.1f}"
    )
    return f"| {escape_markdown(arm.arm)} | {arm.seeds} | {percent(arm.accuracy)} | {interval} |"
