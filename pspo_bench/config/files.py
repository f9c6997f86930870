"""TOML file + overrides → validated sections, with errors that name the file and the key.

load_recipe("pocket/grpo", ["seed=3", "optimizer.learning_rate=1e-3"]).seed      # 3
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pspo_bench.config.sections import Recipe
from pspo_bench.config.studies import Study
from pspo_bench.errors import ConfigError, unknown
from pspo_bench.resources import recipes_dir

Model = TypeVar("Model", bound=BaseModel)


def load_recipe(path: str | Path, overrides: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """Read and validate a recipe. Raises ConfigError naming the file, the key and what is allowed."""
    file = find_recipe(path)
    values = read_toml(file)
    if "arms" in values:
        raise ConfigError(f"{file} is a study, not a recipe; run it with: pspo-bench study {path}")
    given = overrides.items() if isinstance(overrides, Mapping) else map(_split_override, overrides)
    pairs = [pair for key, value in given for pair in flat(key, value)]
    # a part's name first: it clears the settings of the one before
    for key, value in sorted(pairs, key=lambda pair: pair[0] not in ("objective.name", "reward.name")):
        _apply(values, key, value, str(file))
    return validate(Recipe, values, str(file))


def load_study(path: str | Path, overrides: Sequence[str] = ()) -> Study:
    """Read and validate a study file. Raises ConfigError as `load_recipe` does."""
    file = find_recipe(path)
    values = read_toml(file)
    if "model" in values and "arms" not in values:
        raise ConfigError(f"{file} is a recipe, not a study; train it with: pspo-bench train {path}")
    for key, value in map(_split_override, overrides):
        _set(values, key.split("."), value)
    return validate(Study, values, str(file))


def find_recipe(path: str | Path) -> Path:
    """The file that `path` names: a path, or a name below the shipped recipes (`pocket/grpo`)."""
    given = Path(path)
    shipped = recipes_dir()
    for candidate in (given, shipped / given, shipped / f"{given}.toml"):
        if candidate.is_file():
            return candidate
    known = [str(file.relative_to(shipped).with_suffix("")) for file in shipped.rglob("*.toml")]
    raise ConfigError(unknown("recipe or study file", str(path), known))


def read_toml(file: Path) -> dict[str, Any]:
    """The file's contents. Raises ConfigError naming the file, line and column of a syntax error."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"Cannot read {file}: {error.strerror}") from error


def validate(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """`values` as a `model`. Raises ConfigError that lists every offending key in one line."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_describe(model, problem) for problem in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from error


def _describe(model: type[BaseModel], problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown("key", key, _fields_beside(model, problem["loc"]))
    if problem["type"] == "missing":
        return f"key '{key}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _fields_beside(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    current: type[BaseModel] = model
    for part in location[:-1]:
        field = current.model_fields.get(part) if isinstance(part, str) else None
        inner = _section_of(field.annotation) if field is not None else None
        current = inner or current
    return list(current.model_fields)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section class in `Section` or `Section | None`, None for any other annotation."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _split_override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"Override '{text}' is not of the form key=value, for example seed=1")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A table given as an override changes its keys, one by one, and leaves the rest of the section alone."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flat(f"{key}.{name}", inner)
    else:
        yield key, value


def _apply(values: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set `key`, given as a dotted path or as the last part alone, in the recipe's nested tables."""
    path = key.split(".")
    if len(path) == 1 and key not in Recipe.model_fields:
        sections = _sections_with(values, key)
        if len(sections) != 1:
            known = [name for name, field in Recipe.model_fields.items() if field.annotation is not None]
            problem = (
                unknown("recipe key", key, known)
                if not sections
                else (
                    f"Override '{key}' is ambiguous; write one of: {', '.join(f'{s}.{key}' for s in sections)}"
                )
            )
            raise ConfigError(f"{where}: {problem}")
        path = [sections[0], key]
    if path in (["objective", "name"], ["reward", "name"]):
        _drop_settings(values, path[0], value)
    if path[0] == "budget":
        values["budget"] = {}  # steps and epochs replace one another
    _set(values, path, value)


def _drop_settings(values: dict[str, Any], section: str, name: Any) -> None:
    """Another objective or reward does not take over this one's settings; shaping is no setting of a reward."""
    table = values.get(section)
    if isinstance(table, dict) and table.get("name") != name:
        values[section] = {key: inner for key, inner in table.items() if key == "shaping"}


def _sections_with(values: dict[str, Any], key: str) -> list[str]:
    """The sections in which `key` may stand: declared there, or already used (objective settings)."""
    found = []
    for name, field in Recipe.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            table = values.get(name)
            if (key in section.model_fields and key != "name") or (isinstance(table, dict) and key in table):
                found.append(name)
    return found


def _set(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"Override '{'.'.join(path)}': '{part}' is a value, not a section")
        values = inner
    values[path[-1]] = value
