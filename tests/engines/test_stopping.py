"""Where completions are cut, with a tokenizer of single bytes."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast

from pspo_bench.engines.stopping import Stopper, eos_ids
from pspo_bench.records import Sampling


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={symbol: n for n, symbol in enumerate(symbols)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=bpe)


def generate(
    stopper: Stopper, text: str, stop: tuple[str, ...] = (), answer_line: bool = False
) -> str | None:
    """Feed `text` token by token; what the stopper cuts it to, None if it never stops."""
    tokens = stopper._tokenizer(text)["input_ids"]
    for end in range(1, len(tokens) + 1):
        found = stopper.cut(tokens[:end], Sampling(stop=stop, stop_at_answer_line=answer_line))
        if found is not None:
            return found
    return None


def test_a_stop_string_is_left_out_and_the_first_one_counts(tokenizer: Any) -> None:
    stopper = Stopper(tokenizer)
    assert generate(stopper, "a = 1\nQ: next", ("Q:", "\n\n")) == "a = 1\n"
    assert generate(stopper, "one two three", ("three", " two")) == "one"
    assert generate(stopper, "one two", ("three",)) is None
    assert generate(stopper, "one ", (" ",)) == "one"


def test_a_stop_string_that_ends_in_a_character_of_several_tokens(tokenizer: Any) -> None:
    # "。" is three bytes, so three tokens: none of them shows the character by itself.
    assert generate(Stopper(tokenizer), "答案。后", ("案。",)) == "答"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("2 + 2 = 4\n#### 4\nMore", "2 + 2 = 4\n#### 4\n"),
        ("#### 4\n", "#### 4\n"),
        ("  ####4 apples\nx", "  ####4 apples\n"),
        ("#### 4", None),  # the line is not finished: more digits may follow
        ("####\n4\n", None),  # the marker without an answer
        ("#### \n\n", None),
        ("write #### 4\n", None),  # not a line of its own
        ("##### 4\n", "##### 4\n"),
    ],
)
def test_the_answer_line(tokenizer: Any, text: str, cut: str | None) -> None:
    assert generate(Stopper(tokenizer), text, answer_line=True) == cut
    assert generate(Stopper(tokenizer), text) is None


def test_eos_of_generation_config_and_tokenizer_are_joined() -> None:
    class Model:
        generation_config = GenerationConfig(eos_token_id=[7, 8])

    class Names:
        eos_token_id = 9

    assert eos_ids(Model, Names) == {7, 8, 9}
    Model.generation_config = GenerationConfig(eos_token_id=5)
    Names.eos_token_id = None
    assert eos_ids(Model, Names) == {5}
