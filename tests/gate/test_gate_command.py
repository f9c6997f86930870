"""`pspo-bench gate` on runs on disk: verdicts, exit codes and what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from pspo_bench.cli import main
from pspo_bench.errors import GateError
from pspo_bench.gate import write_baseline
from pspo_bench.store import Run

MakeRun = Callable[..., Run]
N = 400
BASE = [1] * 200 + [0] * 200


def lost(n: int) -> list[int]:
    """BASE, of which the first `n` are no longer right."""
    return [0] * n + BASE[n:]


@pytest.fixture(autouse=True)
def _no_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def base(make_run: MakeRun) -> Path:
    return make_run("base", {"gsm8k": BASE}).path


def gated(run: Path, baseline: Path, *more: str) -> int:
    return main(["gate", str(run), "--baseline", str(baseline), *more])


@pytest.mark.parametrize(
    ("n_lost", "code", "verdict"),
    [
        (0, 0, "Pass"),  # (0 ± 1.96 sqrt(1)) / 402: at most 0.5 points lost
        (8, 2, "Inconclusive"),  # 8 / 402 ± 1.96 sqrt(9 - 64 / 402) / 402 = 2.0 ± 1.45 points
        (24, 1, "Regression"),  # 24 / 402 ± 1.96 sqrt(25 - 576 / 402) / 402 = 6.0 ± 2.4 points
    ],
)
def test_three_verdicts(
    make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str], n_lost: int, code: int, verdict: str
) -> None:
    run = make_run("new", {"gsm8k": lost(n_lost)})
    assert gated(run.path, base) == code
    assert f"\n{verdict}: " in capsys.readouterr().out


def test_the_limit_of_the_command_line_counts_more_than_the_policys(
    make_run: MakeRun, base: Path, tmp_path: Path
) -> None:
    run = make_run("new", {"gsm8k": lost(8)}).path  # 0.5 to 3.4 points lost
    policy = tmp_path / "gate.toml"
    policy.write_text("[tasks.gsm8k]\nmax_drop = 0.1\n")
    assert gated(run, base, "--policy", str(policy)) == 1
    assert gated(run, base, "--policy", str(policy), "--max-drop", "3.5") == 0


@pytest.mark.parametrize(("how", "code"), [("report", 2), ("pass", 0), ("fail", 1)])
def test_inconclusive_can_be_mapped(make_run: MakeRun, base: Path, how: str, code: int) -> None:
    run = make_run("new", {"gsm8k": lost(8)}).path
    assert gated(run, base, "--on-inconclusive", how) == code
    assert gated(make_run("bad", {"gsm8k": lost(24)}).path, base, "--on-inconclusive", how) == 1


# What has no verdict


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["RUN"],
        ["RUN", "--baseline", "RUN", "--bogus"],
        ["RUN", "--baseline", "RUN", "--max-drop", "much"],
        ["RUN", "--baseline", "RUN", "--write-baseline", "b.json"],
        ["RUN", "--baseline", "RUN", "--format", "xml"],
    ],
    ids=" ".join,
)
def test_usage_errors_exit_with_3(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["gate", *arguments])
    assert stop.value.code == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["", "debug"])
@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--max-drop", "-1"], 3, "max_drop"),
        (["--policy", "nowhere.toml"], 3, "Cannot read nowhere.toml"),
        (["--temperature", "0.7"], 4, "no samples at T=0.7"),
        (["--junit", "nowhere/x/j.xml"], 4, "nowhere"),
    ],
)
def test_errors_have_codes_of_their_own(
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
    debug: list[str],
) -> None:
    """Also with the traceback, after which Python itself would exit with 1: a regression."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").write_text("a file, where a folder is wanted")
    assert gated(base, base, *more, *debug) == code
    assert message in capsys.readouterr().err


