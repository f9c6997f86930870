"""Parts: samples ↔ Parquet, files written whole, and what to do with a file that cannot be used."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import typing
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import StoreError
from pspo_bench.records import Sample
from pspo_bench.store.info import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_KEY = b"pspo_bench.schema"


class PartSetAsideWarning(UserWarning):
    """A part of a run could not be used and was moved to RUN/set_aside/."""


class UnusablePartError(Exception):
    """A part is torn, foreign or damaged; the message completes the sentence `<path> ...`."""


def sample_schema() -> pa.Schema:
    """The Arrow schema of `Sample`: str, int and float fields, nullable where the record says `| None`."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    hints = typing.get_type_hints(Sample)
    columns = []
    for item in fields(Sample):
        options = typing.get_args(hints[item.name]) or (hints[item.name],)
        columns.append(pa.field(item.name, types[options[0]], nullable=type(None) in options))
    return pa.schema(columns, metadata={SCHEMA_KEY: SCHEMA_VERSION.encode()})


def to_parquet(samples: Sequence[Sample]) -> bytes:
    """The samples as one Parquet file with page checksums."""
    import pyarrow as pa

    columns = {item.name: [getattr(s, item.name) for s in samples] for item in fields(Sample)}
    try:
        table = pa.table(columns, schema=sample_schema())
    except UnicodeEncodeError:  # a lone surrogate, which a server's JSON may hold, has no UTF-8
        columns = {name: [_encodable(value) for value in values] for name, values in columns.items()}
        table = pa.table(columns, schema=sample_schema())
    return table_bytes(table)


def table_bytes(table: pa.Table) -> bytes:
    """A table as one Parquet file with page checksums."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def _encodable(value: object) -> object:
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


def read_part(
    path: Path, columns: Sequence[str], fingerprint: str | None, wanted: pa.Schema | None = None
) -> pa.Table:
    """The given columns of a part, or of another file that has the columns of `wanted`.

    Raises UnusablePartError if it is torn, damaged, no table of samples, or of another model than
    `fingerprint`; StoreError if it cannot be read at all or is of another version of pspo-bench.
    """
    import pyarrow as pa

    try:
        table = _read_table(path, columns, wanted or sample_schema())
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StoreError(f"Cannot read {path}: {error}; check the disk and the permissions") from error
        raise UnusablePartError(f"is torn or damaged ({_first_line(error)})") from error
    if fingerprint is not None:
        others = set(table.column("model_fingerprint").unique().to_pylist()) - {fingerprint}
        if others:
            raise UnusablePartError(f"holds samples of another model ({', '.join(sorted(map(str, others)))})")
    return table


def _read_table(path: Path, columns: Sequence[str], wanted: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        found = file.schema_arrow
        missing = [name for name in wanted.names if name not in found.names]
        if missing:
            _refuse_columns(path, found, missing)
        table = file.read(columns=list(columns), use_threads=False).select(list(columns))
    return table.cast(pa.schema([wanted.field(name).with_nullable(True) for name in columns]))


def _refuse_columns(path: Path, found: pa.Schema, missing: list[str]) -> None:
    """A part that this project wrote with other columns is not damaged, so it must not be set aside."""
    version = (found.metadata or {}).get(SCHEMA_KEY)
    if version is not None:
        raise StoreError(
            f"{path} was written by another version of pspo-bench (sample schema {version.decode()}, here "
            f"{SCHEMA_VERSION}; it lacks {', '.join(missing)}); read it with that version"
        )
    raise UnusablePartError(f"is not a table of samples (it lacks {', '.join(missing[:3])}, ...)")


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def column_values(column: pa.ChunkedArray) -> list[Any]:
    """A column as Python values, equal strings shared: many times faster than a copy for each row."""
    import numpy as np
    import pyarrow as pa

    if not pa.types.is_string(column.type):
        return list(column.to_numpy().tolist())
    encoded = column.dictionary_encode().unify_dictionaries()
    return [
        value
        for chunk in encoded.chunks
        for value in np.array(chunk.dictionary.to_pylist(), dtype=object)[chunk.indices.to_numpy()].tolist()
    ]


def sort_key(column: pd.Series[Any]) -> pd.Series[Any]:
    """Example ids in natural order (`q2` before `q10`); other columns as they are."""
    if column.name != "example_id":
        return column
    ranks = {value: rank for rank, value in enumerate(sorted(column.unique(), key=natural_key))}
    return column.map(ranks)


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts digit runs by value: `natural_key("q2") < natural_key("q10")`."""
    pieces = re.split(r"([0-9]+)", text)
    return tuple((1, int(p[:18]), p) if i % 2 else (0, 0, p) for i, p in enumerate(pieces))


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: temporary name in the same folder, fsync, rename.

    Raises StoreError naming the folder and the mend; what was at `path` before stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_synced(temporary, data)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise write_error(path.parent, error) from error
        raise


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Makes a rename survive a power cut; not every file system can (it then has its own guarantees)."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_error(folder: Path, error: OSError) -> StoreError:
    """The one sentence for a folder that cannot be written to: what, why, and the mend."""
    mends = {
        errno.ENOSPC: "free space on that disk",
        errno.EDQUOT: "free space in your quota",
        errno.EACCES: "make the folder writable",
        errno.EPERM: "make the folder writable",
        errno.EROFS: "choose a folder on a writable disk",
        errno.ENOTDIR: "choose a path whose parents are folders",
        errno.EEXIST: "choose a path that is not a file",
    }
    mend = mends.get(error.errno or 0, "choose another folder")
    reason = error.strerror or str(error)
    return StoreError(
        f"Cannot write to {folder}: {reason}; {mend} and run again: samples already saved are kept"
    )
