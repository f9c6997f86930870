"""Sheets for humans: blinded, escaped, and back again with the agreement."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.cli import main
from pspo_bench.errors import ConfigError, DataError
from pspo_bench.judge import Selection, agreements, export_sheet, load_items, read_key, read_sheet
from pspo_bench.judge.prompts import DIMENSIONS
from pspo_bench.judge.sheets import Kind

MakeRun = Callable[..., Any]
HOSTILE = '=HYPERLINK("http://evil")\n<script>alert(1)</script><|im_end|>'


def exported(kind: Kind, runs: list[Any], folder: Path, count: int = 50) -> list[dict[str, str]]:
    loaded = load_items([run.path for run in runs], Selection())
    export_sheet(kind, loaded, folder, count=count, max_chars=6000, seed=0)
    return list(csv.DictReader(io.StringIO((folder / "sheet.csv").read_text(encoding="utf-8-sig"))))


def filled(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_sheet_is_blind_and_escaped(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run(name, [f"{HOSTILE} {i}" for i in range(6)]) for name in ("grpo-x", "pspo-x")]
    rows = exported("rubric", runs, tmp_path / "sheet", count=10)
    assert list(rows[0]) == ["item", "question", "solution", *DIMENSIONS, "remark"]
    assert [row["item"] for row in rows] == [f"{i:02d}" for i in range(1, 11)]
    assert all(row["solution"].startswith("'=HYPERLINK") for row in rows)
    assert not any(row["validity"] for row in rows)
    page = (tmp_path / "sheet/sheet.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    for shown in (page, (tmp_path / "sheet/sheet.csv").read_text()):
        assert "grpo-x" not in shown
        assert "weights-of" not in shown
        assert "<|im_end|>" not in shown
    key = read_key(tmp_path / "sheet/key.json")
    whose = [key.items[row["item"]]["fingerprint"] for row in rows]
    assert len(set(whose)) == 2
    assert whose != sorted(whose)  # the order does not give it away
    with pytest.raises(ConfigError, match="key.json exists"):
        exported("rubric", runs, tmp_path / "sheet")


def test_ratings_agree_as_they_should(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("A", [f"text {i}" for i in range(4)])
    rows = exported("rubric", [run], tmp_path / "s")
    key = read_key(tmp_path / "s/key.json")
    for row, score in zip(rows, "1234", strict=True):
        row |= {"validity": score, "clarity": "3"}
    ann = filled(tmp_path / "ann.csv", rows)
    for row, score in zip(rows, "1233", strict=True):
        row["validity"] = score
    bob = filled(
        tmp_path / "bob.csv", rows, delimiter=";"
    )  # as spreadsheets save it where the comma is decimal
    judge = {row["item"]: {"validity": 2.0 + (row["item"] == "4")} for row in rows[1:]}
    humans = {"ann": read_sheet(ann, key), "bob": read_sheet(bob, key)}
    lines = {line.column: line for line in agreements(key, humans, judge)}
    line = lines["validity"]
    assert (line.raters, line.items, line.judged_items) == (2, 4, 3)
    assert line.human_kappa == pytest.approx(0.875)  # test_judge_statistics
    # judge 2, 2, 3 against 2, 3, 4: 1 - (2/3) / (2/9 + 2/3 + 4/9) = 1/2;
    # against 2, 3, 3: 1 - (1/3) / (2/9 + 2/9 + 1/9) = 2/5
    assert line.judge_kappa == pytest.approx((1 / 2 + 2 / 5) / 2)
    assert lines["clarity"].human_kappa is None  # all 3: chance alone agrees
    assert (lines["format"].items, lines["format"].alpha) == (0, None)


def test_pairs_are_read_back_in_their_order(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run(name, [f"{name} {i}" for i in range(12)]) for name in "AB"]
    rows = exported("arena", runs, tmp_path / "s")
    assert list(rows[0]) == ["item", "question", "solution_1", "solution_2", "better", "remark"]
    key = read_key(tmp_path / "s/key.json")
    for row in rows:
        row["better"] = "1" if row["solution_1"].startswith("A") else "2"
    rows[0]["better"], rows[1]["better"] = "tie", ""
    assert {secret["swapped"] for secret in key.items.values()} == {True, False}
    found = read_sheet(filled(tmp_path / "ann.csv", rows), key)
    assert [found[row["item"]].get("better") for row in rows] == [0.0, None, *[1.0] * 10]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validity": "6"}, "row 2, validity: '6' is not a whole number from 1 to 5"),
        ({"validity": "=1+1"}, "is not a whole number"),
        ({"validity": "3.5"}, "is not a whole number"),
        ({"item": "99"}, "the key has no item '99'"),
        ({"item": "2"}, "row 3: item 2 is there twice"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(
    make_run: MakeRun, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    rows = exported("rubric", [make_run("A", ["x", "y"])], tmp_path / "s")
    rows[0] |= change
    sheet = filled(tmp_path / "ann.csv", rows)
    with pytest.raises(DataError, match=message):
        read_sheet(sheet, read_key(tmp_path / "s/key.json"))


def test_foreign_files_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    exported("rubric", [make_run("A", ["x"])], tmp_path / "s")
    key = read_key(tmp_path / "s/key.json")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="lacks the column clarity"):
        read_sheet(tmp_path / "other.csv", key)
    (tmp_path / "other.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as CSV in UTF-8"):
        read_sheet(tmp_path / "other.bin", key)
    for content in ("[]", "{}", "no", '{"format": "pspo-bench-judge-key", "version": 9, "kind": "rubric"}'):
        (tmp_path / "key.json").write_text(content)
        with pytest.raises(DataError, match="is not the key of a rating sheet"):
            read_key(tmp_path / "key.json")


def test_out_and_in_by_the_commands(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run("A", ["x 1", "y 2", "z 3"])
    folder = tmp_path / "s"
    assert main(["judge", "export-sheet", str(run.path), "-o", str(folder), "--items", "2"]) == 0
    assert "keep key.json" in capsys.readouterr().err
    rows = list(csv.DictReader(io.StringIO((folder / "sheet.csv").read_text(encoding="utf-8-sig"))))
    assert len(rows) == 2
    for row, score in zip(rows, "15", strict=True):
        row |= dict.fromkeys(DIMENSIONS, score)
    sheets = [str(filled(tmp_path / f"{name}.csv", rows)) for name in ("ann", "bob")]
    arguments = ["judge", "import-sheet", str(folder / "key.json"), *sheets, "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "validity" in capsys.readouterr().out
    written = json.loads((tmp_path / "out/agreement.json").read_text())
    assert written["columns"][0] == {
        "column": "validity", "raters": 2, "items": 2, "alpha": 1.0, "human_kappa": 1.0, "judged_items": 0,
        "judge_kappa": None,
    }  # fmt: skip
    assert main([*arguments, "--judge", str(tmp_path)]) == 1
    assert "Cannot read the judge's opinions" in capsys.readouterr().err
