"""All samples in a page: columns of integers and blocks of texts, gzip in base64, which a browser unpacks as it needs.

    packed = pack(samples, arms=("clip", "pspo"), marks={})
    packed.header      # names, counts, where each block begins: JSON
    packed.columns     # base64 of gzip of little-endian int32 columns, one after the other
    packed.texts[0]    # base64 of gzip of a JSON list of strings

100,000 samples of 600 characters are some 60 MB of text, which would take a browser seconds to parse. Here equal texts
are kept once, in the order of their questions, in blocks of a quarter of a megabyte: a page shows its list at once,
unpacks one block to show a solution, and walks through the blocks to search, never long enough to be felt.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pspo_bench.records import Status
from pspo_bench.report.solution import Piece

if TYPE_CHECKING:
    import pandas as pd

BLOCK_CHARS = 1 << 18
COMPRESSION = 4

TEXTS = ("question", "gold", "extracted", "completion", "reason")
"""The columns that hold texts; in this order they stand in the blocks, so that those of one question are neighbours."""

SAMPLE_COLUMNS = (
    "arm", "seed", "cell", "status", "finish", "sample", "tokens", "completion", "extracted", "reason",
)  # fmt: skip
"""Of a sample: `cell` is its question at its temperature; the last three are places of texts. -1: there is none."""

CELL_COLUMNS = ("question", "temperature")
QUESTION_COLUMNS = ("task", "category", "difficulty", "question", "gold")

Codes = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Packed:
    """What the page embeds. `header` is JSON, still to be escaped; the others are base64, which needs no escape."""

    header: dict[str, Any]
    columns: str
    texts: tuple[str, ...]
    marks: str

    @property
    def size(self) -> int:
        """Bytes that the packed parts take in the page."""
        return len(self.columns) + len(self.marks) + sum(map(len, self.texts))


def pack(samples: pd.DataFrame, arms: Sequence[str], marks: Mapping[str, Sequence[Piece]]) -> Packed:
    """The samples of several runs as a page has them: `Run.frame` with `arm`, a place in `arms`, and `seed` or -1.

    `marks`: pieces of the completions that were marked, by their text. The rows must be sorted by question.
    """
    texts, codes = _texts(samples)
    names: dict[str, list[Any]] = {"arms": list(arms)}
    columns: dict[str, Codes] = {name: samples[name].to_numpy(np.int32) for name in ("arm", "seed")}
    for name, plural in (("status", "statuses"), ("finish_reason", "finishes")):
        columns[name.removesuffix("_reason")], names[plural] = _coded(samples[name])
    columns["sample"] = samples["sample_index"].to_numpy(np.int32)
    columns["tokens"] = samples["completion_tokens"].fillna(-1).to_numpy(np.int32)
    columns |= {name: codes[:, TEXTS.index(name)] for name in ("completion", "extracted", "reason")}
    columns["cell"], cells, questions, ids = _cells(samples, codes, names)
    starts, blocks = _blocks(texts)
    header = {
        **names,
        "rival": _rival(samples),
        "ids": ids,
        "sizes": {"samples": len(samples), "cells": len(cells["question"]), "questions": len(ids)},
        "columns": {"samples": SAMPLE_COLUMNS, "cells": CELL_COLUMNS, "questions": QUESTION_COLUMNS},
        "texts": {"count": len(texts), "starts": starts},
    }
    return Packed(
        header=header,
        columns=_packed(
            b"".join(
                part[name].astype("<i4").tobytes()
                for part, order in (
                    (columns, SAMPLE_COLUMNS),
                    (cells, CELL_COLUMNS),
                    (questions, QUESTION_COLUMNS),
                )
                for name in order
            )
        ),
        texts=tuple(_packed(_json(block)) for block in blocks),
        marks=_packed(_json(_marks(texts, marks))),
    )


def _rival(samples: pd.DataFrame) -> int:
    """The arm that is shown beside the first one to begin with: of the others the one that is right most often."""
    right = (samples["status"] == Status.CORRECT.value).groupby(samples["arm"]).mean()
    others = right.drop(index=0, errors="ignore")
    return 0 if others.empty else int(others.index.to_numpy()[others.to_numpy().argmax()])


def _texts(samples: pd.DataFrame) -> tuple[list[str], Codes]:
    """Each text once, in order of appearance, and the places of those of each sample  (n, len(TEXTS)); -1 for none."""
    import pandas as pd

    flat = samples[list(TEXTS)].to_numpy(dtype=object).ravel()
    codes, texts = pd.factorize(flat)
    return list(texts), codes.astype(np.int32).reshape(-1, len(TEXTS))


def _coded(column: pd.Series[Any]) -> tuple[Codes, list[Any]]:
    """Codes into the sorted values of a column; -1 where there is none."""
    import pandas as pd

    codes, values = pd.factorize(column, sort=True)
    return codes.astype(np.int32), list(values)


def _cells(
    samples: pd.DataFrame, codes: Codes, names: dict[str, list[Any]]
) -> tuple[Codes, dict[str, Codes], dict[str, Codes], list[str]]:
    """(the cell of each sample, columns of the cells, columns of the questions, ids of the questions)."""
    parts: dict[str, Codes] = {}
    for name, plural in (
        ("task", "tasks"),
        ("temperature", "temperatures"),
        ("category", "categories"),
        ("difficulty", "difficulties"),
    ):
        parts[name], names[plural] = _coded(samples[name])
    question = _numbered(samples, "task", "example_id", "example_hash")
    cell = _numbered(samples.assign(question_number=question), "question_number", "temperature")
    _, first = np.unique(question, return_index=True)
    _, first_of_cell = np.unique(cell, return_index=True)
    questions = {name: parts[name][first] for name in ("task", "category", "difficulty")}
    questions |= {name: codes[first, TEXTS.index(name)] for name in ("question", "gold")}
    cells = {"question": question[first_of_cell], "temperature": parts["temperature"][first_of_cell]}
    ids = samples["example_id"].iloc[first].astype(str).tolist()
    return cell, cells, questions, ids


def _numbered(samples: pd.DataFrame, *names: str) -> Codes:
    """The number of the group that each row is of: groups are alike in `names`, and numbered as they appear."""
    return np.asarray(samples.groupby(list(names), sort=False).ngroup(), dtype=np.int32)


def _blocks(texts: Sequence[str]) -> tuple[list[int], list[Sequence[str]]]:
    """Where each block begins, and its texts: as many as make up BLOCK_CHARS, at least one."""
    ends = np.cumsum([len(text) for text in texts])
    starts, at = [], 0
    while at < len(texts):
        starts.append(at)
        before = int(ends[at - 1]) if at else 0
        at = max(at + 1, int(np.searchsorted(ends, before + BLOCK_CHARS, side="right")))
    return starts, [texts[a:b] for a, b in zip(starts, [*starts[1:], len(texts)], strict=True)]


def _marks(texts: Sequence[str], marks: Mapping[str, Sequence[Piece]]) -> dict[str, list[list[object]]]:
    """Pieces by the place of the text: [length in UTF-16 units, as JavaScript counts, kind, note]."""
    place = {text: i for i, text in enumerate(texts)} if marks else {}
    return {
        str(place[text]): [[utf16_length(piece.text), piece.kind, piece.note] for piece in pieces]
        for text, pieces in marks.items()
    }


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _packed(data: bytes) -> str:
    """Base64 of gzip; without a time, so that the same samples make the same page."""
    return base64.b64encode(gzip.compress(data, COMPRESSION, mtime=0)).decode("ascii")


def script_json(value: object) -> str:
    """JSON that may stand in a `<script>`: nothing in it can end that, begin a comment, or be read as markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
