"""Inspect with its mock model over two rows, twice each: right, wrong and cut at the token limit.

Its mock model counts tokens with tiktoken, whose tables are on the Internet; words are counted in their place.
"""

import json

import tiktoken


class Words:
    def encode(self, text, **_):
        return list(range(len(text.split())))

    encode_ordinary = encode


tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: Words()

from inspect_ai import Task, eval  # noqa: E402
from inspect_ai.dataset import Sample  # noqa: E402
from inspect_ai.model import GenerateConfig, ModelOutput, get_model  # noqa: E402
from inspect_ai.scorer import match  # noqa: E402
from inspect_ai.solver import generate  # noqa: E402

with open("rows/test.jsonl", encoding="utf-8") as file:
    rows = [json.loads(line) for line in file][:2]
right = [f"It is so.\n#### {row['answer']}" for row in rows]
texts = [(right[0], "stop"), ("3 * 5 = 15\n15", "max_tokens"), ("#### 1", "stop"), (right[1], "stop")]
outputs = (ModelOutput.from_content("mockllm/model", text, stop_reason=why) for text, why in texts)
task = Task(
    dataset=[Sample(id=row["id"], input=row["question"], target=row["answer"]) for row in rows],
    solver=generate(),
    scorer=match(numeric=True),
    config=GenerateConfig(temperature=0.7, max_tokens=64, seed=5),
    epochs=2,
    name="pocket",
)
model = get_model("mockllm/model", custom_outputs=outputs)
eval(task, model=model, log_dir="logs", display="none", max_samples=1, max_connections=1)
