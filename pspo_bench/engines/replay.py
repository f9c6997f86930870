"""The engine `replay`: completions recorded in a JSONL file, through the same interface as a model's.

Purpose: tests, rescoring, and other tools' logs. One JSON object a line, for example

    {"prompt": "What is 2 + 2?\\n", "completion": "#### 4", "finish_reason": "stop", "completion_tokens": 4}

`completion` and either `prompt` or `prompt_hash` (`records.short_hash` of the prompt) are required; a row
with a `temperature` answers only requests at that one. The n-th request for a prompt gets its n-th row, in
the order of `sample_index` where rows have one, else of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pspo_bench.engines.chat import render
from pspo_bench.errors import DataError
from pspo_bench.models import chat_template_hash, load_tokenizer
from pspo_bench.records import Completion, Request, short_hash

Key = tuple[str, float | None]


class ReplayEngine:
    """Answers requests from the rows of `path`.

    `tokenizer` names the model whose chat template renders the prompts; without it they are plain. Token
    counts that were not recorded are None. Raises DataError if the file cannot be read or a row is not as
    described.
    """

    name = "replay"
    version = "1"
    dtype = ""
    device = ""
    manifest: dict[str, Any] | None = None

    def __init__(self, path: str | Path, *, tokenizer: str | None = None) -> None:
        self._path = Path(path)
        text = _read(self._path)
        self._rows = _by_prompt(text, self._path)
        self._served: dict[Key, int] = defaultdict(int)
        self._tokenizer = load_tokenizer(tokenizer) if tokenizer else None
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:32]
        self.chat_template_hash = chat_template_hash(self._tokenizer)

    def render(self, messages: list[dict[str, str]]) -> str:
        return render(self._tokenizer, messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """Each request's recorded completion, in order. Raises DataError naming the first that was not
        recorded.
        """
        for index, request in enumerate(requests):
            yield index, self._next(request)

    def close(self) -> None:
        self._rows = {}

    def _next(self, request: Request) -> Completion:
        prompt_hash = short_hash(request.prompt)
        exact, anywhere = (prompt_hash, request.sampling.temperature), (prompt_hash, None)
        key = exact if exact in self._rows else anywhere
        rows, number = self._rows.get(key, []), self._served[key]
        if number >= len(rows):
            raise DataError(
                f"{self._path} has no completion {number + 1} for the prompt {prompt_hash} "
                f"({request.prompt[:60]!r}) at temperature {request.sampling.temperature:g}; "
                f"it holds {len(rows)}"
            )
        self._served[key] += 1
        return rows[number]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Recorded completions {path} cannot be read: {error}") from error


def _by_prompt(text: str, path: Path) -> dict[Key, list[Completion]]:
    found: dict[Key, list[tuple[int, int, Completion]]] = defaultdict(list)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            key, completion = _key(row), _completion(row)
            found[key].append((int(row.get("sample_index") or 0), number, completion))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}, line {number}: not a recorded completion ({error!r}); see engines.replay"
            ) from error
    return {key: [row[2] for row in sorted(rows, key=lambda row: row[:2])] for key, rows in found.items()}


def _key(row: dict[str, Any]) -> Key:
    prompt_hash = row["prompt_hash"] if "prompt_hash" in row else short_hash(row["prompt"])
    temperature = row.get("temperature")
    return str(prompt_hash), None if temperature is None else float(temperature)


def _completion(row: dict[str, Any]) -> Completion:
    if not isinstance(row["completion"], str):
        raise TypeError("completion is not a string")
    return Completion(
        text=row["completion"],
        finish_reason=str(row.get("finish_reason") or "stop"),
        prompt_tokens=_count(row, "prompt_tokens"),
        completion_tokens=_count(row, "completion_tokens"),
    )


def _count(row: dict[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else int(row[name])
