"""`key=value,key=value` on the command line: options of an engine, and sampling as lm-eval's users write it.

>>> key_values("base_url=http://127.0.0.1:8000/v1,concurrency=32,stream=true")
{'base_url': 'http://127.0.0.1:8000/v1', 'concurrency': 32, 'stream': True}
>>> sampling_flags("do_sample=true,temperature=0.7,max_gen_toks=512")
{'temperature': (0.7,), 'max_tokens': 512}
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from typing import Any

GEN_KWARGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "max_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_gen_toks": "max_tokens",
    "until": "stop",
    "stop": "stop",
    "n": "samples",
    "repeats": "samples",
    "seed": "seed",
    "do_sample": "do_sample",
}
"""Names in use among transformers, vLLM and lm-eval → ours."""

_COMMA = re.compile(r",(?=[A-Za-z_][\w.-]*=)")  # a comma inside a value is not followed by another key


def key_values(text: str) -> dict[str, Any]:
    """The pairs of `text`; numbers, true, false, null and JSON lists or objects as such, all else as text.

    Raises ValueError naming the part that is not a pair, or that is given twice.
    """
    found: dict[str, Any] = {}
    for part in filter(None, _COMMA.split(text)):
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key.isidentifier():
            raise ValueError(f"'{part}' is not key=value")
        if key in found:
            raise ValueError(f"{key} is given twice")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    import json

    if text in ("True", "False", "None"):
        text = {"True": "true", "False": "false", "None": "null"}[text]
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if value != value or value in (float("inf"), float("-inf")) else value


def sampling_flags(text: str) -> dict[str, Any]:
    """Our own flags for lm-eval's `--gen_kwargs`. Raises ValueError naming a key that is not known."""
    given = key_values(text)
    strange = sorted(set(given) - set(GEN_KWARGS))
    if strange:
        raise ValueError(f"unknown key '{strange[0]}'; known: {', '.join(GEN_KWARGS)}")
    flags: dict[str, Any] = {}
    for key, value in given.items():
        if GEN_KWARGS[key] in flags:
            raise ValueError(f"{key} is given under two names")
        flags[GEN_KWARGS[key]] = value
    sampled = flags.pop("do_sample", None)
    if sampled is not None and not isinstance(sampled, bool):
        raise ValueError(f"do_sample must be true or false, not {sampled!r}")
    if sampled is False:
        flags["temperature"] = 0.0
    elif sampled:
        flags.setdefault("temperature", 1.0)  # as transformers has it
    if "temperature" in flags:
        flags["temperature"] = (float(flags["temperature"]),)
    if "stop" in flags:
        stop = flags["stop"]
        flags["stop"] = [str(one) for one in stop] if isinstance(stop, list) else [str(stop)]
    return flags
