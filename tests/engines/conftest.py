"""A random little Qwen2 with a byte-level tokenizer, saved once per session as a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(*, chat: bool = True) -> Any:
    """Every byte is a token, so any text can be encoded; <|im_end|> ends a completion."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: number for number, symbol in enumerate([*special, *symbols])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=special,
    )
    if chat:
        fast.chat_template = CHATML
    return fast


def make_model(seed: int = 0, cls: Any = None, **changes: Any) -> Any:
    """Qwen2 (or its subclass `cls`) with weights drawn wide, so that the largest logit is clearly the largest."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=259, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True, initializer_range=0.5,
        eos_token_id=2, pad_token_id=0, bos_token_id=None, **changes,
    )  # fmt: skip
    torch.manual_seed(seed)
    return (cls or Qwen2ForCausalLM)(config).eval()


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "tiny", make_model(), make_tokenizer())


@pytest.fixture
def loaded_model() -> Any:
    """`(model, chat=True) → LoadedModel`, for models that were not saved."""
    from pspo_bench.models import LoadedModel, chat_template_hash, fingerprint

    def wrap(model: Any, *, chat: bool = True) -> LoadedModel:
        tokenizer = make_tokenizer(chat=chat)
        template = chat_template_hash(tokenizer)
        return LoadedModel(model, tokenizer, "tiny", Path(), fingerprint(model), template, "float32", "cpu")

    return wrap


@pytest.fixture(name="make_model")
def make_model_fixture() -> Any:
    return make_model


@pytest.fixture
def tiny(tiny_folder: Path) -> Any:
    from pspo_bench.models import load

    return load(str(tiny_folder), device="cpu")
