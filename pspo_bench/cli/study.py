"""`pspo-bench study` and `demo`: a grid of arms × seeds, trained, scored and tabulated."""

from __future__ import annotations

from pspo_bench.cli.options import add_cluster, add_dry_run, add_places, cluster_of, note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def add_study(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_study)
    parser.add_argument("study", help="study file, or the name of a shipped one such as pocket/demo")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="change a key, e.g. seeds=[0,1]")
    parser.add_argument("-o", "--output", type=path, help="folder (default: runs/<name>)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N optimiser steps and N questions, to try out"
    )
    add_cluster(parser)
    add_dry_run(parser)
    add_places(parser)


def add_demo(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_demo)
    parser.add_argument("-o", "--output", type=path, help="folder (default: runs/pocket-demo)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N optimiser steps and N questions, to try out"
    )
    add_dry_run(parser)


def run_study(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from pspo_bench.config import load_study
    from pspo_bench.study import plan_lines, run_study

    study = load_study(arguments.study, arguments.overrides)
    places = {"data_dir": arguments.data_dir, "tasks_dir": arguments.tasks_dir}
    output = arguments.output or Path("runs") / study.name
    if arguments.dry_run:
        for line in plan_lines(study, output=output, limit=arguments.limit, **places):
            print(line)
        return 0
    cluster = None if arguments.executor == "local" else cluster_of(arguments)
    board, failures = run_study(study, output, limit=arguments.limit, cluster=cluster, report=note, **places)
    print(board.to_terminal())
    written = ["LEADERBOARD.md", "MATCHED.md", "curves.csv", *_report(output, study.name)]
    print(f"Written to {output}: {', '.join(written)}, results/, runs/, checkpoints/")
    for failure in failures:
        note(f"pspo-bench: cell {failure.cell} failed: {failure.error}")
    return 1 if failures else 0


def _report(output: Path, title: str) -> list[str]:
    """Writes the study's HTML report, and returns its name; a study is done without one where matplotlib is missing."""
    from pspo_bench.errors import MissingExtraError
    from pspo_bench.report.html import report
    from pspo_bench.store import write_atomic

    try:
        page = report([output], title=title, command=f"pspo-bench report {output}")
    except MissingExtraError as error:
        note(f"pspo-bench: no report.html: {error}")
        return []
    write_atomic(output / "report.html", page.html.encode())
    return ["report.html"]


def run_demo(arguments: argparse.Namespace) -> int:
    arguments.study, arguments.overrides = "pocket/demo", []
    arguments.data_dir = arguments.tasks_dir = None
    arguments.executor = "local"
    return run_study(arguments)
