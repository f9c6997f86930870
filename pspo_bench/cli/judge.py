"""`pspo-bench judge`: a language model's opinion of how samples argue, and human raters' beside it."""

from __future__ import annotations

from pspo_bench.cli.options import add_action, names, note, pairs, path

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse

    from pspo_bench.judge import ArenaResult, Judge, JudgeSettings, Loaded, RubricResult

EXIT_UNFINISHED = 1
_FORMATS = ("terminal", "markdown", "json")


def add_judge(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    rubric = add_action(actions, "rubric", run_rubric, "grade every sample from 1 to 5 in six dimensions")
    arena = add_action(actions, "arena", run_arena, "compare arms pair by pair, blinded, in both orders")
    for action in (rubric, arena):
        _add_samples(action)
        _add_engine(action)
        _add_caps(action)
        _add_output(action)
    sheet = add_action(
        actions, "export-sheet", run_export_sheet, "a blinded sheet for human raters, and its key"
    )
    _add_samples(sheet)
    sheet.add_argument("--kind", default="rubric", choices=("rubric", "arena"))
    sheet.add_argument(
        "--items", type=int, default=50, metavar="N", help="rows of the sheet, chosen at random"
    )
    sheet.add_argument("-o", "--output", type=path, required=True, metavar="DIR")
    back = add_action(
        actions, "import-sheet", run_import_sheet, "agreement of filled sheets, and with the judge"
    )
    back.add_argument("key", type=path, metavar="KEY", help="the key.json of the sheet")
    back.add_argument("sheets", type=path, nargs="+", metavar="SHEET", help="CSV files, one a rater")
    back.add_argument("--judge", type=path, metavar="DIR", help="the folder that judge rubric or arena wrote")
    back.add_argument(
        "-o", "--output", type=path, metavar="DIR", help="write agreement.md and agreement.json"
    )
    back.add_argument("--format", default="terminal", choices=_FORMATS)


def _add_samples(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is judged")
    group.add_argument("runs", type=path, nargs="+", metavar="RUN", help="run folders")
    group.add_argument("--tasks", type=names, metavar="A,B", help="default: all tasks of the runs")
    group.add_argument("--limit", type=int, metavar="N", help="questions a task (a fixed random subset)")
    group.add_argument(
        "--samples", type=int, default=1, metavar="N", help="the first N samples of a question"
    )
    group.add_argument(
        "--at-temperature", type=float, metavar="T", help="default: each run's headline temperature"
    )
    group.add_argument(
        "--max-chars", type=int, default=6000, metavar="N", help="of each text shown; the rest is cut"
    )
    group.add_argument("--seed", type=int, default=0, help="of the subset, the canaries and the judge")


def _add_engine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the judge")
    group.add_argument("--model", required=True, help="as for eval")
    group.add_argument(
        "--engine", default="openai", help="openai, hf, vllm, replay, a plug-in's name or module:attr"
    )
    group.add_argument(
        "--model-args", type=pairs, default={}, metavar="K=V,...", help="options of the engine"
    )
    group.add_argument("--temperature", type=float, default=0.0)
    group.add_argument("--max-tokens", type=int, default=512, help="of a reply")
    group.add_argument("--no-schema", action="store_true", help="do not hold replies to a JSON schema")
    group.add_argument("--canaries", type=int, metavar="N", help="solutions to make canaries of; 0 for none")


def _add_caps(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what it may cost")
    group.add_argument("--max-calls", type=int, metavar="N")
    group.add_argument("--max-usd", type=float, metavar="USD", help="needs both prices")
    group.add_argument("--price-in", type=float, metavar="USD", help="of a million tokens read")
    group.add_argument("--price-out", type=float, metavar="USD", help="of a million tokens written")
    group.add_argument("--dry-run", action="store_true", help="print calls, tokens and cost; ask nobody")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="DIR", help="results and replies (the cache)"
    )
    parser.add_argument(
        "--cache", type=path, metavar="FILE", help="replies kept elsewhere than DIR/calls.jsonl"
    )
    parser.add_argument("--format", default="terminal", choices=_FORMATS, help="of what is printed")


def run_rubric(arguments: argparse.Namespace) -> int:
    return _judged(arguments, "rubric")


def run_arena(arguments: argparse.Namespace) -> int:
    return _judged(arguments, "arena")


def _judged(arguments: argparse.Namespace, kind: str) -> int:
    from pspo_bench.judge import (
        DEFAULT_COUNT,
        Cache,
        Judge,
        arena_page,
        open_judge,
        plan_lines,
        rubric_page,
        write_result,
    )
    from pspo_bench.judge import RubricResult as Graded

    settings = _settings(arguments)
    loaded = _loaded(arguments)
    canaries = DEFAULT_COUNT if arguments.canaries is None else arguments.canaries
    if arguments.dry_run:
        lines = plan_lines(kind, loaded, settings, canaries=canaries, seed=arguments.seed)
        print("\n".join(lines))
        return 0
    engine = open_judge(settings)
    try:
        judge = Judge(engine, settings, Cache(arguments.cache or arguments.output / "calls.jsonl"))
        result = _asked(kind, judge, loaded, canaries, arguments.seed)
    finally:
        engine.close()
    page = rubric_page(result) if isinstance(result, Graded) else arena_page(result)
    write_result(result, page, arguments.output)
    print(page.to(arguments.format), end="")
    note(f"Written to {arguments.output}: {kind}.md, {kind}.json and every opinion")
    return EXIT_UNFINISHED if result.account.unasked else 0


def _asked(kind: str, judge: Judge, loaded: Loaded, canaries: int, seed: int) -> RubricResult | ArenaResult:
    from pspo_bench.judge import compare, grade

    if kind == "rubric":
        return grade(judge, loaded, canaries=canaries, seed=seed)
    return compare(judge, loaded, canaries=canaries, seed=seed)


def _settings(arguments: argparse.Namespace) -> JudgeSettings:
    from dataclasses import fields

    from pspo_bench.judge import JudgeSettings

    given = vars(arguments)
    same = {field.name: given[field.name] for field in fields(JudgeSettings) if field.name in given}
    return JudgeSettings(**same, constrain=not arguments.no_schema)


def _loaded(arguments: argparse.Namespace) -> Loaded:
    from pspo_bench.judge import Selection, load_items

    selection = Selection(
        tasks=tuple(arguments.tasks) if arguments.tasks else None,
        limit=arguments.limit,
        samples=arguments.samples,
        temperature=arguments.at_temperature,
        seed=arguments.seed,
    )
    return load_items(arguments.runs, selection)


def run_export_sheet(arguments: argparse.Namespace) -> int:
    from pspo_bench.judge import export_sheet

    written = export_sheet(
        arguments.kind,
        _loaded(arguments),
        arguments.output,
        count=arguments.items,
        max_chars=arguments.max_chars,
        seed=arguments.seed,
    )
    for file in written:
        print(file)
    note("Give raters sheet.csv and sheet.html, and keep key.json")
    return 0


def run_import_sheet(arguments: argparse.Namespace) -> int:
    from pspo_bench.judge import agreement_page, agreements, judge_ratings, read_key, read_sheet, write_page

    key = read_key(arguments.key)
    humans = {str(file): read_sheet(file, key) for file in arguments.sheets}
    judge = judge_ratings(key, arguments.judge) if arguments.judge else None
    page = agreement_page(agreements(key, humans, judge))
    if arguments.output:
        write_page(page, arguments.output, "agreement")
    print(page.to(arguments.format), end="")
    return 0
