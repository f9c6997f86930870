"""`pspo-bench push` as a user types it: the dry run, the push, and errors of one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_hub import TOKEN, FakeHub

from pspo_bench.cli import main

if TYPE_CHECKING:
    from conftest import Trained


def arguments(trained: Trained, *more: str) -> list[str]:
    return [
        "push",
        str(trained.checkpoint),
        "--repo-id",
        "me/it",
        "--runs",
        str(trained.run),
        str(trained.base),
        *more,
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_a_dry_run_writes_and_lists_the_folder_without_any_network(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a dry run reached for the network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    out = tmp_path / "out"
    assert main(arguments(trained, "--dry-run", "-o", str(out), "--results-repo-id", "me/scores")) == 0
    shown, notes = capsys.readouterr()
    files = contents(out)
    listed = {
        line.split()[1]: int(line.split()[0].replace(",", "")) for line in shown.splitlines()[: len(files)]
    }
    assert listed == {name: len(data) for name, data in files.items()}
    assert f"{sum(listed.values()):,}  bytes in {len(files)} files, for me/it: {out}" in shown
    assert "2 result files would go to the data set me/scores, into it/" in shown
    assert "note: no license is set; give --license" in notes
    assert files["model.safetensors"] == (trained.checkpoint / "model.safetensors").read_bytes()
    assert main(arguments(trained, "--dry-run", "-o", str(out))) == 1
    assert "is not an empty folder; choose another" in capsys.readouterr().err


def test_the_dry_run_of_a_temporary_folder_says_where_it_is(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(arguments(trained, "--dry-run", "--no-weights")) == 0
    folder = Path(capsys.readouterr().out.splitlines()[-1].rpartition(": ")[2])
    assert folder.parent == tmp_path
    assert (folder / "README.md").is_file()
    assert not (folder / "model.safetensors").exists()


def push(hub: FakeHub, given: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.endpoint,
        "HF_TOKEN": TOKEN,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "pspo_bench", *given],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_what_is_pushed_is_what_the_dry_run_wrote(trained: Trained, tmp_path: Path, hub: FakeHub) -> None:
    dry = tmp_path / "dry"
    given = arguments(trained, "--license", "mit", "--results-repo-id", "me/scores")
    assert main([*given, "--dry-run", "-o", str(dry)]) == 0
    done = push(hub, given)
    assert done.returncode == 0, done.stderr
    files = contents(dry)
    assert hub.repositories["me/it"].files == files
    assert hub.repositories["me/it"].commits == ["pocket-clip: pspo, 4 optimiser steps"]
    results = {n.replace("results/", "it/"): d for n, d in files.items() if n.startswith("results/")}
    assert hub.repositories["datasets/me/scores"].files == results
    assert f"{hub.endpoint}/me/it: commit " in done.stdout
    assert [line for line in done.stderr.splitlines() if not line.startswith("note: ")] == [], (
        "quiet without a terminal"
    )
    again = push(hub, given)
    assert "me/it: nothing had changed since commit " in again.stdout
    assert len(hub.repositories["me/it"].commits) == 1


def test_an_output_folder_is_for_a_dry_run(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(trained, "-o", "out")) == 2
    assert "-o keeps the folder of a --dry-run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--repo-id", "it"], "'it' does not say whose repository it is; give USER/NAME"),
        (["--runs", "nowhere"], "No run or result file at nowhere"),
        (["--license", "Apache 2"], "--license 'Apache 2' is no identifier"),
    ],
)
def test_a_mistake_is_one_line(
    trained: Trained, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main([*arguments(trained, "--dry-run"), *more]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_results_without_runs_have_nowhere_to_come_from(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "push",
        str(trained.checkpoint),
        "--repo-id",
        "me/it",
        "--results-repo-id",
        "me/scores",
        "--dry-run",
    ]
    assert main([*given, "-o", str(tmp_path / "out")]) == 1
    assert "--results-repo-id is given, but there are no results; give --runs RUN" in capsys.readouterr().err


def test_a_missing_token_is_found_before_any_work(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_STORED_TOKENS_PATH", str(tmp_path / "none"))
    assert main(["push", "nowhere", "--repo-id", "me/it"]) == 1
    assert "There is no Hub token; run `hf auth login`" in capsys.readouterr().err
