"""Example → chat messages. The engine turns messages into text with the model's own chat template.

The default system prompt asks for what the paper's asks for (worked steps, English, a last line
`#### <answer>`), in our own words; a task or `--system-prompt` may replace it, and an empty one means none.

    messages(example) → [{"role": "system", ...}, {"role": "user", "content": "Natalia sold clips to ..."}]
"""

from __future__ import annotations

from pspo_bench.records import Example

DEFAULT_SYSTEM_PROMPT = (
    "You solve mathematics problems. Reason in English and write out every step with its calculation. "
    "Then finish with one last line that holds nothing but the final answer, in this form:\n#### <answer>"
)


def system_prompt(task_prompt: str | None, override: str | None) -> str:
    """The system prompt in force: the user's, else the task's, else the default. "" means none."""
    for candidate in (override, task_prompt):
        if candidate is not None:
            return candidate
    return DEFAULT_SYSTEM_PROMPT


def messages(example: Example, system: str = DEFAULT_SYSTEM_PROMPT) -> list[dict[str, str]]:
    """The conversation that asks `example`'s question."""
    user = {"role": "user", "content": example.question}
    return [{"role": "system", "content": system}, user] if system else [user]
