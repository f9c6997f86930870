"""Our engines against lm-eval's hf backend: the same model, prompts, limits and dtype, each as a whole process.

    PSPO_BENCH_DATA=DIR python benchmarks/engines.py --lm-eval LM_EVAL_PYTHON [--vllm VLLM_PYTHON] -o engines.json

SmolLM2-135M-Instruct (dequantised once to a safetensors folder) answers the same GSM8K prompts, rendered once with
its chat template: greedy, then sampled four times at T = 0.8. Each tool is started as its command line in an
interpreter of its own (lm-eval and vLLM have conflicting requirements), and the tools take turns. Wall time is that of
the whole process with imports and loading; generated tokens are counted with the model's tokenizer from the saved
completions; peak memory is the largest process's. `agreement` is the share of greedy completions that are the same text
as ours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _bench import child_command, environment, ratio, table, write_json

TEMPERATURE, REPEATS = 0.8, 4
OUR_TASK = """
name = "bench"
title = "GSM8K prompts"
license = "MIT"
answer_type = "number"
system_prompt = ""
[columns]
question = "{question}"
gold = "{gold}"
[splits.test]
file = "bench.jsonl"
"""
THEIR_TASK = """
task: bench
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{gold}}}}"
repeats: {repeats}
generation_kwargs: {{until: [], max_gen_toks: {max_tokens}, do_sample: {sample}, temperature: {temperature}}}
metric_list: [{{metric: exact_match}}]
filter_list: [{{name: all, filter: [{{function: take_first}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every tool is told."""

    name: str
    temperature: float
    repeats: int


SETTINGS = (Setting("greedy", 0.0, 1), Setting("sampled", TEMPERATURE, REPEATS))


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one benchmark: model/, bench.jsonl with question, prompt and gold, and what the tools write."""

    folder: Path
    dtype: str
    max_tokens: int
    batch_size: int

    @property
    def model(self) -> Path:
        return self.folder / "model"


def prepare(place: Place, prompts: int, data_dir: Path | None) -> None:
    """Save the model as a folder, and the prompts as both tools read them."""
    from pspo_bench.engines.chat import render
    from pspo_bench.models import load
    from pspo_bench.prompts import messages
    from pspo_bench.tasks import load_examples, load_task

    loaded = load("smollm2", dtype=place.dtype, device="cpu")
    loaded.model.save_pretrained(place.model)
    loaded.tokenizer.save_pretrained(place.model)
    examples = load_examples(load_task("gsm8k"), data_dir=data_dir, limit=prompts)
    rows = [
        {"question": e.question, "gold": e.gold, "prompt": render(loaded.tokenizer, messages(e, ""))}
        for e in examples
    ]
    (place.folder / "bench.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place.folder / "bench.toml").write_text(OUR_TASK)


def timed(command: Sequence[str], log: Path) -> dict[str, float]:
    """Wall and processor seconds and peak MiB of a process. Raises RuntimeError with the end of its log if it fails."""
    with log.open("wb") as sink:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=sink, stderr=sink, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    if status:
        raise RuntimeError(f"{command[0]} failed: {log.read_text(errors='replace')[-3000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall_s": seconds, "cpu_s": cpu, "peak_mib": usage.ru_maxrss / 1024}


def ours(place: Place, setting: Setting, python: str, engine: str) -> tuple[list[str], Path]:
    output = place.folder / f"{engine}-{setting.name}"
    command = [python, "-m", "pspo_bench", "eval", "--model", str(place.model), "--engine", engine]
    command += [
        "--tasks",
        "bench",
        "--tasks-dir",
        str(place.folder),
        "-o",
        str(output),
        "--dtype",
        place.dtype,
    ]
    command += ["--max-tokens", str(place.max_tokens), "--batch-size", str(place.batch_size)]
    command += ["--temperature", f"{setting.temperature:g}", "--samples", str(setting.repeats)]
    return command, output


def theirs(place: Place, setting: Setting, python: str) -> tuple[list[str], Path]:
    folder = place.folder / f"lm-eval-{setting.name}"
    folder.mkdir()
    text = THEIR_TASK.format(
        file=place.folder / "bench.jsonl",
        repeats=setting.repeats,
        max_tokens=place.max_tokens,
        sample=str(setting.temperature > 0).lower(),
        temperature=setting.temperature,
    )
    (folder / "bench.yaml").write_text(text)
    command = [python, "-m", "lm_eval", "--model", "hf", "--include_path", str(folder), "--tasks", "bench"]
    command += ["--model_args", f"pretrained={place.model},dtype={place.dtype}", "--device", "cpu"]
    command += ["--batch_size", str(place.batch_size), "--log_samples", "--output_path", str(folder / "out")]
    return command, folder / "out"


def our_texts(run: Path) -> list[list[str]]:
    """Completions by question, in the order of the questions."""
    from pspo_bench.store import Run

    frame = Run.open(run).frame()
    return [group["completion"].tolist() for _, group in frame.groupby("example_id", sort=False)]


def their_texts(output: Path) -> list[list[str]]:
    (log,) = output.rglob("samples_bench_*.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return [row["resps"][0] for row in sorted(rows, key=lambda row: row["doc_id"])]


def measure(place: Place, setting: Setting, tools: dict[str, str]) -> dict[str, Any]:
    """All tools at one setting, one after the other."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(place.model / "tokenizer.json"))
    figures: dict[str, Any] = {}
    texts: dict[str, list[list[str]]] = {}
    for tool, python in tools.items():
        engine = {"pspo-bench hf": "hf", "pspo-bench vllm": "vllm"}.get(tool)
        command, output = ours(place, setting, python, engine) if engine else theirs(place, setting, python)
        cost = timed(command, place.folder / f"{tool.replace(' ', '-')}-{setting.name}.log")
        texts[tool] = our_texts(output) if engine else their_texts(output)
        flat = [text for group in texts[tool] for text in group]
        tokens = sum(len(ids) for ids in tokenizer.encode_batch(flat, add_special_tokens=False))
        speed = {"tokens": tokens, "tokens_per_s": tokens / cost["wall_s"], "completions": len(flat)}
        figures[tool] = {**cost, **speed}
    if setting.temperature == 0:
        first = texts["pspo-bench hf"]
        for tool, found in texts.items():
            same = [a[0].strip() == b[0].strip() for a, b in zip(first, found, strict=True)]
            figures[tool]["agreement"] = sum(same) / len(same)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--dtype", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--threads", type=int, default=2, help="of torch, for each tool")
    parser.add_argument("--lm-eval", metavar="PYTHON", help="interpreter that has lm-eval")
    parser.add_argument("--vllm", metavar="PYTHON", help="interpreter that has vllm and pspo-bench")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--greedy-only", action="store_true", help="leave out the sampled completions")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    settings = (arguments.dtype, arguments.max_tokens, arguments.batch_size)
    if arguments.prepare:
        prepare(Place(arguments.prepare, *settings), arguments.prompts, arguments.data_dir)
        return 0
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    tools = {
        "pspo-bench hf": sys.executable,
        "lm-eval hf": arguments.lm_eval,
        "pspo-bench vllm": arguments.vllm,
    }
    tools = {tool: python for tool, python in tools.items() if python}
    payload: dict[str, Any] = {**environment(), "threads": arguments.threads, "settings": {}}
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), *settings)
        # A process's peak begins with its parent's at the fork, so this one must stay small.
        subprocess.run(child_command(__file__, *sys.argv[1:], "--prepare", name), check=True)
        for setting in SETTINGS[: 1 if arguments.greedy_only else None]:
            figures = measure(place, setting, tools)
            payload["settings"][setting.name] = figures
            rival = figures.get("lm-eval hf", {}).get("tokens_per_s")
            header = (
                setting.name,
                "wall s",
                "cpu s",
                "tokens",
                "tokens/s",
                "to lm-eval",
                "peak MiB",
                "same text",
            )
            rows = [
                (
                    tool,
                    *(found[key] for key in ("wall_s", "cpu_s", "tokens", "tokens_per_s")),
                    ratio(found["tokens_per_s"], rival),
                    found["peak_mib"],
                    found.get("agreement"),
                )
                for tool, found in figures.items()
            ]
            print(table(header, rows), flush=True)
    write_json(arguments.output, payload)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
