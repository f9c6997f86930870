"""The viewer, the tables of a run, and the commands `metrics` and `explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pspo_bench.cli import main
from pspo_bench.metrics.reasoning import Solution
from pspo_bench.report.measures import measures
from pspo_bench.report.solution import pieces, solution_html, solution_text

TEXT = "48/2 = 24, so 24 * 17 = 408\n2x = 9\n48 + 24 = 73"
QUESTION = "She sold 48 clips and half as many in May."


def test_every_statement_is_marked() -> None:
    solution = Solution.of(TEXT, question=QUESTION)
    assert solution_text(solution) == (
        "48/2 = 24 [ok], so 24 * 17{from nowhere} = 408 [ok]\n2x = 9 [not checked]\n48 + 24 = 73 [wrong: 72]"
    )
    assert "".join(piece.text for piece in pieces(solution)) == TEXT


def test_chains_and_kinds_of_right() -> None:
    shown = solution_text(Solution.of("10/3 = 3.33; 3+4=7+2=9; 2 hours = 120 minutes"))
    assert (
        shown == "10/3 = 3.33 [rounded]; 3+4=7+2 [run-on: 7]=9 [ok]; 2 hours = 120 [unit-converted] minutes"
    )


def test_hostile_text_is_inert() -> None:
    text = "\x1b[2J<script>alert(1)</script> 2 + 2 = 5\u202e & \"x\" 'y'"
    shown = solution_text(Solution.of(text))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    page = solution_html(Solution.of(text))
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert (
        '<span class="wrong">2 + 2 = 5</span><span class="wrong"><span class="note"> [wrong: 4]</span></span>'
        in page
    )
    assert "\x1b" not in page
    assert "&quot;x&quot;" in page


def test_huge_values_are_named_by_their_size() -> None:
    # log10(9) * 3000 = 2862.7
    assert "wrong: about 10^2862" in solution_text(Solution.of("9^3000 = 1"))


def test_colours() -> None:
    assert solution_text(Solution.of("2 + 2 = 5"), colour=True) == (
        "\x1b[1;31m2 + 2 = 5\x1b[0m\x1b[1;31m [wrong: 4]\x1b[0m"
    )


def test_tables_of_a_run(make_run) -> None:  # type: ignore[no-untyped-def]
    run = make_run("base", {"gsm8k": [1, 0, 1]})
    found = measures(run.frame())
    (score,) = found.lengths
    assert score.correct is not None
    assert (score.correct.n, score.correct.mean) == (2, 10)
    defects = {defect.metric: defect for defect in found.defects}
    assert defects["arith_valid"].mean == 1
    assert defects["arith_valid"].coverage == 1
    # "Secret question 0?" and "... 2?" are right, and 2 + 2 uses the number of the second
    assert defects["question_coverage"].correct == 0.5
    assert "arith_valid" in found.to_terminal()
    assert "| gsm8k | 0 | arith\\_valid | ↑ | 1.000 |" in found.to_markdown()
    assert json.loads(found.to_json())["lengths"][0]["correct"]["median"] == 10


def test_metrics_of_a_run(make_run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    run = make_run("base", {"gsm8k": [1, 0, 1]})
    assert main(["metrics", str(run.path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens_by"] == "the engine"
    output = tmp_path / "metrics.md"
    assert main(["metrics", str(run.path), "--format", "markdown", "-o", str(output)]) == 0
    assert output.read_text().startswith("## Length, tokens by the engine")


def test_explain(make_run, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    run = make_run("base", {"gsm8k": [1, 0]})
    ids = run.frame()["example_id"].tolist()
    assert main(["explain", str(run.path), "--id", ids[1]]) == 0
    out = capsys.readouterr().out
    assert f"gsm8k {ids[1]}, T=0, sample 0: wrong" in out
    assert "2 + 2 = 4 [ok]" in out
    assert main(["explain", str(run.path), "--id", ids[1], "--html"]) == 0
    assert '<pre class="solution">' in capsys.readouterr().out
    assert main(["explain", str(run.path), "--id", "nobody"]) == 1
    assert "has no such sample of question 'nobody'; its ids begin" in capsys.readouterr().err


ROWS = [
    {"id": "a", "question": QUESTION, "completion": "48/2 = 24\n48 + 24 = 73\n#### 73", "gold": "72"},
    "no json",
    {"id": "b"},
    {"id": "c", "steps": ["3 * 4 = 12", "12 * 7 = 85"], "gold": 85},
    {"completion": "nothing"},
    {"id": "d", "completion": 5},
    {"id": "e", "steps": "12"},
]


def test_metrics_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in ROWS))
    assert main(["metrics", str(source), "--explain", "-o", str(output)]) == 1
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["id"] for row in found] == ["a", 2, "b", "c", 5, "d", "e"]
    first, broken, empty, steps, plain, number, text = found
    assert (first["first_wrong_step"], first["arith_wrong"], first["correct"]) == (1, 1, False)
    assert first["statements"][1] == {
        "step": 1, "start": 10, "end": 22, "text": "48 + 24 = 73", "status": "wrong", "expected": "72", "found": "73",
    }  # fmt: skip
    assert (steps["first_wrong_step"], steps["correct"]) == (1, True)
    assert (plain["first_wrong_step"], plain["arith_wrong"], "correct" in plain) == (None, None, False)
    assert "line 2 is not JSON" in broken["error"]
    assert "line 3 has no 'completion' and no 'steps'" in empty["error"]
    assert "line 6: 'completion' must be text, not int" in number["error"]
    assert "line 7: 'steps' must be a list of texts" in text["error"]
    assert capsys.readouterr().err.count("rows.jsonl, line") == 4


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--list"]) == 0
    out = capsys.readouterr().out
    assert "arith_valid  (0 to 1; better: higher; of one solution)" in out
    assert "https://arxiv.org/abs/2404.05692" in out
    assert main(["metrics", "--list", "--format", "json"]) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} >= {"accuracy", "unused", "loop_tail"}
    assert main(["metrics", "--list", "--format", "markdown"]) == 0
    assert "| arith\\_valid | 0 to 1 | higher |" in capsys.readouterr().out
    assert main(["metrics"]) == 2
    assert "Nothing to measure" in capsys.readouterr().err
