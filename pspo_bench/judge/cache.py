"""The judge's replies on disk: an append-only file of JSON lines, so that a kill loses only what was under way.

    {"key": "1f…", "prompt": "rubric", "version": "9c…", "judge": "gpt-x", "reply": "{…}", "finish": "stop", …}

The key is a hash of everything that a reply depends on (`judge.calls.Judge.key`). A line that was torn by a kill is
skipped and its call made again. The texts that were judged are not in it: data sets are not always free to pass on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from pspo_bench.errors import StoreError
from pspo_bench.store import write_error


@dataclass(frozen=True, slots=True)
class Recorded:
    """One reply as it came, cut to what could still be valid. Token counts are None where nobody counted."""

    key: str
    prompt: str
    version: str
    judge: str
    reply: str
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None


class Cache:
    """The replies in `path`, which need not exist. Raises StoreError if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, Recorded] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise StoreError(f"Cannot read the judge's replies in {path}: {error}; check the path") from error
        self._torn = bool(content) and not content.endswith(b"\n")
        for line in content.split(b"\n"):
            found = _recorded(line)
            if found is not None:
                self._held.setdefault(found.key, found)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> Recorded | None:
        return self._held.get(key)

    def add(self, recorded: Recorded) -> None:
        """Append one line, whole and synced."""
        line = json.dumps(asdict(recorded)).encode() + b"\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                text = b"\n" + line if self._torn else line
                self._torn = os.write(handle, text) < len(text)  # a full disk takes a part
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise write_error(self.path.parent, error) from error
        self._held.setdefault(recorded.key, recorded)


def _recorded(line: bytes) -> Recorded | None:
    try:
        found = Recorded(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (found.key, found.reply, found.finish)
    return found if all(isinstance(text, str) for text in texts) else None
