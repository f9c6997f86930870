"""`pspo-bench import` and `export`: other harnesses' logs in, runs out."""

from __future__ import annotations

from pspo_bench.cli.options import add_checking, add_places, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_import(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_import)
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
    add_checking(parser)
    add_places(parser)


def add_export(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_export)
    parser.add_argument("run", type=path, metavar="RUN")
    parser.add_argument("--format", required=True, choices=("lm-eval", "jsonl"))
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR")


def run_import(arguments: argparse.Namespace) -> int:
    from pspo_bench.interop import import_run

    report = import_run(
        arguments.file,
        arguments.task,
        arguments.output,
        format=arguments.format,
        model=arguments.source_model,
        temperature=arguments.temperature,
        fingerprint=arguments.fingerprint,
        answer_type=arguments.answer_type,
        name=arguments.name,
        split=arguments.split,
        data_dir=arguments.data_dir,
        tasks_dir=arguments.tasks_dir,
        workers=arguments.workers,
        timeout_s=arguments.timeout,
    )
    print(report)
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    from pspo_bench.interop import export_run
    from pspo_bench.store import Run

    for written in export_run(Run.open(arguments.run), arguments.format, arguments.output):
        print(written)
    return 0
