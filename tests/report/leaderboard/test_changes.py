"""Rows against one another, with p-values and intervals worked out by hand."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pspo_bench.compare import compare_arms
from pspo_bench.errors import ConfigError
from pspo_bench.report.leaderboard import Change, Leaderboard
from pspo_bench.report.leaderboard.build import board_of
from pspo_bench.results import Measured, Result, result_of
from pspo_bench.store import Run

MakeRun = Callable[..., Run]


def right(n: int, of: int) -> list[int]:
    return [1] * n + [0] * (of - n)


@pytest.fixture
def board(make_run: MakeRun) -> Callable[..., Leaderboard]:
    """board({"base": [0, 1], "clip": [1, 1]}): one task, one seed each; `base` is not trained."""

    def make(arms: Mapping[str, Sequence[int]], **options: Any) -> Leaderboard:
        runs = [
            make_run(name, {"a": scores}, objective=None if name == "base" else name)
            for name, scores in arms.items()
        ]
        return board_of([result_of(run) for run in runs], **options)

    return make


def changes_of(board: Leaderboard) -> dict[str, Change]:
    changes = board.tables[0].changes
    assert changes is not None
    return {change.objective: change for change in changes.rows}


def test_accuracy_by_hand(board: Callable[..., Leaderboard]) -> None:
    made = board({"base": right(1, 8), "clip": right(6, 8), "pspo": right(4, 8)})
    found = changes_of(made)
    clip, pspo = found["clip"].macro, found["pspo"].macro
    assert clip is not None
    assert pspo is not None
    assert (clip.difference, pspo.difference) == (5 / 8, 3 / 8)
    # exact McNemar of 5 and of 3 flips to one side: 2 / 2^5 and 2 / 2^3; Holm over the two: 2 × 0.0625, 1 × 0.25
    assert (clip.p_value, pspo.p_value) == (0.0625, 0.25)
    assert (clip.p_adjusted, pspo.p_adjusted) == (0.125, 0.25)
    # Agresti-Min: 5 / 10 ± 1.959964 sqrt(5 + 1 - 25 / 10) / 10 = 0.5 ± 0.366675
    assert "| clip | +62.5 \\[+13.3, +86.7\\] | 0.125 |" in made.to_markdown()


def test_length_by_hand(make_run: MakeRun) -> None:
    base, clip = (
        result_of(make_run(name, {"a": [1, 1]}, objective=name if name == "clip" else None))
        for name in ("base", "clip")
    )
    longer = replace(clip.scores[0], tokens_correct=[[20], [40]])  # for 10 each
    change = changes_of(board_of([base, replace(clip, scores=(longer,))]))["clip"].length
    assert change is not None
    assert change.interval is not None
    # log 2 and log 4: mean 1.5 log 2, error sqrt(2 × 2 (log 2 / 2)^2) / 2 = log 2 / 2; t(0.975, 1) = 12.7062
    assert change.difference == pytest.approx(1.5 * math.log(2))
    assert change.interval.half == pytest.approx(12.7062 * math.log(2) / 2, rel=1e-5)
    markdown = board_of([base, replace(clip, scores=(longer,))]).to_markdown()
    assert "| +182.8 \\[-96.5, " in markdown  # 2^1.5 = 2.828; exp(1.03972 - 4.40359) = 0.0346


def test_what_one_question_says_is_not_shown(board: Callable[..., Leaderboard]) -> None:
    """Both solve one question alone, so that nothing says how sure its change in length is."""
    made = board({"base": [1, 0, 0, 0], "clip": [1, 1, 0, 0]})
    assert changes_of(made)["clip"].length is not None
    assert "length" not in made.to_markdown().split("Differences from")[1].split("\n\n")[1]


def test_defects_have_a_column_and_all_are_in_the_data(make_run: MakeRun) -> None:
    def measured(name: str, wrong: list[float]) -> Result:
        result = result_of(make_run(name, {"a": [1, 1, 0]}, objective=None if name == "base" else name))
        measures = {"arith_wrong": Measured([1, 1, 1], wrong), "steps": Measured([1, 1, 1], [2.0, 2.0, 5.0])}
        return replace(result, scores=(replace(result.scores[0], measures=measures),))

    made = board_of([measured("base", [1.0, 2.0, 0.0]), measured("clip", [0.0, 0.0, 0.0])])
    changes = changes_of(made)["clip"].defects
    assert changes["arith_wrong"].difference == -1.0  # means 1 and 0
    # differences -1, -2, 0: error sqrt(3 / 2 × 2 / 9) = 0.57735, t(0.975, 2) = 4.302653
    assert "-100.0 \\[-348.4, +148.4\\]" in made.to_markdown()
    assert changes["steps"].difference == 0.0
    data = json.loads(made.to_json())["tables"][0]["changes"]
    assert data["rows"][0]["defects"]["steps"]["difference"] == 0.0
    lines = {line["objective"]: line for line in csv.DictReader(io.StringIO(made.to_csv()))}
    assert (lines["clip"]["against"], lines["clip"]["arith_wrong_change"]) == ("base", "-1.0")
    assert (lines["clip"]["steps_change"], lines["base"]["steps_change"]) == ("0.0", "")


class TestGroups:
    def test_holm_over_all_pairs(self, board: Callable[..., Leaderboard]) -> None:
        # flips 12, 6 and 6: p = 2 / 2^12, 2 / 2^6, 2 / 2^6; Holm: 3 × 0.00049, 2 × 0.03125 = 0.0625, and so the last
        made = board({"top": right(12, 12), "mid": right(6, 12), "low": right(0, 12)})
        assert [(row.objective, row.letters) for row in made.tables[0].rows] == [
            ("top", "a"),
            ("mid", "ab"),
            ("low", "b"),
        ]
        (note,) = [note for note in made.tables[0].notes if note.startswith("Group")]
        assert "all 3 pairs of rows, at 5 % after Holm; 1 told apart" in note
        assert "it is the weights that are compared" in note

    def test_seeds_count(self, make_run: MakeRun) -> None:
        """Seeds that gain 0, 4 and 8 of 8 questions do not tell the methods apart, though the questions would."""
        runs = [
            make_run(f"{name}{seed}", {"a": right(n, 8)}, objective=name, seed=seed)
            for name, scores in {"one": (0, 0, 0), "two": (0, 4, 8)}.items()
            for seed, n in enumerate(scores)
        ]
        rows = board_of([result_of(run) for run in runs]).tables[0].rows
        assert {row.objective: row.letters for row in rows} == {"one": "a", "two": "a"}

    def test_incomplete_rows_have_none(self, make_run: MakeRun) -> None:
        good = [make_run(name, {"a": [1, 0]}, objective=name) for name in ("clip", "sapo")]
        part = make_run("part", {"a": [1, 1]}, objective="pspo", expected=10)
        made = board_of([result_of(run) for run in (*good, part)], against="clip")
        assert [row.letters for row in made.tables[0].rows] == ["a", "a", None]
        assert set(changes_of(made)) == {"sapo"}


def test_the_same_figures_as_a_comparison(make_run: MakeRun) -> None:
    scores = {"base": [1, 0, 0, 1], "clip": [1, 1, 0, 1], "pspo": [0, 1, 1, 1]}
    arms = {
        name: [
            result_of(make_run(f"{name}{seed}", {"a": right, "b": right[seed:]}, objective=name, seed=seed))
            for seed in (0, 1)
        ]
        for name, right in scores.items()
    }
    found = changes_of(board_of([result for seeds in arms.values() for result in seeds], against="base"))
    for name in ("clip", "pspo"):
        expected, macro = compare_arms(arms["base"], arms[name]).macro, found[name].macro
        assert expected is not None
        assert macro is not None
        assert replace(macro, p_adjusted=None) == replace(expected, p_adjusted=None)


def test_arms_without_a_common_question(make_run: MakeRun) -> None:
    base, clip = make_run("base", {"a": [1, 0]}), make_run("clip", {"a": [1, 1]}, objective="clip")
    result = result_of(clip)
    other = replace(result, scores=(replace(result.scores[0], example_ids=["8", "9"]),))
    made = board_of([result_of(base), other])
    assert [row.letters for row in made.tables[0].rows] == ["a", "a"]
    assert changes_of(made)["clip"].macro is None


class TestAgainst:
    def test_base_by_default(self, board: Callable[..., Leaderboard]) -> None:
        arms = {"base": right(1, 4), "clip": right(2, 4)}
        assert set(changes_of(board(arms))) == {"clip"}
        assert board(arms, against=None).tables[0].changes is None
        assert board({"clip": [1], "pspo": [1]}).tables[0].changes is None

    def test_by_the_beginning_of_a_name(self, board: Callable[..., Leaderboard]) -> None:
        arms = {"clip": right(1, 4), "clip-higher": right(2, 4), "pspo": right(3, 4)}
        assert set(changes_of(board(arms, against="ps"))) == {"clip", "clip-higher"}
        assert set(changes_of(board(arms, against="clip"))) == {
            "pspo",
            "clip-higher",
        }  # the whole name counts
        with pytest.raises(ConfigError, match=r"'cl' begins several arms: clip-higher; clip"):
            board(arms, against="cl")
        with pytest.raises(
            ConfigError, match=r"Unknown arm 'psop' \(did you mean 'pspo'\?\); known: clip, clip-h"
        ):
            board(arms, against="psop")

    def test_a_table_without_the_row(self, make_run: MakeRun) -> None:
        runs = [
            make_run(f"{model}-{name}", {"a": [1, 0]}, objective=name, base_model=model)
            for model, name in (("m", "clip"), ("m", "pspo"), ("n", "clip"))
        ]
        tables = board_of([result_of(run) for run in runs], against="pspo").tables
        assert [table.changes and table.changes.base for table in tables] == ["pspo", None]

    def test_questions_that_differ_are_named(self, make_run: MakeRun) -> None:
        base, clip = make_run("base", {"a": [1, 0]}), make_run("clip", {"a": [1, 1]}, objective="clip")
        clip.update_info(tasks={"a": replace(clip.info.tasks["a"], max_tokens=64)})
        changes = board_of([result_of(base), result_of(clip)]).tables[0].changes
        assert changes is not None
        assert any(note.startswith("Not run alike: a: max_tokens") for note in changes.notes)
