"""`pspo-bench report`: studies, runs and result files → one self-contained HTML file."""

from __future__ import annotations

from pspo_bench.cli.options import note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_report(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_report)
    parser.add_argument(
        "paths", nargs="+", type=path, help="study folders, run folders, result files, or folders of them"
    )
    parser.add_argument("-o", "--output", type=path, help="the file (default: report.html)")
    parser.add_argument("--title", help="default: the name of the study or run")
    parser.add_argument(
        "--against",
        metavar="ARM",
        help="hold the others against this arm (default: clip, else the base model)",
    )
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument(
        "--max-samples",
        type=int,
        metavar="N",
        help="leave out whole questions beyond so many (default: 400000)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be in it, and write nothing")


def run_report(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from pspo_bench.report.html import report
    from pspo_bench.store import write_atomic

    limits = {} if arguments.max_samples is None else {"max_samples": arguments.max_samples}
    page = report(
        arguments.paths,
        title=arguments.title,
        against=arguments.against,
        temperature=arguments.temperature,
        command=_command(arguments),
        **limits,
    )
    data = page.html.encode()
    for section in page.sections:
        notes = section.notes if section.id == "absent" else ()
        note("\n    ".join([section.title, *notes]))
    size = f"{len(data) / 1e6:.1f} MB, {page.n_samples:,} samples"
    if arguments.dry_run:
        print(f"would be {size}")
        return 0
    output = arguments.output or Path("report.html")
    write_atomic(output, data)
    print(f"{output}: {size}")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    import shlex

    parts = ["pspo-bench", "report", *map(str, arguments.paths)]
    for name in ("title", "against", "temperature", "max_samples", "output"):
        value = getattr(arguments, name)
        parts += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
