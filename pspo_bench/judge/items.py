"""What is judged: samples of runs, by arm and seed, chosen alike for every run.

    items = load_items([Path("runs/clip-s0"), Path("runs/pspo-s0")], Selection(limit=200))
    items[0].arm, items[0].seed, items[0].correct           # "clip (epsilon=0.2)", 0, True

Runs are of one arm where base model, objective, recipe and step are the same, as on the leaderboard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError, StoreError
from pspo_bench.records import Status, short_hash
from pspo_bench.results import Result
from pspo_bench.store import Run

if TYPE_CHECKING:
    import pandas as pd

Question = tuple[str, str]
"""(task, example id)"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which samples of each run: tasks (None: all), `limit` questions of a task (None: all), the first `samples` of
    each, at `temperature` (None: the run's headline one). `seed` fixes which questions.
    """

    tasks: tuple[str, ...] | None = None
    limit: int | None = None
    samples: int = 1
    temperature: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or (self.limit is not None and self.limit < 1):
            raise ConfigError("--limit and --samples must be at least 1")


@dataclass(frozen=True, slots=True)
class Item:
    """One sample to be judged, with what the judge must not see: whose it is, and whether it is correct."""

    arm: str
    seed: int | None
    run: str
    fingerprint: str
    task: str
    example_id: str
    example_hash: str
    sample_index: int
    temperature: float
    question: str
    text: str
    correct: bool
    truncated: bool

    @property
    def question_key(self) -> Question:
        return self.task, self.example_id


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of all runs, and how many samples were left out because the engine had made none."""

    items: list[Item]
    arms: tuple[str, ...]
    failed: int


def load_items(paths: Sequence[Path], selection: Selection) -> Loaded:
    """The chosen samples of the runs. Raises StoreError where there is no run or nothing to judge in it."""
    runs = [Run.open(path) for path in paths]
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise ConfigError("A run is given twice; name each once")
    names = _arm_names([Result(run.info, (), True, run.path) for run in runs])
    items, failed = [], 0
    for run, (arm, seed) in zip(runs, names, strict=True):
        rows = _chosen(run, selection)
        whole = rows[rows["status"] != Status.ERROR.value]
        failed += len(rows) - len(whole)
        items += [_item(row, arm, seed, str(run.path)) for row in whole.to_dict("records")]
    return Loaded(items, tuple(dict.fromkeys(arm for arm, _ in names)), failed)


def _chosen(run: Run, selection: Selection) -> pd.DataFrame:
    frame = run.frame()
    headline = run.info.settings.headline
    shown = headline if selection.temperature is None else selection.temperature
    rows = frame[(frame["temperature"] == shown) & (frame["sample_index"] < selection.samples)]
    if selection.tasks is not None:
        rows = rows[rows["task"].isin(selection.tasks)]
    if rows.empty:
        asked = f" of the tasks {', '.join(selection.tasks)}" if selection.tasks else ""
        raise StoreError(
            f"{run.path} holds no samples at temperature {shown:g}{asked}; see --tasks, --temperature"
        )
    if selection.limit is None:
        return rows
    return rows[rows.groupby("task")["example_id"].transform(lambda ids: ids.isin(_some(ids, selection)))]


def _some(ids: pd.Series[str], selection: Selection) -> list[str]:
    """A random subset of the questions that is the same for every run, and only grows with the limit."""
    return sorted(ids.unique(), key=lambda one: short_hash(selection.seed, one))[: selection.limit]


def _item(row: Mapping[Hashable, Any], arm: str, seed: int | None, run: str) -> Item:
    return Item(
        arm=arm,
        seed=seed,
        run=run,
        fingerprint=str(row["model_fingerprint"]),
        task=str(row["task"]),
        example_id=str(row["example_id"]),
        example_hash=str(row["example_hash"]),
        sample_index=int(row["sample_index"]),
        temperature=float(row["temperature"]),
        question=str(row["question"]),
        text=str(row["completion"]),
        correct=row["status"] == Status.CORRECT.value,
        truncated=row["finish_reason"] == "length",
    )


def _arm_names(results: Sequence[Result]) -> list[tuple[str, int | None]]:
    """(arm, seed) of each run. An arm's name says no more than what keeps it apart from the others."""
    keys = [(r.info.base_model, r.objective, r.recipe, r.step) for r in results]
    seeds = Counter(zip(keys, (r.seed for r in results), strict=True))
    names = {key: _name(key, set(keys)) for key in keys}
    found = []
    for key, result in zip(keys, results, strict=True):
        alone = seeds[key, result.seed] == 1
        found.append((names[key] if alone else f"{names[key]}, {result.source}", result.seed))
    return found


_Key = tuple[str, str, str | None, int | None]


def _name(key: _Key, keys: set[_Key]) -> str:
    """The shortest of its forms that no other arm has."""
    for level, form in enumerate(_forms(key)):
        if sum(_forms(other)[level] == form for other in keys) == 1:
            return form
    return f"{_forms(key)[-1]}, {key[0]}"


def _forms(key: _Key) -> list[str]:
    base, objective, recipe, step = key
    named = f"{objective}, {Path(base.rstrip('/')).name or base}"
    return [objective, named, f"{named}, {recipe}", f"{named}, {recipe}, step {step}"]
