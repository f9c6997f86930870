"""Details of lighteval: `details_<task>|<shots>_<time>.parquet`, one row a question with all its completions.

Since 0.9 a row has `doc`, `model_response` and `metric` (for a while `__doc__`, ...); before, flat columns such as
`example`, `predictions`, `gold` and `metrics`. Temperature and model are in `results_<time>.json`, which lies under
`results` where the details lie under `details`. Source: lighteval 0.13.0, `logging/evaluation_tracker.py` and
`logging/info_loggers.py` (https://github.com/huggingface/lighteval).

    {"doc": {"id": "4", "query": "...", "choices": ["3"], "gold_index": 0, "generation_size": 64},
     "model_response": {"text": ["... #### 3"]}, "metric": {"extractive_match": 1.0}}
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import DataError
from pspo_bench.interop.reading import Record, clean, is_number, json_file
from pspo_bench.interop.source import Drawn, Origin, Score, Source, SourceRow
from pspo_bench.records import short_hash

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT = "lighteval"
BATCH_ROWS = 64
MAX_LITERAL_CHARS = 1 << 22
_NESTED = {
    "doc": ("query", "choices", "gold_index", "id", "generation_size", "stop_sequences", "instruction"),
    "model_response": ("text", "output_tokens"),
}
_FLAT = ("example", "full_prompt", "predictions", "gold", "metrics")


@dataclass(frozen=True, slots=True)
class _Setup:
    """What holds for a whole file: how completions were drawn, and whether their token lists are padded."""

    drawn: Drawn
    max_tokens: int
    padded: bool


def read(path: Path) -> Source:
    """The completions of a details file. Raises DataError naming the row that is not as lighteval writes it."""
    task, _, time = path.stem.removeprefix("details_").rpartition("_")
    results = _results(path, time)
    general = results.record("config_general")
    config = general.record("model_config")
    parameters = config if config.data else general  # before 0.9
    origin = Origin(
        format=FORMAT,
        harness=FORMAT,  # its files name a commit, where they name anything
        model=general.text("model_name") or config.text("model_name"),
        revision=config.text("revision") or "",
        dtype=_name(config.data.get("dtype")),
        task=task.replace("|", "-").replace(":", "-"),
        system_prompt_hash=short_hash(config.text("system_prompt") or ""),
    )
    return Source(origin, _rows(path, parameters.record("generation_parameters")))


def _name(value: object) -> str:
    return value.removeprefix("torch.") if isinstance(value, str) else ""


def _results(path: Path, time: str) -> Record:
    """The results file of the same time: `results/<model>/` for `details/<model>/<time>/`, or beside the details."""
    name, parts = f"results_{time}.json", path.absolute().parts
    places = [path.parent, path.parent.parent]
    for place in range(len(parts) - 1, 0, -1):
        if parts[place] == "details":
            places.append(Path(*parts[:place], "results", *parts[place + 1 : -2]))
    found = [place / name for place in places if (place / name).is_file()]
    return json_file(found[0]) if found else Record({}, str(path))


def _rows(path: Path, parameters: Record) -> Iterator[SourceRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = _columns(file.schema_arrow, path)
            nested = columns[0].partition(".")[0].strip("_") == "doc"
            setup = _setup(file, columns, parameters) if nested else _flat_setup(parameters)
            yield from _read_rows(file, columns, path, setup, nested)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def _columns(schema: pa.Schema, path: Path) -> list[str]:
    """The columns to read, as `doc.query` or, in the older layout, `example`."""
    for mark in ("", "__"):
        names = {name: f"{mark}{name}{mark}" for name in (*_NESTED, "metric")}
        if all(_is_struct(schema, name) for name in names.values()):
            found = [
                f"{names[outer]}.{inner}"
                for outer, wanted in _NESTED.items()
                for inner in wanted
                if schema.field(names[outer]).type.get_field_index(inner) >= 0
            ]
            return [*found, names["metric"]]
    if "predictions" in schema.names:
        return [name for name in _FLAT if name in schema.names]
    raise DataError(
        f"{path} is not a details file of lighteval (no columns doc, model_response and metric, nor predictions);"
        f" it has: {', '.join(schema.names[:8])}"
    )


def _is_struct(schema: pa.Schema, name: str) -> bool:
    import pyarrow as pa

    return name in schema.names and pa.types.is_struct(schema.field(name).type)


def _read_rows(
    file: pq.ParquetFile, columns: list[str], path: Path, setup: _Setup, nested: bool
) -> Iterator[SourceRow]:
    number = 0
    for batch in file.iter_batches(BATCH_ROWS, columns=columns):
        for values in batch.to_pylist():
            number += 1
            row = Record({name.strip("_"): value for name, value in values.items()}, f"{path}, row {number}")
            yield from _nested_rows(row, setup) if nested else _flat_rows(row, setup)


def _setup(file: pq.ParquetFile, columns: list[str], parameters: Record) -> _Setup:
    """Whether token lists are padded to the longest of a batch: then some end in one token many times over."""
    tokens = [name for name in columns if name.endswith(".output_tokens")]
    padded = False
    for batch in file.iter_batches(BATCH_ROWS, columns=tokens) if tokens else ():
        outer = batch.column(0).to_pylist()
        lists = [one for row in outer for one in (row or {}).get("output_tokens") or []]
        padded = padded or any(_is_padded(one) for one in lists)
    return replace(_flat_setup(parameters), padded=padded)


def _is_padded(tokens: object) -> bool:
    return isinstance(tokens, list) and len(tokens) > 1 and tokens[-1] == tokens[-2]


def _flat_setup(parameters: Record) -> _Setup:
    top_p = parameters.number("top_p", 0, 1)
    drawn = Drawn(
        temperature=parameters.number("temperature"),
        top_p=1.0 if top_p is None else top_p,
        top_k=parameters.whole("top_k") or 0,
        min_p=parameters.number("min_p", 0, 1) or 0.0,
        seed=parameters.whole("seed") or 0,
    )
    return _Setup(drawn, parameters.whole("max_new_tokens") or 0, padded=True)


def _nested_rows(row: Record, setup: _Setup) -> Iterator[SourceRow]:
    doc, response = row.record("doc"), row.record("model_response")
    query, texts = doc.text("query") or "", _texts(response, "text")
    limit = setup.max_tokens or doc.whole("generation_size") or 0
    stops = [clean(text) for text in doc.items("stop_sequences") if isinstance(text, str)]
    drawn = replace(setup.drawn, max_tokens=limit, stop=json.dumps(stops, ensure_ascii=False))
    scores = tuple(_scores(row.record("metric"), len(texts) > 1))
    tokens = response.items("output_tokens")
    for index, text in enumerate(texts):
        counted = tokens[index] if index < len(tokens) and isinstance(tokens[index], list) else None
        yield SourceRow(
            where=row.where,
            completion=text,
            golds=_golds(doc),
            drawn=drawn,
            position=_position(doc.data.get("id")),
            questions=(query,),
            prompt_hash=short_hash(doc.text("instruction") or "", query),
            sample_index=index,
            finish_reason=_end(counted, limit),
            completion_tokens=None if counted is None or setup.padded else len(counted),
            scores=scores if index == 0 else (),
        )


def _end(tokens: list[Any] | None, limit: int) -> str | None:
    """Why a completion ended; None where its tokens fill the limit and end in one token many times over.

    Then it was padded, or it went round in circles until it was cut: the list does not tell.
    """
    if tokens is None or not limit:
        return None
    if len(tokens) < limit:
        return "stop"
    return None if _is_padded(tokens) else "length"


def _golds(doc: Record) -> tuple[str, ...]:
    choices, index = _texts(doc, "choices", least=0), doc.data.get("gold_index")
    places: Sequence[Any] = index if isinstance(index, list) else [index]
    if not all(isinstance(place, int) and 0 <= place < len(choices) for place in places):
        raise DataError(
            f"{doc.where}: 'gold_index' {str(index)[:40]} names no entry of its {len(choices)} choices"
        )
    return tuple(choices[place] for place in places)


def _flat_rows(row: Record, setup: _Setup) -> Iterator[SourceRow]:
    """A row of the older layout, in which values may stand as text: `"['... #### 3']"` (0.6)."""
    row = Record({name: _literal(value) for name, value in row.data.items()}, row.where)
    texts, golds = _listed(row, "predictions"), _listed(row, "gold")
    metrics = row.data.get("metrics")
    scores = tuple(_scores(Record(metrics if isinstance(metrics, dict) else {}, row.where), len(texts) > 1))
    question = _question(row)
    for index, text in enumerate(texts):
        yield SourceRow(
            where=row.where,
            completion=text,
            golds=tuple(golds),
            drawn=setup.drawn,
            questions=(question,),
            prompt_hash=short_hash(row.data.get("full_prompt") or question),
            sample_index=index,
            scores=scores if index == 0 else (),
        )


def _question(row: Record) -> str:
    asked = row.data.get("example") or row.data.get("full_prompt")
    return clean(asked) if isinstance(asked, str) else ""


def _literal(value: object) -> object:
    """A list or object that is printed as Python prints it, parsed as a literal and never evaluated."""
    if not isinstance(value, str) or not value.startswith(("[", "{")) or len(value) > MAX_LITERAL_CHARS:
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value


def _listed(row: Record, name: str) -> list[str]:
    """A text, or a list of texts, of which some versions put several completions in a list of their own."""
    value = row.data.get(name)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return _texts(Record({name: [value] if isinstance(value, str) else value}, row.where), name)


def _texts(record: Record, name: str, least: int = 1) -> list[str]:
    values = record.items(name)
    if len(values) < least or not all(isinstance(text, str) for text in values):
        raise DataError(
            f"{record.where}: '{name}' does not hold texts; only tasks that generate text can be imported"
        )
    return [clean(text) for text in values]


def _position(value: object) -> int | None:
    return (
        int(value)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18
        else None
    )


def _scores(metrics: Record, of_question: bool) -> Iterator[Score]:
    for name, value in metrics.data.items():
        if isinstance(value, bool) or is_number(value):
            yield Score(clean(name), float(value), of_question)
