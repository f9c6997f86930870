"""`pspo-bench audit`: every sample to every grader."""

from __future__ import annotations

from pspo_bench.cli.options import add_dry_run, names, note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_audit(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_audit)
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
    add_dry_run(parser)


def run_audit(arguments: argparse.Namespace) -> int:
    import shlex

    from pspo_bench.audit import DEFAULT_GRADERS, AuditSettings, audit, plan_lines, to_terminal, write_audit

    settings = AuditSettings(
        graders=DEFAULT_GRADERS if arguments.graders is None else tuple(arguments.graders),
        limit=arguments.limit,
        workers=arguments.workers,
        timeout_s=arguments.timeout,
    )
    if arguments.dry_run:
        print("\n".join(plan_lines(arguments.runs, settings)))
        return 0
    result = audit(arguments.runs, settings)
    print(to_terminal(result, show=arguments.show))
    if arguments.output:
        words = [*map(str, arguments.runs), "--graders", ",".join(settings.graders)]
        words += [] if settings.limit is None else ["--limit", str(settings.limit)]
        command = "pspo-bench audit " + shlex.join([*words, "-o", str(arguments.output)])
        write_audit(result, arguments.output, show=arguments.show, command=command)
        note(f"Written to {arguments.output}: AUDIT.md, audit.json, disagreements.jsonl")
    return 0
