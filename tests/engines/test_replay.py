"""Recorded completions through the engine interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines import ENGINES, Engine
from pspo_bench.errors import DataError
from pspo_bench.records import Request, Sampling, short_hash


def record(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ask(engine: Engine, *prompts: str, temperature: float = 0.0) -> list[str]:
    requests = [Request(prompt, Sampling(temperature=temperature), seed=0) for prompt in prompts]
    answers = dict(engine.generate(requests))
    return [answers[index].text for index in range(len(prompts))]


def test_samples_come_in_order_and_by_prompt(tmp_path: Path) -> None:
    file = record(
        tmp_path / "rows.jsonl",
        {"prompt": "a", "completion": "second", "sample_index": 1},
        {
            "prompt_hash": short_hash("b"),
            "completion": "other",
            "finish_reason": "length",
            "completion_tokens": 7,
        },
        {"prompt": "a", "completion": "first", "sample_index": 0},
        {"prompt": "a", "completion": "hot", "temperature": 1.0},
    )
    engine = ENGINES.get("replay")(str(file))
    assert isinstance(engine, Engine)
    assert ask(engine, "a", "b", "a") == ["first", "other", "second"]
    assert ask(engine, "a", temperature=1.0) == ["hot"]
    again = ENGINES.get("replay")(str(file))
    [(_, completion)] = again.generate([Request("b", Sampling(), seed=0)])
    assert (completion.finish_reason, completion.completion_tokens) == ("length", 7)


def test_what_was_not_recorded_is_named(tmp_path: Path) -> None:
    file = record(tmp_path / "rows.jsonl", {"prompt": "What is 2 + 2?", "completion": "4"})
    engine = ENGINES.get("replay")(str(file))
    with pytest.raises(
        DataError, match=r"no completion 2 for the prompt \w{16} \('What is 2 \+ 2\?'\).* holds 1"
    ):
        ask(engine, "What is 2 + 2?", "What is 2 + 2?")
    with pytest.raises(DataError, match="no completion 1 .*'else'.* holds 0"):
        ask(engine, "else")


@pytest.mark.parametrize(
    "line", ["not json", "[]", '{"prompt": "a"}', '{"completion": "a"}', '{"prompt": "a", "completion": 3}']
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n\n' + line + "\n")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 3"):
        ENGINES.get("replay")(str(file))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jsonl cannot be read"):
        ENGINES.get("replay")(str(tmp_path / "gone.jsonl"))


def test_fingerprint_and_rendering(tmp_path: Path, tiny_folder: Path, tiny: Any) -> None:
    one = record(tmp_path / "one.jsonl", {"prompt": "a", "completion": "b"})
    two = record(tmp_path / "two.jsonl", {"prompt": "a", "completion": "c"})
    messages = [{"role": "user", "content": "Hi"}]
    plain = ENGINES.get("replay")(str(one))
    assert plain.fingerprint != ENGINES.get("replay")(str(two)).fingerprint
    assert (plain.render(messages), plain.chat_template_hash) == ("Hi\n", "")
    chat = ENGINES.get("replay")(str(one), tokenizer=str(tiny_folder))
    assert chat.render(messages) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert chat.chat_template_hash == tiny.chat_template_hash != ""
