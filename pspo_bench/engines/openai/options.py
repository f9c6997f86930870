"""The options of the engine `openai`, checked, and where its server is.

options = read_options({"base_url": "http://127.0.0.1:8000/v1", "concurrency": 32})
address = find_address(options, os.environ)
address.url                 # without credentials: the only form that messages and runs may show
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import unquote, urlsplit

from pspo_bench.errors import ConfigError, unknown

ENDPOINTS = ("chat", "completions")
MAX_TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")
DIALECTS = ("auto", "standard", "vllm", "sglang", "llamacpp")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

_OWN_FIELDS = {
    *("model", "messages", "prompt", "n", "stream", "stream_options", "seed", "stop"),
    *("temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens"),
}
_WHERE = "the options of the engine openai"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may set. Times are in seconds. Raises ConfigError for a value that cannot be.

    - base_url: up to and with `/v1`; without it OPENAI_BASE_URL is read. It may not hold credentials.
    - endpoint: `chat` (the server applies its chat template) or `completions` (see `tokenizer`).
    - served_model: the model's name at the server, where it is not MODEL; check_model: look it up there.
    - tokenizer: whose chat template renders the prompts for `completions`; plain prompts without it.
    - weights: a model spec or folder that the server serves, which the user vouches for: its fingerprint is the run's.
    - api_key_env: the environment variable that holds the key.
    - concurrency: requests under way at once.
    - timeout_s: for one attempt in all, connecting to last byte.
    - max_retries, backoff_s: further attempts, and the longest first pause before them (it doubles each time).
    - max_retry_after_s: the longest pause that a server's Retry-After may ask for.
    - max_requests, max_total_tokens: budgets of this process; None is no limit.
    - max_response_bytes: a longer answer is refused.
    - max_tokens_field: the name under which the chat endpoint takes the limit of new tokens.
    - stream: answers as server-sent events.
    - send_seed: whether to send each request's seed.
    - dialect: which sampling fields beyond OpenAI's the server takes (see `wire`); auto: as it presents itself.
    - extra_body: further fields of every request, such as {"chat_template_kwargs": {"enable_thinking": false}}.
    """

    base_url: str | None = None
    endpoint: str = "chat"
    served_model: str | None = None
    check_model: bool = True
    tokenizer: str | None = None
    weights: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = 16
    timeout_s: float = 600.0
    max_retries: int = 8
    backoff_s: float = 0.5
    max_retry_after_s: float = 300.0
    max_requests: int | None = None
    max_total_tokens: int | None = None
    max_response_bytes: int = 32 << 20
    max_tokens_field: str = "max_tokens"
    stream: bool = False
    send_seed: bool = True
    dialect: str = "auto"
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_choice("endpoint", self.endpoint, ENDPOINTS)
        _require_choice("max_tokens_field", self.max_tokens_field, MAX_TOKENS_FIELDS)
        _require_choice("dialect", self.dialect, DIALECTS)
        _require_whole(self, ("concurrency", "max_response_bytes"), 1)
        _require_whole(self, ("max_retries",), 0)
        _require_whole(self, ("max_requests", "max_total_tokens"), 1, or_none=True)
        _require_seconds(self, ("timeout_s",), above=0)
        _require_seconds(self, ("backoff_s", "max_retry_after_s"), above=-1)
        for name in ("check_model", "stream", "send_seed"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} in {_WHERE} must be true or false, not {getattr(self, name)!r}")
        if self.tokenizer is not None and self.endpoint == "chat":
            raise ConfigError(
                "The server itself applies the chat template at endpoint=chat; leave tokenizer out, or use "
                "endpoint=completions"
            )


