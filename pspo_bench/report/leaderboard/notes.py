"""What a reader must know of the measured rows: questions, temperature, marks, and what is not comparable."""

from __future__ import annotations

from collections.abc import Sequence

from pspo_bench.report.leaderboard.cautions import caution_notes
from pspo_bench.report.leaderboard.records import Row
from pspo_bench.report.leaderboard.rows import INCOMPLETE, ONE_SEED
from pspo_bench.results import Arm, Member


def measured_notes(
    arms: Sequence[Arm], rows: Sequence[Row], shared: Sequence[str], declared: bool
) -> list[str]:
    """Of the `rows` of `arms`; `declared`: the temperature is the one that the runs named beforehand."""
    if not arms:
        return []
    temperatures = ", ".join(f"{t:g}" for t in sorted({arm.temperature for arm in arms}))
    how = "declared before the runs" if declared else "chosen for this table"
    notes = [f"Questions: {_questions(rows)}.", f"Temperature: {temperatures}, {how}."]
    if any(len(arm.members) > 1 for arm in arms):
        notes.append(
            "Several seeds: the intervals are over seeds and questions, with Student's t (Wilson's for the effective"
            " number of questions)."
        )
    if any(ONE_SEED in row.marks for row in rows):
        notes.append(
            f"{ONE_SEED} One seed: the interval covers the questions only; training variance is not covered."
        )
    if any(INCOMPLETE in row.marks for row in rows):
        notes.append(f"{INCOMPLETE} Incomplete run: not all of its samples are there, so it is not ranked.")
    if set(shared) != {task for arm in arms for m in arm.members for task in m.scores}:
        notes.append(
            f"Macro, tokens and cut % over what every complete row has: {', '.join(shared) or 'nothing'}."
        )
    notes += caution_notes([(row.objective, len(row.seeds), row.warnings) for row in rows])
    return notes + _not_alike([member for arm in arms for member in arm.members])


def _questions(rows: Sequence[Row]) -> str:
    """`gsm8k 1319, svamp 300 or 1000`: the questions of each task, all sizes if rows differ."""
    sizes: dict[str, set[int]] = {}
    for row in rows:
        for task, cell in row.cells.items():
            if cell.n_questions is not None:
                sizes.setdefault(task, set()).add(cell.n_questions)
    return ", ".join(f"{task} {' or '.join(map(str, sorted(n)))}" for task, n in sizes.items())


def _not_alike(members: Sequence[Member]) -> list[str]:
    """What keeps rows from being comparable: other questions, prompts, limits or checkers for the same task."""
    notes = []
    for name, words in (
        ("split", "different splits"),
        ("content_sha256", "different questions"),
        ("system_prompt_hash", "different system prompts"),
        ("max_tokens", "different max_tokens"),
    ):
        seen: dict[str, set[object]] = {}
        for run in (run for member in members for run in member.runs):
            for task, info in run.info.tasks.items():
                seen.setdefault(task, set()).add(getattr(info, name))
        tasks = [task for task, values in seen.items() if len(values) > 1]
        if tasks:
            notes.append(f"Not strictly comparable: rows were run with {words} on {', '.join(tasks)}.")
    checkers = {checker for member in members for run in member.runs for checker in run.checkers}
    if len(checkers) > 1:
        notes.append(
            f"Not comparable: the verdicts are by different checkers: {', '.join(sorted(checkers))}."
        )
    return notes
