"""`pspo-bench check` and `rescore`: verdicts on a file's rows, and anew on the completions of runs."""

from __future__ import annotations

from pspo_bench.cli.options import add_checking, add_dry_run, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_check(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_check)
    parser.add_argument("file", type=path, help="JSONL file, - for stdin")
    parser.add_argument("-o", "--output", type=path, help="file for the verdict rows (default: stdout)")
    add_checking(parser)
    parser.add_argument(
        "--cache", type=path, metavar="FILE", help="remember what worker processes decide in this SQLite file"
    )
    parser.add_argument("--scoring", default="symbolic", choices=("symbolic", "strict", "flexible", "paper"))


def add_rescore(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_rescore)
    parser.add_argument("runs", nargs="+", type=path, metavar="RUN")
    parser.add_argument("--scoring", default="symbolic", choices=("symbolic", "strict", "flexible", "paper"))
    parser.add_argument(
        "--cache", type=path, metavar="FILE", help="remember what worker processes decide in this SQLite file"
    )
    add_checking(parser)
    add_dry_run(parser)


def run_check(arguments: argparse.Namespace) -> int:
    from pspo_bench.answers import cache_on_disk
    from pspo_bench.answers.jsonl import check_file

    if arguments.cache:
        cache_on_disk(arguments.cache)
    check_file(
        "-" if str(arguments.file) == "-" else arguments.file,
        arguments.output,
        workers=arguments.workers,
        timeout_s=arguments.timeout,
        scoring=arguments.scoring,
    )
    return 0


def run_rescore(arguments: argparse.Namespace) -> int:
    from pspo_bench.rescore import rescore
    from pspo_bench.store import Run

    for run in [Run.open(folder) for folder in arguments.runs]:
        report = rescore(
            run,
            scoring=arguments.scoring,
            workers=arguments.workers,
            timeout_s=arguments.timeout,
            cache=arguments.cache,
            dry_run=arguments.dry_run,
        )
        print(f"{run.path}: {report}")
    return 0
