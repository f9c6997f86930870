"""`pspo-bench train`: a recipe → a checkpoint."""

from __future__ import annotations

from pspo_bench.cli.options import add_dry_run, add_places, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_train(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_train)
    parser.add_argument("recipe", help="recipe file, or the name of a shipped one such as pocket/grpo")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="change a key, e.g. seed=1 objective.name=pspo"
    )
    parser.add_argument("-o", "--output", type=path, help="checkpoint folder (default: runs/<name>-s<seed>)")
    parser.add_argument("--resume", action="store_true", help="continue an unfinished run of the same recipe")
    parser.add_argument(
        "--limit", type=int, metavar="STEPS", help="stop after this many optimiser steps, to try out"
    )
    add_dry_run(parser)
    add_places(parser)


def run_train(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from pspo_bench.config import load_recipe
    from pspo_bench.training import plan, train
    from pspo_bench.training.launch import is_first_process

    overrides = list(arguments.overrides)
    if arguments.limit is not None:
        overrides += [f"budget.steps={arguments.limit}"]
    recipe = load_recipe(arguments.recipe, overrides)
    places = {"data_dir": arguments.data_dir, "tasks_dir": arguments.tasks_dir}
    if arguments.dry_run:
        made = plan(recipe, **places)
        print(recipe.model_dump_json(indent=2))
        print(
            f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows of {made.task.name}"
            f" ({len(made.validation)} held out); {made.generation_batches} generation batches,"
            f" {made.completions} completions, at most {made.max_tokens} tokens"
        )
        return 0
    if arguments.output is None:
        arguments.output = Path("runs") / f"{recipe.name}-s{recipe.seed}"
    checkpoint = train(recipe, arguments.output, resume=arguments.resume, **places)
    if is_first_process():
        print(checkpoint)
    return 0
