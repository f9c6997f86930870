"""`pspo-bench tasks list | show | check`."""

from __future__ import annotations

from pspo_bench.cli.options import add_action, add_places, path

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_tasks(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = add_action(actions, "list", run_tasks_list, "every task: rows, title, licence")
    listing.add_argument("--tasks-dir", type=path)
    show = add_action(
        actions, "show", run_tasks_show, "one task: source, hash and first questions as they are asked"
    )
    show.add_argument("task")
    show.add_argument("--split")
    show.add_argument("--limit", type=int, default=2, metavar="N", help="questions to print")
    add_places(show)
    check = add_action(
        actions,
        "check",
        run_tasks_check,
        "every gold must pass its own checker, in other spellings too, and no near miss may",
    )
    check.add_argument("tasks", nargs="*", help="task names (default: all)")
    check.add_argument("--all-splits", action="store_true")
    check.add_argument("--workers", type=int, default=1, help="processes for symbolic comparison")
    check.add_argument("--json", type=path, metavar="FILE", help="write counts and failures to this file")
    add_places(check)


def run_tasks_list(arguments: argparse.Namespace) -> int:
    from pspo_bench.tasks import load_task, task_files

    for name in task_files(arguments.tasks_dir):
        task = load_task(name, arguments.tasks_dir)
        rows = task.splits[task.eval_split].rows
        print(f"{name:<14} {rows if rows is not None else '–':>6}  {task.title}  [{task.license}]")
    return 0


def run_tasks_show(arguments: argparse.Namespace) -> int:
    from pspo_bench.prompts import messages, system_prompt
    from pspo_bench.tasks import content_hash, load_examples, load_task

    task = load_task(arguments.task, arguments.tasks_dir)
    examples = load_examples(task, arguments.split, data_dir=arguments.data_dir)
    print(f"{task.name}: {task.title}\nfile: {task.path}\nlicense: {task.license}")
    print(
        f"split: {arguments.split or task.eval_split}\nrows: {len(examples)}\nsha256: {content_hash(examples)}"
    )
    for example in examples[: arguments.limit]:
        print(f"\nid: {example.id}   gold: {example.gold}   answer type: {example.answer_type}")
        for turn in messages(example, system_prompt(task.system_prompt, None)):
            print(f"<{turn['role']}> {turn['content']}")
    return 0


def run_tasks_check(arguments: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from tqdm import tqdm

    from pspo_bench.store import write_atomic
    from pspo_bench.tasks import check_golds, load_examples, load_task, task_files

    reports = []
    for name in arguments.tasks or list(task_files(arguments.tasks_dir)):
        task = load_task(name, arguments.tasks_dir)
        for split in task.splits if arguments.all_splits else [task.eval_split]:
            examples = load_examples(task, split, data_dir=arguments.data_dir)
            with tqdm(
                total=len(examples), desc=f"{name}/{split}", unit="gold", leave=False, disable=None
            ) as bar:
                report = check_golds(task, examples, workers=arguments.workers, progress=bar.update)
            print(f"{name}/{split}: {report}")
            for failure in report.failures:
                print(f"  {failure}")
            reports.append({"split": split, **asdict(report)})
    if arguments.json:
        write_atomic(arguments.json, json.dumps(reports, indent=2, ensure_ascii=False).encode())
    return 1 if any(report["failures"] for report in reports) else 0
