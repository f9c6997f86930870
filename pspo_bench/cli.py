"""The command line: one thin function per command. Nothing heavy is imported before a command runs.

    pspo-bench train pocket/grpo objective.name=pspo -o runs/pspo
    pspo-bench eval --model runs/pspo --tasks pocket_gsm,pocket_svamp --output-path runs/pspo-eval
    pspo-bench leaderboard runs/*-eval

Errors that a user can mend are one line on stderr and a non-zero exit code; `--debug` adds the traceback.
"""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, NoReturn

    Actions = argparse._SubParsersAction[Any]  # what add_subparsers returns; it has no public name

EXIT_INTERRUPTED = 130
EXIT_UNEXPECTED = 70


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _dashed(sys.argv[1:] if argv is None else argv)
    chosen = next((argument for argument in given if not argument.startswith("-")), None)
    arguments = build_parser(chosen).parse_args(given)
    if arguments.debug:
        return int(arguments.run(arguments) or 0)
    try:
        return _run_quietly(arguments)
    except KeyboardInterrupt:
        print("pspo-bench: interrupted; the same command continues where it stopped", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run_quietly(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import PspoBenchError

    _quiet_libraries()
    try:
        return int(arguments.run(arguments) or 0)
    except PspoBenchError as error:
        print(f"pspo-bench: error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # the reader of our output went away (`| head`); leave nothing for the interpreter to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        print(
            f"pspo-bench: unexpected {type(error).__name__}: {first} (--debug shows where)", file=sys.stderr
        )
        return EXIT_UNEXPECTED


def _quiet_libraries() -> None:
    """Keep the libraries' chatter out of our output; a variable that the user has set stays as it is."""
    quiet = {
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import warnings

    for module in ("transformers", "torch", "trl", "accelerate"):
        warnings.filterwarnings("ignore", module=rf"{module}\.")


def _dashed(argv: Sequence[str]) -> list[str]:
    """`--max_tokens=8` is taken for `--max-tokens=8`: both spellings are in use among similar tools."""
    dashed = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        dashed.append(name.replace("_", "-") + equals + value if name.startswith("--") else argument)
    return dashed


# Commands


def _train(arguments: argparse.Namespace) -> int:
    from pspo_bench.config import load_recipe
    from pspo_bench.training import plan, train

    overrides = list(arguments.overrides)
    if arguments.limit:
        overrides += [f"budget={{steps={arguments.limit}}}"]
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
        arguments.output = path("runs") / f"{recipe.name}-s{recipe.seed}"
    checkpoint = train(recipe, arguments.output, resume=arguments.resume, **places)
    print(checkpoint)
    return 0


def _eval(arguments: argparse.Namespace) -> int:
    from pspo_bench.evaluate import EvalSettings, evaluate, workloads
    from pspo_bench.report import scores_table

    settings = EvalSettings(
        temperatures=arguments.temperature,
        samples=arguments.samples,
        top_p=arguments.top_p,
        max_tokens=arguments.max_tokens,
        seed=arguments.seed,
        limit=arguments.limit,
        split=arguments.split,
        system_prompt=arguments.system_prompt,
        engine=arguments.engine,
        batch_size=arguments.batch_size,
        dtype=arguments.dtype,
        device=arguments.device,
        revision=arguments.revision,
        trust_remote_code=arguments.trust_remote_code,
        data_dir=arguments.data_dir,
        tasks_dir=arguments.tasks_dir,
    )
    if arguments.dry_run:
        for load in workloads(arguments.tasks, settings):
            samples = len(load.examples) * sum(settings.repeats(t) for t in settings.temperatures)
            print(
                f"{load.task.name}: {len(load.examples)} questions,"
                f" {samples} samples of at most {load.max_tokens} tokens"
            )
        return 0
    run = evaluate(arguments.model, arguments.tasks, arguments.output_path, settings)
    print(scores_table(run.frame(), title=f"{arguments.model} → {run.path}"))
    return 0


def _leaderboard(arguments: argparse.Namespace) -> int:
    from pspo_bench.report import leaderboard
    from pspo_bench.store import write_atomic

    board = leaderboard(arguments.runs, reported=arguments.reported, temperature=arguments.temperature)
    form = arguments.format or ("markdown" if arguments.output else "terminal")
    command = "pspo-bench leaderboard " + " ".join(map(str, arguments.runs))
    command += (" --reported" if arguments.reported else "") + (
        f" -o {arguments.output}" if arguments.output else ""
    )
    text = {
        "terminal": board.to_terminal,
        "markdown": lambda: board.to_markdown(command),
        "json": board.to_json,
        "csv": board.to_csv,
    }[form]()
    if arguments.output:
        write_atomic(arguments.output, text.encode())
    else:
        print(text)
    return 0


def _tasks_list(arguments: argparse.Namespace) -> int:
    from pspo_bench.tasks import load_task, task_files

    for name in task_files(arguments.tasks_dir):
        task = load_task(name, arguments.tasks_dir)
        rows = task.splits[task.eval_split].rows
        print(f"{name:<14} {rows if rows is not None else '–':>6}  {task.title}  [{task.license}]")
    return 0


def _tasks_show(arguments: argparse.Namespace) -> int:
    from pspo_bench.prompts import messages, system_prompt
    from pspo_bench.tasks import content_hash, load_examples, load_task

    task = load_task(arguments.task, arguments.tasks_dir)
    examples = load_examples(task, arguments.split, data_dir=arguments.data_dir)
    print(f"{task.name}: {task.title}\nfile: {task.path}\nlicense: {task.license}")
    print(
        f"split: {arguments.split or task.eval_split}\nrows: {len(examples)}\nsha256: {content_hash(examples)}"
    )
    for example in examples[: arguments.limit]:
        print(f"\nid: {example.id}   gold: {example.gold}   answer type: {example.answer_type}")
        for turn in messages(example, system_prompt(task.system_prompt, None)):
            print(f"<{turn['role']}> {turn['content']}")
    return 0


def _tasks_check(arguments: argparse.Namespace) -> int:
    from pspo_bench.tasks import check_golds, load_examples, load_task, task_files

    names = arguments.tasks or list(task_files(arguments.tasks_dir))
    bad = 0
    for name in names:
        task = load_task(name, arguments.tasks_dir)
        for split in task.splits if arguments.all_splits else [task.eval_split]:
            examples = load_examples(task, split, data_dir=arguments.data_dir)
            problems = check_golds(task, examples)
            bad += len(problems)
            print(
                f"{name}/{split}: {len(examples) - len(problems)} of {len(examples)} golds pass their own checker"
            )
            for problem in problems:
                print(f"  {problem}")
    return 1 if bad else 0


def _study(arguments: argparse.Namespace) -> int:
    from pspo_bench.config import load_study
    from pspo_bench.study import plan_lines, run_study

    study = load_study(arguments.study, arguments.overrides)
    places = {"data_dir": arguments.data_dir, "tasks_dir": arguments.tasks_dir}
    if arguments.dry_run:
        for line in plan_lines(study, **places):
            print(line)
        return 0
    output = arguments.output or path("runs") / study.name
    board, failures = run_study(study, output, limit=arguments.limit, report=_note, **places)
    print(board.to_terminal())
    print(f"Written to {output}: LEADERBOARD.md, leaderboard.json, results/, runs/, checkpoints/")
    for failure in failures:
        print(f"pspo-bench: cell {failure.cell} failed: {failure.error}", file=sys.stderr)
    return 1 if failures else 0


def _demo(arguments: argparse.Namespace) -> int:
    arguments.study, arguments.overrides = "pocket/demo", []
    arguments.data_dir = arguments.tasks_dir = None
    return _study(arguments)


def _pocket_build(arguments: argparse.Namespace) -> int:
    from pspo_bench.pocket.build import build

    settings = {
        name: getattr(arguments, name) for name in ("steps", "seed") if getattr(arguments, name) is not None
    }
    manifest = build(arguments.output, **settings)
    print(f"{arguments.output}: weights sha256 {manifest['weights_sha256']}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from pspo_bench.answers.jsonl import check_file

    check_file(
        "-" if str(arguments.file) == "-" else arguments.file,
        arguments.output,
        workers=arguments.workers,
        timeout_s=arguments.timeout,
        scoring=arguments.scoring,
    )
    return 0


# Arguments


class _Parser(argparse.ArgumentParser):
    """argparse with an error of one line, as all our errors are, and a help that loads no further module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": _help_formatter, **kwargs})

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    # argparse would import shutil, and with it all compression modules, to find the width
    try:
        width = os.get_terminal_size().columns
    except OSError:
        width = int(os.environ.get("COLUMNS", "100"))
    return argparse.HelpFormatter(prog, width=min(width, 120) - 2, max_help_position=28)


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser. Only the `chosen` command gets its arguments: building all would slow down every `--help`."""
    parser = _Parser(
        prog="pspo-bench",
        description="Train language models with different trust regions, score them, say which is better.",
    )
    parser.add_argument("--version", action="version", version=f"pspo-bench {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (summary, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            add_arguments(command)
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _train)
    parser.add_argument("recipe", help="recipe file, or the name of a shipped one such as pocket/grpo")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="change a key, e.g. seed=1 objective.name=pspo"
    )
    parser.add_argument("-o", "--output", type=path, help="checkpoint folder (default: runs/<name>-s<seed>)")
    parser.add_argument("--resume", action="store_true", help="continue an unfinished run of the same recipe")
    parser.add_argument(
        "--limit", type=int, metavar="STEPS", help="stop after this many optimiser steps, to try out"
    )
    _add_dry_run(parser)
    _add_places(parser)


def _add_eval(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _eval)
    parser.add_argument("--model", required=True, help="pocket, smollm2, a folder, a GGUF file or a Hub id")
    parser.add_argument(
        "--tasks", type=names, required=True, metavar="A,B", help="task names, see: tasks list"
    )
    parser.add_argument("--output-path", "-o", type=path, required=True, metavar="RUN", help="run folder")
    parser.add_argument(
        "--limit", type=limit, help="questions per task (a fixed random subset), or a share below 1"
    )
    parser.add_argument(
        "--temperature",
        type=numbers,
        default=(0.0,),
        metavar="T,T",
        help="0 is greedy; the first is the headline",
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="samples per question where T > 0"
    )
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--max-tokens", type=int, help="per completion (default: each task's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", help="split to score (default: the task's eval_split)")
    parser.add_argument("--system-prompt", help="instead of the task's; '' for none")
    parser.add_argument("--engine", default="hf", help="hf, replay, a plug-in's name or module:attr")
    parser.add_argument("--batch-size", type=batch_size, metavar="B|auto")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--revision", help="revision of a Hub model")
    parser.add_argument("--trust-remote-code", action="store_true")
    _add_dry_run(parser)
    _add_places(parser)


def _add_leaderboard(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _leaderboard)
    parser.add_argument(
        "runs", nargs="+", type=path, help="run folders, result files, or folders that hold them"
    )
    parser.add_argument("--reported", action="store_true", help="add the figures that the paper states")
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument("--format", choices=("terminal", "markdown", "json", "csv"))
    parser.add_argument(
        "-o", "--output", type=path, help="write to this file (Markdown unless --format says else)"
    )


def _add_study(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _study)
    parser.add_argument("study", help="study file, or the name of a shipped one such as pocket/demo")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="change a key, e.g. seeds=[0,1]")
    parser.add_argument("-o", "--output", type=path, help="folder (default: runs/<name>)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N optimiser steps and N questions, to try out"
    )
    _add_dry_run(parser)
    _add_places(parser)


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _action(actions, "list", _tasks_list, "every task: rows, title, licence")
    listing.add_argument("--tasks-dir", type=path)
    show = _action(
        actions, "show", _tasks_show, "one task: source, hash and first questions as they are asked"
    )
    show.add_argument("task")
    show.add_argument("--split")
    show.add_argument("--limit", type=int, default=2, metavar="N", help="questions to print")
    _add_places(show)
    check = _action(actions, "check", _tasks_check, "every gold must pass its own checker")
    check.add_argument("tasks", nargs="*", help="task names (default: all)")
    check.add_argument("--all-splits", action="store_true")
    _add_places(check)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _check)
    parser.add_argument("file", type=path, help="JSONL file, - for stdin")
    parser.add_argument("-o", "--output", type=path, help="file for the verdict rows (default: stdout)")
    parser.add_argument("--workers", type=int, default=1, help="processes for symbolic comparison")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="limit for one check")
    parser.add_argument("--scoring", default="symbolic", choices=("symbolic", "strict", "flexible", "paper"))


