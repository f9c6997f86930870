"""What the HTML report is made of, without a browser: packing, choices, sentences, and the command."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pspo_bench.cli import main
from pspo_bench.compare import Comparison, Difference, TaskComparison
from pspo_bench.errors import ConfigError, MissingExtraError
from pspo_bench.report.html import marking, packing, summary
from pspo_bench.report.html.material import Labelled, Material, base_first, gather, load_samples, once
from pspo_bench.report.html.provenance import arms_of_runs, groups, overview
from pspo_bench.results import dump_result, export_result, load_entries
from pspo_bench.stats import Interval
from pspo_bench.store import Run


@pytest.fixture(scope="module")
def material(report_runs: Path) -> Material:
    return gather([report_runs])


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


# Packing


def test_packed_samples_come_out_as_they_went_in(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CHARS", 400)  # several blocks
    samples = material.samples
    assert samples is not None
    packed = packing.pack(samples, [one.label for one in material.arms], {})
    header = packed.header
    buffer = np.frombuffer(unpacked(packed.columns), "<i4")
    sizes = [header["sizes"][table] for table in ("samples", "cells", "questions")]
    assert sizes == [180, 24, 12]  # 12 questions at two temperatures
    names = [
        (table, name) for table in ("samples", "cells", "questions") for name in header["columns"][table]
    ]
    assert len(buffer) == sum(header["sizes"][table] for table, _ in names)
    ends = np.cumsum([header["sizes"][table] for table, _ in names])
    columns = dict(zip(names, np.split(buffer, ends[:-1]), strict=True))
    blocks = [json.loads(unpacked(block)) for block in packed.texts]
    assert len(blocks) > 5
    texts = [text for block in blocks for text in block]
    assert header["texts"]["starts"] == [sum(map(len, blocks[:i])) for i in range(len(blocks))]
    assert len(texts) == len(set(texts)) == header["texts"]["count"]
    for row, sample in enumerate(samples.to_dict("records")):
        cell = columns["samples", "cell"][row]
        question = columns["cells", "question"][cell]
        assert texts[columns["samples", "completion"][row]] == sample["completion"]
        assert texts[columns["questions", "question"][question]] == sample["question"]
        assert header["ids"][question] == sample["example_id"]
        assert header["temperatures"][columns["cells", "temperature"][cell]] == sample["temperature"]
        assert header["statuses"][columns["samples", "status"][row]] == sample["status"]
        assert header["arms"][columns["samples", "arm"][row]] == material.arms[sample["arm"]].label
        assert columns["samples", "tokens"][row] == sample["completion_tokens"]


def test_what_is_not_there_is_minus_one(material: Material) -> None:
    assert material.samples is not None
    samples = material.samples.assign(extracted=None, completion_tokens=np.nan, category=None)
    packed = packing.pack(samples, ["a", "b", "c"], {})
    buffer = np.frombuffer(unpacked(packed.columns), "<i4").reshape(-1)
    at = {name: 180 * i for i, name in enumerate(packing.SAMPLE_COLUMNS)}
    for name in ("extracted", "tokens"):
        assert set(buffer[at[name] : at[name] + 180]) == {-1}
    assert packed.header["categories"] == []


def test_equal_samples_make_equal_pages(material: Material) -> None:
    assert material.samples is not None
    assert packing.pack(material.samples, ["a"], {}) == packing.pack(material.samples, ["a"], {})


def test_script_json_cannot_end_its_script() -> None:
    text = packing.script_json({"</script><!--": "a & b\u2028c"})
    assert text == '{"\\u003c/script\\u003e\\u003c!--":"a \\u0026 b\\u2028c"}'
    assert json.loads(text) == {"</script><!--": "a & b\u2028c"}


def test_lengths_are_those_of_javascript() -> None:
    assert packing.utf16_length("a😀é") == 4  # the emoji is two units
    assert packing.utf16_length("\ud800") == 1


# Marks


def test_flips_are_marked_first(material: Material) -> None:
    assert material.samples is not None
    marks, flips = marking.mark(material.samples)
    # clip solves the even questions, pspo every third: 2, 3, 4, 8, 9, 10 differ between these; the base solves none, so
    # 0 and 6 (which both others solve) differ from it as well. Two temperatures each.
    assert flips == 16
    pieces = next(found for text, found in marks.items() if text.startswith("clip-s0 says, at 0/0:\n3 + 2"))
    assert "".join(piece.text for piece in pieces) == "clip-s0 says, at 0/0:\n3 + 2 = 12\n#### 12"
    assert [(piece.kind, piece.note) for piece in pieces if piece.note] == [("wrong", "wrong: 5")]
    few, _ = marking.mark(material.samples, limit=7)
    assert len(few) == 7
    assert all("/0:" in text for text in few)  # the first samples before the second


# Material


def test_a_result_file_of_a_run_that_is_there_counts_once(report_runs: Path, tmp_path: Path) -> None:
    for run in sorted(report_runs.iterdir()):
        (tmp_path / f"{run.name}.json").write_text(dump_result(export_result(Run.open(run))))
    both = load_entries([report_runs, tmp_path])
    assert len(both) == 10
    assert {entry.source.parent for entry in once(both)} == {report_runs}
    assert len(once(load_entries([tmp_path]))) == 5


def test_which_arm_the_others_are_held_against(material: Material) -> None:
    arms = list(material.arms)
    assert [one.label.split()[0] for one in arms] == ["clip", "base", "pspo"]  # clip, then as they were found
    assert [one.label for one in base_first(arms, "base")] == ["base", "clip", arms[2].label]
    assert base_first(arms, "psp")[0] is arms[2]  # how its name begins
    with pytest.raises(ConfigError, match="Unknown arm 'grpo' in --against; known: base, clip"):
        base_first(arms, "grpo")
    others = [Labelled("sft", arms[0].arm), Labelled("base", arms[0].arm)]
    assert base_first(others, None)[0].label == "base"
    assert base_first(others[:1], None)[0].label == "sft"


def test_too_many_samples_leave_whole_questions_out(material: Material) -> None:
    # 15 samples a question: 100 hold six of them, the first six as they are in natural order
    samples, left_out = load_samples(material.entries, material.arms, 100)
    assert samples is not None
    assert (len(samples), left_out) == (90, 90)
    assert list(samples["example_id"].unique()) == ["0", "1", "2", "3", "4", "5"]


def test_of_many_runs_those_of_an_arm_stand_together(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = arms_of_runs(material)
    (alone,) = groups(found)
    assert (alone.name, len(alone.runs)) == ("", 5)
    monkeypatch.setattr("pspo_bench.report.html.provenance.UNGROUPED", 4)
    assert [(g.name.split()[0], len(g.runs)) for g in groups(found)] == [
        ("base", 1),
        ("clip", 2),
        ("pspo", 2),
    ]
    rows = overview(found).rows
    assert rows[1] == ("clip-s0", "clip", "0", "weights-of-c", "2026-01-01", "abc", "36", "yes")
    assert rows[0][2] == "–"  # the base model has no seed


# Sentences


def difference(
    value: float, half: float, p: float, adjusted: float | None = None, reach: float | None = 0.03
) -> Difference:
    interval = Interval(value - half, value + half, "made up")
    return Difference(0.5, 0.5 + value, value, interval, p, "made up", adjusted, reach)


def comparison(name: str, accuracy: Difference, length: Difference | None = None, **more: Any) -> Comparison:
    tasks = tuple(
        TaskComparison(task, 0.0, 100, 2, accuracy, 12, 7, difference(0.0, 0.01, 1.0), length, {})
        for task in ("a", "b")
    )
    return Comparison("clip", name, tasks, accuracy, difference(0.01, 0.02, 0.3), length, {}, **more)


def test_what_is_settled_and_what_is_not() -> None:
    found = summary.findings(
        [
            comparison("gspo", difference(-0.004, 0.02, 0.70)),
            comparison("pspo", difference(0.019, 0.015, 0.004, 0.012)),
            comparison("sapo", difference(-0.05, 0.02, 0.0001), difference(-0.2231, 0.05, 0.001)),
        ]
    )
    assert [(one.kind, one.text) for one in found] == [
        (
            "better",
            "pspo scores 1.9 points above clip over all tasks (95 % interval +0.4 to +3.4, p = 0.012).",
        ),
        (
            "worse",
            "sapo scores 5.0 points below clip over all tasks (95 % interval −7.0 to −3.0, p < 0.001).",
        ),
        (
            "open",
            "gspo scores 0.4 points below clip over all tasks (95 % interval −2.4 to +1.6, p = 0.700). These data would"
            " show a true difference of 3.0 points in 8 of 10 cases, smaller ones less often.",
        ),
        ("open", "Length, against clip on what both solve: sapo 20.0 % shorter."),  # exp(-0.2231) = 0.800
    ]


def test_a_difference_that_only_its_own_test_finds_is_not_settled() -> None:
    four = [
        comparison(f"arm{i}", difference(0.01 * i, 0.02, 0.9 if i else 0.03, 0.9, 0.01 + 0.01 * i))
        for i in range(4)
    ]
    (found,) = summary.findings(four)
    assert found.kind == "open"
    assert found.text == (
        "4 arms, which score 0.0 to +3.0 points against clip: arm3; arm2; arm1; arm0. In 8 of 10 cases these data would"
        " show a true difference of 1.0 to 4.0 points, depending on the arm; smaller ones less often. Taken alone, and"
        " not as one of 4 comparisons, arm0 would differ (p < 0.05)."
    )


def test_few_seeds_are_called_few() -> None:
    (found,) = summary.findings([comparison("pspo", difference(0.04, 0.9, 0.8, reach=1.5))])
    assert found.text.endswith("So few data, above all so few seeds, would hardly show any difference.")


def test_what_was_not_run_alike_is_said() -> None:
    *_, last = summary.findings(
        [comparison("pspo", difference(0.0, 0.01, 1.0), mismatches=("other prompts on a.",))]
    )
    assert (last.badge, last.text) == ("not alike", "other prompts on a (pspo).")


def test_the_overview() -> None:
    rows = summary.overview(
        [comparison("pspo", difference(0.019, 0.015, 0.004, 0.012), difference(0.0953, 0.05, 0.2))]
    )
    # won and lost over two tasks; exp(0.0953) = 1.10
    assert rows.rows == (("pspo", "+1.9", "+0.4 to +3.4", "0.012", "3.0", "24", "14", "+10.0 %", "+1.0"),)
    assert rows.strong == {0}


# The command


def test_the_command_writes_one_file(
    report_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.html"
    paths = [str(report_runs / name) for name in ("clip-s0", "pspo-s0")]
    assert (
        main(
            ["report", *paths, "-o", str(output), "--title", "A <b> title", "--against", "pspo", "--dry-run"]
        )
        == 0
    )
    assert not output.exists()
    assert "72 samples" in capsys.readouterr().out
    assert main(["report", *paths, "-o", str(output), "--title", "A <b> title", "--against", "pspo"]) == 0
    html = output.read_text(encoding="utf-8")
    assert "<title>A &lt;b&gt; title</title>" in html
    assert "Every arm against pspo" in html
    assert "--against pspo" in re.sub(r"\s+", " ", html)
    assert not re.search(
        r"""(?:src|href|action)=["'](?!#)""", html.split("<script")[0].replace("xlink:href", "href")
    )
    err = capsys.readouterr().err
    assert "Learning curves: the folder of a study" in err


