"""Figures: what is drawn, held against numbers derived by hand; the SVG of hostile names."""

from __future__ import annotations

import math
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pspo_bench.compare import Comparison, Difference, Slice, TaskComparison
from pspo_bench.errors import DataError, MissingExtraError
from pspo_bench.report import plots
from pspo_bench.report.plots.arms import arm_names, pass_at
from pspo_bench.report.plots.style import SERIES, SURFACE, spread
from pspo_bench.results import Result, arms_of, load_entries, results_from_frame
from pspo_bench.stats import Interval, wilson

MEASURED = Path(__file__).resolve().parents[2] / "results" / "measured"
HOSTILE = '<script>alert("1")</script> & $\\frac{1}$ #0072b2 url(#x)'


def curve(run: str, arm: str, points: Sequence[tuple[int, float, float | None]]) -> list[dict[str, Any]]:
    """(step, tokens, accuracy)"""
    return [
        {"run": run, "arm": arm, "seed": 0, "step": s, "tokens": t, "validation_accuracy": y}
        for s, t, y in points
    ]


@pytest.fixture
def curves() -> pd.DataFrame:
    """`a` has three seeds, at step 2 .4, .5 and .6; one of them ends there, so that step 4 is not drawn."""
    rows = curve("a-s0", "a", [(0, 0, 0.3), (1, 50, None), (2, 100, 0.4), (4, 200, 0.9)])
    rows += curve("a-s1", "a", [(0, 0, 0.3), (2, 110, 0.5), (4, 210, 0.9)])
    rows += curve("a-s2", "a", [(0, 0, 0.3), (2, 120, 0.6)])
    rows += curve("sft-s0", "sft", [(0, 0, 0.3), (2, 0, 0.8)])
    return pd.DataFrame(rows)


def lines(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Colour → points of each line."""
    return {str(line.get_color()): list(map(tuple, line.get_xydata())) for line in axes.get_lines()}


def bars(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """The ends of the whiskers of one colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    found = [
        c for c in axes.collections if isinstance(c, LineCollection) and to_hex(c.get_color()[0]) == colour
    ]
    return [(segment[0][1], segment[1][1]) for c in found for segment in c.get_segments()]


def texts(figure: Figure) -> list[str]:
    """What is written in the SVG."""
    root = ET.fromstring(plots.to_svg(figure))
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def test_learning_curves_are_means_at_the_steps_of_all_seeds(curves: pd.DataFrame) -> None:
    """Mean of .4, .5, .6 is .5; their sd .1, t with 2 degrees of freedom 4.30265: half = 4.30265 · .1 / √3 = .24841."""
    figure = plots.learning_curves(curves)
    assert figure is not None
    drawn = lines(figure.axes[0])
    assert drawn[SERIES[0]] == [(0.0, pytest.approx(0.3)), (2.0, pytest.approx(0.5))]
    assert drawn[SERIES[1]] == [(0.0, 0.3), (2.0, 0.8)]
    assert bars(figure.axes[0], SERIES[0])[1] == pytest.approx((0.5 - 0.24841, 0.5 + 0.24841), abs=1e-4)
    assert "3 seeds. Band or bar: 95 % t interval" in str(figure.get_supxlabel())


def test_learning_curves_by_tokens_and_with_the_range(curves: pd.DataFrame) -> None:
    """Step 2 lies at (100 + 110 + 120) / 3 = 110 tokens; sft, which generates none, is not drawn."""
    figure = plots.learning_curves(curves, by="tokens", band="range")
    assert figure is not None
    assert lines(figure.axes[0]) == {SERIES[0]: [(0.0, pytest.approx(0.3)), (110.0, pytest.approx(0.5))]}
    assert bars(figure.axes[0], SERIES[0])[1] == (0.4, 0.6)
    assert "Band or bar: range of the seeds" in str(figure.get_supxlabel())


def test_steps_on_one_batch_are_one_point_by_tokens() -> None:
    """Steps 1 and 2 are both at 50 tokens: their mean, .3."""
    frame = pd.DataFrame(curve("a-s0", "a", [(1, 50, 0.2), (2, 50, 0.4), (3, 90, 0.5)]))
    figure = plots.learning_curves(frame, by="tokens")
    assert figure is not None
    assert lines(figure.axes[0])[SERIES[0]] == [(50.0, pytest.approx(0.3)), (90.0, 0.5)]


def test_learning_curves_of_two_seeds_have_their_range(curves: pd.DataFrame) -> None:
    figure = plots.learning_curves(curves[curves["run"] != "a-s2"])
    assert figure is not None
    assert bars(figure.axes[0], SERIES[0])[1] == (0.4, 0.5)
    assert "Band or bar: range of the seeds" in str(figure.get_supxlabel())


def test_learning_curves_of_what_is_not_there(curves: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"no column reward; they have run, arm"):
        plots.learning_curves(curves, "reward")
    assert plots.learning_curves(curves.assign(reward=math.nan), "reward") is None


def test_many_arms_get_a_panel_each_with_the_others_behind() -> None:
    frame = pd.read_csv(MEASURED / "pocket-controls" / "curves.csv")
    figure = plots.learning_curves(frame)
    assert figure is not None
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.axison}
    assert list(panels) == list(frame["arm"].unique())
    drawn = panels["gspo"].get_lines()
    assert len(drawn) == 18
    last = frame[(frame["arm"] == "gspo") & (frame["step"] == 24)]["validation_accuracy"].mean()
    assert drawn[-1].get_ydata()[-1] == pytest.approx(last)
    assert panels["gspo"].get_title(loc="right") == f"{100 * last:.1f}"
    assert len({axes.get_ylim() for axes in panels.values()}) == 1


