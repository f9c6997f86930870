"""Our trainer against stock TRL's GRPOTrainer: the same recipe, model, data, reward and machine, a process each.

    python benchmarks/training.py -o training.json                       # pocket, 3 seeds × 16 steps
    PSPO_BENCH_DATA=DIR python benchmarks/training.py --recipe smollm2/grpo --steps 4 --seeds 0 iterations=2

Three trainers take turns, seed by seed:
- `trl`: TRL's own GRPOTrainer, its own loss (dapo, clip) and its own `model.generate`;
- `adapter`: our trainer on the stock path (`rollout.engine = "trl"`, `shared_prompts = false`);
- `ours`: our trainer as it is by default (our generation, prompts read once for their group).

Seconds are CPU time of one thread, which neighbours on the machine disturb less than wall time; wall time stands
beside it. A step is split into rollout (generation), reward, and the rest, the update: log-probabilities, backward,
optimiser. The first generation batch, which warms caches up, is left out. `reward` is the mean over the last half of
the steps, and `difference` ours minus TRL's over seeds with its 95 % interval: the draws differ, the distribution
must not.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from _bench import child_command, environment, ratio, same_conditions, table, write_json

KINDS = ("trl", "adapter", "ours")
STOCK_PATH = ["rollout.engine=trl", "shared_prompts=false"]
PARTS = ("rollout", "reward", "update")


def main() -> int:
    arguments = _arguments()
    same_conditions()
    if arguments.worker:
        print(json.dumps(worker(arguments.worker, arguments.seeds[0], arguments)))
        return 0
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for seed in arguments.seeds:
        for kind in KINDS:
            runs[kind].append(_run(kind, seed, arguments))
    payload = {
        **environment(),
        "recipe": [arguments.recipe, *arguments.overrides],
        "steps": arguments.steps,
        "figures": {kind: _figures(found, runs["trl"]) for kind, found in runs.items()},
        "runs": runs,
    }
    print(_table(payload["figures"]))
    write_json(arguments.output, payload)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", help="recipe keys to change")
    parser.add_argument("--recipe", default="pocket/grpo")
    parser.add_argument("--steps", type=int, default=16, help="optimiser steps")
    parser.add_argument(
        "--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2]
    )
    parser.add_argument("--worker", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path)
    return parser.parse_args()


def _run(kind: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    options = [
        "--worker",
        kind,
        "--seeds",
        str(seed),
        "--recipe",
        arguments.recipe,
        "--steps",
        str(arguments.steps),
    ]
    command = child_command(__file__, *options, *arguments.overrides)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{kind}, seed {seed}, failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{kind} seed {seed}: {found['cpu_s']:.1f} s", file=sys.stderr, flush=True)
    return found


# One training in a process of its own


class Clock:
    """CPU and wall seconds of parts of a trainer, and of its steps."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self.steps: list[dict[str, float]] = []
        self._began = (time.process_time(), time.perf_counter())

    def watch(self, trainer: Any, method: str, part: str) -> None:
        inner = getattr(trainer, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                self.parts[part] += time.process_time() - start

        setattr(trainer, method, timed)

    def step(self) -> None:
        now = (time.process_time(), time.perf_counter())
        cpu, wall = now[0] - self._began[0], now[1] - self._began[1]
        update = cpu - self.parts["rollout"] - self.parts["reward"]
        self.steps.append({**self.parts, "update": update, "cpu": cpu, "wall": wall})
        self.parts, self._began = dict.fromkeys(PARTS, 0.0), now


def worker(kind: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train and return the seconds of each step, the rewards and the peak memory."""
    import torch
    from transformers import TrainerCallback

    from pspo_bench.config import load_recipe
    from pspo_bench.models import load
    from pspo_bench.training.plan import plan

    torch.set_num_threads(1)
    changes = [*arguments.overrides, f"seed={seed}", f"budget.steps={arguments.steps}"]
    recipe = load_recipe(arguments.recipe, changes + (STOCK_PATH if kind == "adapter" else []))
    recipe = recipe.model_copy(
        update={"checkpoint": recipe.checkpoint.model_copy(update={"save_steps": None, "eval_steps": None})}
    )
    if arguments.steps <= recipe.rollout.steps_per_batch:
        sys.exit(
            f"--steps must be above {recipe.rollout.steps_per_batch}, the first generation batch, which is left out"
        )
    made, loaded = plan(recipe), load(recipe.model.base, dtype="float32", device="cpu")
    clock, rewards = Clock(), []

    class Watch(TrainerCallback):  # type: ignore[misc, no-any-unimported]
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            clock.step()
            clock.steps.clear()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            clock.step()

        def on_log(self, *args: Any, logs: dict[str, float], **kwargs: Any) -> None:
            if "reward" in logs:
                rewards.append(float(logs["reward"]))

    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(kind, made, loaded, Path(folder))
        trainer.add_callback(Watch())
        clock.watch(trainer, "_generate", "rollout")
        clock.watch(trainer, "_calculate_rewards", "reward")
        trainer.train()
    return {
        "seed": seed,
        "steps": clock.steps,
        "steps_per_batch": recipe.rollout.steps_per_batch,
        "rewards": rewards,
        "cpu_s": sum(step["cpu"] for step in clock.steps),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _trainer(kind: str, made: Any, loaded: Any, folder: Path) -> Any:
    from pspo_bench.training.build import build_trainer

    ours = build_trainer(made, loaded, folder)
    if kind != "trl":
        return ours
    from trl import GRPOTrainer

    arguments = ours.args
    arguments.loss_type = made.recipe.loss.aggregation
    settings = made.recipe.objective.settings
    arguments.epsilon = settings.get("epsilon", settings.get("epsilon_low", 0.2))
    arguments.epsilon_high = settings.get("epsilon_high", arguments.epsilon)
    return GRPOTrainer(
        model=loaded.model,
        args=arguments,
        processing_class=loaded.tokenizer,
        train_dataset=ours.train_dataset,
        reward_funcs=ours.reward_funcs,
    )


# Figures


def _figures(runs: Sequence[dict[str, Any]], stock: Sequence[dict[str, Any]]) -> dict[str, Any]:
    steps = [step for run in runs for step in run["steps"][run["steps_per_batch"] :]]
    base = [step for run in stock for step in run["steps"][run["steps_per_batch"] :]]
    found: dict[str, Any] = {
        f"{name}_s": fmean(step[name] for step in steps) for name in ("cpu", "wall", *PARTS)
    }
    found["to_trl"] = ratio(found["cpu_s"], fmean(step["cpu"] for step in base))
    found["peak_mib"] = max(run["peak_mib"] for run in runs)
    found["reward"] = fmean(map(_late_reward, runs))
    found["difference"] = _difference(
        [_late_reward(a) - _late_reward(b) for a, b in zip(runs, stock, strict=True)]
    )
    return found


def _late_reward(run: dict[str, Any]) -> float:
    return fmean(run["rewards"][len(run["rewards"]) // 2 :])


def _difference(values: Sequence[float]) -> dict[str, float | None]:
    from scipy.stats import sem, t

    if len(values) < 2 or len(set(values)) == 1:
        return {"mean": fmean(values), "low": None, "high": None}
    low, high = t.interval(0.95, len(values) - 1, loc=fmean(values), scale=sem(values))
    return {"mean": fmean(values), "low": float(low), "high": float(high)}


def _table(figures: dict[str, dict[str, Any]]) -> str:
    header = [
        "a step",
        "cpu s",
        "wall s",
        *(f"{part} s" for part in PARTS),
        "to trl",
        "peak MiB",
        "reward",
        "difference",
    ]
    names = ("cpu_s", "wall_s", *(f"{part}_s" for part in PARTS), "to_trl", "peak_mib", "reward")
    return table(
        header, [[kind, *(f[name] for name in names), _shown(f["difference"])] for kind, f in figures.items()]
    )


def _shown(difference: dict[str, float | None]) -> str:
    mean, low, high = (difference[name] for name in ("mean", "low", "high"))
    return f"{mean:+.3f}" + (f" ({low:+.3f} to {high:+.3f})" if low is not None else "")


if __name__ == "__main__":
    raise SystemExit(main())
