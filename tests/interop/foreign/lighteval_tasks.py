"""Tasks for lighteval 0.13 over `rows/test.jsonl`: one completion a question, and three."""

from lighteval.metrics.metrics import Metrics
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc


def prompt(line, task_name=None):
    return Doc(task_name=task_name, query=line["question"], choices=[line["answer"]], gold_index=0)


def config(name, metric):
    return LightevalTaskConfig(
        name=name,
        prompt_function=prompt,
        hf_repo="./rows",
        hf_subset="default",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        generation_size=64,
        metrics=[metric],
        stop_sequence=["\n\n"],
    )


TASKS_TABLE = [
    config("pocket_once", Metrics.expr_gold_metric),
    config("pocket_three", Metrics.pass_at_k_math(sample_params={"k": 1, "n": 3})),
]
