"""The tokenizer, and the shipped base as the Auto classes load it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import plain_loop
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from pspo_bench.pocket import base_path, rows
from pspo_bench.pocket.model import chat_prompt

TEXTS = [
    "Mia has 12 apples.\n12 + 3 = 15\n#### 15",
    "  leading, trailing and  double spaces \t\r\n\r\n",
    "$\\frac{3}{4}$, (2, 5), 3:4, \\sqrt{x^2}",
    "naïve Ångström ½ ٣ 你好 😀 \u2028 \x00 \x7f",
    "it's IT'S we'll",
    "",
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(base_path())


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(base_path())


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_code_point_comes_back_in_nfc(tokenizer: Any) -> None:
    """Every 37th code point but the surrogates: decomposed letters are composed, as by Qwen2 itself."""
    text = "a".join(chr(c) for c in range(0, 0x110000, 37) if not 0xD800 <= c < 0xE000)
    assert tokenizer.decode(tokenizer.encode(text)) == unicodedata.normalize("NFC", text)


def test_digits_are_single_tokens(tokenizer: Any) -> None:
    assert tokenizer.tokenize("2048+7") == ["2", "0", "4", "8", "+", "7"]


def test_prompt_is_chatml_without_a_system_message(tokenizer: Any) -> None:
    expected = "<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n<|im_start|>assistant\n"
    assert chat_prompt(tokenizer, "What is 1 + 1?") == expected
    # The markers are one token each, and the end marker ends a completion; padding is a different token.
    ids = tokenizer.encode(expected)
    assert [ids.count(tokenizer.convert_tokens_to_ids(t)) for t in ("<|im_start|>", "<|im_end|>")] == [2, 1]
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_base_is_an_ordinary_small_qwen2(model: Any) -> None:
    """By hand: tied embeddings 640*128, then 4 layers of attention, gated MLP and norms, and a last norm.

    Attention: q 128*128+128, k and v 2*(128*64+64), o 128*128; MLP 3*128*384; norms 2*128.
    """
    attention = 128 * 128 + 128 + 2 * (128 * 64 + 64) + 128 * 128
    by_hand = 640 * 128 + 4 * (attention + 3 * 128 * 384 + 2 * 128) + 128
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert sum(p.numel() for p in model.parameters()) == by_hand == 870_528
    assert model.dtype == torch.float32


def test_manifest_describes_the_shipped_weights() -> None:
    import hashlib

    manifest = json.loads((base_path() / "manifest.json").read_text())
    weights = (base_path() / "model.safetensors").read_bytes()
    assert manifest["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert manifest["rows"] == manifest["settings"]["steps"] * manifest["settings"]["batch_size"]


def test_base_is_right_on_some_test_questions_and_wrong_on_others(model: Any, tokenizer: Any) -> None:
    """64 greedy answers: well above chance, which is near 0, and with room to learn."""
    chosen = rows("pocket_gsm", "test")[:64]
    prompts = [chat_prompt(tokenizer, row["question"]) for row in chosen]
    ids, _, mask = plain_loop.sample(model, tokenizer, prompts, greedy=True)
    texts = plain_loop.texts_of(tokenizer, ids, mask)
    right = sum(plain_loop.exact_match(t, row["answer"]) for t, row in zip(texts, chosen, strict=True))
    assert 0.2 * 64 < right < 0.8 * 64


def test_base_path_is_inside_the_package() -> None:
    names = {path.name for path in Path(base_path()).iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= names
    assert {"tokenizer_config.json", "chat_template.jinja", "manifest.json"} <= names
