"""Sheets for human raters: blinded CSV and HTML with the key in a file of its own, and back in.

    sheet.csv    item, question, solution(s), and empty columns to be filled in
    sheet.html   the same to read, with the anchors of the scores
    key.json     item → which sample it is, and in which order: not for the raters

Items are numbered in an order drawn at random, texts are those that a judge would see (`data.harmless`), and pairs
stand in a random order. What is in a sheet was written by models: CSV cells that a spreadsheet would run are led by an
apostrophe (OWASP, CSV injection), and the page is escaped and forbids scripts. A rater returns the CSV, as saved
by any spreadsheet program; empty cells are items not rated.
"""

from __future__ import annotations

import csv
import html
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pspo_bench.errors import ConfigError, DataError
from pspo_bench.judge.arena import Pair, arena_calls, require_pairs
from pspo_bench.judge.items import Item, Loaded
from pspo_bench.judge.prompts import ARENA, DIMENSIONS, RUBRIC
from pspo_bench.judge.reply import FIRST, HIGHEST, LOWEST, SECOND, TIE
from pspo_bench.judge.rubric import require_items, rubric_call
from pspo_bench.report.text import csv_text
from pspo_bench.store import write_atomic, write_error

Kind = Literal["rubric", "arena"]
KINDS: tuple[Kind, ...] = ("rubric", "arena")
KEY_FORMAT, KEY_VERSION = "pspo-bench-judge-key", 1
ITEM, REMARK, BETTER = "item", "remark", "better"
_MAX_SHEET_BYTES = 64 << 20
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto}"
    "pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One item: the texts a rater sees, by column, and what the key says of it."""

    texts: Mapping[str, str]
    secret: dict[str, Any]


def sample_place(item: Item) -> dict[str, Any]:
    """What names a sample in keys and in the files of scores: no text of it, and no folder."""
    return {
        "fingerprint": item.fingerprint,
        "task": item.task,
        "example_id": item.example_id,
        "temperature": item.temperature,
        "sample_index": item.sample_index,
    }


# Out


def export_sheet(
    kind: Kind, loaded: Loaded, folder: Path, *, count: int, max_chars: int, seed: int
) -> list[Path]:
    """Write the three files for `count` items chosen at random; returns their paths.

    Raises ConfigError if there is nothing to rate or the folder holds a key already, StoreError if it cannot be
    written.
    """
    key = folder / "key.json"
    if key.exists():
        raise ConfigError(f"{key} exists, and somebody may be rating its sheet; export into another folder")
    rows = _rows(kind, loaded, max_chars, random.Random(seed))[:count]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    names = [f"{number:0{len(str(len(rows)))}d}" for number in range(1, len(rows) + 1)]
    secrets = {name: row.secret for name, row in zip(names, rows, strict=True)}
    head = {"format": KEY_FORMAT, "version": KEY_VERSION, "kind": kind}
    written = {
        folder / "sheet.csv": _csv(kind, names, rows),
        folder / "sheet.html": _html(kind, names, rows),
        key: json.dumps({**head, "items": secrets}, indent=1) + "\n",
    }
    for path, text in written.items():
        write_atomic(path, text.encode("utf-8-sig" if path.suffix == ".csv" else "utf-8"))
    return list(written)


def _rows(kind: Kind, loaded: Loaded, cap: int, rng: random.Random) -> list[SheetRow]:
    if kind == "rubric":
        require_items(loaded)
        rows = [SheetRow(rubric_call(item, cap).fields, sample_place(item)) for item in loaded.items]
    else:
        rows = [_pair_row(pair, cap, swapped=rng.random() < 0.5) for pair in require_pairs(loaded)]
    rng.shuffle(rows)
    return rows


def _pair_row(pair: Pair, cap: int, *, swapped: bool) -> SheetRow:
    secret = {
        "first": sample_place(pair.first),
        "second": sample_place(pair.second),
        "swapped": swapped,
    }
    return SheetRow(arena_calls(pair, cap)[swapped].fields, secret)


def rated_columns(kind: Kind) -> tuple[str, ...]:
    """The columns that a rater fills in."""
    return tuple(DIMENSIONS) if kind == "rubric" else (BETTER,)


