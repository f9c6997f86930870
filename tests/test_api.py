"""The library in a notebook: light to import, DataFrames in and out, tables as HTML without anybody's tags."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import pspo_bench.api as pb
from pspo_bench.errors import ConfigError, StoreError

MEASURED = Path(__file__).resolve().parent.parent / "results" / "measured"
HOSTILE = "<img src=x onerror=alert(1)>"


def tags(text: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            found.add(tag)

    Reader().feed(text)
    return found


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'numpy', 'scipy', 'matplotlib'}"
    code = f"import sys, pspo_bench.api; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_name_is_there_and_no_verb_hides_a_package() -> None:
    """`pspo_bench.evaluate` is the package, `pspo_bench.api.evaluate` the verb, whatever was imported before."""
    import pspo_bench.compare
    import pspo_bench.evaluate

    assert all(hasattr(pb, name) for name in pb.__all__)
    assert pspo_bench.evaluate.__path__
    assert pspo_bench.compare.__path__
    assert callable(pb.evaluate)
    assert callable(pb.compare)
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        pb.evalute  # type: ignore[attr-defined]  # noqa: B018


def test_leaderboard_as_a_frame() -> None:
    """pocket-demo: clip solves 471 of 500 in pocket_gsm; its macro mean is that of 471, 322, 333 and 375 of 500."""
    frame = pb.leaderboard(MEASURED / "pocket-demo").to_frame()
    clip = frame[frame["objective"] == "clip (epsilon=0.2)"].set_index("task")
    assert clip.loc["pocket_gsm", "accuracy"] == 471 / 500
    assert clip.loc["macro mean", "accuracy"] == pytest.approx((471 + 322 + 333 + 375) / 2000)
    assert clip.loc["pocket_gsm", "n_questions"] == 500
    assert clip.loc["pocket_gsm", "low"] < 471 / 500 < clip.loc["pocket_gsm", "high"]


def test_compare_takes_paths_and_gives_frames() -> None:
    report = pb.compare(MEASURED / "pocket-demo", base="clip")
    frame = report.to_frame().query("figure == 'accuracy'")
    sft = frame[frame["candidate"] == "sft"].set_index("task")
    assert sft.loc["pocket_gsm", "difference"] == pytest.approx((490 - 471) / 500)
    assert sft.loc["macro mean", "difference"] == pytest.approx((490 + 328 + 273 + 381 - 1501) / 2000)
    assert len(report.comparisons) == 4


def own(arm: str = "after") -> pd.DataFrame:
    """20 questions: the base solves 0–9, the other arm 0–14."""
    return pd.DataFrame(
        [
            {"arm": name, "task": "quiz", "example_id": str(i), "correct": i < right, "tokens": 10}
            for name, right in (("base", 10), (arm, 15))
            for i in range(20)
        ]
    )


def test_a_table_of_ones_own() -> None:
    """Five questions won and none lost: exact McNemar 2 / 2 ** 5."""
    scores = pb.scores(own()).set_index("arm")
    assert scores["accuracy"].to_dict() == {"base": 0.5, "after": 0.75}
    assert scores["n_questions"].tolist() == [20, 20]
    (comparison,) = pb.compare(own(), base="base").comparisons
    assert (comparison.tasks[0].won, comparison.tasks[0].lost) == (5, 0)
    assert comparison.tasks[0].accuracy.p_value == pytest.approx(2 / 2**5)
    board = pb.leaderboard(own()).to_frame()
    assert board[board["task"] == "quiz"].set_index("objective")["rank"].to_dict() == {"after": 1, "base": 2}


def test_run_folders(make_run: Any) -> None:
    first = make_run("clip-s0", {"t": [1, 0, 1, 1]}, objective="clip", seed=0)
    make_run("clip-s1", {"t": [1, 1, 1, 1]}, objective="clip", seed=1)
    runs = first.path.parent
    frame = pb.samples([first, runs / "clip-s1"])
    assert list(frame.columns[:4]) == ["run", "model", "arm", "seed"]
    assert frame["seed"].tolist() == [0] * 4 + [1] * 4
    assert set(frame["draw_seed"]) == {0}
    by_seed = pb.scores(frame).set_index("seed")["accuracy"].to_dict()
    assert by_seed == {0: 0.75, 1: 1.0}
    assert pb.scores(first)["accuracy"].tolist() == [0.75]
    assert pb.load_run(first.path).info == first.info
    # the samples of a run and the run itself are the same results
    (counts,) = pb.results(frame[frame["seed"] == 0])
    (same,) = pb.results(first)
    assert (counts.scores[0].correct, counts.scores[0].tokens_correct) == (
        same.scores[0].correct,
        same.scores[0].tokens_correct,
    )


def test_what_a_notebook_shows_has_no_tags_but_its_own(make_run: Any) -> None:
    frame = own(HOSTILE).replace({"quiz": HOSTILE})
    board, report = pb.leaderboard(frame), pb.compare(frame, base="base")
    run = make_run("r", {HOSTILE: [1]})
    shown = [board._repr_html_(), report._repr_html_(), run._repr_html_()]
    for text in shown:
        assert "&lt;img src=x" in text
        assert "table" in tags(text)
        assert tags(text) <= {
            "section",
            "style",
            "caption",
            "span",
            "div",
            "p",
            "strong",
            "em",
            "ul",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        }
    assert "1 of 1 samples" in shown[2]


def test_figures_come_by_name() -> None:
    from matplotlib.figure import Figure

    assert isinstance(pb.plots.differences(pb.compare(own(), base="base").comparisons), Figure)


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Unknown setting 'limt' \(did you mean 'limit'\?\)"):
        pb.evaluate("pocket", "pocket_gsm", tmp_path, limt=3)
    with pytest.raises(ConfigError, match="needs two arms, and there is after"):
        pb.compare(own()[20:])
    with pytest.raises(StoreError, match="not a run folder"):
        pb.samples(tmp_path)
    with pytest.raises(ConfigError, match="No results were given"):
        pb.results([])


def test_check() -> None:
    assert pb.check("It is 3 + 4 = 7. #### 7", "7").correct
    assert not pb.check("#### 8", "7").correct


@pytest.mark.slow
def test_evaluate_and_train(tmp_path: Path) -> None:
    run = pb.evaluate("pocket", "pocket_gsm", tmp_path / "run", limit=4)
    assert pb.scores(run)["n_samples"].tolist() == [4]
    checkpoint = pb.train("pocket/grpo", {"budget.steps": 1}, tmp_path / "checkpoint")
    assert (checkpoint / "manifest.json").is_file()
