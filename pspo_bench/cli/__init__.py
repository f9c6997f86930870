"""The command line: a module for each command or two, see `parser`. Nothing heavy is imported before a command runs.

    pspo-bench train pocket/grpo objective.name=pspo -o runs/pspo
    pspo-bench eval --model runs/pspo --tasks pocket_gsm,pocket_svamp --output-path runs/pspo-eval
    pspo-bench leaderboard runs/*-eval

Errors that a user can mend are one line on stderr and a non-zero exit code; `--debug` adds the traceback.
"""

from __future__ import annotations

import os
import sys

from pspo_bench.cli.parser import build_parser

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

EXIT_INTERRUPTED = 130
EXIT_UNEXPECTED = 70
RESUMES = {"train", "eval", "study", "demo", "push", "judge"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _dashed(sys.argv[1:] if argv is None else argv)
    chosen = next((argument for argument in given if not argument.startswith("-")), None)
    arguments = build_parser(chosen, alone=given[:1] == [chosen]).parse_args(given)
    if arguments.debug:
        return _run_openly(arguments)
    try:
        return _run_quietly(arguments, bars=chosen == "push")
    except KeyboardInterrupt:
        goes_on = "; the same command continues where it stopped" if chosen in RESUMES else ""
        print(f"pspo-bench: interrupted{goes_on}", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def _run_openly(arguments: argparse.Namespace) -> int:
    """With the traceback of an error, after which Python exits with 1: no command may mean something else by that."""
    try:
        return _run(arguments)
    except Exception as error:
        if not arguments.exit_codes:
            raise
        import traceback

        traceback.print_exc()
        return _exit_code(arguments, getattr(error, "exit_code", EXIT_UNEXPECTED))


def _exit_code(arguments: argparse.Namespace, code: int) -> int:
    codes: dict[int, int] = arguments.exit_codes
    return codes.get(code, code)


def _run_quietly(arguments: argparse.Namespace, *, bars: bool) -> int:
    from pspo_bench.errors import PspoBenchError, printable

    _quiet_libraries(bars)
    try:
        return _run(arguments)
    except PspoBenchError as error:
        print(f"pspo-bench: error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return _exit_code(arguments, error.exit_code)
    except BrokenPipeError:
        # the reader of our output went away (`| head`); leave nothing for the interpreter to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        print(
            f"pspo-bench: unexpected {type(error).__name__}: {printable(first)} (--debug shows where)",
            file=sys.stderr,
        )
        return EXIT_UNEXPECTED


def _quiet_libraries(bars: bool) -> None:
    """Keep the libraries' chatter out of our output; a variable that the user has set stays as it is.

    `bars`: leave the bars of transfers to and from the Hub to the command.
    """
    quiet = {
        "TRANSFORMERS_VERBOSITY": "error",
        **({} if bars else {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}),
        "HF_HUB_VERBOSITY": "error",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
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
