"""Load a task: its TOML file, and its rows as `Example`s, with counts and hashes checked.

    task = load_task("gsm8k")
    examples = load_examples(task, data_dir=Path("data"))      # data/gsm8k/test.jsonl, else the Hub

Files are looked for in `--tasks-dir`, then among the shipped ones, then in packages that announce a
folder of task files under the entry-point group `pspo_bench.tasks`. A row comes from a generator
(`module:function`), from a file beside the task, from `<data_dir>/<task>/<split>.jsonl` or from the Hub.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from pspo_bench.config import Section, read_toml, validate
from pspo_bench.errors import ConfigError, DataError, unknown
from pspo_bench.records import Example
from pspo_bench.registry import Registry
from pspo_bench.resources import tasks_dir

DATA_ENV = "PSPO_BENCH_DATA"
LIMIT_SEED = 2509_21282
OPTIONAL_COLUMNS = ("id", "category", "difficulty", "solution")

_PLUGINS: Registry[Any] = Registry("task folder", group="pspo_bench.tasks")


class Columns(Section):
    """How a row becomes an Example: templates over the row's fields, such as `{Body} {Question}`."""

    question: str
    gold: str
    gold_after: str | None = None
    answer_type: str | None = None
    id: str | None = None
    category: str | None = None
    difficulty: str | None = None
    solution: str | None = None


class Split(Section):
    """One split: how many rows it must have, and the hash of their questions and golds."""

    rows: int | None = Field(None, ge=1)
    sha256: str | None = None
    hub_splits: tuple[str, ...] = ()
    file: str | None = None


class Task(Section):
    """A declarative benchmark. `eval_split` is what `eval` scores; `system_prompt` "" means none."""

    name: str
    title: str
    license: str
    answer_type: str = "auto"
    hub: str | None = None
    hub_config: str | None = None
    generator: str | None = None
    citation: str | None = None
    eval_split: str = "test"
    max_tokens: int = 512
    system_prompt: str | None = None
    columns: Columns
    splits: dict[str, Split]
    path: Path = Path()

    @model_validator(mode="after")
    def _has_eval_split(self) -> Task:
        if self.eval_split not in self.splits:
            raise ValueError(
                f"splits.{self.eval_split} is missing; eval_split = '{self.eval_split}' needs it"
            )
        return self


def task_files(extra_dir: Path | None = None) -> dict[str, Path]:
    """Every task file by task name; `extra_dir` wins over the shipped ones, which win over plug-ins'."""
    if extra_dir is not None and not extra_dir.is_dir():
        raise ConfigError(f"--tasks-dir {extra_dir} is not a folder")
    plugin_dirs = [Path(_PLUGINS.get(name)()) for name in _PLUGINS]
    found: dict[str, Path] = {}
    for folder in [*plugin_dirs, tasks_dir(), *([extra_dir] if extra_dir else [])]:
        found |= {file.stem: file for file in sorted(folder.glob("*.toml"))}
    return dict(sorted(found.items()))


def load_task(name: str, extra_dir: Path | None = None) -> Task:
    """The task called `name`. Raises ConfigError naming the known ones, or the offending key of its file."""
    files = task_files(extra_dir)
    if name not in files:
        raise ConfigError(unknown("task", name, files))
    task = validate(Task, read_toml(files[name]) | {"path": files[name]}, str(files[name]))
    if task.name != name:
        raise ConfigError(f"{files[name]}: name = '{task.name}' must be the file's name, '{name}'")
    return task


def load_examples(
    task: Task,
    split: str | None = None,
    *,
    data_dir: Path | None = None,
    limit: int | float | None = None,
) -> list[Example]:
    """The examples of one split, in the data's order.

    `limit` keeps that many (or, as a fraction below 1, that share): a fixed pseudo-random subset, the same
    for every model and nested, so that raising the limit keeps what was scored. Counts and hashes are
    checked on the whole split first. Raises DataError naming the task, the split and both figures.
    """
    split = split or task.eval_split
    if split not in task.splits:
        raise ConfigError(unknown("split", split, task.splits, str(task.path)))
    rows, origin = _rows(task, split, data_dir)
    examples = _examples(task, rows, origin)
    _verify(task, split, examples, origin)
    return _limited(examples, limit)


def data_folder(given: Path | None) -> Path | None:
    """The folder of the data sets: the one that is given, else that of PSPO_BENCH_DATA; None for the Hub."""
    return given or (Path(os.environ[DATA_ENV]) if os.environ.get(DATA_ENV) else None)


