"""Requests and answers as the OpenAI API's JSON. Nothing here touches the network.

Sources: https://platform.openai.com/docs/api-reference/chat/create and .../completions/create;
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (`stop_reason`, extra sampling fields),
https://docs.sglang.ai/basic_usage/openai_api_completions.html (`matched_stop`),
https://github.com/ggml-org/llama.cpp/tree/master/tools/server (its own defaults: top_k 40, min_p 0.05).

    >>> body(Request('[{"content":"Hi","role":"user"}]', Sampling(), seed=7), wire)
    {'model': 'm', 'messages': [{'content': 'Hi', 'role': 'user'}], 'temperature': 0.0, 'top_p': 1.0, ...}

Servers have defaults of their own for what a request leaves out: vLLM and SGLang take top-k, min-p and a repetition
penalty from the model's generation_config.json. So that sampling is as the run says, those that are known to
understand the fields (`dialect`) are told their neutral values; others get top_k and min_p only where they are set.
llama-cpp-python does not present itself as any of them: give dialect=llamacpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pspo_bench.engines.openai.failures import Refused, Transient, excerpt
from pspo_bench.engines.stopping import cut_text
from pspo_bench.errors import ConfigError
from pspo_bench.records import Completion, Request, Sampling

# What each server calls "no limit to k, no minimum, no penalty".
_NEUTRAL: dict[str, dict[str, float]] = {
    "standard": {},
    "vllm": {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
    "sglang": {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
    "llamacpp": {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
}
_ENDED = {"stop", "tool_calls", "function_call", "eos", "eos_token", "end_turn"}
_CUT_BY_LENGTH = {"length", "max_tokens", "model_length"}
_BROKEN_OFF = {"abort", "error", "insufficient_system_resource"}  # vLLM and SGLang; vLLM; DeepSeek


@dataclass(frozen=True, slots=True)
class Wire:
    """How one server is spoken to. `templated`: prompts for `completions` were rendered by a chat template."""

    model: str
    endpoint: str = "chat"
    dialect: str = "standard"
    max_tokens_field: str = "max_tokens"
    stream: bool = False
    send_seed: bool = True
    templated: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return "/chat/completions" if self.endpoint == "chat" else "/completions"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the server, before the run's own rules are applied to it.

    `stop_string`: the server says that a stop string ended it. `system_fingerprint` is None where none was given.
    """

    text: str
    finish_reason: str
    stop_string: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    system_fingerprint: str | None


def render_messages(messages: list[dict[str, str]]) -> str:
    """A conversation as the canonical text that `body` reads back: the prompt of the endpoint `chat`."""
    return json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def body(request: Request, wire: Wire) -> dict[str, Any]:
    """The JSON of one request. Raises ConfigError if a prompt for `chat` is not a rendered conversation."""
    drawn = request.sampling
    found: dict[str, Any] = {"model": wire.model, **_prompt(request.prompt, wire)}
    found |= {"temperature": drawn.temperature, "top_p": drawn.top_p}
    found |= _NEUTRAL[wire.dialect]
    found |= {name: value for name, value in (("top_k", drawn.top_k), ("min_p", drawn.min_p)) if value}
    found[wire.max_tokens_field if wire.endpoint == "chat" else "max_tokens"] = drawn.max_tokens
    if drawn.stop:
        found["stop"] = list(drawn.stop)
    if wire.send_seed:
        # 31 bits: llama.cpp keeps 32, of which it takes all ones for "random", and some servers' JSON holds 53.
        found["seed"] = request.seed & 0x7FFFFFFF
    found |= _constraint(drawn.json_schema, wire)
    if wire.stream:
        found |= {"stream": True, "stream_options": {"include_usage": True}}
    return {**found, **wire.extra_body}


