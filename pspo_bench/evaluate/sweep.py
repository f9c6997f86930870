"""Several models, one after another: a list of them, or the checkpoints of a training run.

    wanted = targets(["pocket"], ["runs/clip/checkpoint-*"], Path("runs/sweep"))
    runs, failures = evaluate_all(wanted, ["pocket_gsm"], settings)

Each model has a run folder of its own. An engine that can take other weights without a
restart (`Engine.swap`) is kept from one model to the next.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.errors import ConfigError, PspoBenchError
from pspo_bench.evaluate.jobs import workloads
from pspo_bench.evaluate.run import open_engine, score
from pspo_bench.evaluate.settings import EvalSettings
from pspo_bench.models import BUILTIN
from pspo_bench.records import short_hash
from pspo_bench.store import Run, natural_key

if TYPE_CHECKING:
    from pspo_bench.engines import Engine


@dataclass(frozen=True, slots=True)
class Target:
    """A model to score, what to call it, and its run folder."""

    name: str
    model: str
    path: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that could not be scored, and why."""

    name: str
    error: str


def targets(models: Sequence[str], checkpoints: Sequence[str], output: Path) -> list[Target]:
    """Models and the folders that the patterns of `checkpoints` match, each once, in natural order of their names.

    Names are the last parts of the paths, as many as tell the models apart: `clip-checkpoint-20`; so they depend on
    which models are given. One model given by name has its run in `output` itself, several have theirs below it.
    Raises ConfigError for a pattern that matches no folder, or where there is no model at all.
    """
    found = list(models)
    for pattern in checkpoints:
        folders = [path for path in glob.glob(str(Path(pattern).expanduser())) if Path(path).is_dir()]
        if not folders:
            raise ConfigError(
                f"No folder matches --checkpoints '{pattern}'; check it, and quote it in the shell"
            )
        found += sorted(folders, key=natural_key)
    if not found:
        raise ConfigError("No model given; name one or more with --model, or folders with --checkpoints")
    specs = {_parts(spec): spec for spec in reversed(found)}  # of two spellings of one path the first stays
    places = {spec: parts for parts, spec in reversed(specs.items())}
    alone = len(places) == 1 and not checkpoints
    return [
        Target(name, spec, output if alone else output / name)
        for name, spec in zip(_names(list(places.values())), places, strict=True)
    ]


def _parts(spec: str) -> tuple[str, ...]:
    """What names a model: the parts of its real path, or those of the name of a model that is no path here."""
    path = Path(spec).expanduser()
    is_path = spec not in BUILTIN and (path.exists() or spec.startswith((".", "/", "~")))
    return path.resolve().parts if is_path else Path(spec).parts


def _names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """One folder name for each, all different."""
    names: list[str] = []
    for depth in range(1, max(map(len, paths)) + 1):
        names = [_safe("-".join(parts[-depth:])) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{name}-{short_hash(*parts)[:6]}" for name, parts in zip(names, paths, strict=True)]


def _safe(name: str) -> str:
    """A name of one folder, whatever is in it."""
    return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "model"


def evaluate_all(
    wanted: Sequence[Target],
    task_names: Sequence[str],
    settings: EvalSettings,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[Run], list[Failure]]:
    """Score every model into its run folder; returns the runs that finished, and what failed.

    `report` gets one line per model. Raises ConfigError or DataError before any model is loaded; a model that
    cannot be loaded or scored is a Failure, and the others go on.
    """
    loads = workloads(task_names, settings)
    runs, failures = [], []
    with closing(HeldEngine(settings)) as held:
        for number, target in enumerate(wanted, 1):
            place = f"[{number}/{len(wanted)}] {target.name}"
            report(place)
            try:
                run = Run.open(target.path, create=True)
                score(target.model, held.engine_for(target.model), loads, run, settings)
                runs.append(run)
            except PspoBenchError as error:
                failures.append(Failure(target.name, " ".join(str(error).split())))
                report(f"{place} failed: {failures[-1].error}")
    return runs, failures


class HeldEngine:
    """The one engine that is open, with one model after another in it."""

    def __init__(self, settings: EvalSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._model = ""

    def engine_for(self, model: str) -> Engine:
        """The engine at hand if it has or can take the model's weights, else a new one in its place."""
        from pspo_bench.engines import Swapping

        if self._engine is not None and self._model == model:
            return self._engine
        self._model = ""  # until it is known what is in it
        if not (isinstance(self._engine, Swapping) and self._engine.swap(model)):
            self.close()
            self._engine = open_engine(model, self._settings)
        assert self._engine is not None
        self._model = model
        return self._engine

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
