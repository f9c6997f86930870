"""Callbacks: the per-step training log, the validation curve, the alarm and the progress bar.

The log is one row per optimiser step, under the names of `figures`; docs/training.md says what each column is. It is
saved with every resume point, so that the log of a resumed run is the log of an uninterrupted one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import PartialState
from tqdm import tqdm
from transformers import TrainerCallback

from pspo_bench.config import Recipe
from pspo_bench.store import write_atomic
from pspo_bench.training.checks import alarms
from pspo_bench.training.figures import RUN_TOTALS, rename, with_gradient_flags

LOG_NAME = "training_log.parquet"
TIMING = ("step_time_s", "wall_time_s")
"""Columns that differ between two runs of one recipe even where the training is bit-exact."""


class TrainingLog(TrainerCallback):
    """Collects one row per optimiser step and keeps it through a resume.

    It must be the trainer's first callback: `on_log` puts the figures under their final names and adds its own to
    the dictionary that the trackers' callbacks are given after it, so that they report what the log holds.
    """

    def __init__(self, max_grad_norm: float) -> None:
        self.rows: dict[int, dict[str, float]] = {}
        self.pending: dict[str, float] = {}
        """Figures that go into the next row to be logged."""
        self.max_grad_norm = max_grad_norm
        self._started = time.monotonic()
        self._earlier_s = 0.0

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        if logs is None:
            return
        totals = {key: logs[key] for key in RUN_TOTALS if key in logs}
        if totals:  # the entry that ends a run is no step's
            logs.clear()
            logs.update(totals)
            return
        figures = rename(logs) | self.pending | {"wall_time_s": self.elapsed_s()}
        figures = with_gradient_flags(figures, self.max_grad_norm)
        self.pending = {}
        logs.clear()
        logs.update(figures)
        self.rows.setdefault(state.global_step, {"step": state.global_step}).update(figures)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        PartialState().wait_for_everyone()  # the log makes a resume point complete: each process has saved its part
        if state.is_world_process_zero:
            self.write(Path(args.output_dir) / f"checkpoint-{state.global_step}" / LOG_NAME)

    def write(self, path: Path) -> None:
        """Write the rows whole or not at all: a resume point counts as complete once it has its log."""
        import pandas as pd

        rows = [self.rows[step] for step in sorted(self.rows)]
        write_atomic(path, pd.DataFrame(rows).to_parquet(index=False))

    def load(self, path: Path) -> None:
        """Take over the rows of a resume point."""
        import pandas as pd

        for row in pd.read_parquet(path).to_dict("records"):
            step = int(row["step"])
            kept = {str(key): float(value) for key, value in row.items() if value == value}  # nan marks a gap
            self.rows[step] = kept | {"step": step}
        self._earlier_s = max((row.get("wall_time_s", 0.0) for row in self.rows.values()), default=0.0)

    def elapsed_s(self) -> float:
        """Wall time of the training so far in seconds, with that of the sessions before a resume."""
        return self._earlier_s + time.monotonic() - self._started

    def total(self, column: str) -> float:
        return sum(row.get(column, 0.0) for row in self.rows.values())


class ValidationCurve(TrainerCallback):
    """Scores the held-out validation rows before the first step, then every `every` optimiser steps and at the end.

    The scores go out with the step's other figures; those of step 0, which has none, by `publish`.
    """

    def __init__(
        self,
        log: TrainingLog,
        score: Callable[[], dict[str, float]],
        every: int | None,
        publish: Callable[[dict[str, float]], None],
    ) -> None:
        self.log = log
        self.score = score
        self.every = every
        self.publish = publish

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.every and state.global_step == 0:
            self.publish(self.score())  # on every process: each scores its share of the rows

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        due = self.every and (state.global_step % self.every == 0 or state.global_step == state.max_steps)
        if due:
            self.log.pending |= self.score()


class Alarm(TrainerCallback):
    """Says once, on stderr and while the training goes on, that it can no longer be saved."""

    def __init__(self, log: TrainingLog, recipe: Recipe) -> None:
        self.log = log
        self.recipe = recipe
        self._said: set[str] = set()

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        row = self.log.rows.get(state.global_step)
        if row is None or not state.is_world_process_zero:
            return
        for warning in alarms([row], self.recipe):
            if warning.name not in self._said:
                self._said.add(warning.name)
                tell(self.recipe, warning.name, warning.message)


def tell(recipe: Recipe, name: str, message: str) -> None:
    """One line on stderr, beside a progress bar if there is one."""
    tqdm.write(f"pspo-bench: warning: {recipe.name} s{recipe.seed}: {name}: {message}", file=sys.stderr)


class Snapshots(TrainerCallback):
    """Leaves the model of every save behind, whole: `write(step)`, on every process."""

    def __init__(self, write: Callable[[int], None]) -> None:
        self._write = write

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write(int(state.global_step))


class Progress(TrainerCallback):
    """One line: steps done, time left and the latest reward or loss; silent where stderr is no terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: tqdm[Any] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc=self.name, unit="step", disable=None
            )

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        shown = {
            key: f"{logs[key]:.3f}" for key in ("reward", "loss") if logs and isinstance(logs.get(key), float)
        }
        if self.bar is not None and shown:
            self.bar.set_postfix(shown, refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar is not None:
            self.bar.close()
