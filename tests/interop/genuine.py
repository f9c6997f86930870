"""Makes genuine logs with the real harnesses, on the pocket model: the files in `data/`, and fresh ones in the tests.

    python tests/interop/genuine.py lm-eval path/to/python folder      # also: lighteval, inspect

The interpreter is that of an environment with the package. Nothing is fetched: model and questions are this project's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pspo_bench.pocket import base_path
from pspo_bench.tasks import load_examples, load_task

FOREIGN = Path(__file__).parent / "foreign"
QUESTIONS = 8
MODEL = "pocket-base"


def prepare(folder: Path) -> None:
    """The rows, and a copy of the model: lighteval keeps its cache in the model's folder."""
    (folder / "rows").mkdir(parents=True)
    rows = [
        {"id": example.id, "question": example.question, "answer": example.gold}
        for example in load_examples(load_task("pocket_gsm"))[:QUESTIONS]
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "rows" / "test.jsonl").write_text(text, encoding="utf-8")
    shutil.copytree(base_path(), folder / MODEL)


def run(python: str, arguments: list[str], folder: Path) -> str:
    """Runs the other interpreter in `folder`, offline and on one thread; its output."""
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "HF_HOME": str(folder / "hf"),
    }
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def lm_eval(python: str, folder: Path) -> Path:
    """Two tasks, greedy and three samples at temperature 0.8; the output folder."""
    command = [
        "-m",
        "lm_eval",
        "--model",
        "hf",
        "--model_args",
        f"pretrained={MODEL},dtype=float32",
        "--device",
        "cpu",
    ]
    command += [
        "--include_path",
        str(FOREIGN),
        "--tasks",
        "pocket_greedy,pocket_sampled",
        "--batch_size",
        "8",
    ]
    run(python, [*command, "--apply_chat_template", "--log_samples", "--output_path", "out"], folder)
    return folder / "out"


def lighteval(python: str, folder: Path) -> Path:
    """Two tasks, one completion a question and three, at temperature 0.8; the output folder."""
    model = f"model_name={MODEL},dtype=float32,batch_size=8,max_length=512,generation_parameters={{temperature:0.8}}"
    command = [str(FOREIGN / "lighteval_main.py"), "accelerate", model, "pocket_once|0,pocket_three|0"]
    command += [
        "--custom-tasks",
        str(FOREIGN / "lighteval_tasks.py"),
        "--output-dir",
        "out",
        "--save-details",
    ]
    run(python, command, folder)
    return folder / "out"


def inspect(python: str, folder: Path) -> Path:
    """Two questions, two epochs; the dumped log."""
    run(python, [str(FOREIGN / "inspect_main.py")], folder)
    (log,) = (folder / "logs").glob("*.eval")
    dump = folder / "inspect.json"
    dump.write_text(run(python, ["-m", "inspect_ai", "log", "dump", str(log)], folder), encoding="utf-8")
    return dump


if __name__ == "__main__":
    harness, interpreter, target = sys.argv[1:]
    prepare(Path(target))
    makers = {"lm-eval": lm_eval, "lighteval": lighteval, "inspect": inspect}
    print(makers[harness](interpreter, Path(target)))