def content_hash(examples: Iterable[Example]) -> str:
    """SHA-256 of all (question, gold) pairs, blind to row order and to runs of white space.

    So the Hub's copy and a local file of the same data agree, whatever way they are split or stored.
    """
    lines = sorted(" ".join(f"{e.question}\x1f{e.gold}".split()) for e in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows(task: Task, split: str, data_dir: Path | None) -> tuple[list[dict[str, Any]], str]:
    """The raw rows of a split and where they came from."""
    spec = task.splits[split]
    if task.generator:
        generate: Any = Registry("generator", group="pspo_bench.generators").get(
            task.generator, str(task.path)
        )
        return generate(task.name, split), task.generator
    if spec.file:
        file = task.path.parent / spec.file
        return _read_jsonl(file), str(file)
    folder = data_folder(data_dir)
    if folder is not None:
        file = folder / task.name / f"{split}.jsonl"
        return _read_jsonl(file), str(file)
    if task.hub:
        return _from_hub(task, split), f"{task.hub} on the Hugging Face Hub"
    raise ConfigError(
        f"{task.path}: split '{split}' has no source; give generator, hub or splits.{split}.file"
    )


def _read_jsonl(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        raise DataError(f"Data file {file} does not exist; put it there, or give another --data-dir")
    rows = []
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Data file {file} cannot be read: {error}; it must be JSON lines in UTF-8"
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number} is not a JSON object")
        rows.append(row)
    return rows


def _from_hub(task: Task, split: str) -> list[dict[str, Any]]:
    from datasets import load_dataset

    rows: list[dict[str, Any]] = []
    for name in task.splits[split].hub_splits or (split,):
        try:
            rows += [dict(row) for row in load_dataset(task.hub, task.hub_config, split=name)]
        except Exception as error:  # datasets raises many unrelated types for "cannot be had"
            raise DataError(
                f"Cannot load '{task.hub}' ({name}) from the Hugging Face Hub: {type(error).__name__}: "
                f"{str(error).splitlines()[0] if str(error) else 'no message'}. Offline, give --data-dir DIR"
                f" (or {DATA_ENV}) with {task.name}/{split}.jsonl"
            ) from error
    return rows


def _examples(task: Task, rows: list[dict[str, Any]], origin: str) -> list[Example]:
    """Fill the column templates. An optional column that no row has is left out; `id` falls back to the row number."""
    templates = {
        key: value for key, value in task.columns.model_dump().items() if value and key != "gold_after"
    }
    fields = set().union(*(row.keys() for row in rows)) if rows else set()
    for key, template in list(templates.items()):
        if not _names_in(template, task) <= fields and key in OPTIONAL_COLUMNS:
            del templates[key]
    return [_example(task, templates, row, number, origin) for number, row in enumerate(rows)]


def _example(task: Task, templates: dict[str, str], row: dict[str, Any], number: int, origin: str) -> Example:
    try:
        values = {key: _fill(template, row) for key, template in templates.items()}
    except KeyError as error:
        raise DataError(
            f"Task '{task.name}': row {number} of {origin} has no column {error}; it has: {', '.join(sorted(row))}"
        ) from error
    gold = values["gold"]
    if task.columns.gold_after:
        _, marker, gold = gold.rpartition(task.columns.gold_after)
        if not marker:
            raise DataError(
                f"Task '{task.name}': row {number} of {origin} has no '{task.columns.gold_after}' in its gold"
            )
    if not gold.strip() or not values["question"].strip():
        raise DataError(f"Task '{task.name}': row {number} of {origin} has an empty question or gold")
    return Example(
        task=task.name,
        id=values.get("id") or str(number),
        question=values["question"].strip(),
        gold=gold.strip(),
        answer_type=values.get("answer_type") or task.answer_type,
        category=values.get("category"),
        difficulty=values.get("difficulty"),
        solution=values.get("solution"),
    )


def _names_in(template: str, task: Task) -> set[str]:
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    if not all(name.isidentifier() for name in names):
        raise ConfigError(f"{task.path}: column template '{template}' may hold plain {{column}} names only")
    return names


def _fill(template: str, row: dict[str, Any]) -> str:
    """The template with `{column}` replaced; only plain names, so no attribute of a value can be reached."""
    parts = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(literal)
        if name is not None:
            value = row[name]
            parts.append("" if value is None else str(value))
    return "".join(parts)


def _verify(task: Task, split: str, examples: Sequence[Example], origin: str) -> None:
    spec = task.splits[split]
    if spec.rows is not None and len(examples) != spec.rows:
        raise DataError(
            f"Task '{task.name}', split '{split}': {origin} has {len(examples)} rows,"
            f" but {task.path.name} says {spec.rows}"
        )
    ids = {example.id for example in examples}
    if len(ids) != len(examples):
        raise DataError(
            f"Task '{task.name}', split '{split}': {origin} has two rows with one id; ids must be unique"
        )
    if spec.sha256 and (found := content_hash(examples)) != spec.sha256:
        raise DataError(
            f"Task '{task.name}', split '{split}': the questions and golds of {origin} hash to {found}, but"
            f" {task.path.name} says {spec.sha256}; the data differ from those the task was made for"
        )


def _limited(examples: list[Example], limit: int | float | None) -> list[Example]:
    if limit is None:
        return examples
    if limit <= 0:
        raise ConfigError(f"limit must be above 0, not {limit}")
    count = round(limit * len(examples)) if isinstance(limit, float) and limit < 1 else int(limit)
    order = list(range(len(examples)))
    random.Random(LIMIT_SEED).shuffle(order)
    return [examples[index] for index in sorted(order[: max(1, count)])]
