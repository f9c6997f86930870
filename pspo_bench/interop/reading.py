"""JSON from others, read with care: bounded lines, UTF-8, no NaN, and typed values whose errors name the line.

for record in json_lines(Path("rows.jsonl")):
    record.text("completion"), record.whole("sample_index")       # None where the row has none

A log is data of strangers: nothing in it is evaluated, and what is not as it should be raises DataError.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

from pspo_bench.errors import DataError

MAX_LINE_BYTES = 1 << 26
MAX_FILE_BYTES = 1 << 30
"""Of a file that is one JSON value, and so must be read whole."""


class Record:
    """A JSON object and the place that it was read from."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise DataError(f"{where} is not a JSON object but {_kind(data)}; it cannot be a row of a log")
        self.data: dict[str, Any] = data
        self.where = where

    def text(self, name: str) -> str | None:
        """The text `name`, None if there is none. Lone surrogates, which no file can hold, are replaced."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, str):
            self.refuse(name, "text")
        return None if value is None else clean(value)

    def label(self, name: str) -> str | None:
        """Like `text`, and a number is taken for its digits: ids and golds come as both."""
        value = self.data.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return repr(value)
        return self.text(name)

    def number(self, name: str, least: float = -math.inf, most: float = math.inf) -> float | None:
        """The finite number `name` from `least` to `most`, None if there is none."""
        value = self.data.get(name)
        if value is None:
            return None
        if not is_number(value):
            self.refuse(name, "a finite number")
        if not least <= value <= most:
            self.refuse(name, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, name: str, least: int = 0) -> int | None:
        """The whole number `name` of at least `least`, None if there is none."""
        value = self.data.get(name)
        if value is None:
            return None
        if not is_number(value) or value != int(value) or not least <= value < 1 << 63:
            self.refuse(name, f"a whole number of at least {least}")
        return int(value)

    def record(self, name: str) -> Record:
        """The object `name`; an empty one if there is none."""
        value = self.data.get(name)
        return Record({} if value is None else value, f"{self.where}, '{name}'")

    def items(self, name: str) -> list[Any]:
        """The list `name`; an empty one if there is none."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, list):
            self.refuse(name, "a list")
        return value or []

    def refuse(self, name: str, wanted: str) -> NoReturn:
        raise DataError(f"{self.where}: '{name}' must be {wanted}, not {_kind(self.data.get(name))}")


def clean(text: str) -> str:
    """The text as a file can hold it: a lone surrogate becomes U+FFFD."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)


def is_number(value: object) -> bool:
    """Whether `value` is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 1000


def json_lines(path: Path) -> Iterator[Record]:
    """The objects of a JSON-lines file, one line in memory at a time. Raises DataError naming file and line."""
    with open_bytes(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
            where = f"{path}, line {number}"
            if len(line) > MAX_LINE_BYTES:
                raise DataError(
                    f"{where} is longer than {MAX_LINE_BYTES >> 20} MiB; it cannot be a row of a log"
                )
            if line.strip():
                yield Record(parse(line, where), where)


def json_file(path: Path) -> Record:
    """The object that a file holds. Raises DataError naming the file."""
    with open_bytes(path) as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise DataError(
            f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB, the most that is read as one JSON value"
        )
    return Record(parse(data, str(path)), str(path))


def open_bytes(path: Path) -> BufferedReader:
    """The file, behind the mark (BOM) that some editors put before UTF-8 text."""
    try:
        file = path.open("rb")
        if file.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}; check the path") from error
    return file


def parse(data: bytes, where: str) -> Any:
    """The JSON value of `data`. Raises DataError for what is not UTF-8 or JSON, or is nested without end."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 (byte {error.start}); convert the file to UTF-8") from error
    except RecursionError as error:
        raise DataError(f"{where} is nested too deeply; it cannot be a row of a log") from error
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON has")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    known = names.get(type(value))
    return known or repr(value)[:40]
