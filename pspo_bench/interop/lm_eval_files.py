"""A run in the files that lm-eval writes: `<model>/results_<time>.json` and `<model>/samples_<task>_<time>.jsonl`.

Made to be read by what reads lm-eval's own: its tables, its upload to the Hub, its Zeno script, the Hub's data viewer.
The score of a question is `exact_match` under the one filter `pspo-answers`: the share of its samples that our checker
calls correct. A task at several temperatures is several tasks there (`gsm8k_T0.8`). Sources: lm-eval 0.4.13,
`loggers/evaluation_tracker.py`, `result_schema.py` (https://github.com/EleutherAI/lm-evaluation-harness).

What lm-eval's rows have no place for (why a completion ended, token counts, hashes) stands under the key `pspo_bench`,
so that `import_run` reads an export back as it was. Runs keep the hashes of a prompt and of a system prompt, not their
texts, so `arg_0` is the question and `system_instruction` null.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.interop.lm_eval import EXTRA
from pspo_bench.interop.names import safe_name
from pspo_bench.records import Status
from pspo_bench.store import RunInfo, TaskInfo

if TYPE_CHECKING:
    import pandas as pd

FILTER = "pspo-answers"
METRIC = "exact_match"
_EACH = ("sample_index", "seed", "finish_reason", "prompt_tokens", "completion_tokens", "error")
_ONCE = (
    "id", "question", "gold", "answer_type", "category", "difficulty", "top_p", "top_k", "min_p", "max_tokens", "stop",
    "prompt_hash", "system_prompt_hash", "chat_template_hash", "model_fingerprint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """One task at one temperature: a task of its own to lm-eval."""

    name: str
    temperature: float
    info: TaskInfo
    repeats: int
    rows: list[dict[str, Any]]

    @property
    def scores(self) -> list[float]:
        return [row[METRIC] for row in self.rows]


def files(info: RunInfo, frame: pd.DataFrame) -> Iterator[tuple[Path, str]]:
    """Each file's path and text, the samples first: who finds the results finds all."""
    time = datetime.now().isoformat(timespec="microseconds").replace(":", "-")
    folder = Path(folder_name(info.model))
    parts = []
    for _, rows in frame.groupby(["task", "temperature"], sort=False):
        task, temperature = str(rows["task"].iloc[0]), float(rows["temperature"].iloc[0])
        several = frame.loc[frame["task"] == task, "temperature"].nunique() > 1
        name = f"{task}_T{temperature:g}" if several else task
        part = _part(name, temperature, info, info.tasks[task], rows)
        lines = (json.dumps(row, ensure_ascii=False) for row in part.rows)
        yield folder / f"samples_{safe_name(name)}_{time}.jsonl", "\n".join(lines) + "\n"
        parts.append(part)
    yield (
        folder / f"results_{time}.json",
        json.dumps(_results(info, parts), indent=2, ensure_ascii=False) + "\n",
    )


def folder_name(model: str) -> str:
    """The folder name that lm-eval makes of a model's name, but none that is no name of a folder, such as `..`."""
    return safe_name(re.sub(r'["<>:/|\\?*\[\]]+', "__", model))


def _part(name: str, temperature: float, info: RunInfo, task: TaskInfo, frame: pd.DataFrame) -> _Part:
    from pspo_bench.interop.exporting import plain_rows

    questions: dict[str, list[dict[str, Any]]] = {}
    for row in plain_rows(info, frame):
        questions.setdefault(row["id"], []).append(row)
    kwargs = _generation(temperature, next(iter(questions.values()))[0])
    rows = [_row(number, samples, kwargs) for number, samples in enumerate(questions.values())]
    return _Part(name, temperature, task, max(map(len, questions.values())), rows)


def _generation(temperature: float, row: dict[str, Any]) -> dict[str, Any]:
    stops = [stop for stop in json.loads(row["stop"]) if isinstance(stop, str)]
    settings = {
        "until": stops,
        "do_sample": temperature > 0,
        "temperature": temperature,
        "top_p": row["top_p"],
    }
    settings |= {name: row[name] for name in ("top_k", "min_p") if row[name]}
    return settings | {"max_gen_toks": row["max_tokens"]}


