"""What each command does: read its arguments, call the library, print. Heavy imports are inside."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pspo_bench.evaluate import EvalSettings, Failure, Target
    from pspo_bench.evaluate.ray import Cluster
    from pspo_bench.store import Run


def run_train(arguments: argparse.Namespace) -> int:
    from pspo_bench.config import load_recipe
    from pspo_bench.training import plan, train

    overrides = list(arguments.overrides)
    if arguments.limit is not None:
        overrides += [f"budget.steps={arguments.limit}"]
    recipe = load_recipe(arguments.recipe, overrides)
    places = {"data_dir": arguments.data_dir, "tasks_dir": arguments.tasks_dir}
    if arguments.dry_run:
        made = plan(recipe, **places)
        print(recipe.model_dump_json(indent=2))
        print(
            f"{made.optimizer_steps} optimiser steps on {len(made.training)} rows of {made.task.name}"
            f" ({len(made.validation)} held out); {made.generation_batches} generation batches,"
            f" {made.completions} completions, at most {made.max_tokens} tokens"
        )
        return 0
    if arguments.output is None:
        arguments.output = Path("runs") / f"{recipe.name}-s{recipe.seed}"
    checkpoint = train(recipe, arguments.output, resume=arguments.resume, **places)
    print(checkpoint)
    return 0


def run_eval(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError
    from pspo_bench.evaluate import EvalSettings, evaluate, targets
    from pspo_bench.report import scores_table

    default, plain = EvalSettings(), _eval_settings(arguments)
    for flag, value in arguments.gen_kwargs.items():
        field = "temperatures" if flag == "temperature" else flag
        if getattr(plain, field) != getattr(default, field):
            raise ConfigError(
                f"--{flag.replace('_', '-')} is given by itself and in --gen-kwargs; leave one out"
            )
        setattr(arguments, flag, value)
    settings = _eval_settings(arguments)
    wanted = targets(arguments.model, arguments.checkpoints, arguments.output_path)
    if arguments.dry_run:
        return _eval_plan(arguments, settings, wanted)
    if len(wanted) > 1 or arguments.checkpoints or arguments.executor != "local":
        return _eval_several(arguments, settings, wanted)
    run = evaluate(wanted[0].model, arguments.tasks, wanted[0].path, settings)
    print(scores_table(run.frame(), title=f"{wanted[0].model} → {run.path}"))
    return 0


def _eval_settings(arguments: argparse.Namespace) -> EvalSettings:
    from dataclasses import fields

    from pspo_bench.evaluate import EvalSettings

    given = vars(arguments)
    same = {field.name: given[field.name] for field in fields(EvalSettings) if field.name in given}
    return EvalSettings(**{**same, "temperatures": arguments.temperature, "stop": tuple(arguments.stop)})


def _eval_plan(arguments: argparse.Namespace, settings: EvalSettings, wanted: list[Target]) -> int:
    from pspo_bench.engines import ENGINES
    from pspo_bench.evaluate import workloads

    ENGINES.get(settings.engine)
    if arguments.executor == "ray":
        _cluster(arguments)
    for load in workloads(arguments.tasks, settings):
        samples = len(load.examples) * sum(settings.repeats(t) for t in settings.temperatures)
        print(
            f"{load.task.name}: {len(load.examples)} questions,"
            f" {samples} samples of at most {load.max_tokens} tokens"
        )
    if len(wanted) > 1:
        print(f"each by {len(wanted)} models: {', '.join(target.name for target in wanted)}")
    return 0


def _eval_several(arguments: argparse.Namespace, settings: EvalSettings, wanted: list[Target]) -> int:
    from pspo_bench.report import Curve, load_entries, scores_table
    from pspo_bench.store import write_atomic

    runs, failures = _scored(arguments, settings, wanted)
    if runs and (len(wanted) > 1 or arguments.checkpoints):
        curve = Curve.of(load_entries([run.path for run in runs]))
        print(curve.to_terminal())
        write_atomic(arguments.output_path / "curve.csv", curve.to_csv().encode())
        _note(f"Written to {arguments.output_path}: curve.csv and a run folder for each model")
    elif runs:
        print(scores_table(runs[0].frame(), title=f"{wanted[0].model} → {runs[0].path}"))
    for failure in failures:
        _note(f"pspo-bench: {failure.name} failed: {failure.error}")
    return 1 if failures else 0


def _scored(
    arguments: argparse.Namespace, settings: EvalSettings, wanted: list[Target]
) -> tuple[list[Run], list[Failure]]:
    if arguments.executor == "local":
        from pspo_bench.evaluate import evaluate_all

        return evaluate_all(wanted, arguments.tasks, settings, report=_note)
    from pspo_bench.evaluate.ray import evaluate_on_ray

    return evaluate_on_ray(wanted, arguments.tasks, settings, _cluster(arguments), report=_note)


def _cluster(arguments: argparse.Namespace) -> Cluster:
    from pspo_bench.evaluate.ray import Cluster

    return Cluster(
        address=arguments.ray_address,
        workers=arguments.workers,
        gpus_per_worker=arguments.gpus_per_worker,
        cpus_per_worker=arguments.cpus_per_worker,
        shard_questions=arguments.shard_questions,
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


def run_study(arguments: argparse.Namespace) -> int:
    from pspo_bench.config import load_study
    from pspo_bench.study import plan_lines, run_study

    study = load_study(arguments.study, arguments.overrides)
    places = {"data_dir": arguments.data_dir, "tasks_dir": arguments.tasks_dir}
    if arguments.dry_run:
        for line in plan_lines(study, **places):
            print(line)
        return 0
    output = arguments.output or Path("runs") / study.name
    board, failures = run_study(study, output, limit=arguments.limit, report=_note, **places)
    print(board.to_terminal())
    print(f"Written to {output}: LEADERBOARD.md, leaderboard.json, results/, runs/, checkpoints/")
    for failure in failures:
        print(f"pspo-bench: cell {failure.cell} failed: {failure.error}", file=sys.stderr)
    return 1 if failures else 0


def run_demo(arguments: argparse.Namespace) -> int:
    arguments.study, arguments.overrides = "pocket/demo", []
    arguments.data_dir = arguments.tasks_dir = None
    return run_study(arguments)


def run_pocket_build(arguments: argparse.Namespace) -> int:
    from pspo_bench.pocket.build import build

    settings = {
        name: getattr(arguments, name) for name in ("steps", "seed") if getattr(arguments, name) is not None
    }
    manifest = build(arguments.output, **settings)
    print(f"{arguments.output}: weights sha256 {manifest['weights_sha256']}")
    return 0


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


def run_rescore(arguments: argparse.Namespace) -> int:
    from pspo_bench.rescore import rescore
    from pspo_bench.store import Run

    for run in [Run.open(path) for path in arguments.runs]:
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
        _note(f"Written to {arguments.output}: AUDIT.md, audit.json, disagreements.jsonl")
    return 0


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