def read_options(given: Mapping[str, Any]) -> Options:
    """Options from keyword arguments, as the command line parses them. Raises ConfigError."""
    known = [item.name for item in fields(Options)]
    for name in given:
        if name in ("api_key", "key", "token"):
            raise ConfigError(
                f"'{name}' is not an option, for options are written into the run; put the key into the environment "
                "variable OPENAI_API_KEY, or name another with api_key_env"
            )
        if name not in known:
            raise ConfigError(unknown("option", name, known, "the engine openai"))
    values = dict(given)
    for name in (
        "served_model",
        "tokenizer",
        "weights",
        "base_url",
    ):  # `served_model=7` was parsed to a number
        if values.get(name) is not None:
            values[name] = str(values[name])
    values["extra_body"] = _json_object(values.get("extra_body") or {})
    if taken := sorted(_OWN_FIELDS & values["extra_body"].keys()):
        raise ConfigError(
            f"extra_body in {_WHERE} may not hold {', '.join(taken)}: the run's settings and options say these"
        )
    return Options(**values)


def _json_object(value: object) -> dict[str, Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
        if isinstance(found, Mapping):
            json.dumps(dict(found), allow_nan=False)
            return dict(found)
    except (ValueError, TypeError, RecursionError):
        pass
    raise ConfigError(f"extra_body in {_WHERE} must be a JSON object, not {str(value)[:80]!r}")


def _require_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name} in {_WHERE} must be one of {', '.join(known)}, not {value!r}")


def _require_whole(options: Options, names: tuple[str, ...], least: int, *, or_none: bool = False) -> None:
    for name in names:
        value = getattr(options, name)
        if value is None and or_none:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigError(f"{name} in {_WHERE} must be a whole number of at least {least}, not {value!r}")


def _require_seconds(options: Options, names: tuple[str, ...], *, above: float) -> None:
    for name in names:
        value = getattr(options, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not above < value < 1e6 or value < 0:
            least = "above 0" if above == 0 else "of at least 0"
            raise ConfigError(f"{name} in {_WHERE} must be a number of seconds {least}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, and what it wants to know of us. `url` has no credentials and no slash at its end."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def local(self) -> bool:
        """Whether it is on this machine: then no proxy is between."""
        return urlsplit(self.url).hostname in LOOPBACK

    def redact(self, text: str) -> str:
        """`text` without the secrets, which a server may repeat in its error messages."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return text


def find_address(options: Options, environment: Mapping[str, str]) -> Address:
    """The server's address and the key for it. Raises ConfigError, never showing a secret."""
    given = options.base_url or environment.get("OPENAI_BASE_URL")
    if not given:
        raise ConfigError(
            "The engine openai needs to know its server; give base_url=http://HOST:PORT/v1 in --model-args, or set "
            "OPENAI_BASE_URL"
        )
    url, login = _split_url(given)
    if login and options.base_url:
        raise ConfigError(
            f"base_url {url} holds a user name or password, and options are written into the run; set it as "
            "OPENAI_BASE_URL instead, or use a key"
        )
    if login:
        return _with_login(url, login)
    key = environment.get(options.api_key_env, "").strip()
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{options.api_key_env} holds characters that no key has; set it again")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Address(url, headers, (key,) if key else ())


def _with_login(url: str, login: tuple[str, str]) -> Address:
    import base64

    encoded = base64.b64encode(":".join(login).encode()).decode()
    secrets = tuple(part for part in (encoded, *login) if part)
    return Address(url, {"Authorization": f"Basic {encoded}"}, secrets)


def _split_url(given: str) -> tuple[str, tuple[str, str] | None]:
    """The URL without credentials, and these (user, password). Raises ConfigError."""
    try:
        parts = urlsplit(given.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not given.isprintable():
        shown = "The base URL" if "@" in given else f"The base URL '{given[:200]}'"
        raise ConfigError(
            f"{shown} is not of the form http://HOST:PORT/v1; check base_url or OPENAI_BASE_URL"
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"The base URL at {host} has a query or a fragment (? or #), which this engine does not send; leave it out"
        )
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    login = (unquote(parts.username or ""), unquote(parts.password or ""))
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}", login if any(login) else None
