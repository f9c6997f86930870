"""Tuning: the same number of trials for every arm, on the validation split, with seeds that are not reported.

    tried = tried_points(study)                        # {"clip": [{"optimizer.learning_rate": 1e-4}, ...], ...}
    results = tuning_results(study, tried, folder)     # after the trials were trained
    results.chosen                                     # {"clip": {"optimizer.learning_rate": 2e-4}, ...}

Why equal budgets: an arm that is tuned more looks better by selection alone (https://arxiv.org/abs/1909.03004).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Range, Study
from pspo_bench.study.grid import Cell, Point, Space, arms, points, trial_cells

if TYPE_CHECKING:
    from numpy.random import Generator

METRIC = "validation_accuracy"


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of an arm's space. `scores` has one entry a tuning seed, None where that training failed."""

    arm: str
    number: int
    point: Point
    scores: tuple[float | None, ...]

    @property
    def score(self) -> float | None:
        """Mean over the seeds; None if one of them failed: a point that can fail is not a better one."""
        done = [score for score in self.scores if score is not None]
        return fmean(done) if len(done) == len(self.scores) else None


@dataclass(frozen=True, slots=True)
class TuningResults:
    """All trials, and the best point of each arm that has one."""

    trials: tuple[Trial, ...]
    chosen: Mapping[str, Point]

    def to_json(self) -> str:
        trials = [{**asdict(trial), "score": trial.score} for trial in self.trials]
        return json.dumps({"metric": METRIC, "chosen": self.chosen, "trials": trials}, indent=2) + "\n"


def tried_points(study: Study) -> dict[str, list[Point]]:
    """The points that are tried for each arm; arms with the same space are given the same ones."""
    if study.tuning is None:
        return {}
    return {arm.name: _points_of(study, arm.space) for arm in arms(study)}


def _points_of(study: Study, space: Space) -> list[Point]:
    assert study.tuning is not None
    if study.tuning.trials is None:
        return points({key: values for key, values in space.items() if not isinstance(values, Range)})
    import numpy as np

    rng = np.random.default_rng(study.tuning.seed)
    return [{key: _drawn(values, rng) for key, values in space.items()} for _ in range(study.tuning.trials)]


def _drawn(values: Sequence[Any] | Range, rng: Generator) -> Any:
    if not isinstance(values, Range):
        return values[int(rng.integers(len(values)))]
    if not values.log:
        return float(rng.uniform(values.low, values.high))
    from math import exp, log

    return exp(float(rng.uniform(log(values.low), log(values.high))))


def tuning_results(
    study: Study, tried: Mapping[str, Sequence[Point]], output: Path, failed: Collection[str] = ()
) -> TuningResults:
    """Read the finished trials' logs below `output`. The best point of an arm is the first with the highest score.

    `failed`: the names of trials that count as failed whatever their folders hold, which may be from before the study
    was changed.
    """
    by_trial: dict[tuple[str, int], list[float | None]] = {}
    for cell in trial_cells(study, tried):
        assert cell.trial is not None
        score = None if cell.name in failed else last_score(output / cell.folder)
        by_trial.setdefault((cell.arm, cell.trial), []).append(score)
    trials = tuple(
        Trial(arm, number, tried[arm][number], tuple(scores)) for (arm, number), scores in by_trial.items()
    )
    return TuningResults(trials, {arm: best for arm in tried if (best := _best(arm, trials)) is not None})


def _best(arm: str, trials: Iterable[Trial]) -> Point | None:
    scored = [(trial.score, trial.point) for trial in trials if trial.arm == arm and trial.score is not None]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def last_score(checkpoint: Path) -> float | None:
    """The last validation accuracy of a finished training run; None if there is none."""
    import pandas as pd

    if not (checkpoint / "manifest.json").is_file():
        return None
    scores = pd.read_parquet(checkpoint / "training_log.parquet").get(METRIC)
    known = None if scores is None else scores.dropna()
    return None if known is None or known.empty else float(known.iloc[-1])


def drop_weights(checkpoint: Path) -> None:
    """A trial is kept for its log and manifest; its weights, those of its steps too, would fill the disk."""
    for file in checkpoint.rglob("*.safetensors*"):
        file.unlink()


def untuned(study: Study, results: TuningResults, grid: Sequence[Cell]) -> list[Cell]:
    """The cells whose arm has no successful trial, and so no values to be trained with."""
    return [cell for cell in grid if study.tuning and cell.trains and cell.arm not in results.chosen]