def _csv(kind: Kind, names: Sequence[str], rows: Sequence[SheetRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    blank = [""] * (len(rated_columns(kind)) + 1)
    writer.writerow([ITEM, *rows[0].texts, *rated_columns(kind), REMARK])
    for name, row in zip(names, rows, strict=True):
        writer.writerow([name, *map(csv_text, row.texts.values()), *blank])
    return out.getvalue()


def _html(kind: Kind, names: Sequence[str], rows: Sequence[SheetRow]) -> str:
    how = RUBRIC.system if kind == "rubric" else ARENA.system
    cells = (
        f"a whole number from {LOWEST} to {HIGHEST} in each of {', '.join(DIMENSIONS)}"
        if kind == "rubric"
        else f"{FIRST}, {SECOND} or {TIE} in {BETTER}"
    )
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Rating sheet</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style>',
        f"<h1>Rating sheet</h1><pre>{html.escape(how)}</pre>",
        f"<p>Do not judge whether the final answer is right. Write {html.escape(cells)} of <code>sheet.csv</code>; "
        "leave empty what you do not rate.</p>",
    ]
    for name, row in zip(names, rows, strict=True):
        parts.append(f"<h2>Item {name}</h2>")
        parts += [f"<h3>{html.escape(k)}</h3><pre>{html.escape(v)}</pre>" for k, v in row.texts.items()]
    return "\n".join(parts) + "\n</html>\n"


# In


@dataclass(frozen=True, slots=True)
class Key:
    kind: Kind
    items: dict[str, dict[str, Any]]


def read_key(path: Path) -> Key:
    """The key of an exported sheet. Raises DataError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != KEY_FORMAT or data["version"] != KEY_VERSION or data["kind"] not in KINDS:
            raise ValueError("it is no key of this version")
        return Key(data["kind"], {str(name): dict(secret) for name, secret in data["items"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not the key of a rating sheet ({error}); pass the key.json that export-sheet wrote"
        ) from error


def read_sheet(path: Path, key: Key) -> dict[str, dict[str, float]]:
    """Item → column → rating of one rater. Raises DataError naming the row that cannot be.

    Scores are as they are; a preference is 1 for the arm that the key names first, -1 for the other, 0 for a tie.
    """
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(_table(path, key), start=2):
        name, where = (row[ITEM] or "").strip(), f"{path}, row {number}"
        item = _known(name, key, where)
        if item in found:
            raise DataError(f"{where}: item {item} is there twice; leave one")
        given = {column: (row[column] or "").strip() for column in rated_columns(key.kind)}
        found[item] = {
            column: _rating(text, key.kind, key.items[item], f"{where}, {column}")
            for column, text in given.items()
            if text
        }
    return found


def _table(path: Path, key: Key) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > _MAX_SHEET_BYTES:
            raise DataError(f"{path} is larger than {_MAX_SHEET_BYTES >> 20} MiB, which no sheet is")
        text = path.read_text(encoding="utf-8-sig")
        head = text.partition("\n")[0]
        reader = csv.DictReader(
            io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ","
        )
        rows = [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    missing = {ITEM, *rated_columns(key.kind)} - set(reader.fieldnames or ())
    if missing:
        raise DataError(
            f"{path} lacks the column {sorted(missing)[0]}; return the sheet with its header as it was"
        )
    return rows


def _known(name: str, key: Key, where: str) -> str:
    """The item; spreadsheets make 007 a 7."""
    width = max((len(item) for item in key.items), default=0)
    for form in (name, name.zfill(width)):
        if form in key.items:
            return form
    raise DataError(f"{where}: the key has no item '{name[:40]}'; this sheet belongs to another key")


def _rating(text: str, kind: Kind, secret: Mapping[str, Any], where: str) -> float:
    if kind == "rubric":
        if text not in map(str, range(LOWEST, HIGHEST + 1)):
            raise DataError(f"{where}: '{text[:40]}' is not a whole number from {LOWEST} to {HIGHEST}")
        return float(text)
    if text.lower() not in (FIRST, SECOND, TIE):
        raise DataError(f"{where}: '{text[:40]}' is not {FIRST}, {SECOND} or {TIE}")
    if text.lower() == TIE:
        return 0.0
    return 1.0 if (text == FIRST) != secret["swapped"] else -1.0
