"""The parser, and the table of commands: what `pspo-bench --help` lists and where each command lives.

A command `x` of the module `m` is two functions of `pspo_bench.cli.m`: `add_x`, which declares its arguments, and
`run_x`, which reads them, calls the library and prints.
"""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from typing import Any, NoReturn

EXIT_USAGE = 2

COMMANDS = {
    "train": ("train", "train a checkpoint from a recipe"),
    "eval": ("eval", "score a model on tasks; continues an unfinished run by itself"),
    "leaderboard": ("leaderboard", "tabulate runs: seeds aggregated, a column per task"),
    "compare": (
        "compare",
        "say what differs between runs: accuracy, length, defects; flips with their texts",
    ),
    "report": (
        "report",
        "one self-contained HTML file of a study or a set of runs: charts, samples, provenance",
    ),
    "study": ("study", "train and score a grid of arms × seeds; continues by itself"),
    "gate": ("gate", "pass, regression or inconclusive: a run against its baseline, for CI"),
    "tasks": ("tasks", "list, show and check tasks"),
    "check": (
        "check",
        "check the answers in a JSONL file: rows {id, gold, completion, answer_type?, question?}",
    ),
    "import": ("interop", "take in another harness's log: lm-eval, lighteval, Inspect, plain JSONL"),
    "export": ("interop", "hand out a run as another harness's log"),
    "rescore": ("check", "check the saved completions of runs again, without a model"),
    "audit": ("audit", "give the samples of runs to every grader and say where they disagree"),
    "judge": ("judge", "let a language model, or people, judge how samples argue"),
    "metrics": (
        "metrics",
        "length and defects of reasoning of a run or of a JSONL file; --list lists the metrics",
    ),
    "explain": ("metrics", "print one solution of a run with its arithmetic marked"),
    "push": ("push", "publish a checkpoint with a model card and its results on the Hugging Face Hub"),
    "pocket": ("pocket", "the model that ships with the package"),
    "demo": ("study", "the whole loop on the pocket model: train, score, leaderboard"),
}
"""Command → (module below `pspo_bench.cli`, summary)."""


def build_parser(chosen: str | None = None, *, alone: bool = False) -> argparse.ArgumentParser:
    """The parser. Only the `chosen` command gets its arguments: building all would slow down every `--help`.

    `alone`: leave the other commands out altogether; for a command line that begins with the chosen one, so that the
    list of commands cannot be asked for.
    """
    parser = _Parser(
        prog="pspo-bench",
        description="Train language models with different trust regions, score them, say which is better.",
    )
    parser.add_argument("--version", action="version", version=f"pspo-bench {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (chosen,) if alone and chosen in COMMANDS else COMMANDS:
        module, summary = COMMANDS[name]
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            _add_arguments(command, module, name)
            # what no command knows is an error of the whole parser
            parser.set_defaults(exit_codes=command.get_default("exit_codes"))
    return parser


def _add_arguments(parser: argparse.ArgumentParser, module: str, name: str) -> None:
    from importlib import import_module

    getattr(import_module(f"pspo_bench.cli.{module}"), f"add_{name}")(parser)


class _Parser(argparse.ArgumentParser):
    """argparse with an error of one line, as all our errors are, and a help that loads no further module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": _help_formatter, **kwargs})

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit((self.get_default("exit_codes") or {}).get(EXIT_USAGE, EXIT_USAGE))


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    # argparse would import shutil, and with it all compression modules, to find the width
    try:
        width = os.get_terminal_size().columns
    except OSError:
        width = int(os.environ.get("COLUMNS", "100"))
    return argparse.HelpFormatter(prog, width=min(width, 120) - 2, max_help_position=28)


def _version() -> str:
    from pspo_bench import __version__

    return __version__
