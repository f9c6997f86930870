"""Verdicts of a rescoring, laid over the samples of a run when they are read.

Parts are never rewritten: a rescoring adds one file with new verdicts, and the newest usable one counts.

    RUN/rescored/<ns>-<checker>-<version>.parquet      `records.SAMPLE_KEY`, `COMPLETION_HASH` and `VERDICT_COLUMNS`

    verdicts = Verdicts(table)
    verdicts.over(samples)              # rows that the file does not hold keep their own verdict

A verdict belongs to the completion that it was given for: where a part was lost and its samples were made anew, a
key may come to hold another one. Rows are found by a 64-bit hash of both (`pandas.util.hash_pandas_object`):
400,000 rows take a second or two, where a join on twelve columns takes far longer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pspo_bench.records import SAMPLE_KEY
from pspo_bench.store.info import SCHEMA_VERSION
from pspo_bench.store.parts import SCHEMA_KEY, sample_schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

VERDICT_COLUMNS = ("extracted", "method", "status", "reason", "checker", "checker_version")
COMPLETION_HASH = "completion_hash"
VERDICT_FILE_COLUMNS = (*SAMPLE_KEY, COMPLETION_HASH, *VERDICT_COLUMNS)


def verdict_schema() -> pa.Schema:
    """The Arrow schema of a file of verdicts."""
    import pyarrow as pa

    samples = sample_schema().append(pa.field(COMPLETION_HASH, pa.string()))
    columns = [samples.field(name) for name in VERDICT_FILE_COLUMNS]
    return pa.schema(columns, metadata={SCHEMA_KEY: SCHEMA_VERSION.encode()})


def completion_hashes(completions: pa.ChunkedArray) -> pa.Array:
    """A hash of each completion, 16 hex digits."""
    import pyarrow as pa

    texts = completions.to_pylist()
    return pa.array(
        [hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in texts], pa.string()
    )


def row_hashes(table: pa.Table, columns: Sequence[str]) -> np.ndarray[Any, Any]:
    """One 64-bit hash of these columns for each row; equal rows have equal hashes within one process."""
    import pandas as pd
    import pyarrow as pa

    keys = table.select(list(columns))
    for place, name in enumerate(columns):
        column = keys.column(place)
        if pa.types.is_string(column.type):  # its few values are then hashed once each
            keys = keys.set_column(place, name, column.dictionary_encode().unify_dictionaries())
    hashes = pd.util.hash_pandas_object(keys.to_pandas(), index=False)
    return hashes.to_numpy()


class Verdicts:
    """The verdicts of one file; of a key that it holds twice the first counts."""

    def __init__(self, table: pa.Table) -> None:
        import pandas as pd

        index = pd.Index(row_hashes(table, (*SAMPLE_KEY, COMPLETION_HASH)))
        first = ~index.duplicated()
        self._rows = index[first]
        self._table = table.select(list(VERDICT_COLUMNS)).filter(first).combine_chunks()

    def over(self, samples: pa.Table) -> pa.Table:
        """`samples` (with the key columns and completions) with the verdicts of the rows that are known here."""
        import pyarrow as pa
        import pyarrow.compute as pc

        hashed = samples.append_column(COMPLETION_HASH, completion_hashes(samples.column("completion")))
        places = self._rows.get_indexer(row_hashes(hashed, (*SAMPLE_KEY, COMPLETION_HASH)))
        known = pa.array(places >= 0)
        taken = pa.array(places, mask=places < 0)
        for place, name in enumerate(samples.column_names):
            if name in VERDICT_COLUMNS:
                new = pc.if_else(known, self._table.column(name).take(taken), samples.column(place))
                samples = samples.set_column(place, samples.schema.field(place), new)
        return samples
