"""`pspo-bench compare`: runs and result files → differences."""

from __future__ import annotations

from pspo_bench.cli.options import path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse

FLIPS = 3


def add_compare(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_compare)
    parser.add_argument(
        "runs",
        nargs="+",
        type=path,
        metavar="RUN",
        help="run folders, result files, or folders that hold them; runs that differ in their seed alone are one arm, "
        "and every arm is compared with the first",
    )
    parser.add_argument("--base", metavar="NAME", help="the arm to compare with, or how its name begins")
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument("--by", choices=("category", "difficulty"), help="add a table by it")
    parser.add_argument(
        "--show-flips",
        nargs="?",
        type=int,
        const=FLIPS,
        metavar="N",
        help=f"show N questions lost and N won of every task, with the texts (default: {FLIPS})",
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="measure the defects of run folders where they are not known yet (2 ms a solution)",
    )
    parser.add_argument("--format", choices=("terminal", "markdown", "json"))
    parser.add_argument(
        "-o", "--output", type=path, help="write to this file (Markdown unless --format says else)"
    )


def run_compare(arguments: argparse.Namespace) -> int:
    from pspo_bench.compare import arm_flips, comparisons, contest
    from pspo_bench.errors import ConfigError
    from pspo_bench.report.comparison import ComparisonReport
    from pspo_bench.report.flips import chosen_flips
    from pspo_bench.store import write_atomic

    if not 0 < arguments.level < 1:
        raise ConfigError(f"--level {arguments.level:g} is no share; give one between 0 and 1, such as 0.95")
    found = contest(
        arguments.runs,
        base=arguments.base,
        temperature=arguments.temperature,
        measure=arguments.measure,
    )
    flips = [
        chosen_flips(arm_flips(found.base[1], arm), arguments.show_flips)
        for _, arm in found.candidates
        if arguments.show_flips is not None
    ]
    report = ComparisonReport(tuple(comparisons(found, level=arguments.level)), tuple(flips), arguments.by)
    form = arguments.format or ("markdown" if arguments.output else "terminal")
    text = {
        "terminal": report.to_terminal,
        "markdown": lambda: report.to_markdown(_command(arguments)),
        "json": report.to_json,
    }[form]()
    if arguments.output:
        write_atomic(arguments.output, text.encode())
    else:
        print(text, end="")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """The command line that makes this output, with the options that were given."""
    import shlex

    words = ["pspo-bench", "compare", *map(str, arguments.runs)]
    for name in ("base", "temperature", "by", "show_flips"):
        if getattr(arguments, name) is not None:
            words += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    words += ["--measure"] if arguments.measure else []
    words += ["--level", str(arguments.level)] if arguments.level != 0.95 else []
    words += ["-o", str(arguments.output)] if arguments.output else []
    return shlex.join(words)