def test_a_task_that_nobody_was_asked_is_an_error_of_the_policy(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gate.toml").write_text("[tasks.gsm8]\nmax_drop = 1\n")
    assert gated(base, base, "--policy", str(tmp_path / "gate.toml")) == 3
    assert "Unknown task 'gsm8' in the policy's [tasks] (did you mean 'gsm8k'?)" in capsys.readouterr().err


def test_an_incomplete_run_never_passes(
    make_run: MakeRun, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = make_run("partial", {"gsm8k": BASE}, expected=500).path
    junit = tmp_path / "j.xml"
    assert gated(partial, base, "--junit", str(junit)) == 4
    assert "is incomplete (gsm8k T=0: 400 of 500 samples)" in capsys.readouterr().err
    assert gated(base, partial) == 4
    suite = ET.parse(junit).getroot()[0]
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")


def test_a_run_without_a_sample_never_passes(make_run: MakeRun, base: Path) -> None:
    empty = make_run("empty", {"gsm8k": BASE})
    for part in empty.parts.glob("*.parquet"):
        part.unlink()
    assert gated(empty.path, base) == 4


def test_a_run_that_failed_in_part_never_passes(
    make_run: MakeRun,
    make_sample: Callable[..., object],
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """1 of 401 samples, 0.25 %, ended in an error of the engine."""
    failed = make_run("failed", {"gsm8k": BASE})
    failed.append(
        [make_sample("gsm8k", "400", 0, False, status="error", model_fingerprint="weights-of-failed")]
    )  # type: ignore[list-item]
    assert gated(failed.path, base) == 4
    assert "1 of 401 samples of gsm8k ended in an error" in capsys.readouterr().err
    (tmp_path / "gate.toml").write_text("[limits]\nerrors = 0.3\n")
    assert gated(failed.path, base, "--policy", str(tmp_path / "gate.toml")) == 0


def test_what_is_not_a_run(base: Path, tmp_path: Path) -> None:
    assert gated(tmp_path / "nowhere", base) == 4
    (tmp_path / "x.json").write_text("{}")
    assert gated(base, tmp_path / "x.json") == 4


def test_runs_that_were_not_run_alike_are_refused(
    make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_run("other", {"gsm8k": BASE}, checker_version="2").path
    assert gated(other, base) == 5
    assert "Grader differs: numeric 1 in the base, numeric 2 in the candidate" in capsys.readouterr().err
    assert gated(other, base, "--allow-mismatch") == 0
    seen = capsys.readouterr()
    assert "warning: mismatch overruled: Grader differs" in seen.err
    assert "MISMATCH, overruled: Grader differs" in seen.out


def test_leaving_a_task_out_is_no_way_to_pass_it(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = make_run("base", {"gsm8k": BASE, "svamp": BASE}).path
    run = make_run("new", {"gsm8k": BASE}).path
    assert gated(run, base) == 5
    assert "The run was not asked svamp" in capsys.readouterr().err
    assert gated(run, base, "--allow-mismatch") == 0
    (tmp_path / "gate.toml").write_text("[tasks.svamp]\nmax_drop = 1\n")  # it is demanded by name
    assert gated(run, base, "--allow-mismatch", "--policy", str(tmp_path / "gate.toml")) == 2


def test_a_seed_that_fell_away_never_passes(make_run: MakeRun, base: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(f"s{seed}", {"gsm8k": BASE}, objective="clip", seed=seed, folder="arm")
    assert gated(tmp_path / "arm", base) == 0
    make_run("s2", {"gsm8k": BASE}, objective="clip", seed=2, folder="arm", expected=500)
    assert gated(tmp_path / "arm", base) == 4


def test_a_reader_that_goes_away_does_not_change_the_verdict(make_run: MakeRun, base: Path) -> None:
    run = make_run("new", {"gsm8k": lost(24)}).path
    code = (
        "import os, sys\nread, write = os.pipe()\nos.close(read)\nos.dup2(write, 1)\n"
        "from pspo_bench.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "gate", str(run), "--baseline", str(base)]
    assert subprocess.run(command, check=False).returncode == 1


# Baselines


def test_a_baseline_file_stands_for_its_run(make_run: MakeRun, base: Path, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    assert main(["gate", str(base), "--write-baseline", str(file)]) == 0
    text = file.read_text()
    assert "Secret question" not in text
    assert json.loads(text)["run"]["versions"] == {"torch": "2.13"}
    assert gated(make_run("same", {"gsm8k": BASE}).path, file) == 0
    assert gated(file, file) == 0
    assert gated(make_run("bad", {"gsm8k": lost(24)}).path, file) == 1


def test_a_baseline_knows_the_defects_of_its_solutions(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    write_baseline(base, file)
    (tmp_path / "gate.toml").write_text("[limits.defects]\narith_wrong = 1.0\n")
    assert gated(base, file, "--policy", str(tmp_path / "gate.toml")) == 0


def test_no_baseline_of_an_incomplete_run(make_run: MakeRun, tmp_path: Path) -> None:
    partial = make_run("partial", {"gsm8k": BASE}, expected=500).path
    with pytest.raises(GateError, match="incomplete"):
        write_baseline(partial, tmp_path / "base.json")
    assert main(["gate", str(partial), "--write-baseline", str(tmp_path / "base.json")]) == 4
    assert not (tmp_path / "base.json").exists()
    assert main(["gate", str(tmp_path), "--write-baseline", str(tmp_path / "base.json")]) == 4


# What it writes


def test_json_says_everything(make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run("new", {"gsm8k": lost(24)}).path
    assert gated(run, base, "--format", "json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["exit_code"]) == ("regression", 1)
    assert said["checks"][0]["harm"]["value"] == pytest.approx(6.0)  # 24 of 400
    assert said["comparison"]["tasks"][0]["lost"] == 24


def test_flips_with_texts_of_run_folders_and_ids_of_files(
    make_run: MakeRun, base: Path, tmp_path: Path
) -> None:
    run = make_run("new", {"gsm8k": lost(2)}, completion="````\nwrong <b>\n\x1b[31m").path
    flips = tmp_path / "flips.md"
    gated(run, base, "--flips", str(flips))
    text = flips.read_text()
    assert "2 lost, 0 won." in text
    assert "Secret question 1?" in text
    assert "\n`````text\n````\nwrong <b>\n" in text  # a longer fence than the model wrote
    assert "\x1b" not in text
    write_baseline(base, tmp_path / "base.json")
    gated(tmp_path / "base.json", tmp_path / "base.json", "--flips", str(flips))
    assert "0 lost, 0 won." in flips.read_text()


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


def test_github_gets_annotations_and_a_summary(
    make_run: MakeRun, base: Path, on_github: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gated(make_run("bad", {"gsm8k": lost(24)}).path, base) == 1
    commands = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::")]
    assert commands == [
        "::error title=gate%3A regression::Regression: gsm8k (1 of 1 critical checks)",
        "::error title=gate%3A regression::gsm8k is worse by 6.0 points (3.6 to 8.3), at most 2 allowed: regression",
    ]
    assert (
        "| gsm8k | critical | 50.0 | 44.0 | 6.0 | 3.6 to 8.3 | 2 points | regression |"
        in on_github.read_text()
    )
    assert gated(base, base) == 0
    assert "::notice title=gate%3A pass::" in capsys.readouterr().err
    assert on_github.read_text().count("## Gate") == 2  # appended


def test_github_hears_of_a_gate_without_a_verdict(
    base: Path, tmp_path: Path, on_github: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gated(tmp_path / "no\nwhere", base) == 4
    assert "::error title=gate%3A no verdict::StoreError: No run or result file at" in capsys.readouterr().err
    assert "## Gate: no verdict" in on_github.read_text()
