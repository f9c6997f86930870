"""Conversation → prompt text: with the tokenizer's chat template if it has one, else plainly.

>>> render_plain([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}])
'Be brief.\\n\\nWhat is 2 + 2?\\n'
"""

from __future__ import annotations

from typing import Any

from pspo_bench.errors import ModelError
from pspo_bench.records import short_hash

Messages = list[dict[str, str]]


def render(tokenizer: Any, messages: Messages, template_args: dict[str, Any] | None = None) -> str:
    """The prompt up to where the answer begins. Without a template, as for a base model, it is plain.

    `template_args` are passed to the template (Qwen3: {"enable_thinking": False}). A template that refuses
    the system role (Gemma's) gets the system text in front of the first user message. Raises ModelError if
    the template fails.
    """
    if not has_template(tokenizer):
        return render_plain(messages)
    return _rendered(tokenizer, messages, template_args)[0]


def accepted(tokenizer: Any, messages: Messages) -> Messages:
    """The conversation as the tokenizer's template takes it: the system text moved where the role is refused.

    For trainers that apply the template themselves. Raises ModelError as `render`.
    """
    return _rendered(tokenizer, messages, None)[1]


def with_arguments(template_hash: str, template_args: dict[str, Any] | None) -> str:
    """The hash that says how prompts were rendered: the template's, and that of its arguments if it has any."""
    if not (template_hash and template_args):
        return template_hash
    return f"{template_hash}+{short_hash(sorted(template_args.items()))}"


def has_template(tokenizer: Any) -> bool:
    return bool(getattr(tokenizer, "chat_template", None))


def _rendered(
    tokenizer: Any, messages: Messages, template_args: dict[str, Any] | None
) -> tuple[str, Messages]:
    from jinja2 import TemplateError

    try:
        return _apply(tokenizer, messages, template_args), messages
    except TemplateError as error:
        if "system" not in str(error).lower():
            raise ModelError(f"The chat template of {tokenizer.name_or_path} failed: {error}") from error
        folded = _system_in_user(messages)
        return _apply(tokenizer, folded, template_args), folded


def render_plain(messages: Messages) -> str:
    """The texts in order, a blank line between them, but an answer right below its question; a newline at the end."""
    ends = {"user": "\n"}
    return "".join(message["content"] + ends.get(message["role"], "\n\n") for message in messages)


def _apply(tokenizer: Any, messages: Messages, template_args: dict[str, Any] | None) -> str:
    text: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, **(template_args or {})
    )
    return text


def _system_in_user(messages: Messages) -> Messages:
    system = [message["content"] for message in messages if message["role"] == "system"]
    first, *rest = [message for message in messages if message["role"] != "system"]
    return [{"role": first["role"], "content": "\n\n".join([*system, first["content"]])}, *rest]
