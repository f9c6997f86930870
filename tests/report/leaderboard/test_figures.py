"""pass@k, maj@k, defects and cost of rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.report.leaderboard import Leaderboard, Row, leaderboard
from pspo_bench.report.leaderboard.build import board_of
from pspo_bench.results import Measured, Result, dump_result, export_result, result_of
from pspo_bench.stats import arm_interval
from pspo_bench.store import Run

MakeRun = Callable[..., Run]


def with_scores(result: Result, **changes: dict[str, Any]) -> Result:
    """`changes` are by task: values that its counts are to have."""
    return replace(result, scores=tuple(replace(score, **changes[score.task]) for score in result.scores))


def rows_of(board: Leaderboard) -> dict[str, Row]:
    return {row.objective: row for row in board.tables[0].rows}


@pytest.fixture
def two_tasks(make_run: MakeRun) -> Callable[..., Result]:
    def make(name: str, **options: Any) -> Result:
        scores = {"a": [1, 0], "b": [1, 1]}
        return result_of(make_run(f"{name}{options.get('seed', 0)}", scores, objective=name, **options))

    return make


class TestRepeats:
    def test_the_largest_k_that_all_have(self, two_tasks: Callable[..., Result]) -> None:
        few = with_scores(
            two_tasks("few"),
            a={"pass_at": {"1": 0.25, "2": 0.5, "4": 0.75}, "maj_at": {"4": 0.4}},
            b={"pass_at": {"1": 0.125, "2": 0.125, "4": 0.25}, "maj_at": {"4": 0.2}},
        )
        many = with_scores(
            two_tasks("many"),
            a={"pass_at": {"1": 0.25, "2": 0.5, "4": 0.5, "8": 1.0}, "maj_at": {"8": 0.5}},
            b={"pass_at": {"1": 0.25, "2": 0.5, "4": 0.5, "8": 1.0}, "maj_at": {"8": 0.5}},
        )
        board = board_of([few, many, two_tasks("greedy")])
        rows = rows_of(board)
        assert rows["few"].pass_at is not None
        assert (rows["few"].pass_at.k, rows["few"].pass_at.score) == (4, 0.5)  # (0.75 + 0.25) / 2
        assert rows["greedy"].pass_at is None
        assert {row.maj_at for row in rows.values()} == {None}  # of 4 and of 8: nothing in common
        header = next(line for line in board.to_markdown().splitlines() if "objective" in line)
        assert "| pass@4 |".replace("@", "\\@") in header
        assert "maj" not in header
        lines = {line["objective"]: line for line in csv.DictReader(io.StringIO(board.to_csv()))}
        assert (lines["few"]["pass_k"], lines["few"]["pass_at_k"], lines["greedy"]["pass_k"]) == (
            "4",
            "0.5",
            "",
        )

    def test_pass_at_k_has_the_interval_of_its_questions(self, two_tasks: Callable[..., Result]) -> None:
        """Of 2 samples one right: pass@2 of that question is 1, of one without any 0: two questions, as accuracies."""
        counts = {"samples": [2, 2], "correct": [1, 0], "pass_at": {"1": 0.25, "2": 0.5}}
        board = board_of([with_scores(two_tasks("x"), a=counts, b=counts)])
        found = rows_of(board)["x"].pass_at
        assert found is not None
        assert found.interval is not None
        want = arm_interval([[1.0, 0.0], [1.0, 0.0]])
        assert want is not None
        assert (found.score, found.interval) == (0.5, want.interval)
        (line,) = csv.DictReader(io.StringIO(board.to_csv()))
        assert float(line["pass_at_k_low"]) == found.interval.low
        assert "50.0 ±" in board.to_markdown()

    def test_over_seeds(self, two_tasks: Callable[..., Result]) -> None:
        seeds = [
            with_scores(
                two_tasks("clip", seed=seed),
                a={"maj_at": {"1": 0.0, "4": score}, "pass_at": {"1": 0.0}},
                b={"maj_at": {"1": 0.0, "4": score}, "pass_at": {"1": 0.0}},
            )
            for seed, score in enumerate((0.25, 0.75))
        ]
        row = rows_of(board_of(seeds))["clip"]
        assert row.maj_at is not None
        assert (row.maj_at.k, row.maj_at.score, row.pass_at) == (4, 0.5, None)


class TestDefects:
    def test_by_hand(self, two_tasks: Callable[..., Result]) -> None:
        result = with_scores(
            two_tasks("clip"),
            a={
                "measures": {
                    "arith_wrong": Measured([1, 1], [2.0, 0.0]),
                    "steps": Measured([1, 1], [3.0, 4.0]),
                }
            },
            b={"measures": {"arith_wrong": Measured([1, 0], [1.0, 0.0])}},
        )
        board = board_of([result, two_tasks("pspo")])
        row = rows_of(board)["clip"]
        assert list(row.defects) == ["arith_wrong"]  # steps were not measured on b
        # a: (2 + 0) / 2 = 1; b: the one question it applies to has 1; 3 of 4 solutions show a calculation
        assert (row.defects["arith_wrong"].mean, row.defects["arith_wrong"].coverage) == (1.0, 0.75)
        assert rows_of(board)["pspo"].defects == {}
        header, _, *lines = (line for line in board.to_markdown().splitlines() if line.startswith("|"))
        place = header.split(" | ").index("wrong /100")
        assert [line.split(" | ")[place] for line in lines] == ["100.0", "–"]
        table = {line["objective"]: line for line in csv.DictReader(io.StringIO(board.to_csv()))}
        assert (table["clip"]["arith_wrong"], table["clip"]["arith_wrong_coverage"]) == ("1.0", "0.75")

    def test_from_solutions_to_the_table(self, make_run: MakeRun, tmp_path: Path) -> None:
        """Of 2 + 2 = 5 and 2 + 2 = 4 the first is wrong; what the metrics found is in the result file."""
        texts = {"wrong": "2 + 2 = 5, so\n#### 5", "right": "2 + 2 = 4, so\n#### 4"}
        for name, text in texts.items():
            run = make_run(name, {"a": [1, 1]}, objective=name, completion=text)
            (tmp_path / f"{name}.json").write_text(dump_result(export_result(run, measure=True)))
        rows = rows_of(leaderboard([tmp_path / f"{name}.json" for name in texts]))
        assert {name: row.defects["arith_wrong"].mean for name, row in rows.items()} == {
            "wrong": 1,
            "right": 0,
        }
        assert rows["wrong"].defects["arith_wrong"].coverage == 1.0

    def test_a_task_where_it_never_applies(self, two_tasks: Callable[..., Result]) -> None:
        none, some = Measured([0, 0], [0.0, 0.0]), Measured([1, 1], [1.0, 1.0])
        result = with_scores(
            two_tasks("clip"), a={"measures": {"arith_wrong": none}}, b={"measures": {"arith_wrong": some}}
        )
        defect = rows_of(board_of([result]))["clip"].defects["arith_wrong"]
        assert (defect.mean, defect.coverage) == (None, 0.5)


class TestCost:
    def test_means_over_seeds(self, make_run: MakeRun) -> None:
        runs = []
        for seed, (tokens, seconds) in enumerate([(1_000_000, 60), (2_000_000, 120.5)]):
            run = make_run(f"c{seed}", {"a": [1, 0, 1]}, objective="clip", seed=seed)
            manifest = {**(run.info.manifest or {}), "tokens_generated": tokens, "wall_time_s": seconds}
            run.update_info(manifest=manifest)
            runs.append(run)
        board = board_of([result_of(run) for run in runs])
        cost = rows_of(board)["clip"].cost
        # 3 completions of 10 tokens a seed
        assert (cost.evaluation_tokens, cost.training_tokens, cost.training_s) == (30, 1_500_000, 90.25)
        assert "| 30 | 1.5M | 90 |" in board.to_markdown()

    @pytest.mark.parametrize("value", ["1e9", -1, True, float("nan"), float("inf"), None, [1]])
    def test_nonsense_in_a_manifest(self, make_run: MakeRun, value: object) -> None:
        result = result_of(make_run("c", {"a": [1]}, objective="clip"))
        manifest = {**(result.info.manifest or {}), "tokens_generated": value, "wall_time_s": value}
        cost = rows_of(board_of([replace(result, info=replace(result.info, manifest=manifest))]))["clip"].cost
        assert (cost.training_tokens, cost.training_s) == (None, None)

    def test_one_seed_that_does_not_say(self, make_run: MakeRun) -> None:
        one = make_run("c0", {"a": [1]}, objective="clip", seed=0)
        one.update_info(manifest={**(one.info.manifest or {}), "tokens_generated": 5})
        two = make_run("c1", {"a": [1]}, objective="clip", seed=1, completion_tokens=None)
        cost = rows_of(board_of([result_of(one), result_of(two)]))["clip"].cost
        assert (cost.evaluation_tokens, cost.training_tokens) == (None, None)


def test_reported_rows_alone_have_no_empty_columns(make_run: MakeRun) -> None:
    board = board_of([result_of(make_run("q", {"a": [1]}))], reported=True)
    headers = [line for line in board.to_markdown().splitlines() if line.startswith("| rank")]
    assert headers[-1] == "| rank | objective | seeds | gsm8k | math |"
