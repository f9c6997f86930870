"""Warnings and rewards of a training on the leaderboard: a mark, a note, and every form carries them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pspo_bench.report import leaderboard
from pspo_bench.results import dump_result, export_result, load_entries
from pspo_bench.store import Run

MakeRun = Callable[..., Run]
SPREAD = {"name": "no-reward-spread", "message": "In 97 % of the groups all were paid the same"}
CLIPPING = {"name": "clipping-not-tested", "message": "Clipping touched 0 % of the tokens"}


def with_manifest(run: Run, **changes: Any) -> Run:
    run.update_info(manifest={**(run.info.manifest or {}), **changes})
    return run


def three_arms(make_run: MakeRun) -> list[Path]:
    warned = [
        with_manifest(
            make_run(f"clip-s{seed}", {"a": [1, 0, 1, 1]}, objective="clip", seed=seed),
            warnings=[SPREAD, CLIPPING] if seed else [CLIPPING],
        )
        for seed in (0, 1)
    ]
    other = with_manifest(make_run("pspo-s0", {"a": [1, 0, 0, 0]}, objective="pspo"), warnings=[CLIPPING])
    fine = with_manifest(make_run("sapo-s0", {"a": [0, 0, 0, 0]}, objective="sapo"), warnings=[])
    return [run.path for run in (*warned, other, fine)]


def test_marks_notes_and_ranks(make_run: MakeRun) -> None:
    table = leaderboard(three_arms(make_run)).tables[0]
    assert [(row.objective, row.rank, row.marks) for row in table.rows] == [
        ("clip", 1, "§"),
        ("pspo", 2, "†§"),
        ("sapo", 3, "†"),
    ]
    assert [note for note in table.notes if note.startswith("§")] == [
        "§ clipping-not-tested: clip (2 of 2 seeds); pspo (1 of 1 seeds). For example clip, seed 0: Clipping touched"
        " 0 % of the tokens.",
        "§ no-reward-spread: clip (1 of 2 seeds). For example clip, seed 1: In 97 % of the groups all were paid the"
        " same.",
    ]


def test_every_form_carries_them(make_run: MakeRun) -> None:
    board = leaderboard(three_arms(make_run))
    assert "| 1 | clip | 2§ |" in board.to_markdown()
    assert "§ clipping-not-tested: clip (2 of 2 seeds)" in board.to_terminal()
    (clip, *_) = json.loads(board.to_json())["tables"][0]["rows"]
    assert clip["warnings"][1] == {"name": "no-reward-spread", "seeds": [1], "message": SPREAD["message"]}
    lines = list(csv.DictReader(io.StringIO(board.to_csv())))
    assert [line["warnings"] for line in lines] == [
        "clipping-not-tested; no-reward-spread",
        "clipping-not-tested",
        "",
    ]


def test_result_files_carry_them(make_run: MakeRun, tmp_path: Path) -> None:
    run = with_manifest(make_run("clip-s0", {"a": [1, 0]}, objective="clip"), warnings=[SPREAD])
    file = tmp_path / "clip-s0.json"
    file.write_text(dump_result(export_result(run)))
    (entry,) = load_entries([file])
    assert entry.warnings == {SPREAD["name"]: SPREAD["message"]}


def test_what_others_wrote_does_not_break_the_table(make_run: MakeRun) -> None:
    odd: list[Any] = [{"name": "| x |\n# y", "message": "\x1b[31m`z`"}, "text", {"message": "nameless"}, None]
    run = with_manifest(make_run("clip-s0", {"a": [1, 0]}, objective="clip"), warnings=odd)
    board = leaderboard([run.path])
    assert "- § \\| x \\| \\# y: clip" in board.to_markdown()
    assert "\x1b" not in board.to_terminal() + board.to_markdown()
    broken = with_manifest(make_run("pspo-s0", {"a": [1, 0]}, objective="pspo"), warnings="none", recipe=[1])
    assert leaderboard([broken.path]).tables[0].rows[0].marks == "†"


def test_another_reward_is_another_arm_and_says_so(make_run: MakeRun) -> None:
    rewards: dict[str, Any] = {
        "plain": {"name": "correctness", "shaping": {"format_bonus": 0.0, "length_penalty": None}},
        "coin": {"name": "random", "p": 0.5, "shaping": {"format_bonus": 0.0, "length_penalty": None}},
        "published": {"name": "paper"},
        "shaped": {
            "name": "correctness",
            "shaping": {"format_bonus": 0.1, "length_penalty": {"at_most": 0.1}},
        },
    }
    runs = [
        with_manifest(
            make_run(name, {"a": [1, 0]}, objective="clip", settings={"epsilon": 0.2}),
            recipe={"reward": reward},
        )
        for name, reward in rewards.items()
    ]
    assert {row.objective for row in leaderboard([run.path for run in runs]).tables[0].rows} == {
        "clip (epsilon=0.2)",
        "clip (epsilon=0.2), random reward (p=0.5)",
        "clip (epsilon=0.2), paper reward",
        "clip (epsilon=0.2), correctness reward with format_bonus and length_penalty",
    }
