"""Results of a judge as terminal text, Markdown and JSON, and the files of a folder. What cannot be had is –.

Names of arms come from manifests, reasons from nobody but us; all are escaped for where they are shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pspo_bench.errors import printable
from pspo_bench.judge.arena import ArenaResult, Judged
from pspo_bench.judge.canary_rates import CanaryRate
from pspo_bench.judge.prompts import DIMENSIONS
from pspo_bench.judge.raters import JUDGED_FILES, AgreementLine
from pspo_bench.judge.report import Account
from pspo_bench.judge.rubric import MEAN, STRATA, Graded, RubricResult
from pspo_bench.judge.sheets import sample_place
from pspo_bench.judge.standings import Stratum
from pspo_bench.report.text import NONE, WIDTH, escape_markdown, grid, percent
from pspo_bench.stats import Interval
from pspo_bench.store import write_atomic, write_error

FORMATS = ("terminal", "markdown", "json")


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A result, ready for any form: a heading, tables, and sentences below them."""

    heading: str
    tables: list[Table]
    sentences: list[str]
    data: dict[str, Any]

    def to(self, form: str) -> str:
        """As `terminal`, `markdown` or `json`."""
        return {"terminal": self._terminal, "markdown": self._markdown, "json": self._json}[form]()

    def _terminal(self) -> str:
        parts = [
            grid(table.title, table.header, table.header[0], WIDTH, table.rows)
            for table in self.tables
            if table.rows
        ]
        return "\n".join([*parts, *map(printable, self.sentences), ""])

    def _markdown(self) -> str:
        lines = [f"# {escape_markdown(self.heading)}", ""]
        for table in self.tables:
            if table.rows:
                marks = ["---", *["---:"] * (len(table.header) - 1)]
                lines += [
                    f"## {escape_markdown(table.title)}",
                    "",
                    _pipe(table.header),
                    f"| {' | '.join(marks)} |",
                ]
                lines += [*map(_pipe, table.rows), ""]
        return "\n".join([*lines, *(f"- {escape_markdown(text)}" for text in self.sentences), ""])

    def _json(self) -> str:
        return json.dumps(self.data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _pipe(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape_markdown(cell) for cell in cells)} |"


