"""Validation split, demonstrations and prompts: the parts of training that need no trainer."""

from __future__ import annotations

import random

import pytest
from transformers import AutoTokenizer

from pspo_bench.errors import DataError
from pspo_bench.pocket import base_path
from pspo_bench.records import Example
from pspo_bench.tasks import load_examples, load_task
from pspo_bench.training.data import demonstration, rollout_dataset, split_validation


def test_the_validation_split_depends_on_the_content_alone() -> None:
    examples = load_examples(load_task("pocket_svamp"), "train", limit=200)
    training, validation = split_validation(examples, 40)
    assert len(validation) == 40
    assert {e.id for e in training} | {e.id for e in validation} == {e.id for e in examples}
    shuffled = random.Random(1).sample(examples, len(examples))
    assert {e.id for e in split_validation(shuffled, 40)[1]} == {e.id for e in validation}


def test_a_validation_split_that_leaves_nothing_is_refused() -> None:
    examples = load_examples(load_task("pocket_svamp"), "train", limit=10)
    with pytest.raises(DataError, match="validation_rows=10 leaves nothing to train on: the split has 10"):
        split_validation(examples, 10)


def test_calculator_notes_are_not_part_of_a_demonstration() -> None:
    gsm = Example(
        "gsm8k",
        "0",
        "q",
        "72",
        "number",
        solution="48/2 = <<48/2=24>>24 clips.\n48+24 = <<48+24=72>>72\n#### 72",
    )
    assert demonstration(gsm) == "48/2 = 24 clips.\n48+24 = 72\n#### 72"
    assert demonstration(Example("t", "1", "q", "5", "number", solution="2 + 3 = 5")) == "2 + 3 = 5\n#### 5"
    with pytest.raises(DataError, match="example '2' has no worked solution to show or to train on"):
        demonstration(Example("t", "2", "q", "5", "number"))


def test_prompts_are_messages_with_a_chat_template_and_text_without() -> None:
    example = Example("t", "0", "What is 2 + 3?", "5", "number")
    tokenizer = AutoTokenizer.from_pretrained(base_path())
    chat = rollout_dataset([example], "Think.", tokenizer)[0]
    assert chat["prompt"] == [
        {"role": "system", "content": "Think."},
        {"role": "user", "content": "What is 2 + 3?"},
    ]
    refusing = tokenizer.chat_template
    tokenizer.chat_template = (
        "{{ raise_exception('no system role') if messages[0].role == 'system' }}" + refusing
    )
    folded = rollout_dataset([example], "Think.", tokenizer)[0]["prompt"]
    assert folded == [{"role": "user", "content": "Think.\n\nWhat is 2 + 3?"}]
    tokenizer.chat_template = None
    assert rollout_dataset([example], "Think.", tokenizer)[0]["prompt"] == "Think.\n\nWhat is 2 + 3?\n"
