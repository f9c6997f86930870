"""Train the pocket base from scratch and write it as a Hugging Face folder with a manifest.

Purpose: the shipped `base/` can be made again with one command, weight for weight on the same machine.
Source: a plain supervised loop, loss on the tokens of the completion only.

    $ python -m pspo_bench.pocket.build --output /tmp/base --steps 40
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.pocket.demonstrations import demonstration
from pspo_bench.pocket.problems import TASKS, problems, stream
from pspo_bench.pocket.steps import Problem

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

# How often each task is met in pretraining: the training task nearly half of the time.
SHARES = {"pocket_gsm": 0.45, "pocket_svamp": 0.12, "pocket_asdiv": 0.20, "pocket_math": 0.23}
TOKENIZER_TEXTS = 8000
POOL = 16  # batches drawn at once and sorted by length, so that little is padding


@dataclass(frozen=True)
class BuildSettings:
    """Hyper-parameters of the base; the defaults make the shipped one."""

    steps: int = 1600
    batch_size: int = 64
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Batch:
    """Right-padded token ids and the mask of the tokens that count; both (B, T)."""

    ids: torch.Tensor
    counted: torch.Tensor


def build(output_dir: str | Path, *, progress: bool = True, **settings: Any) -> dict[str, Any]:
    """Train a base with `BuildSettings(**settings)`, save it under `output_dir` and return its manifest.

    The same settings give the same weights on the same machine and versions; `threads` is one of them,
    because the order of floating-point sums depends on it.
    """
    import torch

    from pspo_bench.pocket.model import make_model, make_tokenizer

    chosen = BuildSettings(**settings)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(chosen.threads)
    started = time.perf_counter()
    try:
        rows = pretraining_rows(chosen)
        tokenizer = make_tokenizer([text for row in rows[:TOKENIZER_TEXTS] for text in row])
        with torch.random.fork_rng():
            torch.manual_seed(chosen.seed)
            model = make_model(tokenizer)
            losses = _fit(model, list(batches(tokenizer, rows, chosen)), chosen, progress)
    finally:
        torch.set_num_threads(threads_before)
    output = Path(output_dir)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    manifest = _manifest(output, chosen, rows, model, losses, time.perf_counter() - started)
    (output / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def pretraining_rows(settings: BuildSettings) -> list[tuple[str, str]]:
    """(question, demonstration) for every example that training will see; no test or validation question."""
    rng = random.Random(f"demonstrations/{settings.seed}")
    streams = {task: _outside_held_out(task, f"pretraining/{settings.seed}") for task in TASKS}
    drawn = rng.choices(list(SHARES), weights=list(SHARES.values()), k=settings.steps * settings.batch_size)
    made = []
    for task in drawn:
        problem = next(streams[task])
        made.append((problem.question, demonstration(rng, task, problem)))
    return made


def _outside_held_out(task: str, seed: str) -> Iterator[Problem]:
    held_out = {problem.question for split in ("test", "validation") for problem in problems(task, split)}
    return (problem for problem in stream(task, seed) if problem.question not in held_out)


def batches(
    tokenizer: PreTrainedTokenizerFast, rows: list[tuple[str, str]], settings: BuildSettings
) -> Iterator[Batch]:
    """Batches of similar length, in random order within each pool."""
    rng = random.Random(f"order/{settings.seed}")
    size = settings.batch_size
    for start in range(0, len(rows), POOL * size):
        pool = sorted(
            _encode(tokenizer, rows[start : start + POOL * size]), key=lambda pair: len(pair[0] + pair[1])
        )
        groups = [pool[i : i + size] for i in range(0, len(pool), size)]
        rng.shuffle(groups)
        yield from (_collate(group, int(tokenizer.pad_token_id)) for group in groups)


def _encode(
    tokenizer: PreTrainedTokenizerFast, rows: list[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    from pspo_bench.pocket.model import END, chat_prompt

    prompts = tokenizer([chat_prompt(tokenizer, question) for question, _ in rows])["input_ids"]
    answers = tokenizer([text + END for _, text in rows])["input_ids"]
    return list(zip(prompts, answers, strict=True))


def _collate(pairs: list[tuple[list[int], list[int]]], pad: int) -> Batch:
    import torch

    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(pairs), longest), pad)
    counted = torch.zeros((len(pairs), longest), dtype=torch.bool)
    for row, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        counted[row, len(prompt) : end] = True
    return Batch(ids, counted)


def _fit(model: Qwen2ForCausalLM, data: list[Batch], settings: BuildSettings, progress: bool) -> list[float]:
    """One pass over the batches, one optimiser step each; returns the loss of every step."""
    import torch
    from tqdm import tqdm

    optimisers = _optimisers(model, settings)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(each, lambda step: _rate(step, settings)) for each in optimisers
    ]
    losses = []
    model.train()
    for batch in (bar := tqdm(data, desc="pocket base", unit="step", disable=not progress)):
        loss = completion_loss(model, batch)
        model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        losses.append(float(loss.detach()))
        bar.set_postfix(loss=f"{losses[-1]:.3f}")
    model.eval()
    return losses


def _optimisers(model: Qwen2ForCausalLM, settings: BuildSettings) -> list[torch.optim.Optimizer]:
    """Muon (https://kellerjordan.github.io/posts/muon/) for the matrices of the layers, AdamW for the rest.

    Muon reaches a given loss in half of AdamW's steps here; see docs/log.md.
    """
    import torch

    matrices = [weight for weight in model.model.layers.parameters() if weight.ndim == 2]
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    rate, decay = settings.learning_rate, settings.weight_decay
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, weight_decay=decay, betas=(0.9, 0.95)),
    ]


def completion_loss(model: Qwen2ForCausalLM, batch: Batch) -> torch.Tensor:
    """Mean negative log-likelihood (nats) of the counted tokens; logits are made for those alone."""
    import torch

    hidden = model.model(input_ids=batch.ids).last_hidden_state  # (B, T, H)
    targets = batch.counted[:, 1:]
    logits = model.lm_head(hidden[:, :-1][targets])  # (N, V)
    return torch.nn.functional.cross_entropy(logits, batch.ids[:, 1:][targets])


def _rate(step: int, settings: BuildSettings) -> float:
    """Linear warm-up, then a cosine to a tenth."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    share = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return 0.55 + 0.45 * math.cos(math.pi * min(1.0, share))


def _manifest(
    output: Path,
    settings: BuildSettings,
    rows: list[tuple[str, str]],
    model: Qwen2ForCausalLM,
    losses: list[float],
    seconds: float,
) -> dict[str, Any]:
    import platform

    import tokenizers
    import torch
    import transformers

    tail = losses[-100:]
    return {
        "command": "python -m pspo_bench.pocket.build --output DIR "
        + " ".join(f"--{name.replace('_', '-')} {value}" for name, value in asdict(settings).items()),
        "settings": asdict(settings),
        "task_shares": SHARES,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss_first_step": round(losses[0], 4),
        "loss_last_100_steps": round(sum(tail) / len(tail), 4),
        "wall_s": round(seconds, 1),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "rows": len(rows),
        "rows_sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        "weights_sha256": hashlib.sha256((output / "model.safetensors").read_bytes()).hexdigest(),
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line: every setting of `BuildSettings` is an option."""
    parser = argparse.ArgumentParser(description="Train the pocket base model from scratch.")
    parser.add_argument("--output", required=True, help="folder to write")
    for name, value in asdict(BuildSettings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    print(json.dumps(build(options.pop("output"), **options), indent=2))


if __name__ == "__main__":
    main()
