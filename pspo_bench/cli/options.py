"""What several commands share: kinds of values, groups of options, and how a command says what it runs.

Only argparse is imported here and in the modules of the commands, so that `--help` is quick.
"""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from pspo_bench.evaluate.cluster import Cluster

    Actions = argparse._SubParsersAction[Any]  # what add_subparsers returns; it has no public name
    Command = Callable[[argparse.Namespace], int]


# What a parser runs


def set_command(
    parser: argparse.ArgumentParser, command: Command, exit_codes: Mapping[int, int] | None = None
) -> None:
    """Let `command` be run with the arguments of `parser`; its result is the exit code.

    `exit_codes`: what the codes of errors become for a command whose own results have these codes.
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(command=command, exit_codes=dict(exit_codes or {}))


def add_action(actions: Actions, name: str, command: Command, summary: str) -> argparse.ArgumentParser:
    """The parser of one action of a command, such as `tasks list`."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    set_command(parser, command)
    return parser


def note(line: str) -> None:
    """A line for the reader on stderr, away from what the command prints."""
    import sys

    print(line, file=sys.stderr, flush=True)


# Groups of options


def add_checking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=1, help="processes for symbolic comparison")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="limit for one check")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check what can be without loading a model, print what would be done",
    )


def add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=path, help="folder of <task>/<split>.jsonl (or PSPO_BENCH_DATA)")
    parser.add_argument("--tasks-dir", type=path, help="folder of your own task files")


def add_cluster(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a cluster")
    group.add_argument(
        "--executor", default="local", choices=("local", "ray"), help="ray: over a Ray cluster"
    )
    group.add_argument(
        "--ray-address", help="of the cluster (or RAY_ADDRESS); without one it is this machine"
    )
    group.add_argument("--workers", type=int, metavar="N", help="at a time (default: as many as fit)")
    group.add_argument("--gpus-per-worker", type=float, metavar="N", help="default: 1 where there are GPUs")
    group.add_argument("--cpus-per-worker", type=float, default=1.0, metavar="N")


def cluster_of(arguments: argparse.Namespace) -> Cluster:
    """The cluster that the options of `add_cluster` describe."""
    from pspo_bench.evaluate.cluster import Cluster

    names = ("workers", "gpus_per_worker", "cpus_per_worker", "shard_questions")
    given = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    return Cluster(address=arguments.ray_address, **given)


# Kinds of values; argparse names the function in its error: "invalid numbers value: 'warm'"


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