def table(correct: dict[tuple[str, float], list[int]], samples: int, **columns: Any) -> list[dict[str, Any]]:
    """(arm, temperature) → how many of the samples of each question are right."""
    return [
        {"arm": arm, "task": "t", "example_id": q, "temperature": t, "correct": k < right, **columns}
        for (arm, t), by_question in correct.items()
        for q, right in enumerate(by_question)
        for k in range(samples if t else 1)
    ]


def test_accuracy_by_temperature() -> None:
    """Greedy 1 of 2 with Wilson's interval; at T=1 two samples a question, 2 and 1 right: (1 + .5) / 2."""
    results = results_from_frame(pd.DataFrame(table({("a", 0.0): [1, 0], ("a", 1.0): [2, 1]}, 2)))
    figure = plots.accuracy_by_temperature(results)
    assert figure is not None
    assert lines(figure.axes[0])[SERIES[0]] == [(0.0, 0.5), (1.0, 0.75)]
    expected = wilson(1, 2)
    assert expected is not None
    assert bars(figure.axes[0], SERIES[0])[0] == pytest.approx((expected.low, expected.high))


def test_one_temperature_and_one_sample_are_no_figure() -> None:
    results = results_from_frame(pd.DataFrame(table({("a", 0.0): [1, 0], ("b", 0.0): [1, 1]}, 1)))
    assert plots.accuracy_by_temperature(results) is None
    assert plots.pass_at_k(results) is None
    assert plots.heat_map(results) is None
    assert plots.defects(results) is None
    assert plots.lengths(results) is None
    assert plots.differences([]) is None


def test_pass_at_k() -> None:
    """4 samples, 1 and 0 right: pass@1 1/4 / 2, pass@2 (1 − C(3,2)/C(4,2)) / 2 = (1 − 3/6) / 2, pass@4 1 / 2."""
    results = results_from_frame(pd.DataFrame(table({("a", 0.7): [1, 0]}, 4)))
    figure = plots.pass_at_k(results)
    assert figure is not None
    assert lines(figure.axes[0])[SERIES[0]] == [(1.0, 0.125), (2.0, 0.25), (4.0, 0.5)]
    (arm,) = arms_of(results, 0.7)
    assert pass_at(arm, ["t"], 2)["t"].n == 2


