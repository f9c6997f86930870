"""Audits of real runs: recorded completions through `eval`'s own code, every grader over them, and what is written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from pspo_bench.audit import AuditSettings, audit, to_markdown, to_terminal
from pspo_bench.audit.result import agreement, examples
from pspo_bench.audit.rows import BATCH_ROWS, batches, wanted_keys
from pspo_bench.cli import main
from pspo_bench.errors import ConfigError, StoreError
from pspo_bench.evaluate import EvalSettings, evaluate
from pspo_bench.records import Sample
from pspo_bench.store import Run

OURS = AuditSettings(graders=("symbolic", "strict", "flexible", "paper"))

# (gold, completion, finish reason) → what each grader must say, by docs/marking-scheme.md, the published scorer's rules
# (answers.paper) and what Math-Verify 0.9 was seen to do. Statuses: symbolic, strict, flexible, paper, math-verify.
CASES = [
    ("18", "#### 18", "stop", "correct correct correct correct correct"),
    # strict knows only #### and \boxed
    ("18", "The answer is $18.00.", "stop", "correct no_answer correct correct correct"),
    # the published scorer reads 4 in both fractions
    (r"\frac{3}{4}", r"\boxed{\frac{1}{4}}", "stop", "wrong wrong wrong correct wrong"),
    # 10% is 0.1; Math-Verify takes it for 10
    ("10", "#### 10%", "stop", "wrong wrong wrong wrong correct"),
    # the stated answer against the last number
    ("7", "#### 9\nI had 7 at first.", "stop", "wrong wrong correct wrong correct"),
    # cut before an answer was stated, behind a number that happens to be right
    ("5", "She has 5 and", "length", "truncated truncated truncated truncated correct"),
    ("3", "", "error", "error error error error error"),
]


def make_run(folder: Path, cases: list[tuple[str, str, str]], name: str = "run") -> Run:
    """A finished run of the task `hand` whose completions are those of the cases."""
    folder.mkdir(exist_ok=True)
    (folder / "hand.toml").write_text(
        'name = "hand"\ntitle = "t"\nlicense = "CC0-1.0"\nanswer_type = "auto"\nsystem_prompt = ""\n'
        '[columns]\nid = "{id}"\nquestion = "{q}"\ngold = "{a}"\n[splits.test]\nfile = "hand.jsonl"\n'
    )
    rows = [{"id": f"q{i}", "q": f"Question {i}?", "a": gold} for i, (gold, _, _) in enumerate(cases)]
    recorded = [
        {"prompt": f"Question {i}?\n", "completion": text, "finish_reason": reason}
        for i, (_, text, reason) in enumerate(cases)
    ]
    for path, lines in ((folder / "hand.jsonl", rows), (folder / f"{name}.recorded.jsonl", recorded)):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = EvalSettings(engine="replay", tasks_dir=folder, data_dir=folder)
    return evaluate(str(folder / f"{name}.recorded.jsonl"), ["hand"], folder / name, settings)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "made", [case[:3] for case in CASES])


def samples_of(run: Run) -> list[Sample]:
    rows = parquet.read_table(run.parts).to_pylist()
    return sorted((Sample(**row) for row in rows), key=lambda sample: sample.example_id)


def test_every_grader_says_what_it_is_known_to_say(run: Run) -> None:
    result = audit([run.path])
    said = {row.example_id: [v.status.value for v in row.verdicts.values()] for row in result.disagreements}
    expected = {f"q{i}": statuses.split() for i, (*_, statuses) in enumerate(CASES)}
    for same in ("q0", "q6"):  # all graders agree on these
        assert same not in said
        del expected[same]
    assert said == expected
    # 2, 1, 3, 3 and 5 of the 7 samples are accepted, column by column of CASES
    accepted = {name: result.overall.status[name].get("correct", 0) for name in result.graders}
    assert accepted == {"symbolic": 2, "strict": 1, "flexible": 3, "paper": 3, "math-verify": 5}
    assert result.overall.span == pytest.approx(4 / 7)
    assert result.overall.status["strict"] == {
        "correct": 1, "wrong": 3, "no_answer": 1, "truncated": 1, "error": 1,
    }  # fmt: skip
    assert result.recorded_changes == 0
    assert result.seconds["math-verify"] > 0


def test_the_groups_are_all_then_tasks_then_runs(tmp_path: Path, run: Run) -> None:
    other = make_run(tmp_path / "made", [("18", "#### 17", "stop"), ("4", "#### 4", "stop")], "other")
    result = audit([run.path, other.path, run.path], OURS)
    assert [(group.kind, group.name, group.samples) for group in result.groups] == [
        ("all", "all samples", 9),
        ("task", "hand", 9),
        ("run", str(run.path), 7),
        ("run", str(other.path), 2),
    ]
    assert result.groups[3].accuracy("symbolic") == 0.5
    assert result.groups[3].span == 0.0
    assert {row.run for row in result.disagreements} == {str(run.path)}


def test_agreement_and_kappa_by_hand() -> None:
    # both 20, only a 5, only b 10, neither 15 of 50: agreement 35/50 = 0.7; a accepts 25, b 30, so by chance
    # (25·30 + 25·20)/2500 = 0.5; kappa (0.7 - 0.5)/(1 - 0.5) = 0.4. The third grader must not count.
    patterns = {("a", "b", "c"): 12, ("a", "b"): 8, ("a",): 5, ("b", "c"): 10, (): 15}
    found = agreement("a", "b", patterns)
    assert (found.share, found.kappa) == (pytest.approx(0.7), pytest.approx(0.4))


@pytest.mark.parametrize(
    ("patterns", "share", "kappa"),
    [
        ({}, None, None),
        ({("a", "b"): 10}, 1.0, None),  # both accept everything: agreement by chance is certain
        ({(): 10}, 1.0, None),
        ({("a",): 10}, 0.0, 0.0),  # a accepts all, b none: chance agreement is 0, and so is what was seen
        ({("a",): 5, ("b",): 5}, 0.0, -1.0),  # chance 0.5
    ],
)
def test_agreement_at_its_ends(
    patterns: dict[tuple[str, ...], int], share: float | None, kappa: float | None
) -> None:
    found = agreement("a", "b", patterns)
    assert (found.share, found.kappa) == (share, kappa)


def test_other_answers_under_the_same_decision_by_hand(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "made",
        [
            ("18", "#### 18", "stop"),  # all extract 18
            ("7", "#### 9\nI had 8 at first.", "stop"),  # all wrong: flexible takes 8, the others 9
            ("3", "The answer is 200 miles.", "stop"),  # 200 to flexible and paper; not to strict
            ("5", "#### 9\nI had 5 at first.", "stop"),  # flexible accepts 5, the others reject 9
            (r"\frac{3}{4}", r"\boxed{\frac{3}{4}}", "stop"),  # all accept it, paper as 4
            ("4", "I do not know.", "stop"),  # none extracts anything
        ],
    )
    result = audit([run.path], OURS)
    assert {(p.first, p.second): (p.other_answers, p.answers) for p in result.agreements} == {
        ("symbolic", "strict"): (0, 4),  # all but 200 miles
        ("symbolic", "flexible"): (1, 4),  # 8 for 9; all but the 5
        ("symbolic", "paper"): (1, 5),  # 4 for 3/4
        ("strict", "flexible"): (1, 3),
        ("strict", "paper"): (1, 4),
        ("flexible", "paper"): (2, 4),
    }
    # accepted: 18 and 3/4 by all, 5 by flexible
    assert (result.accepted_by_any, result.accepted_by_all) == (3, 2)
    text = to_terminal(result)
    assert "of the 3 samples that any grader accepts, 2 are accepted by all" in text
    assert re.search(
        r"other answer +symbolic +strict +flexible\n(.*\n){2}paper +1 of 5 +1 of 4 +2 of 4\n", text
    )


def test_a_note_says_where_truncation_is_counted_as_the_published_scorer_does_not(run: Run) -> None:
    note = "flexible and paper: a cut completion is called truncated"
    assert note in to_terminal(audit([run.path], OURS))
    assert note in to_markdown(audit([run.path], OURS))
    others = AuditSettings(graders=("symbolic", "strict"))
    assert "called truncated" not in to_terminal(audit([run.path], others))


def test_an_example_shows_the_ends_and_joins_equal_verdicts(run: Run) -> None:
    lines = to_terminal(audit([run.path])).splitlines()
    start = lines.index("  hand/q4 (T=0, sample 0)   gold: 7")
    assert lines[start + 1 : start + 5] == [
        "    question: Question 4?",
        "    completion: #### 9 I had 7 at first.",
        "    symbolic, strict, paper: wrong 9 by hash – different values; 9 is not within 1e-6 of 7",
        "    flexible, math-verify: correct 7 by last_number, math-verify – equal numbers; "
        "Math-Verify takes it for the gold",
    ]


def test_long_questions_and_completions_show_their_ends(run: Run) -> None:
    end = " The answer is $18.00."
    shown = "x" * (150 - len(end)) + end
    long = {"question": "p" * 300 + "q" * 120, "completion": "y" * 300 + shown}
    run.append([replace(samples_of(run)[1], example_id="long", **long)])
    result = audit([run.path], OURS)
    assert result.disagreements[0].question == "p" * 300 + "q" * 120
    text = to_terminal(result)
    assert f"    question: …{'q' * 120}\n    completion: …{shown}\n" in text
    escaped = shown.replace("$", "\\$")
    assert f"  - question: …{'q' * 120}\n  - completion: …{escaped}\n" in to_markdown(result)


def test_a_sample_that_was_written_twice_counts_once(run: Run) -> None:
    run.append(samples_of(run))
    assert audit([run.path], OURS).overall.samples == len(CASES)


def test_the_order_of_the_parts_leaves_no_trace(tmp_path: Path, run: Run) -> None:
    turned = Run.open(tmp_path / "turned", create=True)
    turned.start(run.info)
    for sample in reversed(samples_of(run)):
        turned.append([sample])
    turned.finish()
    first, second = audit([run.path], OURS), audit([turned.path], OURS)
    assert first.disagreements == tuple(replace(row, run=str(run.path)) for row in second.disagreements)
    assert [row.example_id for row in first.disagreements] == ["q1", "q2", "q4"]
    assert first.groups == second.groups


def test_a_limit_is_the_same_subset_for_every_model(tmp_path: Path) -> None:
    cases = [(str(i), f"#### {i % 3}", "stop") for i in range(40)]
    one = make_run(tmp_path, cases, "one")
    two = make_run(tmp_path, [(gold, text + " ", reason) for gold, text, reason in cases], "two")
    assert one.info.fingerprint != two.info.fingerprint
    chosen = [{row.example_id for b in batches(r, wanted_keys(r, 10)) for row in b} for r in (one, two)]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 10
    more = {row.example_id for b in batches(one, wanted_keys(one, 11)) for row in b}
    assert chosen[0] < more, "raising the limit keeps what was chosen"


def test_a_large_part_comes_in_batches(run: Run) -> None:
    sample = samples_of(run)[0]
    run.append([replace(sample, example_id=f"extra{i}") for i in range(BATCH_ROWS + 10)])
    sizes = [len(batch) for batch in batches(run, wanted_keys(run))]
    assert max(sizes) == BATCH_ROWS
    assert sum(sizes) == len(CASES) + BATCH_ROWS + 10


def test_an_unreadable_gold_is_an_error_of_that_sample(run: Run) -> None:
    bad = replace(samples_of(run)[0], example_id="bad", gold=" ", completion="#### 4")
    run.append([bad])
    result = audit([run.path], OURS)
    assert result.overall.samples == len(CASES) + 1
    assert result.overall.status["symbolic"]["error"] == 2
    assert (
        result.overall.status["paper"]["error"] == 1
    )  # that of the engine; the published scorer reads no gold: wrong


def test_another_status_than_recorded_is_counted(run: Run) -> None:
    run.append([replace(samples_of(run)[0], example_id="old", status="wrong")])
    result = audit([run.path], OURS)
    assert result.recorded_changes == 1
    assert "1 samples were recorded with another status" in to_terminal(result)
    assert audit([run.path], AuditSettings(graders=("paper",))).recorded_changes is None


def test_no_samples_give_no_figures(tmp_path: Path, run: Run) -> None:
    empty = Run.open(tmp_path / "empty", create=True)
    empty.start(replace(run.info, finished=None))
    result = audit([empty.path], OURS)
    assert result.overall.accuracy("paper") is None
    assert result.overall.span is None
    text = to_terminal(result)
    assert re.search(r"all samples +0 +– +– +– +– +–", text)
    assert "has no samples" in text
    assert "is not finished" in text


def test_a_grader_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    (tmp_path / "own_grader.py").write_text(
        "from pspo_bench.records import Status, Verdict\n"
        "class Kind:\n"
        "    def __init__(self, *, workers, timeout_s): pass\n"
        "    def __call__(self, rows): return [Verdict(Status.CORRECT, None, None, 'kind') for _ in rows]\n"
        "    def close(self): pass\n"
        "class Short(Kind):\n"
        "    def __call__(self, rows): return []\n"
        "def one_row(completion, gold): return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    result = audit([run.path], AuditSettings(graders=("own_grader:Kind", "paper")))
    # 6 of 7: what the engine failed on reaches no grader
    assert result.overall.accuracy("own_grader:Kind") == pytest.approx(6 / 7)
    with pytest.raises(ConfigError, match="returned 0 verdicts for 6 rows"):
        audit([run.path], AuditSettings(graders=("own_grader:Short",)))
    with pytest.raises(ConfigError, match="is not a callable of workers and timeout_s"):
        audit([run.path], AuditSettings(graders=("own_grader:one_row",)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"graders": ("symbolc",)}, "Unknown grader 'symbolc' (did you mean 'symbolic'?)"),
        ({"graders": ()}, "No grader given"),
        ({"graders": ("paper", "paper")}, "named twice"),
        ({"limit": 0}, "limit must be at least 1, not 0"),
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"timeout_s": 0.0}, "timeout must be above 0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        AuditSettings(**settings)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a run folder"):
        audit([tmp_path])


def test_each_pattern_shows_an_example_before_any_shows_two(run: Run) -> None:
    extra = samples_of(run)[1]  # accepted by all but strict
    run.append([replace(extra, example_id=f"q{i}") for i in range(10, 15)])
    result = audit([run.path], OURS)
    counts = dict(result.split_patterns)
    assert counts == {("symbolic", "flexible", "paper"): 6, ("flexible",): 1, ("paper",): 1}
    assert next(iter(counts)) == ("symbolic", "flexible", "paper"), "the most frequent first"
    shown = [len(rows) for rows in examples(result, 5).values()]
    assert shown == [3, 1, 1]
    assert [len(rows) for rows in examples(result, 2).values()] == [1, 1, 0]
    assert sum(len(rows) for rows in examples(result, 100).values()) == 8


HOSTILE = "\x1b[2J\u202e<script>alert(1)</script> | `x` [a](http://b) $y$ @all "


def test_hostile_text_is_escaped_and_cut(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("4", f"\\boxed{{{HOSTILE + 'long ' * 100}}} {HOSTILE} 4", "stop")])
    hostile = Run.open(tmp_path / "hostile", create=True)
    hostile.start(run.info)
    hostile.append([replace(samples_of(run)[0], question=HOSTILE)])
    result = audit([hostile.path], OURS)
    (row,) = result.disagreements
    assert max(len(v.extracted or "") for v in row.verdicts.values()) <= 300
    assert len(row.completion_end) <= 300
    terminal, markdown = to_terminal(result), to_markdown(result)
    for text in (terminal, markdown):
        assert "\x1b" not in text
        assert "\u202e" not in text
    # a verdict is cut at 220 characters, beside the grader's name
    assert max(map(len, terminal.splitlines())) < 250
    for label in ("question", "completion", "symbolic"):
        assert re.search(rf"^    {label}.*<script>", terminal, re.M), "the check below would pass on nothing"
    for raw in ("<script>", "[a](", "`x`", "$y$", " @all", " | `"):
        assert raw not in markdown
    assert "&lt;script&gt;" in markdown


def test_the_command_writes_and_prints(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out" / "audit"
    graders = "symbolic,strict,flexible,paper"
    assert main(["audit", str(run.path), "--graders", graders, "-o", str(folder), "--show", "1"]) == 0
    out = capsys.readouterr().out
    # 1/7 by strict, 3/7 by flexible
    assert "spans 28.6 points of accuracy: 14.3 by strict to 42.9 by flexible" in out
    # q0 by all; q1, q2 and q4 by some
    assert "Graders differ on 3 of 7 samples; of the 4 samples that any grader accepts, 1 are" in out
    assert out.count("gold: ") == 1
    assert sorted(path.name for path in folder.iterdir()) == [
        "AUDIT.md", "audit.json", "disagreements.jsonl",
    ]  # fmt: skip
    rows = [json.loads(line) for line in (folder / "disagreements.jsonl").read_text().splitlines()]
    assert [row["example_id"] for row in rows] == ["q1", "q2", "q4"]
    assert rows[1]["question"] == "Question 2?"
    assert rows[1]["gold"] == r"\frac{3}{4}"
    assert rows[1]["accepted_by"] == ["paper"]
    assert rows[1]["verdicts"]["symbolic"] == {
        "status": "wrong", "extracted": r"\frac{1}{4}", "method": "boxed", "correct": False,
        "reason": rows[1]["verdicts"]["symbolic"]["reason"],
    }  # fmt: skip
    assert rows[1]["verdicts"]["symbolic"]["reason"]
    data = json.loads((folder / "audit.json").read_text())
    assert (data["format"], data["version"]) == ("pspo-bench-audit", 1)
    assert data["groups"][0]["accuracy"]["paper"] == pytest.approx(3 / 7)
    assert (data["accepted_by_any"], data["accepted_by_all"]) == (4, 1)
    assert data["groups"][0]["range"] == pytest.approx(2 / 7)
    # strict and paper accept q0 both, paper q1 and q2 besides: they agree on 5 of 7, chance is (1·3 + 6·4)/49,
    # kappa (35 - 27)/(49 - 27)
    (pair,) = [p for p in data["agreement"] if (p["first"], p["second"]) == ("strict", "paper")]
    # both extract and decide the same: q0, q3 and q4
    assert (pair["other_answers"], pair["answers"]) == (0, 3)
    assert (pair["share"], pair["kappa"]) == (pytest.approx(5 / 7), pytest.approx(8 / 22))
    markdown = (folder / "AUDIT.md").read_text()
    assert "| all samples | 7 | 28.6 | 14.3 | 42.9 | 42.9 | 28.6 |" in markdown
    assert "\n## 1 accepted by symbolic, flexible, paper; not by strict\n" in markdown


def test_a_dry_run_says_how_much_there_is(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(run.path), "--graders", "paper,strict", "--limit", "5", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{run.path}: 5 samples", "5 samples × 2 graders (paper, strict) = 10 verdicts"]


def test_a_mistake_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(run.path), "--graders", "papr"]) == 2
    assert capsys.readouterr().err.startswith("pspo-bench: error: Unknown grader 'papr'")
