"""`pspo-bench compare` and its forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pspo_bench.cli import main
from pspo_bench.compare import Difference
from pspo_bench.report.comparison import _interval, _length, _points, _signed, p_text
from pspo_bench.report.flips import shortened
from pspo_bench.stats import Interval
from pspo_bench.store import Run

MakeRun = Callable[..., Run]
HOSTILE = "a | b `c` <script>alert(1)</script>\n\x1b[31mred\x1b[0m *bold* [x](http://evil)\n#### 4"


@pytest.fixture
def pair(make_run: MakeRun) -> list[str]:
    base = make_run("base", {"gsm8k": [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]}, completion=HOSTILE)
    after = make_run("c-s0", {"gsm8k": [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]}, objective="clip")
    return [str(base.path), str(after.path)]


def test_terminal(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *pair]) == 0
    out = capsys.readouterr().out
    assert out.startswith("clip against base, T=0\n")
    row = next(line for line in out.splitlines() if "gsm8k" in line)
    # questions, seeds, base, candidate, Δ, interval (test_arms.py), p and Holm p; what could be found; won, lost
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells[:9] == ["gsm8k", "10", "1", "40.0", "60.0", "+20.0", "-18.6 … +52.0", "0.625", "0.625"]
    assert cells[-2:] == ["3", "1"]
    assert "exact McNemar test" in out
    assert max(map(len, out.splitlines())) <= 118


def test_flips_are_shown_and_harmless(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *pair, "--show-flips", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("Lost: gsm8k 3, seed 0") == 1
    assert out.count("Won: gsm8k") == 1  # one of the three
    assert "Q: Secret question 3?" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 118


def test_markdown(pair: list[str], tmp_path: Path) -> None:
    file = tmp_path / "out.md"
    assert main(["compare", *pair, "--show-flips", "--by", "category", "-o", str(file)]) == 0
    text = file.read_text()
    assert f"`pspo-bench compare {' '.join(pair)} --by category --show-flips 3 -o {file}`" in text
    assert "| gsm8k | 10 | 1 | 40.0 | 60.0 | +20.0 | -18.6 … +52.0 | 0.625 | 0.625 |" in text
    assert "<script>" not in text
    assert "a \\| b \\`c\\` &lt;script&gt;alert(1)&lt;/script&gt;<br>" in text
    assert "\\[x\\](http://evil)" in text
    assert "\x1b" not in text
    assert "No task has questions of more than one category." in text
    for line in text.splitlines():  # every row of a table has the columns of its header
        if line.startswith("| base: base"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 3


def test_json_is_whole(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *pair, "--format", "json", "--show-flips", "9"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert (one["base"], one["candidate"], one["tasks"][0]["won"], one["level"]) == ("base", "clip", 3, 0.95)
    assert one["tasks"][0]["accuracy"]["p_value"] == 0.625
    assert len(one["flips"]) == 4
    assert one["flips"][0]["base"]["completion"] == HOSTILE


def test_mismatches_are_said(pair: list[str], make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_run("d-s0", {"gsm8k": [1] * 10}, objective="d", checker_version="2")
    assert main(["compare", pair[0], str(other.path)]) == 0
    assert "Not run alike: Grader differs: numeric 1 in the base" in capsys.readouterr().out


def test_defects_are_measured_when_asked(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *pair]) == 0
    assert "measure run folders with --measure" in capsys.readouterr().out
    assert main(["compare", *pair, "--measure"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"│ format +│ +↑ │ +10 │ +1.000 │", out)  # #### 4 in the last line on either side
    assert "arith_wrong" not in out  # the base has no statement that could be checked
    assert main(["compare", *pair]) == 0  # they are known by now
    assert "│ format_bare" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--base", "nix"], 2, "Unknown base 'nix'"),
        (["--level", "95"], 2, "--level 95 is no share"),
        (["--temperature", "0.3"], 2, "0 arm with samples at T=0.3"),
        (["nowhere"], 1, "nowhere"),
    ],
)
def test_mistakes(
    pair: list[str], capsys: pytest.CaptureFixture[str], options: list[str], code: int, message: str
) -> None:
    assert main(["compare", *pair, *options]) == code
    assert message in capsys.readouterr().err


def test_what_cannot_be_had_is_a_dash() -> None:
    nothing = Difference(None, None, None, None, None, None)
    assert set(_points(nothing)) == {"–"}
    assert _length("t", None)[2:] == ("–",) * 7
    assert [p_text(p) for p in (None, 0.0004, 0.0166)] == ["–", "<0.001", "0.017"]
    assert _interval(Difference(0, 0, 0, Interval(-0.0123, 0.2, "x"), 0, "t"), _signed) == "-1.2 … +20.0"


def test_long_texts_keep_their_ends() -> None:
    text = "start " + "x" * 2000 + " #### 4"
    assert shortened(text).startswith("start ")
    assert shortened(text).endswith("#### 4")
    assert len(shortened(text)) == 803