def test_the_macro_mean_weighs_tasks_alike() -> None:
    """1 of 1 and 0 of 3: .5, not .25."""
    rows = table({("a", 0.0): [1], ("a", 1.0): [1]}, 1)
    rows += [{**row, "task": "u"} for row in table({("a", 0.0): [0, 0, 0], ("a", 1.0): [0, 0, 0]}, 1)]
    figure = plots.accuracy_by_temperature(results_from_frame(pd.DataFrame(rows)))
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == ["t", "u", "macro mean"]
    assert lines(figure.axes[2])[SERIES[0]] == [(0.0, 0.5), (1.0, 0.5)]


def test_lengths_are_quantiles_of_what_ended_by_itself() -> None:
    """0, 10, …, 100 tokens, of the correct: median 50, quartiles 25 and 75, 5 % and 95 % at 5 and 95. 2 of 14 cut."""
    rows = [{"correct": True, "tokens": 10 * i} for i in range(11)]
    rows += [{"correct": False, "tokens": 7}, *[{"correct": False, "tokens": 999, "truncated": True}] * 2]
    frame = pd.DataFrame([{**row, "task": "t", "example_id": i} for i, row in enumerate(rows)])
    figure = plots.lengths(results_from_frame(frame))
    assert figure is not None
    axes = figure.axes[0]
    spans = [
        tuple(seg[:, 0]) for c in axes.collections if hasattr(c, "get_segments") for seg in c.get_segments()
    ]
    dots = [
        float(x) for c in axes.collections if not hasattr(c, "get_segments") for x in c.get_offsets()[:, 0]
    ]
    assert spans == [(5, 95), (25, 75)]
    assert dots == [50, 7]
    assert "14 %" in texts(figure)


def difference(value: float, half: float, p: float | None = 0.01, **changes: Any) -> Difference:
    found = Interval(value - half, value + half, "t")
    return Difference(0.5, 0.5 + value, value, found, p, "t", **changes)


def comparison(candidate: str, accuracy: Difference, length: Difference | None = None) -> Comparison:
    slices = (Slice("category", "algebra", 40, accuracy), Slice("category", "rare", 3, difference(-0.2, 0.5)))
    task = TaskComparison("gsm8k", 0.0, 100, 1, accuracy, 5, 2, difference(0, 0.1), length, {}, slices)
    return Comparison("base", candidate, (task,), None, None, None, {})


def test_a_forest_of_differences() -> None:
    """+4 points, found; −1, not by the adjusted p; the minimum detectable 3 points is shaded from −3 to 3."""
    figure = plots.differences(
        [
            comparison("a", difference(0.04, 0.02, minimum_detectable=0.03)),
            comparison("b", difference(-0.01, 0.005, 0.02, p_adjusted=0.2)),
        ]
    )
    assert figure is not None
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    (dots,) = [c for c in axes.collections if not hasattr(c, "get_segments")]
    assert np.asarray(dots.get_offsets()).tolist() == [[pytest.approx(4.0), 0], [pytest.approx(-1.0), 1]]
    (ends,) = [c for c in axes.collections if hasattr(c, "get_segments")]
    assert [seg[:, 0].tolist() for seg in ends.get_segments()] == [
        pytest.approx([2.0, 6.0]),
        pytest.approx([-1.5, -0.5]),
    ]
    from matplotlib.colors import to_hex

    assert [to_hex(colour) for colour in dots.get_facecolors()] == [SERIES[0], SURFACE]
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_width()) == (pytest.approx(-3.0), pytest.approx(6.0))


def test_length_changes_are_in_per_cent() -> None:
    """A log ratio of log(1.1) is +10 %."""
    figure = plots.length_changes([comparison("a", difference(0, 0.1), difference(math.log(1.1), 0.01))])
    assert figure is not None
    (dots,) = [c for c in figure.axes[0].collections if not hasattr(c, "get_segments")]
    assert np.asarray(dots.get_offsets())[0, 0] == pytest.approx(10.0)
    assert plots.length_changes([comparison("a", difference(0, 0.1))]) is None