def _row(number: int, samples: Sequence[dict[str, Any]], kwargs: dict[str, Any]) -> dict[str, Any]:
    first = samples[0]
    doc = {name: first.get(name) or "" for name in ("id", "question", "category", "difficulty")}
    doc["answer"] = first["gold"]
    extra: dict[str, Any] = {name: [sample.get(name) for sample in samples] for name in _EACH}
    extra |= {name: first.get(name) for name in _ONCE}
    right = sum(sample["status"] == Status.CORRECT.value for sample in samples)
    return {
        "doc_id": number,
        "doc": doc,
        "target": first["gold"],
        "arguments": {"gen_args_0": {"arg_0": first["question"], "arg_1": kwargs}},
        "resps": [[sample["completion"] for sample in samples]],
        "filtered_resps": [sample.get("extracted", "[invalid]") for sample in samples],
        "filter": FILTER,
        "metrics": [METRIC],
        "doc_hash": _digest(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _digest(first["question"]),
        "target_hash": _digest(first["gold"]),
        METRIC: right / len(samples),
        EXTRA: extra,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _results(info: RunInfo, parts: Sequence[_Part]) -> dict[str, Any]:
    return {
        "results": {part.name: _scores(part) for part in parts},
        "group_subtasks": {part.name: [] for part in parts},
        "configs": {part.name: _config(part, info.settings.num_fewshot) for part in parts},
        "versions": {part.name: 1.0 for part in parts},
        "n-shot": {part.name: info.settings.num_fewshot for part in parts},
        "higher_is_better": {part.name: {METRIC: True} for part in parts},
        "n-samples": {
            part.name: {"original": part.info.n_questions, "effective": len(part.rows)} for part in parts
        },
        "config": _run_config(info),
        "git_hash": info.git_commit,
        "date": _seconds(info.created),
        "pspo_bench_version": info.versions.get("pspo-bench", ""),
        "transformers_version": info.versions.get("transformers", ""),
        "task_hashes": {part.name: _task_hash(part) for part in parts},
        "model_source": info.engine,
        "model_name": info.model,
        "model_name_sanitized": folder_name(info.model),
        "system_instruction": None,  # a run keeps its hash alone
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "chat_template": None,
        "chat_template_sha": None,
        "total_evaluation_time_seconds": None,
    }


def _scores(part: _Part) -> dict[str, Any]:
    """Mean and standard error over questions, as lm-eval has them: "N/A" where there is one question."""
    n, scores = len(part.scores), part.scores
    mean = sum(scores) / n
    spread = math.sqrt(sum((score - mean) ** 2 for score in scores) / (n - 1) / n) if n > 1 else "N/A"
    return {
        "name": part.name,
        "alias": part.name,
        "sample_len": n,
        f"{METRIC},{FILTER}": mean,
        f"{METRIC}_stderr,{FILTER}": spread,
    }


def _config(part: _Part, num_fewshot: int) -> dict[str, Any]:
    return {
        "task": part.name,
        "test_split": part.info.split,
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "num_fewshot": num_fewshot,
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
        "output_type": "generate_until",
        "generation_kwargs": part.rows[0]["arguments"]["gen_args_0"]["arg_1"],
        "repeats": part.repeats,
        "filter_list": [{"name": FILTER, "filter": [{"function": FILTER}]}],
        "metadata": {"version": 1.0},
    }


def _run_config(info: RunInfo) -> dict[str, Any]:
    settings = info.settings
    return {
        "model": info.engine,
        "model_args": {"pretrained": info.model, "dtype": info.dtype},
        "model_dtype": info.dtype,
        "model_revision": "",
        "model_sha": info.fingerprint,
        "batch_size": None,
        "batch_sizes": [],
        "device": info.device,
        "use_cache": None,
        "limit": settings.limit,
        "bootstrap_iters": 0,
        "gen_kwargs": None,
        "random_seed": settings.seed,
        "numpy_seed": settings.seed,
        "torch_seed": settings.seed,
        "fewshot_seed": settings.seed,
    }


def _task_hash(part: _Part) -> str:
    return _digest("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in part.rows))


def _seconds(created: str) -> float | None:
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return None
