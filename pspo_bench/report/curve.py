"""Scores along a training run: one row per checkpoint, in the order of its optimiser steps.

    curve = Curve.of(load_entries(["runs/sweep"]))
    print(curve.to_terminal()); curve.to_csv()

A checkpoint's step is that of its manifest, else the number at the end of its folder's name (`checkpoint-120`); a
model that has neither, such as the base, stands first.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pspo_bench.report.text import NONE, WIDTH, csv_text, grid, percent, percent_with_half
from pspo_bench.results import Result
from pspo_bench.stats import score_interval


@dataclass(frozen=True, slots=True)
class Point:
    """One checkpoint on one task at one temperature; fractions and tokens, None where there is too little data.

    `run` is the run's folder or file, `model` the last part of it.
    """

    run: str
    model: str
    step: int | None
    task: str
    temperature: float
    n_questions: int
    n_samples: int
    accuracy: float
    low: float | None
    high: float | None
    truncation_rate: float
    mean_tokens: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of several checkpoints, by step and name."""

    points: tuple[Point, ...]

    @classmethod
    def of(cls, results: Iterable[Result]) -> Curve:
        ordered = sorted(enumerate(results), key=lambda item: (_order(item[1].step), item[0]))
        return cls(tuple(point for _, result in ordered for point in _points(result)))

    def to_terminal(self, width: int = WIDTH) -> str:
        """A line per checkpoint and temperature, a column per task: accuracy in per cent ± half its interval."""
        tasks = list(dict.fromkeys(point.task for point in self.points))
        lines: dict[tuple[str, float], list[Point]] = {}
        for point in self.points:
            lines.setdefault((point.run, point.temperature), []).append(point)
        header = ("step", "model", "T", *tasks, "tokens", "cut %")
        title = "Accuracy in per cent ± half its 95 % interval, by checkpoint"
        return grid(title, header, "model", width, [_cells(line, tasks) for line in lines.values()])

    def to_csv(self) -> str:
        """One line per point, unrounded; empty where there is nothing."""
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=list(Point.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: csv_text(v) for k, v in asdict(point).items()} for point in self.points)
        return out.getvalue()


def _order(step: int | None) -> int:
    return -1 if step is None else step


def _points(result: Result) -> list[Point]:
    points = []
    for score in result.scores:
        interval = score_interval(score.correct, score.samples)
        asked = [(c, n) for c, n in zip(score.correct, score.samples, strict=True) if n]
        if not asked:
            continue
        lengths = [
            n for lists in (score.tokens_correct, score.tokens_incorrect) for row in lists for n in row
        ]
        points.append(
            Point(
                run=str(result.source),
                model=result.source.stem if result.source.suffix == ".json" else result.source.name,
                step=result.step,
                task=score.task,
                temperature=score.temperature,
                n_questions=len(asked),
                n_samples=sum(score.samples),
                accuracy=sum(c / n for c, n in asked) / len(asked),
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                truncation_rate=sum(score.truncated) / sum(score.samples),
                mean_tokens=sum(lengths) / len(lengths) if lengths else None,
            )
        )
    return points


def _cells(line: list[Point], tasks: list[str]) -> list[str]:
    by_task = {point.task: point for point in line}
    step = line[0].step
    lengths = [(point.mean_tokens, point.n_samples) for point in line if point.mean_tokens is not None]
    counted, samples = sum(n for _, n in lengths), sum(point.n_samples for point in line)
    cut = sum(point.truncation_rate * point.n_samples for point in line) / samples
    return [
        NONE if step is None else str(step),
        line[0].model,
        f"{line[0].temperature:g}",
        *(_accuracy(by_task.get(task)) for task in tasks),
        f"{sum(mean * n for mean, n in lengths) / counted:.0f}" if counted else NONE,
        percent(cut),
    ]


def _accuracy(point: Point | None) -> str:
    if point is None:
        return NONE
    half = None if point.low is None or point.high is None else (point.high - point.low) / 2
    return percent_with_half(point.accuracy, half)
