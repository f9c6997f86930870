"""What a server says of itself before the first request: its models, its kind, its version.

Sources: https://platform.openai.com/docs/api-reference/models/list; `owned_by` is "vllm", "sglang" or "llamacpp" with
those servers; https://docs.vllm.ai (GET /version at the root).

    found = ask_server(address, options, "Qwen/Qwen2.5-0.5B-Instruct", rng)
    found.dialect, found.version          # "vllm", "openai-compatible, httpx2 2.16.2, vllm 0.32.0"
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any

from pspo_bench.engines.openai.client import MAX_ERROR_BYTES, require_httpx, settings
from pspo_bench.engines.openai.failures import Transient, failure, one_line
from pspo_bench.engines.openai.options import Address, Options
from pspo_bench.engines.openai.pacing import Backoff
from pspo_bench.errors import ConfigError, ModelError

logger = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_VERSION_TIMEOUT_S = 3.0
_ATTEMPTS = 4
_OWNERS = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "llama.cpp": "llamacpp"}
_VERSION = re.compile(r"[\w.+-]{1,64}")
_SHOWN_MODELS = 10
_NOT_OFFERED = {404, 405, 410, 501}


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server's kind (`wire` says what follows from it), what it is for `Engine.version`, and our model's entry."""

    dialect: str
    version: str
    entry: dict[str, Any] = field(default_factory=dict)


def ask_server(address: Address, options: Options, model: str, rng: random.Random) -> ServerInfo:
    """Ask for the models and the version. Raises ModelError if nobody answers or the model is not among them."""
    httpx = require_httpx()
    with httpx.Client(**settings(address, min(_TIMEOUT_S, options.timeout_s), 1)) as http:
        listed = _models(http, address, options, rng)
        entry = _entry(listed, model)
        if listed and not entry and options.check_model:
            raise ModelError(_not_among(model, listed, address))
        dialect = options.dialect
        if dialect == "auto":
            dialect = _OWNERS.get(str(entry.get("owned_by", "")).lower(), "standard")
        version = f"openai-compatible, httpx2 {httpx.__version__}"
        told = _version(http, address)
    kind = dialect if dialect != "standard" else "server"
    return ServerInfo(dialect, f"{version}, {kind} {told}" if told else version, entry)


def endpoint_fingerprint(address: Address, model: str, entry: dict[str, Any]) -> str:
    """Stands for weights that nobody can see: of the address, the model's name, and what the server calls its root.

    Its prefix keeps it apart from a hash of weights: the same endpoint may serve others tomorrow.
    """
    known = {name: entry[name] for name in ("root", "parent") if isinstance(entry.get(name), str)}
    text = json.dumps(["openai", address.url, model, known], sort_keys=True)
    return "endpoint-" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _models(http: Any, address: Address, options: Options, rng: random.Random) -> list[dict[str, Any]]:
    """The entries of /models; empty if the server does not offer it. Raises ModelError."""
    backoff = Backoff(options.backoff_s, rng)
    for attempt in range(_ATTEMPTS):
        try:
            return _listed(_get(http, address, "/models", options))
        except Transient as error:
            if attempt + 1 == _ATTEMPTS:
                return _unlisted(error, address)
            wanted = min(error.retry_after_s or 0.0, options.max_retry_after_s)
            time.sleep(max(wanted, backoff.pause_s(attempt)))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _unlisted(error: Transient, address: Address) -> list[dict[str, Any]]:
    """No entries, with a warning, if the server is there but cannot list its models. Raises ModelError if not."""
    told = one_line(str(error), address)
    if not error.answered:
        raise ModelError(
            f"No server answers at {address.url}: {told}; start it, or check base_url (which usually ends in /v1)"
        ) from error
    logger.warning("%s cannot list its models (%s): the model's name is not checked", address.url, told)
    return []


def _get(http: Any, address: Address, path: str, options: Options) -> bytes:
    """The body of a GET; empty if the server does not offer it. Raises Transient, ModelError or ConfigError."""
    httpx = require_httpx()
    deadline = time.monotonic() + _TIMEOUT_S
    try:
        with http.stream("GET", address.url + path) as response:
            body = bytearray()
            for part in response.iter_raw():
                body += part
                if len(body) > options.max_response_bytes or time.monotonic() > deadline:
                    raise Transient("its answer is too long or too slow")
            status, headers = response.status_code, response.headers
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigError(f"{address.url} cannot be a base URL ({error}); check base_url") from error
    except httpx.TransportError as error:
        raise Transient(one_line(f"{type(error).__name__}: {error}".rstrip(": "), address)) from error
    if status == 200:
        return bytes(body)
    if status in _NOT_OFFERED:
        return b""
    found = failure(
        status, headers, bytes(body[:MAX_ERROR_BYTES]), address, key_env=options.api_key_env, now=time.time()
    )
    if isinstance(found, (Transient, ModelError)):
        raise found
    return b""  # a server that refuses to list its models may still serve one


def _listed(body: bytes) -> list[dict[str, Any]]:
    try:
        data = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return []
    entries = data.get("data") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _entry(listed: list[dict[str, Any]], model: str) -> dict[str, Any]:
    return next((entry for entry in listed if entry["id"] == model), {})


def _not_among(model: str, listed: list[dict[str, Any]], address: Address) -> str:
    names = [one_line(entry["id"], address)[:100] for entry in listed]
    first = list(dict.fromkeys([*difflib.get_close_matches(model, names, n=3), *names]))[:_SHOWN_MODELS]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    return (
        f"{address.url} does not list the model '{model}'; it lists {', '.join(first)}{more}: give one of them as "
        "served_model, or check_model=false if the server takes names that it does not list"
    )


def _version(http: Any, address: Address) -> str | None:
    """What GET /version at the root says, as vLLM's does; None if it says nothing usable."""
    httpx = require_httpx()
    root = address.url.removesuffix("/v1")
    try:
        with http.stream("GET", f"{root}/version", timeout=_VERSION_TIMEOUT_S) as response:
            start = next(iter(response.iter_raw()), b"") if response.status_code == 200 else b""
        told = json.loads(start[:4096]).get("version")
    except (httpx.TransportError, ValueError, AttributeError, RecursionError):
        return None
    return told if isinstance(told, str) and _VERSION.fullmatch(told) else None
