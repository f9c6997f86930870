"""Where every run came from, as a reader needs it to judge or repeat it: weights, engine, settings, data, versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pspo_bench.report.html.material import Material
from pspo_bench.report.html.parts import Grid, RunFacts, RunGroup
from pspo_bench.report.text import NONE
from pspo_bench.results import Result
from pspo_bench.store import RunInfo

HASH_CHARS = 12
MAX_MANIFEST_CHARS = 20_000
UNGROUPED = 12


def arms_of_runs(material: Material) -> list[tuple[str, Result]]:
    """Every run and result file with the label of its arm, in the order in which they were found; "" for none."""
    arms = {id(run): one.label for one in material.arms for member in one.arm.members for run in member.runs}
    return [(arms.get(id(entry), ""), entry) for entry in material.entries]


def overview(found: Sequence[tuple[str, Result]]) -> Grid:
    """A line for each run."""
    header = ("run", "arm", "seed", "weights", "made", "commit", "samples", "complete")
    rows = [
        (
            _name(entry),
            arm or NONE,
            NONE if entry.seed is None else str(entry.seed),
            entry.info.fingerprint[:HASH_CHARS],
            entry.info.created[:10],
            (entry.info.git_commit or NONE)[:HASH_CHARS],
            f"{sum(sum(score.samples) for score in entry.scores):,}",
            "yes" if entry.complete else "NO",
        )
        for arm, entry in found
    ]
    return Grid(header, tuple(rows), left=2, caption="All runs")


def groups(found: Sequence[tuple[str, Result]]) -> tuple[RunGroup, ...]:
    """The facts of every run; of many those of an arm together."""
    if len(found) <= UNGROUPED:
        return (RunGroup("", tuple(_facts(entry, arm) for arm, entry in found)),)
    by_arm: dict[str, list[RunFacts]] = {}
    for arm, entry in found:
        by_arm.setdefault(arm or "not in the tables", []).append(_facts(entry, arm))
    return tuple(RunGroup(arm, tuple(runs)) for arm, runs in by_arm.items())


def _name(entry: Result) -> str:
    return entry.source.stem if entry.source.suffix == ".json" else entry.source.name


def _facts(entry: Result, arm: str) -> RunFacts:
    info = entry.info
    seed = "" if entry.seed is None else f"seed {entry.seed}"
    whole = "complete" if entry.complete else "INCOMPLETE"
    summary = ", ".join(filter(None, (arm or f"{entry.objective}, not in the tables", seed, whole)))
    facts = [
        ("read from", str(entry.source)),
        ("model", info.model),
        ("base model", info.base_model),
        ("weights", info.fingerprint),
        ("engine", f"{info.engine} {info.engine_version}, {info.dtype} on {info.device}"),
        ("sampling", _sampling(info)),
        ("checker", ", ".join(entry.checkers) or "not kept"),
        ("made", f"{info.created}, commit {info.git_commit or 'unknown'}"),
        ("finished", str((info.finished or {}).get("at", "no"))),
        ("versions", ", ".join(f"{name} {version}" for name, version in info.versions.items())),
        *((f"warning: {name}", message) for name, message in entry.warnings.items()),
    ]
    return RunFacts(_name(entry), summary, tuple(facts), (_tasks(info),), _manifest(info))


def _sampling(info: RunInfo) -> str:
    settings = info.settings
    parts: list[str] = [
        f"T = {', '.join(f'{t:g}' for t in settings.temperatures)} (headline {settings.headline:g})",
        f"{settings.samples} samples a question above T = 0",
        f"top_p {settings.top_p:g}",
        f"seed {settings.seed}",
    ]
    parts += [f"top_k {settings.top_k}"] if settings.top_k else []
    parts += [f"min_p {settings.min_p:g}"] if settings.min_p else []
    parts += [f"{settings.num_fewshot} examples before the question"] if settings.num_fewshot else []
    parts += [f"stops at {', '.join(map(repr, settings.stop))}"] if settings.stop else []
    parts += ["stops after an answer line"] if settings.stop_at_answer_line else []
    parts += [f"limit {settings.limit:g}"] if settings.limit is not None else []
    return "; ".join(parts)


def _tasks(info: RunInfo) -> Grid:
    header = ("task", "split", "questions", "max tokens", "questions' hash", "prompt", "system prompt")
    rows = [
        (
            name,
            task.split,
            str(task.n_questions),
            str(task.max_tokens),
            *_short(task.content_sha256, task.prompt_hash, task.system_prompt_hash),
        )
        for name, task in info.tasks.items()
    ]
    return Grid(header, tuple(rows), left=2)


def _short(*hashes: str) -> Iterable[str]:
    return (text[:HASH_CHARS] for text in hashes)


def _manifest(info: RunInfo) -> str:
    if info.manifest is None:
        return ""
    text = json.dumps(info.manifest, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_MANIFEST_CHARS else text[:MAX_MANIFEST_CHARS] + "\n… cut here"