def _constraint(schema: str | None, wire: Wire) -> dict[str, Any]:
    """How the server is told to hold the answer to a schema; nothing where it has no field for it.

    Sources: https://docs.vllm.ai/en/latest/features/structured_outputs.html,
    https://platform.openai.com/docs/guides/structured-outputs; llama.cpp's server and llama-cpp-python share a form
    of their own, https://github.com/ggml-org/llama.cpp/tree/master/tools/server (`response_format`).
    """
    if schema is None:
        return {}
    read = json.loads(schema)
    if wire.dialect == "vllm":
        return {"structured_outputs": {"json": read}}
    if wire.endpoint != "chat":
        return {}
    if wire.dialect == "llamacpp":
        return {"response_format": {"type": "json_object", "schema": read}}
    named = {"name": "reply", "strict": True, "schema": read}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _prompt(prompt: str, wire: Wire) -> dict[str, Any]:
    if wire.endpoint == "completions":
        # A template writes the beginning-of-sequence token itself; vLLM would add a second.
        once = {"add_special_tokens": False} if wire.dialect == "vllm" and wire.templated else {}
        return {"prompt": prompt, **once}
    return {"messages": conversation(prompt)}


def conversation(prompt: str) -> list[dict[str, str]]:
    """The messages of a prompt that `render_messages` made. Raises ConfigError."""
    try:
        messages = json.loads(prompt)
    except (ValueError, RecursionError):
        messages = None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ConfigError(
            f"The prompt {prompt[:60]!r} is not a conversation rendered by the engine openai; use its render, or "
            "endpoint=completions"
        )
    return messages


def read_answer(data: object) -> Answer:
    """The answer in the JSON of a whole (not streamed) response. Raises Transient if it is not one."""
    if not isinstance(data, dict):
        raise Transient("the response is not a JSON object")
    choice = first_choice(data)
    if choice is None:
        raise Transient(f"the response holds no choices ({excerpt(data.get('error') or 'nor an error')})")
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else choice.get("text")
    if not isinstance(message, dict) and "text" not in choice:
        raise Transient("the response's choice holds neither message nor text")
    return answer(text_of(content), choice, data)


def first_choice(data: Mapping[str, Any]) -> dict[str, Any] | None:
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


def text_of(content: object) -> str:
    """Message content: a string, parts of which the texts are joined, or None, which is "". Raises Transient."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise Transient(f"the response's content is a {type(content).__name__}, not text")
    return content


def answer(text: str, choice: Mapping[str, Any], data: Mapping[str, Any]) -> Answer:
    """An Answer from its text, the choice that says how it ended, and the object that holds `usage`."""
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        raise Transient("the response does not say how it ended (no finish_reason)")
    if reason in _BROKEN_OFF:
        raise Transient(f"the server broke off (finish_reason '{excerpt(reason)}')")
    matched = (choice.get("stop_reason"), choice.get("matched_stop"))
    usage = data.get("usage")
    named = data.get("system_fingerprint")
    return Answer(
        text=text,
        finish_reason=reason,
        stop_string=any(isinstance(value, str) for value in matched),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        system_fingerprint=named if isinstance(named, str) else None,
    )


def _count(usage: object, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def completion(found: Answer, sampling: Sampling) -> Completion:
    """The answer as the run has it. Raises Refused where the server withheld it or ended it in an unknown way.

    Servers say `stop` both for the model's own end and for a stop string: it is a stop string where the server says
    so (vLLM, SGLang) or where the text still holds one. No server can be asked to stop after an answer line, so the
    text is cut there, as the other engines end it, and the count of tokens is then not known.
    """
    cut = cut_text(found.text, sampling)
    if cut is not None:
        return Completion(cut, "stop-string", found.prompt_tokens, None)
    if found.finish_reason in _CUT_BY_LENGTH:
        reason = "length"
    elif found.finish_reason in _ENDED:
        reason = "stop-string" if sampling.stop and found.stop_string else "stop"
    elif found.finish_reason == "stop_sequence":
        reason = "stop-string"
    elif found.finish_reason == "content_filter":
        raise Refused("the server's content filter withheld the answer (finish_reason 'content_filter')")
    else:
        raise Refused(
            f"the answer ended in a way that is not known (finish_reason '{excerpt(found.finish_reason)}')"
        )
    return Completion(found.text, reason, found.prompt_tokens, found.completion_tokens)
