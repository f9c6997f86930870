"""Tables from real run folders, with the numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.errors import ConfigError, StoreError
from pspo_bench.report import Leaderboard, leaderboard, scores_table
from pspo_bench.report.leaderboard import Row
from pspo_bench.report.leaderboard.texts import cell_text
from pspo_bench.report.text import escape_markdown
from pspo_bench.results import dump_result, export_result, load_entries
from pspo_bench.store import Run

MakeRun = Callable[..., Run]


def board_of(*runs: Run, **options: Any) -> Leaderboard:
    return leaderboard([run.path for run in runs], **options)


def rows_of(board: Leaderboard, table: int = 0) -> dict[str, Row]:
    return {row.objective: row for row in board.tables[table].rows}


class TestScores:
    def test_one_seed_by_hand(self, make_run: MakeRun) -> None:
        board = board_of(make_run("clip-s0", {"a": [1, 1, 0, 0], "b": [1, 1, 1, 0]}, objective="clip"))
        row = rows_of(board)["clip"]
        # Wilson, 2 of 4: 0.5 ± 0.349961 (derived in tests/stats/test_stats_intervals.py)
        assert cell_text(row.cells["a"]) == "50.0 ± 35.0"
        assert row.macro is not None
        assert row.macro.score == pytest.approx((0.5 + 0.75) / 2)
        assert row.macro.interval is not None
        assert row.macro.interval.method == "mover"
        assert (row.rank, row.seeds, row.marks, row.n_samples) == (1, (0,), "†", 8)
        assert any("training variance is not covered" in note for note in board.tables[0].notes)

    def test_seeds_are_aggregated(self, make_run: MakeRun) -> None:
        runs = [
            make_run(f"clip-s{seed}", {"a": right}, objective="clip", settings={"epsilon": 0.2}, seed=seed)
            for seed, right in enumerate([[1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0]])
        ]
        board = board_of(*runs)
        row = rows_of(board)["clip (epsilon=0.2)"]
        assert row.seeds == (0, 1, 2)
        assert row.cells["a"].score == pytest.approx((3 + 1 + 5) / 18)
        assert row.cells["a"].interval is not None
        assert row.cells["a"].interval.method == "crossed-wilson"
        assert row.cells["a"].n_questions == 6
        assert row.marks == ""
        assert board_of(*runs[::-1]).to_json() == board.to_json()  # the order of paths draws nothing else

    def test_other_settings_are_other_rows(self, make_run: MakeRun) -> None:
        one = make_run("x", {"a": [1, 0]}, objective="clip", settings={"epsilon": 0.2})
        two = make_run("y", {"a": [1, 0]}, objective="clip", settings={"epsilon": 0.1})
        assert set(rows_of(board_of(one, two))) == {"clip (epsilon=0.2)", "clip (epsilon=0.1)"}

    def test_other_recipes_are_other_rows_named_apart(self, make_run: MakeRun) -> None:
        one = make_run("x", {"a": [1, 0]}, objective="clip", recipe="low-lr")
        two = make_run("y", {"a": [1, 0]}, objective="clip", recipe="high-lr", seed=1)
        assert set(rows_of(board_of(one, two))) == {"clip [low-lr]", "clip [high-lr]"}

    def test_same_seed_trained_twice_is_not_two_seeds(self, make_run: MakeRun) -> None:
        one = make_run("x", {"a": [1, 0]}, objective="clip")
        two = make_run("y", {"a": [1, 1]}, objective="clip")
        assert [len(row.seeds) for row in board_of(one, two).tables[0].rows] == [1, 1]

    def test_seed_in_the_recipe_name(self, make_run: MakeRun) -> None:
        runs = [
            make_run(f"c{s}", {"a": [1, 0]}, objective="clip", seed=s, recipe=f"clip-s{s}") for s in (0, 1)
        ]
        assert rows_of(board_of(*runs))["clip"].seeds == (0, 1)

    def test_tasks_of_one_model_in_several_runs(self, make_run: MakeRun) -> None:
        one = make_run("x", {"a": [1, 0]}, fingerprint="w")
        two = make_run("y", {"b": [1, 1]}, fingerprint="w")
        row = rows_of(board_of(one, two))["base"]
        assert {task: cell.score for task, cell in row.cells.items()} == {"a": 0.5, "b": 1.0}
        assert row.marks == ""  # a base model has no training variance to cover

    def test_all_wrong_is_not_certainty(self, make_run: MakeRun) -> None:
        runs = [make_run(f"c{s}", {"a": [0, 0, 0, 0]}, objective="clip", seed=s) for s in (0, 1)]
        interval = rows_of(board_of(*runs))["clip"].cells["a"].interval
        assert interval is not None
        assert interval.high > 0.3  # Wilson of 0 of 4, not ± 0


class TestRanks:
    def test_order_and_ties(self, make_run: MakeRun) -> None:
        scores = {"low": [1, 0, 0, 0], "tie2": [1, 0, 1, 0], "tie1": [0, 1, 0, 1], "top": [1, 1, 1, 0]}
        runs = [make_run(name, {"a": right}, objective=name) for name, right in scores.items()]
        for order in (runs, runs[::-1]):
            found = [(row.objective, row.rank) for row in board_of(*order).tables[0].rows]
            assert found == [("top", 1), ("tie1", 2), ("tie2", 2), ("low", 4)]

    def test_missing_task(self, make_run: MakeRun) -> None:
        full = make_run("full", {"a": [1, 0], "b": [0, 0]}, objective="clip")
        half = make_run("half", {"a": [1, 1]}, objective="pspo")
        board = board_of(full, half)
        table = board.tables[0]
        assert (table.tasks, table.macro_tasks) == (("a", "b"), ("a",))
        assert [row.objective for row in table.rows] == ["pspo", "clip"]  # 100 against 50 on a
        assert "| 1 | pspo | 1† | 100.0 ± 32.9 | – | 100.0 ± 32.9 |" in board.to_markdown()
        assert any("over what every complete row has: a." in note for note in table.notes)

    def test_nothing_in_common(self, make_run: MakeRun) -> None:
        board = board_of(
            make_run("x", {"a": [1]}, objective="clip"), make_run("y", {"b": [1]}, objective="pspo")
        )
        assert [row.rank for row in board.tables[0].rows] == [None, None]
        assert "NaN" not in board.to_json()

    def test_incomplete_run_is_not_ranked(self, make_run: MakeRun) -> None:
        good = make_run("good", {"a": [1, 0]}, objective="clip")
        part = make_run("part", {"a": [1, 1]}, objective="pspo", expected=10)
        rows = board_of(good, part).tables[0].rows
        assert [(row.objective, row.rank, row.marks) for row in rows] == [
            ("clip", 1, "†"),
            ("pspo", None, "†‡"),
        ]

    def test_task_that_has_not_begun_does_not_narrow_the_others(self, make_run: MakeRun) -> None:
        good = make_run("good", {"a": [1, 0], "b": [1, 1]}, objective="clip")
        part = make_run("part", {"a": [1, 1]}, objective="pspo")
        info = part.info
        part.update_info(tasks={**info.tasks, "b": info.tasks["a"]})
        table = board_of(good, part).tables[0]
        assert table.macro_tasks == ("a", "b")
        assert [(row.objective, row.rank, row.marks) for row in table.rows] == [
            ("clip", 1, "†"),
            ("pspo", None, "†‡"),
        ]


class TestTruncation:
    def test_median_is_a_bound_when_half_is_cut(self, make_run: MakeRun) -> None:
        cut = {"finish_reason": "length", "status": "truncated", "completion_tokens": 128}
        board = board_of(make_run("cut", {"a": [0, 0]}, objective="clip", **cut))
        row = rows_of(board)["clip"]
        assert (row.truncation_rate, row.median_tokens) == (1.0, 128)
        assert "≥ 128" in board.to_markdown()


class TestReported:
    def test_never_ranked_and_marked(self, make_run: MakeRun) -> None:
        run = make_run("q", {"gsm8k": [0, 0, 0, 1]}, objective="pspo", base_model="Qwen/Qwen2.5-0.5B")
        board = board_of(run, reported=True)
        first = board.tables[0]
        assert first.base_model == "Qwen2.5-0.5B"
        paper = {row.objective: row for row in first.rows if row.reported}
        assert paper["GR-PSPO"].cells["gsm8k"].score == 0.397
        assert paper["GRPO, clipped"].cells["gsm8k"].score == 0.176
        assert {row.rank for row in paper.values()} == {None}
        assert next(row.rank for row in first.rows if not row.reported) == 1  # though it scores less
        assert {"Qwen2.5-1.5B", "Qwen2-Math-1.5B"} <= {table.base_model for table in board.tables}

    def test_every_shipped_figure_has_a_source(self, make_run: MakeRun) -> None:
        board = board_of(make_run("q", {"a": [1]}), reported=True)
        sources = [row.reported for table in board.tables for row in table.rows if row.reported]
        assert len(sources) == 5
        assert all("2509.21282" in str(source) for source in sources)

    def test_own_file(self, make_run: MakeRun, tmp_path: Path) -> None:
        file = tmp_path / "mine.toml"
        file.write_text(
            '[[figure]]\nbase_model = "pocket"\nmethod = "m"\ntask = "a"\naccuracy = 0.5\nurl = "u"\n'
        )
        with pytest.raises(ConfigError, match=r"mine\.toml.*source"):
            board_of(make_run("q", {"a": [1]}), reported=file)


class TestForms:
    def test_hostile_names_stay_text(self, make_run: MakeRun) -> None:
        name = "a|b`c<script>*x_y[z](u)\x1b[31m\nnew # line"
        board = board_of(make_run("x", {"a": [1, 0]}, objective=name))
        markdown = board.to_markdown("run `x`\n# not a heading")
        (line,) = [line for line in markdown.splitlines() if "a\\|b" in line]
        assert line.startswith("| 1 | a\\|b\\`c&lt;script&gt;\\*x\\_y\\[z\\](u) \\[31m new \\# line | 1† |")
        assert "\x1b" not in markdown + board.to_terminal()
        assert "Generated by `` run `x` # not a heading ``;" in markdown

    def test_formula_in_csv(self, make_run: MakeRun) -> None:
        board = board_of(make_run("x", {"a": [1, 0]}, objective="=cmd()"))
        (row,) = csv.DictReader(io.StringIO(board.to_csv()))
        assert row["objective"] == "'=cmd()"
        assert (row["a_accuracy"], row["a_low"][:6], row["rank"], row["seeds"]) == ("0.5", "0.0945", "1", "1")

    def test_json_is_unrounded(self, make_run: MakeRun) -> None:
        data = json.loads(board_of(make_run("x", {"a": [1, 0, 0]}, objective="clip")).to_json())
        assert data["tables"][0]["rows"][0]["cells"]["a"]["score"] == pytest.approx(1 / 3, abs=1e-15)

    def test_terminal_fits(self, make_run: MakeRun) -> None:
        tasks = {f"pocket_{name}": [1, 0, 1] for name in ("gsm", "svamp", "asdiv", "math")}
        text = board_of(make_run("x", tasks, objective="clip", settings={"epsilon": 0.2})).to_terminal(118)
        assert max(map(len, text.splitlines())) <= 118
        assert "clip (epsilon=0.2)" in text
        assert text.count("66.7 ± ") == 5

    def test_escape(self) -> None:
        assert escape_markdown("a  b\nc") == "a b c"
        assert escape_markdown("\\|") == "\\\\\\|"

    def test_no_interval(self) -> None:
        assert cell_text(None) == "–"

    def test_scores_table(self, make_run: MakeRun) -> None:
        text = scores_table(make_run("x", {"a": [1, 0]}).frame(), title="mine")
        assert "mine" in text
        assert "9.5 – 90.5" in text  # Wilson of 1 of 2: 0.5 ± 0.405473


class TestNotes:
    def test_what_is_not_comparable(self, make_run: MakeRun) -> None:
        one, two = make_run("x", {"a": [1]}, objective="clip"), make_run("y", {"a": [1]}, objective="pspo")
        tasks = {"a": replace(two.info.tasks["a"], content_sha256="other", max_tokens=64)}
        two.update_info(tasks=tasks)
        notes = " ".join(board_of(one, two).tables[0].notes)
        assert "different questions on a" in notes
        assert "different max_tokens on a" in notes

    def test_a_temperature_that_was_not_run(self, make_run: MakeRun) -> None:
        run = make_run("x", {"a": [1]})
        with pytest.raises(ConfigError, match=r"T=0\.7"):
            board_of(run, temperature=0.7)
        assert "chosen for this table" in board_of(run, temperature=0.0).to_markdown()
        assert "declared before the runs" in board_of(run).to_markdown()


class TestResultFiles:
    def test_the_file_stands_for_the_run(self, make_run: MakeRun, tmp_path: Path) -> None:
        runs = [make_run(f"c{s}", {"a": [1, 0, s]}, objective="clip", seed=s) for s in (0, 1)]
        folder = tmp_path / "results" / "study"
        folder.mkdir(parents=True)
        for run in runs:
            (folder / f"{run.path.name}.json").write_text(dump_result(export_result(run)))
        (folder / "leaderboard.json").write_text(board_of(*runs).to_json())  # other JSON is passed over
        assert leaderboard([tmp_path / "results"]).to_json() == board_of(*runs).to_json()
        both = leaderboard([tmp_path / "results", *(run.path for run in runs)])
        assert rows_of(both)["clip"].seeds == (0, 1)  # the same weights once

    def test_content(self, make_run: MakeRun) -> None:
        run = make_run("x", {"a": [1, 0]}, objective="clip")
        data = export_result(run)
        text = dump_result(data)
        assert json.loads(text) == json.loads(json.dumps(data))
        assert "Secret" not in text
        assert "2 + 2" not in text
        assert str(run.path.parent.parent) not in text
        assert data["run"]["model"] == "x"
        (score,) = data["scores"]
        assert (score["example_ids"], score["correct"], score["samples"]) == (["0", "1"], [1, 0], [1, 1])
        assert (score["tokens_correct"], score["tokens_incorrect"]) == ([[10], []], [[], [10]])
        assert '"correct": [1,0]' in text

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"version": 2}, "version 2"),
            ({"format": "other"}, "other version 1"),
            ({"scores": [{"task": "a"}]}, "missing"),
        ],
    )
    def test_broken_file_is_named(
        self, make_run: MakeRun, tmp_path: Path, change: dict[str, Any], message: str
    ) -> None:
        file = tmp_path / "bad.json"
        file.write_text(json.dumps({**export_result(make_run("x", {"a": [1]})), **change}))
        with pytest.raises(StoreError, match=rf"bad\.json is not a result file: .*{message}"):
            load_entries([file])

    def test_impossible_counts(self, make_run: MakeRun, tmp_path: Path) -> None:
        data = export_result(make_run("x", {"a": [1]}))
        data["scores"][0]["correct"] = [3]
        (tmp_path / "bad.json").write_text(json.dumps(data))
        with pytest.raises(StoreError, match="3 correct"):
            load_entries([tmp_path])

    def test_run_that_was_never_started_is_passed_over(self, make_run: MakeRun, tmp_path: Path) -> None:
        make_run("x", {"a": [1]})
        Run.open(tmp_path / "runs" / "never", create=True)
        assert len(load_entries([tmp_path / "runs"])) == 1
        with pytest.raises(StoreError, match="No run or result file at .*never"):
            load_entries([tmp_path / "runs" / "never"])

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="No run or result file at"):
            leaderboard([tmp_path])


def test_the_scores_of_a_run_say_when_its_verdicts_are_by_two_checkers(make_run: MakeRun) -> None:
    frame = make_run("base", {"gsm8k": [1, 0]}).frame()
    assert "different checkers" not in scores_table(frame)
    frame.loc[0, "checker_version"] = "2"
    assert "different checkers (numeric 1, numeric 2): rescore the run" in scores_table(frame)
