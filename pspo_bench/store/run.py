"""The run folder itself: start, append, resume, finish, read."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import StoreError
from pspo_bench.records import SAMPLE_KEY, Sample
from pspo_bench.store.info import RunInfo, require_equal
from pspo_bench.store.parts import (
    PartSetAsideWarning,
    UnusablePartError,
    column_values,
    read_part,
    sample_schema,
    sort_key,
    table_bytes,
    to_parquet,
    write_atomic,
    write_error,
)
from pspo_bench.store.verdicts import VERDICT_COLUMNS, VERDICT_FILE_COLUMNS, Verdicts, verdict_schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

COLUMNS = tuple(f.name for f in fields(Sample))
SORT_COLUMNS = tuple(dict.fromkeys(("task", "example_id", "temperature", "sample_index", *SAMPLE_KEY)))


class Run:
    """A run folder. Open it with `Run.open`; any number of processes may have it open and append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts = path / "parts"
        self.rescored = path / "rescored"
        self._keys: dict[tuple[object, ...], set[tuple[Any, ...]]] = {}

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False) -> Run:
        """The run at `path`, made if `create`. Raises StoreError if there is none or it cannot be made."""
        run = cls(Path(path))
        if create:
            try:
                run.parts.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise write_error(run.path, error) from error
        elif not is_run(run.path):
            raise StoreError(
                f"{path} is not a run folder (it has no run.json); check the path, or evaluate into it"
            )
        return run

    # run.json

    @property
    def info(self) -> RunInfo:
        """What was run. Raises StoreError if run.json is missing or cannot be read."""
        import json

        path = self.path / "run.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StoreError(f"{self.path} has no run.json: it was never started") from error
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}; restore it") from error
        return RunInfo.from_dict(data, str(path))

    @property
    def started(self) -> bool:
        return (self.path / "run.json").exists()

    def start(self, info: RunInfo) -> RunInfo:
        """Describes the run before its first sample, or extends what is there; returns what now holds.

        Raises StoreError naming the difference where the folder holds another model, prompt or setting.
        """
        # A run that failed before its first sample binds nobody.
        held = self.started and any(self.parts.glob("*.parquet"))
        merged = self.info.merged(info, str(self.path)) if held else info
        self._write_info(merged)
        return merged

    def update_info(self, **changes: Any) -> RunInfo:
        """Replaces fields of run.json atomically, for example `run.update_info(device="cuda")`."""
        info = replace(self.info, **changes)
        self._write_info(info)
        return info

    def _write_info(self, info: RunInfo) -> None:
        import json

        text = json.dumps(info.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomic(self.path / "run.json", (text + "\n").encode())

    def finish(self) -> bool:
        """Marks the run as finished if every expected sample is there; says whether it is."""
        progress, tasks = self.progress(), self.info.tasks
        complete = all(
            tasks[task].is_complete(label, have, asked)
            for (task, label), (have, _, asked) in progress.items()
        )
        counts = {f"{task} T={label}": have for (task, label), (have, _, _) in progress.items()}
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.update_info(finished={"at": at, "samples": counts} if complete else None)
        return complete

    def progress(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(samples there, samples expected, questions that have one) by (task, temperature label)."""
        task, example, temperature = (
            SAMPLE_KEY.index(name) for name in ("task", "example_id", "temperature")
        )
        samples: Counter[tuple[str, str]] = Counter()
        questions: dict[tuple[str, str], set[str]] = {}
        for key in self.done_keys():
            place = (key[task], f"{key[temperature]:g}")
            samples[place] += 1
            questions.setdefault(place, set()).add(key[example])
        return {
            (name, label): (samples[name, label], wanted, len(questions.get((name, label), ())))
            for name, info in self.info.tasks.items()
            for label, wanted in info.expected_samples.items()
        }

    # samples

    def _repr_html_(self) -> str:
        """What a notebook shows: where, of what, and how much of it is there. Names are escaped."""
        from html import escape

        if not self.started:
            return f"<p>Run {escape(str(self.path))}: not started</p>"
        info = self.info
        rows = [
            ("run", str(self.path)),
            ("model", info.model),
            ("engine", f"{info.engine} {info.engine_version}"),
        ]
        rows += [
            (f"{task} at T={label}", f"{have} of {expected} samples")
            for (task, label), (have, expected, _) in self.progress().items()
        ]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
        return f"<table>{cells}</table>"

    def append(self, samples: Sequence[Sample]) -> Path | None:
        """Writes `samples` as one new part and returns its path; None if there are none.

        On any failure the temporary file is removed, earlier parts stay, and StoreError says what to do.
        """
        if not samples:
            return None
        if self.started:
            expected = self.info.fingerprint
            for other in {s.model_fingerprint for s in samples} - {expected}:
                require_equal("fingerprint", expected, other, str(self.path))
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.parquet"
        path = self.parts / name
        write_atomic(path, to_parquet(samples))
        return path

    def done_keys(self) -> set[tuple[Any, ...]]:
        """The keys (`Sample.key`) of the samples that are there.

        Reads the key columns only, and of a part that this object has read before, and that is as it was, nothing.
        """
        fingerprint, before = self._fingerprint, self._keys
        self._keys = {}
        for path in sorted(self.parts.glob("*.parquet")):
            with contextlib.suppress(FileNotFoundError):
                state = path.stat()
                stamp = (path.name, state.st_size, state.st_mtime_ns, fingerprint)
                if stamp in before:
                    self._keys[stamp] = before[stamp]
                elif (table := self._part(path, SAMPLE_KEY, fingerprint)) is not None:
                    columns = (column_values(table.column(name)) for name in SAMPLE_KEY)
                    self._keys[stamp] = set(zip(*columns, strict=True))
        return set().union(*self._keys.values())

    def frame(self) -> pd.DataFrame:
        """All samples, one row per key, sorted by task, example, temperature and sample index.

        Where a key was written twice the earlier part wins; the verdicts are those of the newest rescoring where
        it has one. Which process wrote what, and when, leaves no trace: a run that was resumed gives the same
        table as one that was not.
        """
        import pyarrow as pa

        tables = list(self._stored(COLUMNS))
        table = pa.concat_tables(tables) if tables else sample_schema().empty_table()
        verdicts = self.verdicts()
        frame: pd.DataFrame = (verdicts.over(table) if verdicts else table).to_pandas()
        frame = frame.drop_duplicates(list(SAMPLE_KEY), keep="first")
        return frame.sort_values(list(SORT_COLUMNS), key=sort_key, kind="stable", ignore_index=True)

    def tables(self, columns: tuple[str, ...]) -> Iterator[pa.Table]:
        """The usable parts, oldest first, reduced to `columns`; others are set aside with a warning.

        Verdicts are those of the newest rescoring where it has one.
        """
        verdicts = self.verdicts() if set(columns) & set(VERDICT_COLUMNS) else None
        if verdicts is None:
            yield from self._stored(columns)
            return
        for table in self._stored(tuple(dict.fromkeys((*columns, *SAMPLE_KEY, "completion")))):
            yield verdicts.over(table).select(list(columns))

    def _stored(self, columns: tuple[str, ...]) -> Iterator[pa.Table]:
        """`tables` as they were written."""
        fingerprint = self._fingerprint
        for path in sorted(self.parts.glob("*.parquet")):
            table = self._part(path, columns, fingerprint)
            if table is not None:
                yield table

    def _part(self, path: Path, columns: tuple[str, ...], fingerprint: str | None) -> pa.Table | None:
        """One part as it was written; None if another reader has just set it aside, or this one now has."""
        try:
            return read_part(path, columns, fingerprint)
        except FileNotFoundError:
            return None
        except UnusablePartError as error:
            self._set_aside(path, str(error), "samples count as not done: run eval again to fill them")
            return None

    # verdicts of a rescoring

    def verdicts(self) -> Verdicts | None:
        """The newest usable file of verdicts in RUN/rescored; others are set aside with a warning."""
        for path in sorted(self.rescored.glob("*.parquet"), reverse=True):
            try:
                return Verdicts(read_part(path, VERDICT_FILE_COLUMNS, self._fingerprint, verdict_schema()))
            except FileNotFoundError:
                continue
            except UnusablePartError as error:
                self._set_aside(path, str(error), "verdicts do not count: run rescore again")
        return None

    def add_verdicts(self, verdicts: pa.Table, label: str) -> Path:
        """Writes a table of `VERDICT_FILE_COLUMNS` as the newest verdicts; `label` says whose they are."""
        try:
            self.rescored.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        path = self.rescored / f"{time.time_ns():020d}-{label}.parquet"
        write_atomic(path, table_bytes(verdicts.cast(verdict_schema())))
        return path

    @property
    def _fingerprint(self) -> str | None:
        return self.info.fingerprint if self.started else None

    def _set_aside(self, path: Path, why: str, loss: str) -> None:
        target = self.path / "set_aside" / path.name
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)
            done = f"moved to {target}"
        except OSError as error:
            done = f"ignored (it could not be moved: {error})"
        warnings.warn(f"{path} {why}; {done}; its {loss}", PartSetAsideWarning, stacklevel=5)


def is_run(path: str | Path) -> bool:
    """Whether `path` is the folder of a run that was started."""
    return (Path(path) / "run.json").is_file()