def test_a_heat_map_of_results() -> None:
    """Two seeds: question 0 right in both, 1 in one: (1 + .5) / 2 = 75 %; 2, of the other category, in none."""
    rows = [
        {"arm": "a", "seed": s, "task": "t", "example_id": q, "correct": ok, "category": c}
        for s in (0, 1)
        for q, ok, c in ((0, True, "x"), (1, s == 0, "x"), (2, False, "y"))
    ]
    figure = plots.heat_map(results_from_frame(pd.DataFrame(rows)))
    assert figure is not None
    cells = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert [(text.get_position(), text.get_text()) for text in cells] == [((0, 0), "75"), ((1, 0), "0")]
    assert all(text.get_fontstyle() == "italic" for text in cells)  # 2 questions and 1
    assert "fewer than 20 questions" in str(figure.get_supxlabel())


def test_a_heat_map_of_comparisons_marks_small_cells() -> None:
    figure = plots.heat_map([comparison("a", difference(0.04, 0.02))])
    assert figure is not None
    cells = {text.get_text(): text for text in figure.axes[0].texts}
    assert cells["+4.0"].get_fontstyle() == "normal"  # 40 questions
    assert cells["−20.0"].get_fontstyle() == "italic"  # 3


def test_defects_are_means_over_questions_then_tasks(make_run: Any) -> None:
    from dataclasses import replace

    from pspo_bench.results import result_of
    from pspo_bench.results.result import Measured

    result = result_of(make_run("clip-s0", {"t": [1, 0, 1], "u": [1]}, objective="clip"))
    measures = {"t": {"loops": Measured([2, 1, 0], [1.0, 0.0, 0.0])}, "u": {"loops": Measured([1], [1.0])}}
    scores = tuple(replace(score, measures=measures[score.task]) for score in result.scores)
    figure = plots.defects([replace(result, scores=scores)])
    assert figure is not None
    # t: 1/2 and 0, the third question has no sample to which it applies: .25; u: 1. Their mean: .625
    (dots,) = [c for c in figure.axes[0].collections if not hasattr(c, "get_segments")]
    assert np.asarray(dots.get_offsets()).tolist() == [[0.625, 0]]
    assert figure.axes[0].get_title(loc="left") == "loops"


def test_names_are_those_of_tables_without_what_all_recipes_begin_with() -> None:
    names = arm_names(arms_of(load_entries([MEASURED / "pocket-controls"]), None))
    assert "pspo (alpha=0.1)" in names
    assert "unclipped [unclipped-mu2]" in names  # of recipe pocket-controls-unclipped-mu2


def hostile() -> Figure:
    rows = table(
        {(HOSTILE, 0.0): [1, 0], (HOSTILE, 1.0): [2, 1], ("_hidden", 0.0): [1, 1], ("_hidden", 1.0): [1, 1]},
        2,
    )
    frame = pd.DataFrame(rows)
    both = pd.concat([frame, frame.assign(task="\x1b[31mtask</svg>")])
    figure = plots.accuracy_by_temperature(results_from_frame(both))
    assert figure is not None
    return figure


def test_hostile_names_are_text_and_nothing_else() -> None:
    svg = plots.to_svg(hostile())
    root = ET.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith(("script", "foreignObject", "image", "style"))]
    assert "<script" not in svg
    assert "\x1b" not in svg
    written = texts(hostile())
    assert "_hidden" in written  # matplotlib takes a leading underscore for "not in the legend"
    assert any(text.startswith('<script>alert("1"') for text in written)
    assert any("[31mtask</svg>" in text for text in written)


def test_a_name_is_written_as_it_is() -> None:
    """Dollars are no mathematics, and a colour in a name stays a name."""
    figure = plots.differences([comparison("$a_1$ #0072b2 <b>", difference(0.04, 0.02))])
    assert figure is not None
    assert "$a_1$ #0072b2 <b>" in texts(figure)


def test_svg_has_the_colours_of_the_page_and_nothing_from_outside() -> None:
    svg = plots.to_svg(hostile(), title="Accuracy <1>")
    root = ET.fromstring(svg)
    assert svg.startswith("<svg")
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Accuracy <1>"
    assert root[0].tag.endswith("title")
    assert root[0].text == "Accuracy <1>"
    assert f"var(--series-1, {SERIES[0]})" in svg
    assert f"var(--surface, {SURFACE})" in svg
    attributes = [(name, value) for element in root.iter() for name, value in element.attrib.items()]
    loose = [v for _, v in attributes for v in re.findall(r"(?<!, )#[0-9a-f]{6}", v)]
    assert loose == []  # every colour is the fallback of a variable
    links = [value for name, value in attributes if name.endswith("href")]
    assert links
    assert all(value.startswith("#") for value in links)
    assert "DejaVu" not in svg


