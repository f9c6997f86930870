"""What the metrics of single solutions say of a run's samples, kept in the run folder: a solution takes milliseconds.

    RUN/measures/<hash of the metrics>.parquet      one row a distinct (question, completion), a column a metric

    measures_of(run, run.frame())                   # computes what is missing, and keeps it

A metric of a solution depends on question and completion alone, so nothing goes stale when samples are added or
rescored; other metrics, or another `METRICS_VERSION`, are another file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.errors import StoreError
from pspo_bench.metrics import METRICS_VERSION, measured, solution_metrics
from pspo_bench.metrics.registry import SolutionMetric
from pspo_bench.records import short_hash
from pspo_bench.store import Run, write_atomic

if TYPE_CHECKING:
    import pandas as pd

_KEY = "solution"
CHUNK = 2000
"""Solutions between two saves, some seconds."""


def measures_of(run: Run, frame: pd.DataFrame, *, progress: bool = False) -> pd.DataFrame:
    """A column for each metric of single solutions, a row for each of `frame` (its index); NaN where one does not
    apply. A run folder that cannot be written to is measured all the same.
    """
    import pandas as pd
    from tqdm import tqdm

    metrics = solution_metrics()
    path, keys = _path(run, metrics), _keys(frame)
    known = _kept(path, metrics)
    missing = frame[~keys.isin(known.index) & ~keys.duplicated()]
    with tqdm(total=len(missing), desc="metrics", unit="solution", disable=None if progress else True) as bar:
        for start in range(0, len(missing), CHUNK):
            rows = missing.iloc[start : start + CHUNK]
            found = measured(rows, metrics).set_axis(keys[rows.index])
            known = found if known.empty else pd.concat([known, found])
            _keep(path, known)
            bar.update(len(rows))
    return known.reindex(keys).set_axis(frame.index)


def kept_measures(run: Run, frame: pd.DataFrame) -> pd.DataFrame | None:
    """`measures_of` if all of it is kept already, else None: for what must not take minutes unasked."""
    known, keys = _kept(_path(run, metrics := solution_metrics()), metrics), _keys(frame)
    return known.reindex(keys).set_axis(frame.index) if keys.isin(known.index).all() else None


def _path(run: Run, metrics: Sequence[SolutionMetric]) -> Path:
    which = short_hash(METRICS_VERSION, *(part for m in metrics for part in (m.name, m.definition, m.source)))
    return run.path / "measures" / f"{which}.parquet"


def _keys(frame: pd.DataFrame) -> pd.Series[str]:
    import pandas as pd

    def key(question: str, completion: str) -> str:
        text = f"{len(question)}:{question}{completion}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    pairs = zip(frame["question"], frame["completion"], strict=True)
    return pd.Series([key(*pair) for pair in pairs], index=frame.index, dtype=str)


def _kept(path: Path, metrics: Sequence[SolutionMetric]) -> pd.DataFrame:
    """What the file holds; a damaged one holds nothing, and is written anew."""
    import pandas as pd

    names = [metric.name for metric in metrics]
    try:
        return pd.read_parquet(path, columns=[_KEY, *names]).set_index(_KEY)
    except (OSError, ValueError, KeyError):
        return pd.DataFrame(columns=names, index=pd.Index([], name=_KEY), dtype=float)


def _keep(path: Path, known: pd.DataFrame) -> None:
    import io

    out = io.BytesIO()
    known.rename_axis(_KEY).reset_index().to_parquet(out, index=False)
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, out.getvalue())
    except (OSError, StoreError):
        return
