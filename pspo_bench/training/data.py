"""Training rows: the prompt, the gold and, for SFT, the demonstration; and the fixed validation split.

The prompt is made by the same function as in evaluation, and the reward below calls the same checker, so
training and evaluation cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pspo_bench.engines.chat import accepted, has_template, render_plain
from pspo_bench.errors import DataError
from pspo_bench.prompts import demonstration, messages
from pspo_bench.records import Example, short_hash

if TYPE_CHECKING:
    from datasets import Dataset


def split_validation(examples: Sequence[Example], rows: int) -> tuple[list[Example], list[Example]]:
    """(training, validation): the `rows` examples of smallest content hash are held out.

    The rule looks at the content alone: it is the same for every seed, arm and row order.
    Raises DataError if nothing would be left to train on.
    """
    if rows >= len(examples):
        raise DataError(
            f"data.validation_rows={rows} leaves nothing to train on: the split has {len(examples)} examples"
        )
    held_out = {id(example) for example in sorted(examples, key=lambda e: (e.hash, e.id))[:rows]}
    return (
        [example for example in examples if id(example) not in held_out],
        [example for example in examples if id(example) in held_out],
    )


def rollout_dataset(examples: Sequence[Example], system_prompt: str, tokenizer: Any) -> Dataset:
    """One row per question: `prompt` (messages, or plain text without a chat template) and the reward's columns."""
    from datasets import Dataset

    rows = [
        {
            "prompt": _prompt(example, system_prompt, tokenizer),
            "question": example.question,
            "gold": example.gold,
            "answer_type": example.answer_type,
        }
        for example in examples
    ]
    return Dataset.from_list(rows)


def demonstration_dataset(examples: Sequence[Example], system_prompt: str, tokenizer: Any) -> Dataset:
    """One row per question with its worked solution, which must end in the answer line `#### <gold>`."""
    from datasets import Dataset

    rows = []
    for example in examples:
        solution = demonstration(example)
        completion: Any = (
            [{"role": "assistant", "content": solution}] if has_template(tokenizer) else solution
        )
        rows.append({"prompt": _prompt(example, system_prompt, tokenizer), "completion": completion})
    return Dataset.from_list(rows)


def rows_hash(examples: Sequence[Example]) -> str:
    """A hash of which examples, in which order: what the manifest records of the data."""
    return short_hash(*(example.hash for example in examples))


def _prompt(example: Example, system_prompt: str, tokenizer: Any) -> Any:
    """What `engines.chat.render` makes of the question, before TRL applies the template itself."""
    turns = messages(example, system_prompt)
    return accepted(tokenizer, turns) if has_template(tokenizer) else render_plain(turns)
