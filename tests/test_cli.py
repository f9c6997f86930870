"""The command line as a user meets it: quick help, one-line errors, exit codes, and each command for real."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from pspo_bench import __version__
from pspo_bench.cli import main
from pspo_bench.cli.parser import COMMANDS

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "sympy",
    "trl",
    "vllm",
    "numpy",
    "pydantic",
    "rich",
    "tqdm",
)
HELPS = [
    [],
    *([name] for name in COMMANDS),
    ["tasks", "list"],
    ["tasks", "show"],
    ["tasks", "check"],
    ["pocket", "build"],
    ["judge", "rubric"],
    ["judge", "arena"],
    ["judge", "export-sheet"],
    ["judge", "import-sheet"],
]


@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom pspo_bench.cli import main\n"
        f"try: main({[*command, '--help']!r})\nexcept SystemExit as stop: assert stop.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "usage: pspo-bench" in done.stdout


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one process: unlike the wall clock, blind to what else the machine does."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime


def test_help_takes_at_most_two_and_a_half_times_a_bare_interpreter() -> None:
    script = str(Path(sys.executable).with_name("pspo-bench"))
    bare, helped = [], []
    for _ in range(21):
        bare.append(cpu_seconds([sys.executable, "-c", "pass"]))
        helped.append(cpu_seconds([script, "eval", "--help"]))
    assert statistics.median(helped) <= 2.5 * statistics.median(bare)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"pspo-bench {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "pocket/nix"], 2, "Unknown recipe or study file 'pocket/nix'"),
        (["train", "pocket/grpo", "objective.name=psop"], 2, "Unknown objective 'psop'"),
        (["train", "pocket/grpo", "learningrate=1"], 2, "Unknown recipe key 'learningrate'"),
        (["eval", "--model", "pocket", "--tasks", "gsm9k", "-o", "run"], 2, "Unknown task 'gsm9k'"),
        (["eval", "--model", "no/such", "--tasks", "pocket_gsm", "-o", "run"], 1, "no/such"),
        (["leaderboard", "nowhere"], 1, "nowhere"),
        (["check", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["tasks", "show", "gsm8k", "--data-dir", "nowhere"], 1, "nowhere/gsm8k/test.jsonl does not exist"),
        (["study", "pocket/grpo"], 2, "is a recipe, not a study"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    err = capsys.readouterr().err
    assert err.startswith("pspo-bench: error: ")
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "invalid choice: 'trian'"),
        (["eval", "--model", "pocket"], "the following arguments are required: --tasks"),
        (
            ["eval", "--model", "x", "--tasks", "a", "-o", "r", "--temperature", "warm"],
            "invalid _numbers value: 'warm'",
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert message.replace("_numbers", "numbers") in err
    assert len(err.splitlines()) == 1


def test_debug_shows_the_traceback() -> None:
    from pspo_bench.errors import ConfigError

    with pytest.raises(ConfigError):
        main(["train", "pocket/nix", "--debug"])


def test_tasks_list_names_every_shipped_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [
        "asdiv",
        "gsm8k",
        "math500",
        "pocket_asdiv",
        "pocket_gsm",
        "pocket_math",
        "pocket_svamp",
        "svamp",
    ]


def test_tasks_check_fails_on_a_gold_that_does_not_fit_its_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ntitle = "t"\nlicense = "CC0"\nanswer_type = "number"\n'
        '[columns]\nquestion = "{q}"\ngold = "{a}"\n[splits.test]\nfile = "mine.jsonl"\n'
    )
    (tmp_path / "mine.jsonl").write_text('{"q": "1 + 1", "a": "2"}\n{"q": "who?", "a": "Ann"}\n')
    file = tmp_path / "golds.json"
    arguments = ["tasks", "check", "mine", "--tasks-dir", str(tmp_path)]
    assert main([*arguments, "--workers", "2", "--json", str(file)]) == 1
    out, err = capsys.readouterr()
    assert "mine/test: 1 of 2 golds pass their own checker; " in out
    assert "  mine/1: gold 'Ann', gold (unreadable)" in out
    assert err == ""  # no progress bar where there is no terminal
    (report,) = json.loads(file.read_text())
    assert (report["task"], report["split"], report["golds"]) == ("mine", "test", 2)
    assert [(failure["id"], failure["answer"]) for failure in report["failures"]] == [("1", "Ann")]


def test_tasks_check_passes_on_pocket_golds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "check", "pocket_math"]) == 0
    assert capsys.readouterr().out.startswith("pocket_math/test: 500 of 500 golds pass their own checker; ")


def test_underscores_are_taken_for_dashes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "--model", "pocket", "--tasks", "pocket_gsm", "--output_path", str(tmp_path / "r")]
    assert main([*arguments, "--max_tokens=8", "--limit", "0.01", "--dry_run"]) == 0
    assert capsys.readouterr().out == "pocket_gsm: 10 questions, 10 samples of at most 8 tokens\n"


def test_train_dry_run_prints_the_resolved_recipe_and_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "pocket/grpo", "seed=3", "steps=5", "--dry-run"]) == 0
    recipe, _, cost = capsys.readouterr().out.rpartition("}\n")
    assert json.loads(recipe + "}")["seed"] == 3
    assert cost.startswith("5 optimiser steps on ")


def test_check_reads_stdin_and_writes_verdicts() -> None:
    rows = [
        {"id": "a", "gold": "18", "completion": "so #### $18.00"},
        {"id": "b", "gold": "\\frac{3}{4}", "completion": "\\boxed{\\frac{1}{4}}"},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pspo_bench", "check", "-"],
        input="".join(json.dumps(row) + "\n" for row in rows),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(v["id"], v["status"], v["correct"]) for v in verdicts] == [
        ("a", "correct", True),
        ("b", "wrong", False),
    ]
    assert {"extracted", "method", "reason"} <= verdicts[0].keys()
    assert "checks/s" in done.stderr


def test_train_eval_leaderboard_in_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint, runs = tmp_path / "pspo", tmp_path / "runs"
    small = ["prompts_per_step=4", "group_size=4", "data.validation_rows=8", "data.limit=64"]
    assert (
        main(["train", "pocket/grpo", "objective.name=pspo", *small, "--limit", "2", "-o", str(checkpoint)])
        == 0
    )
    for model, run in (("pocket", "base"), (str(checkpoint), "pspo")):
        arguments = [
            "eval",
            "--model",
            model,
            "--tasks",
            "pocket_gsm",
            "--limit",
            "10",
            "-o",
            str(runs / run),
        ]
        assert main(arguments) == 0
    capsys.readouterr()
    assert main(["leaderboard", str(runs)]) == 0
    table = capsys.readouterr().out
    assert "base" in table
    assert "pspo" in table
    assert main(["leaderboard", str(runs), "-o", str(tmp_path / "L.md")]) == 0
    assert f"pspo-bench leaderboard {runs} -o {tmp_path / 'L.md'}" in (tmp_path / "L.md").read_text()