def test_result_files_alone_make_a_report_without_texts(
    report_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.json").write_text(dump_result(export_result(Run.open(report_runs / "clip-s0"))))
    output = tmp_path / "one.html"
    assert main(["report", str(tmp_path), "-o", str(output)]) == 0
    said = capsys.readouterr().err
    assert "What differs: nothing to hold clip against" in said
    assert "Samples: result files hold counts and no texts" in said
    html = output.read_text(encoding="utf-8")
    assert "data-header" not in html
    assert 'id="leaderboard"' in html


def test_learning_curves_of_a_study_are_found(report_runs: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    (study / "results").mkdir(parents=True)
    (study / "results" / "clip-s0.json").write_text(
        dump_result(export_result(Run.open(report_runs / "clip-s0")))
    )
    pd.DataFrame(
        {
            "run": ["c"] * 2,
            "arm": ["clip"] * 2,
            "seed": [0] * 2,
            "step": [0, 8],
            "validation_accuracy": [0.1, 0.3],
        }
    ).to_csv(study / "curves.csv", index=False)
    for path in (study, study / "results"):
        curves = gather([path]).curves
        assert curves is not None
        assert curves["validation_accuracy"].tolist() == [0.1, 0.3]


def test_without_matplotlib_it_says_what_to_install(
    report_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pspo_bench.report.html import report

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspo-bench\[report\]'"):
        report([report_runs])
