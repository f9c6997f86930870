"""`pspo-bench check`: rows in, verdicts out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pspo_bench.answers.jsonl import check_file
from pspo_bench.errors import DataError

ROWS = [
    {"id": "a", "gold": "18", "completion": "The answer is $18.00."},
    {"gold": 51.0, "completion": "#### 51"},
    {"id": "c", "gold": "many", "completion": "#### 51", "answer_type": "number"},
    {"id": "d", "gold": "10", "completion": "#### 10%", "question": "What percent is left?"},
    {"id": "e", "gold": "10", "completion": "10 is", "truncated": True},
]


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_verdicts_are_written_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "verdicts.jsonl"
    counts = check_file(write(tmp_path / "rows.jsonl", ROWS), output)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", 2, "c", "d", "e"]  # the second row has no id: its line number
    assert [row["status"] for row in rows] == ["correct", "correct", "error", "correct", "truncated"]
    assert [row["correct"] for row in rows] == [True, True, False, True, False]
    assert "Gold 'many' cannot be read as answer type 'number'" in rows[2]["reason"]
    assert (rows[0]["extracted"], rows[0]["method"]) == ("$18.00", "answer_is")
    assert counts.rows == 5
    assert counts.by_status == {"correct": 3, "error": 1, "truncated": 1}
    assert "5 rows: 3 correct, 1 truncated, 1 error" in capsys.readouterr().err


def test_stdin_to_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS[:2])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    check_file("-")
    assert [json.loads(line)["correct"] for line in capsys.readouterr().out.splitlines()] == [True, True]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"rows.jsonl, line 2 is not JSON"),
        ("[1]", r"rows.jsonl, line 2 is not a JSON object"),
        ('{"gold": "1"}', r"rows.jsonl, line 2 has no 'completion'"),
        ('{"id": 1}', r"line 2 has no 'gold' and no 'completion'"),
        ('{"gold": "1", "completion": 1}', r"line 2: 'completion' must be text, not int"),
        (
            '{"gold": "1", "completion": "1", "answer_type": "numbr"}',
            r"'numbr' in .*line 2 \(did you mean 'number'",
        ),
    ],
)
def test_a_malformed_line_is_named_and_leaves_no_output(tmp_path: Path, line: str, message: str) -> None:
    source = write(tmp_path / "rows.jsonl", ROWS[:1])
    source.write_text(source.read_text() + line + "\n")
    with pytest.raises(DataError, match=message):
        check_file(source, tmp_path / "out.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read .*absent.jsonl"):
        check_file(tmp_path / "absent.jsonl")