def write_page(page: Page, folder: Path, name: str) -> None:
    """NAME.md and NAME.json. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    write_atomic(folder / f"{name}.md", page.to("markdown").encode())
    write_atomic(folder / f"{name}.json", page.to("json").encode())


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """JSON lines, whole or not at all."""
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


# What the forms share


def number(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def ranged(value: float | None, interval: Interval | None, digits: int = 2, scale: float = 1.0) -> str:
    """`1.10 (0.87 to 1.36)`; without the brackets where there is no interval."""
    if value is None:
        return NONE
    shown = f"{scale * value:.{digits}f}"
    if interval is None:
        return shown
    return f"{shown} ({scale * interval.low:.{digits}f} to {scale * interval.high:.{digits}f})"


def canary_table(rates: Sequence[CanaryRate]) -> Table:
    rows = [
        [rate.name, str(rate.passed), str(rate.asked), percent(rate.rate)] for rate in rates if rate.asked
    ]
    return Table("Canaries: what the judge is known to owe", ["canary", "passed", "asked", "%"], rows)


def account_sentences(tally: Account, cautions: Sequence[str]) -> list[str]:
    cost = "" if tally.usd is None else f", {tally.usd:.4f} US dollars"
    return [
        f"Judge: {tally.judge}, engine {tally.engine}, {tally.fingerprint}; prompt {tally.prompt_version}.",
        f"Replies about samples: {tally.valid} valid, {tally.invalid} invalid ({percent(tally.invalid_share)} %), "
        f"{tally.unasked} not asked. Invalid ones count for nothing.",
        f"Now: {tally.calls} calls, {tally.prompt_tokens} tokens read, {tally.completion_tokens} written{cost}; "
        f"{tally.cached} answers were known.",
        *(f"Caution: {caution}." for caution in cautions),
    ]


# Rubric


def rubric_page(result: RubricResult) -> Page:
    means = {(m.arm, m.dimension, m.stratum): m for m in result.means}
    grades = [
        [arm, name, *(ranged(means[arm, name, s].mean, means[arm, name, s].interval) for s in STRATA)]
        for arm in result.arms
        for name in (*DIMENSIONS, MEAN)
    ]
    counts = [[arm, "samples", *(str(means[arm, MEAN, s].n_samples) for s in STRATA)] for arm in result.arms]
    header = ["arm", "dimension", *(f"{stratum} samples" for stratum in STRATA)]
    tables = [Table("Grades from 1 to 5", header, [*grades, *counts])]
    differences = [
        [d.arm, d.dimension, ranged(d.difference, d.interval), str(d.n_questions)] for d in result.differences
    ]
    tables.append(
        Table(
            f"Less {result.arms[0]}, questions that both answer correctly",
            ["arm", "dimension", "difference", "questions"],
            differences,
        )
    )
    flags = [
        [f.flag, str(f.flagged), number(f.mean_flagged), number(f.mean_unflagged), ranged(f.auc, f.interval)]
        for f in result.flags
        if f.flagged
    ]
    tables.append(
        Table(
            "The mean grade against what is known without a judge",
            ["flag", "flagged", "grade if so", "if not", "AUC (½: unrelated)"],
            flags,
        )
    )
    tables.append(canary_table(result.canaries))
    data = {**asdict(result), "account": _account(result.account)}
    del data["rows"]
    sentences = account_sentences(result.account, result.cautions)
    return Page("Rubric", tables, sentences, {"format": "pspo-bench-judge-rubric", "version": 1, **data})


def _account(tally: Account) -> dict[str, Any]:
    return {**asdict(tally), "invalid_share": tally.invalid_share}


def score_row(row: Graded) -> dict[str, Any]:
    """A line of scores.jsonl: no text of the sample."""
    about = {"arm": row.item.arm, "seed": row.item.seed, "run": row.item.run, "correct": row.item.correct}
    sample = {"sample": sample_place(row.item)}
    return {**about, **sample, "scores": row.scores, "problem": row.problem, "asked": row.asked}


# Arena


def arena_page(result: ArenaResult) -> Page:
    tables = []
    for place, stratum in enumerate(result.strata):
        primary = " (primary)" if place == 0 and stratum.name == "both correct" else ""
        tables += _stratum_tables(stratum, f"{stratum.name}{primary}")
    tables.append(canary_table(result.canaries))
    data = {**asdict(result), "account": _account(result.account)}
    del data["rows"]
    sentences = [
        "Win rates in per cent of the first, ties half; strengths are log-odds against the first arm; in brackets the "
        "95 % bootstrap interval over questions and seeds. At equal length: AlpacaEval's control, arXiv 2404.04475; "
        "– where one arm was nearly always the longer one. Same: equal texts, not asked. Longer by: characters.",
        *(_bias_sentence(stratum) for stratum in result.strata),
        *account_sentences(result.account, result.cautions),
    ]
    return Page("Arena", tables, sentences, {"format": "pspo-bench-judge-arena", "version": 1, **data})


def _stratum_tables(stratum: Stratum, name: str) -> list[Table]:
    duels = [
        [
            f"{d.first} : {d.second}",
            f"{d.wins}–{d.ties}–{d.losses}",
            ranged(d.win_rate, d.interval, 1, 100),
            ranged(d.controlled, d.controlled_interval, 1, 100),
            percent(d.flip_rate),
            str(d.invalid),
            str(d.identical),
            number(d.mean_length_difference, 0),
        ]
        for d in stratum.duels
    ]
    standings = [
        [s.arm, ranged(s.strength, s.interval), ranged(s.controlled, s.controlled_interval)]
        for s in stratum.standings
    ]
    header = [
        "pair",
        "won–tied–lost",
        "win rate",
        "at equal length",
        "flips %",
        "invalid",
        "same",
        "longer by",
    ]
    return [
        Table(f"Pairs, {name}", header, duels),
        Table(f"Bradley–Terry, {name}", ["arm", "strength", "at equal length"], standings),
    ]


def _bias_sentence(stratum: Stratum) -> str:
    effect = ranged(stratum.length_effect, stratum.length_interval)
    return (
        f"{stratum.name}: {percent(stratum.flip_rate)} % of the pairs flipped with the order; of the calls that named "
        f"a winner {percent(stratum.first_place)} % named the text shown first (50: no bias of place); effect of "
        f"length {effect} (0: none)."
    )


def pair_row(row: Judged) -> dict[str, Any]:
    """A line of pairs.jsonl: no text of the samples."""
    return {
        "arms": [row.pair.first.arm, row.pair.second.arm],
        "first": sample_place(row.pair.first),
        "second": sample_place(row.pair.second),
        "stratum": row.pair.stratum,
        "forward": row.forward,
        "backward": row.backward,
        "score": row.score,
        "asked": row.asked,
        "identical": row.identical,
        "length_difference": row.length_difference,
    }


# Agreement with humans


def agreement_page(lines: Sequence[AgreementLine]) -> Page:
    header = ["column", "raters", "items", "alpha", "kappa, humans", "items judged", "kappa, judge"]
    rows = [
        [
            line.column,
            str(line.raters),
            str(line.items),
            number(line.alpha),
            number(line.human_kappa),
            str(line.judged_items),
            number(line.judge_kappa),
        ]
        for line in lines
    ]
    sentences = [
        "alpha: Krippendorff's, ordinal, of the humans; kappa: quadratic-weighted, mean over pairs of humans, and over "
        "humans against the judge."
    ]
    data = {"format": "pspo-bench-judge-agreement", "version": 1, "columns": [asdict(line) for line in lines]}
    return Page("Agreement", [Table("Agreement", header, rows)], sentences, data)


def write_result(result: RubricResult | ArenaResult, page: Page, folder: Path) -> None:
    """The page, and one line for each sample or pair. Raises StoreError."""
    if isinstance(result, RubricResult):
        write_page(page, folder, "rubric")
        write_lines(folder / JUDGED_FILES["rubric"], [score_row(row) for row in result.rows])
    else:
        write_page(page, folder, "arena")
        write_lines(folder / JUDGED_FILES["arena"], [pair_row(row) for row in result.rows])
