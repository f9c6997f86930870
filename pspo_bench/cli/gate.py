"""`pspo-bench gate`: a run against its baseline, for CI."""

from __future__ import annotations

from pspo_bench.cli.options import note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse

    from pspo_bench.compare import Flip
    from pspo_bench.gate import GateReport, Policy, Sides
    from pspo_bench.gate.outputs import Outputs

EXIT_CODES = {2: 3, 1: 4}
"""Of errors: usage and configuration, runs that cannot be judged; 0, 1 and 2 are verdicts, 5 is a mismatch.
"""
CODES = (
    "exit codes: 0 pass, 1 regression, 2 inconclusive, 3 usage or policy, 4 a run that failed, is incomplete or "
    "cannot be read, 5 not run alike, 70 unexpected"
)


def add_gate(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_gate, EXIT_CODES)
    parser.epilog = CODES
    parser.add_argument(
        "run", nargs="+", type=path, metavar="RUN", help="run folders or result files, the seeds of one arm"
    )
    against = parser.add_mutually_exclusive_group(required=True)
    against.add_argument(
        "--baseline", nargs="+", type=path, metavar="B", help="the same of what to compare with"
    )
    against.add_argument(
        "--write-baseline",
        type=path,
        metavar="FILE",
        help="write RUN's scores, without texts, for later gates",
    )
    parser.add_argument("--policy", type=path, metavar="FILE.toml", help="what to demand (docs/gate.md)")
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="accuracy may fall by so many percentage points; in place of all that the policy says (default: 2)",
    )
    parser.add_argument(
        "--on-inconclusive",
        choices=("report", "pass", "fail"),
        help="exit with 2, 0 or 1 where too little data settles nothing (default: report, or the policy's)",
    )
    parser.add_argument(
        "--allow-mismatch", action="store_true", help="judge runs of other prompts, data, graders or sampling"
    )
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument("--format", default="terminal", choices=("terminal", "markdown", "json"))
    parser.add_argument("--junit", type=path, metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--summary", type=path, metavar="FILE", help="append Markdown (default on GitHub: the step summary)"
    )
    parser.add_argument(
        "--flips", type=path, metavar="FILE.md", help="write what one side solves and the other does not"
    )


def run_gate(arguments: argparse.Namespace) -> int:
    from pspo_bench.gate.outputs import Outputs

    if arguments.write_baseline:
        return _write_baseline(arguments)
    outputs = Outputs.on(note, arguments.junit, arguments.summary)
    try:
        return _judge(arguments, outputs)
    except Exception as error:
        outputs.put_failure(f"{type(error).__name__}: {error}")
        raise


def _judge(arguments: argparse.Namespace, outputs: Outputs) -> int:
    from pspo_bench.gate import judge, load_sides
    from pspo_bench.store import write_atomic

    policy = _policy(arguments)
    sides = load_sides(arguments.run, arguments.baseline, measure=bool(policy.limits.defects))
    report = judge(sides, policy, temperature=arguments.temperature, allow_mismatch=arguments.allow_mismatch)
    for mismatch in report.overruled:
        note(f"pspo-bench: warning: mismatch overruled: {mismatch}")
    _print(_text(report, arguments.format))
    if arguments.flips:
        write_atomic(arguments.flips, _flips(report, sides, arguments.temperature).encode())
    outputs.put(report)
    return report.exit_code


def _policy(arguments: argparse.Namespace) -> Policy:
    from pspo_bench.gate import Policy, load_policy

    policy = load_policy(arguments.policy) if arguments.policy else Policy()
    if arguments.max_drop is not None:
        policy = policy.with_max_drop(arguments.max_drop)
    if arguments.on_inconclusive:
        policy = policy.model_copy(update={"on_inconclusive": arguments.on_inconclusive})
    return policy


def _text(report: GateReport, form: str) -> str:
    import json

    from pspo_bench.gate import text

    if form == "json":
        return json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.to_markdown(report) if form == "markdown" else text.to_terminal(report)


def _flips(report: GateReport, sides: Sides, temperature: float | None) -> str:
    from pspo_bench.compare import arm_flips
    from pspo_bench.gate.flips import flips_markdown
    from pspo_bench.results import arms_of

    base, candidate = (arms_of(side, temperature)[0] for side in (sides.baseline, sides.run))
    found: list[Flip] = arm_flips(base, candidate)
    return flips_markdown(f"{report.comparison.candidate} against {report.comparison.base}", found)


def _print(text: str) -> None:
    """A reader that went away (`| head`) does not change the verdict."""
    import os
    import sys

    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_baseline(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError
    from pspo_bench.gate import write_baseline

    if len(arguments.run) > 1:
        raise ConfigError(
            "A baseline file is made of one run: write one for each seed, into a folder of theirs"
        )
    result = write_baseline(arguments.run[0], arguments.write_baseline)
    scores = (f"{s.task} T={s.temperature:g} {sum(s.correct)}/{sum(s.samples)}" for s in result.scores)
    note(f"Written to {arguments.write_baseline}: {', '.join(scores)}")
    return 0
