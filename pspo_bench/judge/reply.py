"""What a judge wrote → an opinion, or the reason why it is none. Never a default.

A reply is one JSON object with exactly the fields that were asked for, each of its type and in its range. A code
fence around it and a `<think>` part before it are let pass, since many models cannot leave them out; all else is
invalid: other fields, fields given twice, 4.0 or "4" for 4, a text around the object. Nothing is evaluated, and what
is looked at is bounded.

    >>> rubric_reply('{"note": "Clear.", "validity": 5, "faithfulness": 5, ...}')["validity"]
    5
    >>> arena_reply('{"note": "", "winner": "tie"}')
    'tie'
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NoReturn

MAX_REPLY_CHARS = 20_000
NOTE = "note"
FIRST, SECOND, TIE = "1", "2", "tie"
LOWEST, HIGHEST = 1, 5
_SHOWN = 60


class InvalidReplyError(ValueError):
    """The reply is no opinion; the message says why, in words that the judge can be told."""


def rubric_reply(text: str, dimensions: Collection[str]) -> dict[str, int]:
    """The score of each dimension. Raises InvalidReplyError."""
    found = _object(text, {NOTE, *dimensions})
    for name in dimensions:
        value = found[name]
        if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
            raise InvalidReplyError(f"{name} is not a whole number from {LOWEST} to {HIGHEST}")
    return {name: found[name] for name in dimensions}


def arena_reply(text: str) -> str:
    """Which solution is better: "1", "2" or "tie". Raises InvalidReplyError."""
    winner = _object(text, {NOTE, "winner"})["winner"]
    if not isinstance(winner, str) or winner not in (FIRST, SECOND, TIE):
        raise InvalidReplyError(f'winner is not one of "{FIRST}", "{SECOND}", "{TIE}"')
    return winner


def _object(text: str, fields: set[str]) -> dict[str, Any]:
    if len(text) > MAX_REPLY_CHARS:
        raise InvalidReplyError(f"it is longer than {MAX_REPLY_CHARS} characters")
    try:
        found = json.loads(_bare(text), object_pairs_hook=_unique, parse_constant=_no_constant)
    except InvalidReplyError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidReplyError("it is not one JSON object and nothing else") from error
    if not isinstance(found, dict):
        raise InvalidReplyError("it is not a JSON object")
    if missing := sorted(fields - found.keys()):
        raise InvalidReplyError(f"the field {missing[0]} is missing")
    if found.keys() - fields:
        raise InvalidReplyError("it has a field that was not asked for")
    if not isinstance(found[NOTE], str):
        raise InvalidReplyError(f"{NOTE} is not a text")
    return found


def _bare(text: str) -> str:
    """The reply without a thought before it and a code fence around it."""
    bare = text.strip()
    if bare.startswith("<think>"):
        bare = bare.partition("</think>")[2].strip()
    opening, newline, rest = bare.partition("\n")
    if newline and opening.strip() in ("```", "```json") and rest.rstrip().endswith("```"):
        bare = rest.rstrip().removesuffix("```")
    return bare


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidReplyError("a field is given twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidReplyError(f"{name[:_SHOWN]} is no JSON")
