"""Run folders and result files of a checkpoint, and of its base model → the scores of the card.

    evidence = read_evidence([Path("runs/pspo-eval"), Path("runs/base-eval")], manifest, allow_incomplete=False)
    evidence.scores[0].accuracy, evidence.scores[0].interval, evidence.scores[0].gain

Which run is the base's and which the checkpoint's is told by the fingerprint of the weights. Differences are paired:
over the questions that both were asked (`stats.paired_difference`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pspo_bench.errors import PublishError
from pspo_bench.publish.checkpoint import Manifest
from pspo_bench.results import Result, TaskCounts, load_entries
from pspo_bench.stats import Interval, PairedDifference, paired_difference, score_interval
from pspo_bench.store import TaskInfo


@dataclass(frozen=True, slots=True)
class Score:
    """One task at one temperature in one run. Fractions; `gain` is over the base model, None where it cannot be had."""

    task: str
    temperature: float
    info: TaskInfo
    n_questions: int
    n_samples: int
    accuracy: float
    interval: Interval | None
    truncation_rate: float
    base_accuracy: float | None
    gain: PairedDifference | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The runs of the checkpoint and of its base model, the scores, and what a reader must know of them."""

    own: tuple[Result, ...]
    base: tuple[Result, ...]
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def read_evidence(paths: Sequence[Path], manifest: Manifest, *, allow_incomplete: bool) -> Evidence:
    """The runs at or below `paths`.

    Raises StoreError where there is none, PublishError for a run of other weights, and for an incomplete one unless
    it is allowed.
    """
    entries = load_entries([str(path) for path in paths]) if paths else []
    own = tuple(entry for entry in entries if entry.info.fingerprint == manifest.weights_sha256)
    base = tuple(entry for entry in entries if entry.info.fingerprint == manifest.base_fingerprint)
    for entry in entries:
        _refuse(entry, manifest, allow_incomplete)
    notes: list[str] = []
    scores = tuple(
        _score(run, counts, base, notes) for run in own for counts in run.scores if sum(counts.samples)
    )
    return Evidence(own, base, scores, (*_notes(own, base), *dict.fromkeys(notes)))


def _refuse(entry: Result, manifest: Manifest, allow_incomplete: bool) -> None:
    if entry.info.fingerprint not in (manifest.weights_sha256, manifest.base_fingerprint):
        raise PublishError(
            f"{entry.source} was scored with other weights ({entry.info.fingerprint}) than the checkpoint's"
            f" ({manifest.weights_sha256}) and its base model's; leave it out, or run eval with this checkpoint"
        )
    if not entry.complete and not allow_incomplete:
        raise PublishError(
            f"{entry.source} is incomplete; run its eval command again to finish it, or pass --allow-incomplete, and"
            " the card will say so"
        )


def _score(run: Result, counts: TaskCounts, base: Sequence[Result], notes: list[str]) -> Score:
    shares = _shares(counts)
    info = run.info.tasks[counts.task]
    before, gain = _gain(counts, info, base, notes)
    n_samples = sum(counts.samples)
    return Score(
        task=counts.task,
        temperature=counts.temperature,
        info=info,
        n_questions=len(shares),
        n_samples=n_samples,
        accuracy=sum(shares.values()) / len(shares),
        interval=score_interval(counts.correct, counts.samples),
        truncation_rate=sum(counts.truncated) / n_samples,
        base_accuracy=before,
        gain=gain,
        complete=run.complete,
    )


def _shares(counts: TaskCounts) -> dict[str, float]:
    """The share correct of every question that was asked, by example id."""
    rows = zip(counts.example_ids, counts.correct, counts.samples, strict=True)
    return {example: correct / n for example, correct, n in rows if n}


def _gain(
    counts: TaskCounts, info: TaskInfo, base: Sequence[Result], notes: list[str]
) -> tuple[float | None, PairedDifference | None]:
    """The base's accuracy on the shared questions, and the paired difference, by the base's first run that has both."""
    for result in base:
        for other in result.scores:
            if (other.task, other.temperature) != (counts.task, counts.temperature):
                continue
            reason = _not_comparable(info, result.info.tasks[other.task])
            if reason:
                notes.append(f"No difference to the base model on {counts.task}: {reason}.")
                continue
            before, after = _shares(other), _shares(counts)
            shared = [example for example in after if example in before]
            if not shared:
                continue
            if len(shared) < len(after):
                notes.append(
                    f"The difference on {counts.task} is over the {len(shared)} questions that the base model was asked"
                    " too."
                )
            values = [before[example] for example in shared]
            return (
                sum(values) / len(values),
                paired_difference(values, [after[example] for example in shared]),
            )
    return None, None


def _not_comparable(one: TaskInfo, other: TaskInfo) -> str | None:
    if one.split != other.split:
        return f"its run scored the split {other.split}, not {one.split}"
    if one.max_tokens != other.max_tokens:
        return f"its run had another token limit ({other.max_tokens}, not {one.max_tokens})"
    if one.n_questions == other.n_questions and one.content_sha256 != other.content_sha256:
        return "its run had other questions"
    return None


def _notes(own: Sequence[Result], base: Sequence[Result]) -> list[str]:
    notes = []
    checkers = sorted({checker for run in (*own, *base) for checker in run.checkers})
    if len(checkers) > 1:
        notes.append(
            f"The verdicts are by different checkers ({', '.join(checkers)}), so they do not compare."
        )
    prompts = {
        info.system_prompt_hash for run in (*own, *base) for task, info in run.info.tasks.items() if task
    }
    if base and len(prompts) > 1:
        notes.append("Not all runs were asked with the same system prompt.")
    return notes
