"""Result files: the scores and provenance of a run without any question or completion text.

A run folder holds the questions, and some data sets (ASDiv: CC BY-NC) are not free to pass on; a result file
holds counts and lengths per question, from which every interval, paired test and bootstrap can be redone:

    {"format": "pspo-bench-result", "version": 1, "complete": true, "run": {...run.json...},
     "scores": [{"task": "gsm8k", "temperature": 0.0, "example_ids": ["0", "1"], "samples": [1, 1],
                 "correct": [1, 0], "truncated": [0, 0], "tokens_correct": [[87], []], ...}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pspo_bench.errors import StoreError
from pspo_bench.results.counting import result_of
from pspo_bench.results.result import FORMAT, STEP_FOLDER, VERSION, Measured, Result, TaskCounts
from pspo_bench.store import Run, RunInfo, is_run, natural_key


def export_result(run: Run, *, measure: bool = False) -> dict[str, Any]:
    """The content of a result file for `run`; `dump_result` makes its text. `measure`: see `result_of`."""
    result = result_of(run, measure=measure)
    info = result.info
    info = replace(info, model=portable(info.model), base_model=portable(info.base_model))
    return replace(result, info=info).to_dict()


def portable(model: str) -> str:
    """A model spec without the folders of this machine, which say nothing to others."""
    local = model.startswith((".", "/", "~")) or Path(model).exists()
    kept = (
        2 if STEP_FOLDER.fullmatch(Path(model).name) else 1
    )  # a step says nothing without its training's name
    return "/".join(Path(model).parts[-kept:]) if local else model


def dump_result(data: dict[str, Any]) -> str:
    """JSON text with one line per list of figures or names, so that a result file diffs well and stays small."""
    return _dumped(data, "") + "\n"


def _dumped(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{_json(str(key))}: {_dumped(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(inner + _dumped(item, inner) for item in value) + f"\n{indent}]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def load_entries(paths: Sequence[str | Path], *, measure: bool = False) -> list[Result]:
    """Every run and result file at or below `paths`, each folder in the natural order of its names.

    `measure`: of run folders, see `result_of`.
    Raises StoreError for a path at which there is none, naming it, and for a file that is not a result file.
    """
    found: list[Result] = []
    for path in paths:
        results = list(_search(Path(path), measure))
        if not results:
            raise StoreError(
                f"No run or result file at {path}; pass run folders, result files or folders of them"
            )
        found += results
    return found


def _search(path: Path, measure: bool) -> Iterator[Result]:
    if is_run(path):
        yield result_of(Run.open(path), measure=measure)
    elif path.is_dir():
        for child in sorted(path.iterdir(), key=lambda child: natural_key(child.name)):
            if child.is_dir() and not child.name.startswith("."):
                yield from _search(child, measure)
            elif child.suffix == ".json" and _is_result(child):
                yield load_result(child)
    elif path.suffix == ".json":
        yield load_result(path)


def _is_result(path: Path) -> bool:
    """Whether a JSON file found in a folder says that it is a result file; other JSON may lie beside it."""
    return f'"{FORMAT}"' in path.read_text(encoding="utf-8", errors="replace")


def load_result(path: Path) -> Result:
    """A result file. Raises StoreError naming the file and what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise ValueError(
                f"it is {data['format']} version {data['version']}, not {FORMAT} version {VERSION}"
            )
        scores = tuple(_checked(_task_counts(score)) for score in data["scores"])
        info = RunInfo.from_dict(data["run"], str(path))
        checkers = tuple(str(one) for one in data.get("checkers", ()))
        return Result(info, scores, bool(data["complete"]), path, checkers)
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}; check the path") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is not a result file: {error}; write it with export_result") from error


def _task_counts(score: dict[str, Any]) -> TaskCounts:
    """A metric whose `n` is left out applies to every sample."""
    measures = score.get("measures")
    known = {name: Measured(**{"n": score["samples"], **one}) for name, one in (measures or {}).items()}
    return TaskCounts(**{**score, "measures": known or None})


def _checked(score: TaskCounts) -> TaskCounts:
    """Lists of one length, and no more correct or truncated samples than samples."""
    columns = [f.name for f in fields(score) if isinstance(getattr(score, f.name), list)]
    lengths = {len(getattr(score, name)) for name in columns}
    lengths |= {len(part) for one in (score.measures or {}).values() for part in (one.n, one.total)}
    if len(lengths) != 1:
        raise ValueError(f"the lists of {score.task} have different lengths {sorted(lengths)}")
    completed = score.correct_completed or [0] * len(score.samples)
    rows = zip(score.example_ids, score.samples, score.correct, score.truncated, completed, strict=True)
    for example, n, correct, truncated, whole in rows:
        if not (0 <= max(correct, truncated) <= n and 0 <= whole <= min(correct, n - truncated)):
            raise ValueError(
                f"{score.task} {example}: {correct} correct ({whole} of them not cut), {truncated} truncated"
                f" of {n} samples"
            )
    return score