def _add_pocket(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    build = _action(actions, "build", _pocket_build, "make the pocket base model from scratch")
    build.add_argument("-o", "--output", type=path, required=True)
    build.add_argument("--steps", type=int)
    build.add_argument("--seed", type=int)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    _runs(parser, _demo)
    parser.add_argument("-o", "--output", type=path, help="folder (default: runs/pocket-demo)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N optimiser steps and N questions, to try out"
    )
    _add_dry_run(parser)


COMMANDS = {
    "train": ("train a checkpoint from a recipe", _add_train),
    "eval": ("score a model on tasks; continues an unfinished run by itself", _add_eval),
    "leaderboard": ("tabulate runs: seeds aggregated, a column per task", _add_leaderboard),
    "study": ("train and score a grid of arms × seeds; continues by itself", _add_study),
    "tasks": ("list, show and check tasks", _add_tasks),
    "check": (
        "check the answers in a JSONL file: rows {id, gold, completion, answer_type?, question?}",
        _add_check,
    ),
    "pocket": ("the model that ships with the package", _add_pocket),
    "demo": ("the whole loop on the pocket model: train, score, leaderboard", _add_demo),
}


def _action(
    actions: Actions, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    _runs(parser, run)
    return parser


def _runs(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=run)


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything and print what would be done"
    )


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=path, help="folder of <task>/<split>.jsonl (or PSPO_BENCH_DATA)")
    parser.add_argument("--tasks-dir", type=path, help="folder of your own task files")


def path(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def limit(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def batch_size(text: str) -> int | None:
    return None if text == "auto" else int(text)


def _version() -> str:
    from pspo_bench import __version__

    return __version__


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
