"""`pspo-bench leaderboard`: runs and result files → tables."""

from __future__ import annotations

from pspo_bench.cli.options import path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_leaderboard(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_leaderboard)
    parser.add_argument(
        "runs", nargs="+", type=path, help="run folders, result files, or folders that hold them"
    )
    parser.add_argument("--reported", action="store_true", help="add the figures that the paper states")
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument("--format", choices=("terminal", "markdown", "json", "csv"))
    parser.add_argument(
        "-o", "--output", type=path, help="write to this file (Markdown unless --format says else)"
    )


def run_leaderboard(arguments: argparse.Namespace) -> int:
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
