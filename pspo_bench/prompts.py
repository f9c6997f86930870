"""Example → chat messages. The engine turns messages into text with the model's own chat template.

The default system prompt asks for what the paper's asks for (worked steps, English, a last line
`#### <answer>`), in our own words; a task or `--system-prompt` may replace it, and an empty one means none.

    messages(example) → [{"role": "system", ...}, {"role": "user", "content": "Natalia sold clips to ..."}]
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pspo_bench.errors import DataError
from pspo_bench.records import Example

DEFAULT_SYSTEM_PROMPT = (
    "You solve mathematics problems. Reason in English and write out every step with its calculation. "
    "Then finish with one last line that holds nothing but the final answer, in this form:\n#### <answer>"
)

# GSM8K's solutions hold the calculator's input and output: `48/2 = <<48/2=24>>24` (https://arxiv.org/abs/2110.14168).
_CALCULATOR_NOTE = re.compile(r"<<[^<>]*>>")


def system_prompt(task_prompt: str | None, override: str | None) -> str:
    """The system prompt in force: the user's, else the task's, else the default. "" means none."""
    for candidate in (override, task_prompt):
        if candidate is not None:
            return candidate
    return DEFAULT_SYSTEM_PROMPT


def messages(
    example: Example, system: str = DEFAULT_SYSTEM_PROMPT, shots: Sequence[Example] = ()
) -> list[dict[str, str]]:
    """The conversation that asks `example`'s question, after those of `shots` with their worked solutions."""
    turns = [{"role": "system", "content": system}] if system else []
    for shot in shots:
        turns.append({"role": "user", "content": shot.question})
        turns.append({"role": "assistant", "content": demonstration(shot)})
    return [*turns, {"role": "user", "content": example.question}]


def demonstration(example: Example) -> str:
    """The worked solution to imitate, with its answer line. Raises DataError if the task's data has none."""
    if not example.solution:
        raise DataError(
            f"Task '{example.task}', example '{example.id}' has no worked solution to show or to train on; give"
            " columns.solution in the task file, or use neither --num-fewshot nor the objective sft"
        )
    text = _CALCULATOR_NOTE.sub("", example.solution).strip()
    return text if "####" in text else f"{text}\n#### {example.gold}"
