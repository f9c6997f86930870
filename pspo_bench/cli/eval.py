"""`pspo-bench eval`: one or several models on tasks → runs, here or on a cluster."""

from __future__ import annotations

from pspo_bench.cli.options import (
    add_cluster,
    add_dry_run,
    add_places,
    batch_size,
    cluster_of,
    limit,
    names,
    note,
    numbers,
    pairs,
    path,
    sampling,
    set_command,
)

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse

    from pspo_bench.evaluate import EvalSettings, Failure, Target
    from pspo_bench.store import Run


def add_eval(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_eval)
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        help="pocket, smollm2, a folder, a GGUF file or a Hub id; may be repeated",
    )
    parser.add_argument(
        "--checkpoints",
        action="append",
        default=[],
        metavar="GLOB",
        help="score every folder that matches, e.g. 'runs/x/checkpoint-*', and tabulate them by step",
    )
    parser.add_argument(
        "--tasks", type=names, required=True, metavar="A,B", help="task names, see: tasks list"
    )
    parser.add_argument(
        "--output-path",
        "-o",
        type=path,
        required=True,
        metavar="RUN",
        help="run folder; a folder of them where there are several models",
    )
    parser.add_argument(
        "--limit", type=limit, help="questions per task (a fixed random subset), or a share below 1"
    )
    parser.add_argument(
        "--temperature",
        type=numbers,
        default=(0.0,),
        metavar="T,T",
        help="0 is greedy; the first is the headline",
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="samples per question where T > 0"
    )
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=0, help="0 is all tokens")
    parser.add_argument("--min-p", type=float, default=0.0)
    parser.add_argument("--max-tokens", type=int, help="per completion (default: each task's own)")
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end before this text")
    parser.add_argument(
        "--stop-at-answer-line", action="store_true", help="end after a whole line '#### <answer>'"
    )
    parser.add_argument(
        "--gen-kwargs",
        type=sampling,
        default={},
        metavar="K=V,...",
        help="the same as lm-eval writes them: temperature, top_p, max_gen_toks, until, ...",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", help="split to score (default: the task's eval_split)")
    parser.add_argument("--system-prompt", help="instead of the task's; '' for none")
    parser.add_argument(
        "--num-fewshot", type=int, default=0, metavar="N", help="worked examples of the train split first"
    )
    parser.add_argument(
        "--engine", default="hf", help="hf, vllm, openai, replay, a plug-in's name or module:attr"
    )
    parser.add_argument(
        "--model-args",
        type=pairs,
        default={},
        metavar="K=V,...",
        help="options of the engine (docs/evaluation.md)",
    )
    parser.add_argument("--batch-size", type=batch_size, metavar="B|auto")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--revision", help="revision of a Hub model")
    parser.add_argument("--trust-remote-code", action="store_true")
    add_cluster(parser)
    parser.add_argument(
        "--shard-questions", type=int, default=64, metavar="N", help="of a shard, with --executor ray"
    )
    add_dry_run(parser)
    add_places(parser)


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
        cluster_of(arguments)
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
    from pspo_bench.report import Curve, scores_table
    from pspo_bench.results import load_entries
    from pspo_bench.store import write_atomic

    runs, failures = _scored(arguments, settings, wanted)
    if runs and (len(wanted) > 1 or arguments.checkpoints):
        curve = Curve.of(load_entries([run.path for run in runs]))
        print(curve.to_terminal())
        write_atomic(arguments.output_path / "curve.csv", curve.to_csv().encode())
        note(f"Written to {arguments.output_path}: curve.csv and a run folder for each model")
    elif runs:
        print(scores_table(runs[0].frame(), title=f"{wanted[0].model} → {runs[0].path}"))
    for failure in failures:
        note(f"pspo-bench: {failure.name} failed: {failure.error}")
    return 1 if failures else 0


def _scored(
    arguments: argparse.Namespace, settings: EvalSettings, wanted: list[Target]
) -> tuple[list[Run], list[Failure]]:
    if arguments.executor == "local":
        from pspo_bench.evaluate import evaluate_all

        return evaluate_all(wanted, arguments.tasks, settings, report=note)
    from pspo_bench.evaluate.ray import evaluate_on_ray

    return evaluate_on_ray(wanted, arguments.tasks, settings, cluster_of(arguments), report=note)
