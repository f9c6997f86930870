"""The rows of a log → its samples to be: one model, each with its example, temperature and sample index, each once.

The same completion may stand in a log more than once (lm-eval writes it under every filter): then it is one sample,
with all the scores. Two different completions for one place are an error that names both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from pspo_bench.errors import DataError
from pspo_bench.interop.matching import Matcher
from pspo_bench.interop.source import Drawn, Score, Source, SourceRow
from pspo_bench.records import Example

Place = tuple[str, float | None, int]
"""(example id, temperature, sample index)"""


@dataclass(slots=True)
class Kept:
    """What is held of a row until it is written: not its question and fields, which the example has."""

    row: SourceRow
    example: Example
    sample_index: int
    scores: list[Score]


@dataclass(slots=True)
class Collected:
    """The samples to be, the number of rows they came from, and the model that made them."""

    kept: list[Kept] = field(default_factory=list)
    rows: int = 0
    model: str = ""
    fingerprint: str | None = None


def collect(source: Source, matcher: Matcher, model: str | None, name: str) -> Collected:
    """Read all rows of one model. `model` selects it, or names it where the log does not; `name` is the last resort.

    Raises DataError for rows that have no example or a wrong gold, for several models, and for different
    completions in one place.
    """
    from tqdm import tqdm

    found, places, counts = Collected(), dict[Place, Kept](), defaultdict[tuple[str, float | None], int](int)
    models: dict[str | None, None] = {}
    prints: dict[str | None, None] = {}
    for row in tqdm(source.rows, desc="read", unit="row", disable=None):
        of = row.model or source.origin.model
        models[of] = None
        if of is not None and model is not None and of != model:
            continue
        found.rows += 1
        prints[row.fingerprint] = None
        example = matcher.match(row)
        if example is not None:
            _place(row, example, found, places, counts)
    matcher.require_all()
    found.model = _one_model(models, model, name)
    found.fingerprint = _one_fingerprint(prints)
    if not found.kept:
        raise DataError(f"The log holds no completion{f' of model {model!r}' if model else ''}")
    return found


def _place(
    row: SourceRow,
    example: Example,
    found: Collected,
    places: dict[Place, Kept],
    counts: dict[tuple[str, float | None], int],
) -> None:
    temperature, index = row.drawn.temperature, row.sample_index
    if temperature is not None and temperature < 0:
        raise DataError(f"{row.where}: the temperature must not be negative, and is {temperature:g}")
    if index is None:
        index = counts[example.id, temperature]
        counts[example.id, temperature] += 1
    known = places.get((example.id, temperature, index))
    if known is None:
        kept = Kept(_slim(row), example, index, list(row.scores))
        places[example.id, temperature, index] = kept
        found.kept.append(kept)
    elif known.row.completion != row.completion:
        raise DataError(
            f"{row.where}: another completion for example '{example.id}', sample {index}, than {known.row.where}"
            f" has ({row.completion[:40]!r}, {known.row.completion[:40]!r}); give them different sample indices"
        )
    else:
        known.scores += [score for score in row.scores if score not in known.scores]


def _slim(row: SourceRow) -> SourceRow:
    return replace(row, fields={}, questions=(), golds=(), scores=())


def _one_model(models: Iterable[str | None], model: str | None, name: str) -> str:
    """The model of the rows; a log that names none has the one that the caller names."""
    named = [one for one in models if one is not None]
    if model is not None:
        if named and model not in named:
            raise DataError(f"The log has no completion of model '{model}', but of: {', '.join(named[:8])}")
        return model
    if len(named) > 1:
        raise DataError(
            f"The log has completions of {len(named)} models ({', '.join(named[:8])}); "
            f"select one with model= (--source-model)"
        )
    return named[0] if named else name


def _one_fingerprint(prints: Iterable[str | None]) -> str | None:
    named = [one for one in prints if one]
    if len(named) > 1:
        raise DataError(
            f"The rows have different values of model_fingerprint: {', '.join(named[:4])}; split the file"
        )
    return named[0] if named else None


def settle_temperature(found: Collected, given: float | None) -> list[Kept]:
    """The samples, each with a temperature: its own, else `given`, else 0 where each question has one sample.

    Raises DataError where only a guess could say.
    """
    silent = [kept for kept in found.kept if kept.row.drawn.temperature is None]
    if not silent:
        return found.kept
    first = silent[0].row.where
    if given is None and len(silent) < len(found.kept):
        raise DataError(
            f"{first} has no temperature, and other rows have one; give it in every row, or temperature="
        )
    if given is None and any(kept.sample_index for kept in silent):
        raise DataError(
            f"{first}: the log does not say at which temperature its samples were drawn; give temperature="
        )
    for kept in silent:
        kept.row = _drawn_at(kept.row, given or 0.0)
    return found.kept


def _drawn_at(row: SourceRow, temperature: float) -> SourceRow:
    return replace(row, drawn=replace(row.drawn, temperature=temperature))


def require_one_setting(kept: Iterable[Kept]) -> Drawn:
    """The sampling settings of the rows, which a run has once. Raises DataError naming the first that differs."""
    rows: Iterator[Kept] = iter(kept)
    first = next(islice(rows, 1)).row
    for other in rows:
        for name in ("top_p", "top_k", "min_p", "max_tokens", "stop"):
            mine, theirs = getattr(first.drawn, name), getattr(other.row.drawn, name)
            if mine != theirs:
                raise DataError(
                    f"{other.row.where} was drawn with {name} {theirs!r}, and {first.where} with {mine!r}; "
                    f"a run has one value: split the file"
                )
    return first.drawn
