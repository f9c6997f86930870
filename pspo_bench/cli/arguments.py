"""The arguments of every command. Only argparse is imported here, so that `--help` is quick."""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, NoReturn

    Actions = argparse._SubParsersAction[Any]  # what add_subparsers returns; it has no public name


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
    _runs(parser, "train")
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
    _runs(parser, "eval")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        help="pocket, smollm2, a folder, a GGUF file or a Hub id; may be repeated",
    )
    parser.add_argument(
        "--checkpoints",
        action="append",
        default=[],
        metavar="GLOB",
        help="score every folder that matches, e.g. 'runs/x/checkpoint-*', and tabulate them by step",
    )
    parser.add_argument(
        "--tasks", type=names, required=True, metavar="A,B", help="task names, see: tasks list"
    )
    parser.add_argument(
        "--output-path",
        "-o",
        type=path,
        required=True,
        metavar="RUN",
        help="run folder; a folder of them where there are several models",
    )
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
    parser.add_argument("--top-k", type=int, default=0, help="0 is all tokens")
    parser.add_argument("--min-p", type=float, default=0.0)
    parser.add_argument("--max-tokens", type=int, help="per completion (default: each task's own)")
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end before this text")
    parser.add_argument(
        "--stop-at-answer-line", action="store_true", help="end after a whole line '#### <answer>'"
    )
    parser.add_argument(
        "--gen-kwargs",
        type=sampling,
        default={},
        metavar="K=V,...",
        help="the same as lm-eval writes them: temperature, top_p, max_gen_toks, until, ...",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", help="split to score (default: the task's eval_split)")
    parser.add_argument("--system-prompt", help="instead of the task's; '' for none")
    parser.add_argument(
        "--num-fewshot", type=int, default=0, metavar="N", help="worked examples of the train split first"
    )
    parser.add_argument(
        "--engine", default="hf", help="hf, vllm, openai, replay, a plug-in's name or module:attr"
    )
    parser.add_argument(
        "--model-args",
        type=pairs,
        default={},
        metavar="K=V,...",
        help="options of the engine (docs/evaluation.md)",
    )
    parser.add_argument("--batch-size", type=batch_size, metavar="B|auto")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--revision", help="revision of a Hub model")
    parser.add_argument("--trust-remote-code", action="store_true")
    _add_executor(parser)
    _add_dry_run(parser)
    _add_places(parser)


def _add_leaderboard(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "leaderboard")
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
    _runs(parser, "study")
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
    listing = _action(actions, "list", "tasks_list", "every task: rows, title, licence")
    listing.add_argument("--tasks-dir", type=path)
    show = _action(
        actions, "show", "tasks_show", "one task: source, hash and first questions as they are asked"
    )
    show.add_argument("task")
    show.add_argument("--split")
    show.add_argument("--limit", type=int, default=2, metavar="N", help="questions to print")
    _add_places(show)
    check = _action(
        actions,
        "check",
        "tasks_check",
        "every gold must pass its own checker, in other spellings too, and no near miss may",
    )
    check.add_argument("tasks", nargs="*", help="task names (default: all)")
    check.add_argument("--all-splits", action="store_true")
    check.add_argument("--workers", type=int, default=1, help="processes for symbolic comparison")
    check.add_argument("--json", type=path, metavar="FILE", help="write counts and failures to this file")
    _add_places(check)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "check")
    parser.add_argument("file", type=path, help="JSONL file, - for stdin")
    parser.add_argument("-o", "--output", type=path, help="file for the verdict rows (default: stdout)")
    _add_checking(parser)
    parser.add_argument(
        "--cache", type=path, metavar="FILE", help="remember what worker processes decide in this SQLite file"
    )
    parser.add_argument("--scoring", default="symbolic", choices=("symbolic", "strict", "flexible", "paper"))


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "audit")
    parser.add_argument("runs", nargs="+", type=path, metavar="RUN", help="run folders")
    parser.add_argument(
        "-o", "--output", type=path, metavar="DIR", help="write AUDIT.md, audit.json and disagreements.jsonl"
    )
    parser.add_argument(
        "--graders",
        type=names,
        metavar="A,B",
        help="symbolic, strict, flexible, paper, math-verify (default: all), a plug-in's name or module:attr",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="samples of each run (a fixed random subset)")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="disagreements to print")
    parser.add_argument("--workers", type=int, default=1, help="processes for a grader")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="limit for one check")
    _add_dry_run(parser)


