"""What can become of an attempt, other than an answer, and how an HTTP status is read.

| status | meaning | what follows |
|---|---|---|
| 401 402 403 404 405, 3xx, 429 for a spent quota | the whole run is wrong: key, model, address | `ModelError` at once |
| 408 409 425 429 5xx, no or a broken answer | the server cannot now | `Transient`: tried again |
| any other 4xx | this request is wrong | `Refused`: that sample is an error, the others go on |

Sources: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (Retry-After),
https://platform.openai.com/docs/guides/error-codes (what providers mean by the statuses).

    >>> retry_after_s({"retry-after": "2"}, now=0.0)
    2.0
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from pspo_bench.engines.openai.options import Address
from pspo_bench.errors import ModelError

_AGAIN = {408, 409, 425, 429}
_PERHAPS_GENERATED = {408, 502, 504, 524}  # somebody on the way gave up waiting
_MENDS = {
    401: "check the key in {key}",
    402: "the account has to be paid for",
    403: "check that the key in {key} may use this model",
    404: "check the model's name (served_model) and base_url, which usually ends in /v1",
    405: "check base_url, which usually ends in /v1",
}
_MESSAGE_CHARS = 300


class Transient(Exception):
    """An attempt failed in a way that another may not. The message is one line for people.

    `retry_after_s` is what the server asked for. `free` says that the server surely generated nothing for it,
    `answered` that it did answer, with a status.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, free: bool = False, answered: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.free = free
        self.answered = answered


class Refused(Exception):
    """The server will not answer this request, however often it is asked."""


def failure(
    status: int, headers: Mapping[str, str], body: bytes, address: Address, *, key_env: str, now: float
) -> Exception:
    """The exception for an answer with a status other than 200."""
    message, code = _server_message(body)
    told = f"HTTP {status}" + (f": {one_line(excerpt(message), address)}" if message else "")
    if 300 <= status < 400:
        return ModelError(
            f"{address.url} redirects ({told}) to {_place(headers, address)}; give the final address as base_url"
        )
    if status in _MENDS:
        return ModelError(f"{address.url} answered {told}; {_MENDS[status].format(key=key_env)}")
    if status == 429 and code == "insufficient_quota":
        return ModelError(
            f"{address.url} answered {told}; the account's quota is spent: raise it and run again"
        )
    if status in _AGAIN or status >= 500 or status < 400:
        asked = retry_after_s(headers, now)
        return Transient(told, retry_after_s=asked, free=status not in _PERHAPS_GENERATED, answered=True)
    return Refused(told)


def one_line(text: str, address: Address) -> str:
    """Text of a server or library for a message: no secrets, one line, bounded, nothing a terminal would obey."""
    words = " ".join(address.redact(text).split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in words)
    return shown if len(shown) <= _MESSAGE_CHARS else shown[:_MESSAGE_CHARS] + "..."


def excerpt(value: object) -> str:
    """What a server wrote, for an exception's message, which `one_line` makes fit to be shown.

    Far longer than what is shown: a cut could leave half a secret, which nobody would recognise as one.
    """
    return " ".join(str(value).split())[: 64 * _MESSAGE_CHARS]


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The pause that Retry-After asks for, in seconds or as a date; None without one that can be read."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _server_message(body: bytes) -> tuple[str, str]:
    """Message and code of an error body: OpenAI's {"error": {...}}, {"message": ...}, {"detail": ...}, or text."""
    text = body.decode("utf-8", "replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text, ""
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return str(error), ""
    code = error.get("code") or error.get("type") or ""
    return str(error.get("message") or error.get("detail") or text), str(code)


def _place(headers: Mapping[str, str], address: Address) -> str:
    # Only scheme and host: the rest of a redirect may carry tokens.
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(headers.get("location", ""))
        return one_line(f"{parts.scheme}://{parts.hostname}", address) if parts.hostname else "another path"
    except ValueError:
        return "another place"
