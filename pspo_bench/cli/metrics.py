"""`pspo-bench metrics` and `explain`: length and defects of a run or of a file of solutions, and one solution
marked."""

from __future__ import annotations

from pspo_bench.cli.options import path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import pandas as pd

EXIT_BAD_ROWS = 1


def add_metrics(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_metrics)
    parser.add_argument(
        "source",
        nargs="?",
        type=path,
        metavar="RUN|FILE.jsonl",
        help="a run folder, or rows {id?, question?, completion | steps, gold?}; - for stdin",
    )
    parser.add_argument(
        "--list", action="store_true", help="list the metrics: definition, range, direction, source"
    )
    parser.add_argument("--explain", action="store_true", help="of a file: every statement with its status")
    parser.add_argument(
        "--tokenizer", metavar="MODEL", help="of a run: count tokens with this model's tokenizer"
    )
    parser.add_argument("--format", default="terminal", choices=("terminal", "markdown", "json"))
    parser.add_argument("-o", "--output", type=path, help="write to this file")


def add_explain(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_explain)
    parser.add_argument("run", type=path, metavar="RUN")
    parser.add_argument("--id", required=True, help="of the question")
    parser.add_argument("--task", help="where several tasks have a question of this id")
    parser.add_argument(
        "--sample", type=int, help="index of one sample (default: the first of each temperature)"
    )
    parser.add_argument("--html", action="store_true", help="print HTML")


def run_metrics(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError
    from pspo_bench.metrics.jsonl import measure_file

    if arguments.list:
        from pspo_bench.report.measures import metrics_list

        return _put(metrics_list(arguments.format), arguments)
    if arguments.source is None:
        raise ConfigError("Nothing to measure: name a run folder or a JSONL file, or ask for --list")
    if arguments.source.is_dir():
        return _put(_of_run(arguments), arguments)
    stdin = str(arguments.source) == "-"
    counts = measure_file("-" if stdin else arguments.source, arguments.output, explain=arguments.explain)
    return EXIT_BAD_ROWS if counts.bad else 0


def _of_run(arguments: argparse.Namespace) -> str:
    from pspo_bench.report.measures import measures
    from pspo_bench.results import measures_of
    from pspo_bench.store import Run

    run = Run.open(arguments.source)
    frame = run.frame()
    values = measures_of(run, frame, progress=True)
    if arguments.tokenizer:
        found = measures(frame, _counter(arguments.tokenizer), arguments.tokenizer, values)
    else:
        found = measures(frame, values=values)
    text: str = getattr(found, f"to_{arguments.format}")()
    return text


def _counter(model: str) -> Callable[[str], int]:
    from pspo_bench.models import load_tokenizer

    tokenizer = load_tokenizer(model)
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _put(text: str, arguments: argparse.Namespace) -> int:
    if arguments.output:
        from pspo_bench.store import write_atomic

        write_atomic(arguments.output, text.encode())
    else:
        print(text, end="")
    return 0


def run_explain(arguments: argparse.Namespace) -> int:
    from pspo_bench.store import Run

    rows = _chosen(Run.open(arguments.run).frame(), arguments)
    print("\n\n".join(_shown(row, arguments.html) for _, row in rows.iterrows()))
    return 0


def _chosen(frame: pd.DataFrame, arguments: argparse.Namespace) -> pd.DataFrame:
    from pspo_bench.errors import DataError

    rows: pd.DataFrame = frame[frame["example_id"] == arguments.id]
    if arguments.task:
        rows = rows[rows["task"] == arguments.task]
    tasks = sorted(set(rows["task"]))
    if len(tasks) > 1:
        raise DataError(f"Question '{arguments.id}' is in {', '.join(tasks)}: choose one with --task")
    if arguments.sample is None:
        rows = rows.drop_duplicates(["temperature"], keep="first")
    else:
        rows = rows[rows["sample_index"] == arguments.sample]
    if rows.empty:
        known = ", ".join(sorted(set(frame["example_id"]))[:5])
        raise DataError(
            f"{arguments.run} has no such sample of question '{arguments.id}'; its ids begin {known}"
        )
    return rows


def _shown(row: pd.Series, as_html: bool) -> str:
    import sys

    from pspo_bench.errors import printable
    from pspo_bench.metrics.reasoning import Solution
    from pspo_bench.report.solution import solution_html, solution_text

    solution = Solution.of(row["completion"], question=row["question"])
    if as_html:
        return solution_html(solution)
    head = f"{row['task']} {row['example_id']}, T={row['temperature']:g}, sample {row['sample_index']}: {row['status']}"
    lines = [head, f"Q: {row['question']}", f"gold: {row['gold']}"]
    return "\n".join([*map(printable, lines), "", solution_text(solution, colour=sys.stdout.isatty())])