def test_svg_is_the_same_each_time_with_ids_of_its_own() -> None:
    first, again = plots.to_svg(hostile()), plots.to_svg(hostile())
    assert first == again
    other = plots.differences([comparison("a", difference(0.04, 0.02))])
    assert other is not None

    def ids(svg: str) -> set[str]:
        return {element.attrib["id"] for element in ET.fromstring(svg).iter() if "id" in element.attrib}

    def used(svg: str) -> set[str]:
        values = [v for e in ET.fromstring(svg).iter() for v in e.attrib.values()]
        return {
            name for v in values for name in re.findall(r"^#(.+)|^url\(#(.+)\)", v) for name in name if name
        }

    assert ids(first) == used(first)
    assert ids(first)
    assert not ids(first) & ids(plots.to_svg(other))
    assert all(name.startswith("mine-") for name in ids(plots.to_svg(other, prefix="mine")))


def test_a_notebook_shows_a_figure_that_pyplot_does_not_know() -> None:
    figure = plots.differences([comparison("a", difference(0.04, 0.02))])
    assert figure is not None
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspo-bench\[report\]'"):
        plots.differences([comparison("a", difference(0.04, 0.02))])


def test_names_that_would_overlap_are_moved_apart_and_keep_their_order() -> None:
    """.5 and .5 with a gap of .2 stand around their mean; .9 is far enough away, but moves as the mean does."""
    low, high, far = spread([0.5, 0.5, 0.9], 0.2)
    assert high - low == pytest.approx(0.2)
    assert far - high >= 0.2 - 1e-9
    assert sum((low, high, far)) == pytest.approx(1.9)


def test_results_of_nothing() -> None:
    empty: list[Result] = []
    assert plots.accuracy_by_temperature(empty) is None
    assert plots.heat_map(empty) is None
    assert plots.lengths(empty) is None


def test_metrics_that_are_the_same_in_all_arms_are_in_the_note(make_run: Any) -> None:
    from dataclasses import replace

    from pspo_bench.results import result_of
    from pspo_bench.results.result import Measured

    entries = []
    for name, wrong in (("clip", 1.0), ("pspo", 0.0)):
        result = result_of(make_run(name, {"t": [1, 0]}, objective=name))
        measures = {"arith_wrong": Measured([1, 1], [wrong, 0.0]), "loop_tail": Measured([1, 1], [0.0, 0.0])}
        entries.append(replace(result, scores=(replace(result.scores[0], measures=measures),)))
    figure = plots.defects(entries)
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["arith_wrong ↓"]
    assert "The same in all arms: loop_tail 0." in str(figure.get_supxlabel()).replace("\n", " ")


def test_of_many_categories_those_with_the_most_questions_are_drawn() -> None:
    """30 categories with 1 to 30 questions: the 24 largest, from 7 questions on."""
    rows = [
        {"task": "t", "example_id": f"{n}-{i}", "correct": True, "category": f"c{n:02}"}
        for n in range(1, 31)
        for i in range(n)
    ]
    figure = plots.heat_map(results_from_frame(pd.DataFrame(rows)))
    assert figure is not None
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        f"c{n:02}" for n in range(7, 31)
    ]
    assert "The 24 columns with the most questions, of 30." in str(figure.get_supxlabel()).replace("\n", " ")


def test_lines_side_by_side_lie_within_their_panels(report_runs: Path) -> None:
    """Temperatures 0 and 0.8, k of 1 and 2: lines that are moved apart by pixels must not move the axes."""
    results = load_entries([report_runs])
    for figure, points in (
        (plots.accuracy_by_temperature(results), (0, 0.8)),
        (plots.pass_at_k(results), (1, 2)),
    ):
        assert figure is not None
        for axes in figure.axes:
            low, high = axes.get_xlim()
            assert 0.02 < (points[0] - low) / (high - low) < 0.2
            assert 0.02 < (high - points[1]) / (high - low) < 0.2
