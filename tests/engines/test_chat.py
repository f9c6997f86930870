"""Prompts with a template, without one, and with one that refuses a system role."""

from __future__ import annotations

import pytest

from pspo_bench.engines.chat import render
from pspo_bench.errors import ModelError

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]


def tokenizer(template: str | None):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE(vocab={"a": 0}, merges=[])))
    fast.chat_template = template
    return fast


def test_plain_prompt_is_system_blank_line_user_newline() -> None:
    assert render(tokenizer(None), MESSAGES) == "Be brief.\n\n2 + 2?\n"
    assert render(tokenizer(None), MESSAGES[1:]) == "2 + 2?\n"


def test_the_template_is_used_with_its_generation_prompt_and_arguments() -> None:
    template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[model]{% if not think %}<none>{% endif %}{% endif %}"
    )
    assert render(tokenizer(template), MESSAGES) == "[system]Be brief.[user]2 + 2?[model]<none>"
    assert render(tokenizer(template), MESSAGES, {"think": True}).endswith("[model]")


def test_a_template_without_system_role_gets_it_in_the_user_message() -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    assert render(tokenizer(template), MESSAGES) == "[user]Be brief.\n\n2 + 2?"


def test_a_template_that_fails_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="chat template of .* failed: no way"):
        render(tokenizer("{{ raise_exception('no way') }}"), MESSAGES)