def _add_import(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "import")
    parser.add_argument("file", type=path, metavar="FILE", help="log file, or a harness's output folder")
    parser.add_argument(
        "--task", required=True, help="whose examples the rows answer; none: they are their own task"
    )
    parser.add_argument("-o", "--output", type=path, required=True, metavar="RUN", help="run folder")
    parser.add_argument("--format", help="lm-eval, lighteval, inspect or jsonl (default: by its content)")
    parser.add_argument("--source-model", metavar="NAME", help="the one to take, where the log has several")
    parser.add_argument("--temperature", type=float, help="of rows that do not say theirs")
    parser.add_argument("--fingerprint", help="of the weights, where you know them")
    parser.add_argument("--answer-type", default="auto", help="of the golds, with --task none")
    parser.add_argument("--name", help="of the task, with --task none (default: as the log calls it)")
    parser.add_argument("--split", help="of the task (default: its eval_split)")
    _add_checking(parser)
    _add_places(parser)


def _add_export(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "export")
    parser.add_argument("run", type=path, metavar="RUN")
    parser.add_argument("--format", required=True, choices=("lm-eval", "jsonl"))
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR")


def _add_rescore(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "rescore")
    parser.add_argument("runs", nargs="+", type=path, metavar="RUN")
    parser.add_argument("--scoring", default="symbolic", choices=("symbolic", "strict", "flexible", "paper"))
    parser.add_argument(
        "--cache", type=path, metavar="FILE", help="remember what worker processes decide in this SQLite file"
    )
    _add_checking(parser)
    _add_dry_run(parser)


def _add_checking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=1, help="processes for symbolic comparison")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="limit for one check")


def _add_pocket(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    build = _action(actions, "build", "pocket_build", "make the pocket base model from scratch")
    build.add_argument("-o", "--output", type=path, required=True)
    build.add_argument("--steps", type=int)
    build.add_argument("--seed", type=int)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    _runs(parser, "demo")
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
    "import": ("take in another harness's log: lm-eval, lighteval, Inspect, plain JSONL", _add_import),
    "export": ("hand out a run as another harness's log", _add_export),
    "rescore": ("check the saved completions of runs again, without a model", _add_rescore),
    "audit": ("give the samples of runs to every grader and say where they disagree", _add_audit),
    "pocket": ("the model that ships with the package", _add_pocket),
    "demo": ("the whole loop on the pocket model: train, score, leaderboard", _add_demo),
}


def _action(actions: Actions, name: str, command: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    _runs(parser, command)
    return parser


def _runs(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(command=command)


def _add_executor(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a cluster")
    group.add_argument(
        "--executor", default="local", choices=("local", "ray"), help="ray: in shards over a Ray cluster"
    )
    group.add_argument(
        "--ray-address", help="of the cluster (or RAY_ADDRESS); without one it is this machine"
    )
    group.add_argument("--workers", type=int, metavar="N", help="engines at a time (default: as many as fit)")
    group.add_argument("--gpus-per-worker", type=float, metavar="N", help="default: 1 where there are GPUs")
    group.add_argument("--cpus-per-worker", type=float, default=1.0, metavar="N")
    group.add_argument("--shard-questions", type=int, default=64, metavar="N", help="questions in a shard")


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check what can be without loading a model, print what would be done",
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


def pairs(text: str) -> dict[str, Any]:
    return _explained("key_values", text)


def sampling(text: str) -> dict[str, Any]:
    return _explained("sampling_flags", text)


def _explained(reader: str, text: str) -> dict[str, Any]:
    from pspo_bench.cli import values

    try:
        found: dict[str, Any] = getattr(values, reader)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return found


def limit(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def batch_size(text: str) -> int | None:
    return None if text == "auto" else int(text)


def _version() -> str:
    from pspo_bench import __version__

    return __version__
