"""Runs → Audit: read the samples in batches, give each batch to every grader, count."""

from __future__ import annotations

import inspect
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from pspo_bench.answers import vote_key
from pspo_bench.answers.check import MAX_TIMEOUT_S
from pspo_bench.audit.graders import DEFAULT_GRADERS, GRADERS, Grader
from pspo_bench.audit.result import Audit, Disagreement, Group, Pair, Pattern
from pspo_bench.audit.rows import Key, Row, batches, wanted_keys
from pspo_bench.errors import ConfigError
from pspo_bench.records import Status, Verdict
from pspo_bench.store import Run
from pspo_bench.store.parts import natural_key

REFERENCE = "symbolic"
MAX_TEXT_CHARS, MAX_QUESTION_CHARS = 300, 2000
"""Of each text in a disagreement: an audit of many samples keeps them all until it is written."""
NO_COMPLETION = Verdict(Status.ERROR, None, None, "the engine made no completion")


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """`limit`: samples of each run (a fixed random subset); `timeout_s`: of one check by one grader, in seconds."""

    graders: tuple[str, ...] = DEFAULT_GRADERS
    limit: int | None = None
    workers: int = 1
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.graders:
            raise ConfigError(f"No grader given; known: {', '.join(GRADERS)}")
        if len(set(self.graders)) < len(self.graders):
            raise ConfigError(f"Graders are named twice in {','.join(self.graders)}")
        for name in self.graders:
            GRADERS.get(name)
        for option, value in (("limit", self.limit), ("workers", self.workers)):
            if value is not None and value < 1:
                raise ConfigError(f"{option} must be at least 1, not {value}")
        if not 0 < self.timeout_s <= MAX_TIMEOUT_S:
            raise ConfigError(
                f"timeout must be above 0 and at most {MAX_TIMEOUT_S:g} seconds, not {self.timeout_s:g}"
            )


def audit(paths: Sequence[str | Path], settings: AuditSettings | None = None) -> Audit:
    """Give every sample of the runs to every grader.

    Raises StoreError for what is no run folder, ConfigError for a grader that does not return a verdict a row.
    A grader's failure on a sample is a verdict, counted against it.
    """
    settings = settings or AuditSettings()
    runs = _open(paths)
    tally = _Tally(settings)
    wanted = {name: wanted_keys(run, settings.limit) for name, run in runs.items()}
    with _graders(settings) as graders, _progress(sum(map(len, wanted.values()))) as advance:
        for name, run in runs.items():
            for rows in batches(run, wanted[name]):
                tally.add(name, rows, _grade(rows, graders, tally.seconds))
                advance(len(rows))
    return tally.result(tuple(runs), _notes(runs, wanted))


def plan_lines(paths: Sequence[str | Path], settings: AuditSettings) -> list[str]:
    """What `audit` would do, a line a run and one for the sum."""
    counts = {name: len(wanted_keys(run, settings.limit)) for name, run in _open(paths).items()}
    graders = len(settings.graders)
    total = sum(counts.values())
    return [
        *(f"{name}: {count} samples" for name, count in counts.items()),
        f"{total} samples × {graders} graders ({', '.join(settings.graders)}) = {total * graders} verdicts",
    ]


def _open(paths: Sequence[str | Path]) -> dict[str, Run]:
    """The runs by name; a folder that is named twice is read once."""
    by_place: dict[Path, str | Path] = {}
    for path in paths:
        by_place.setdefault(Path(path).resolve(), path)
    return {str(path): Run.open(path) for path in by_place.values()}


@contextmanager
def _graders(settings: AuditSettings) -> Iterator[dict[str, Grader]]:
    with ExitStack() as stack:
        made: dict[str, Grader] = {}
        for name in settings.graders:
            made[name] = _grader(name, settings)
            stack.callback(made[name].close)
        yield made


def _grader(name: str, settings: AuditSettings) -> Grader:
    make = GRADERS.get(name)
    try:
        inspect.signature(make).bind(workers=settings.workers, timeout_s=settings.timeout_s)
    except TypeError as error:
        raise ConfigError(f"Grader '{name}' is not a callable of workers and timeout_s: {error}") from error
    return make(workers=settings.workers, timeout_s=settings.timeout_s)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm

    with tqdm(total=total, desc="audit", unit="sample", disable=None) as bar:
        yield bar.update


def _grade(
    rows: Sequence[Row], graders: dict[str, Grader], seconds: defaultdict[str, float]
) -> dict[str, list[Verdict]]:
    """Every grader's verdicts on the rows; what the engine failed on is an error to all of them."""
    checks = [row.check for row in rows if not row.failed]
    verdicts = {}
    for name, grade in graders.items():
        started = time.monotonic()
        made = grade(checks)
        seconds[name] += time.monotonic() - started
        if len(made) != len(checks):
            raise ConfigError(f"Grader '{name}' returned {len(made)} verdicts for {len(checks)} rows")
        given = iter(made)
        verdicts[name] = [NO_COMPLETION if row.failed else next(given) for row in rows]
    return verdicts


def _notes(runs: dict[str, Run], wanted: dict[str, set[Key]]) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    notes = [f"{name} has no samples" for name in runs if not wanted[name]]
    notes += [f"{name} is not finished" for name, run in runs.items() if run.info.finished is None]
    return tuple(notes)


@dataclass(slots=True)
class _Tally:
    """The counts so far; only texts that are cut stay in memory."""

    settings: AuditSettings
    samples: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: defaultdict[tuple[str, str], Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    """(run, task) → (grader, status) → samples."""
    patterns: Counter[Pattern] = field(default_factory=Counter)
    answers: Counter[Pair] = field(default_factory=Counter)
    other_answers: Counter[Pair] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    recorded_changes: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)

    def add(self, run: str, rows: Sequence[Row], verdicts: dict[str, list[Verdict]]) -> None:
        for index, row in enumerate(rows):
            given = {grader: verdicts[grader][index] for grader in self.settings.graders}
            self.samples[run, row.task] += 1
            self.statuses[run, row.task].update(
                (grader, verdict.status.value) for grader, verdict in given.items()
            )
            pattern = tuple(grader for grader, verdict in given.items() if verdict.correct)
            self.patterns[pattern] += 1
            self._compare_answers(given)
            if REFERENCE in given and given[REFERENCE].status.value != row.recorded:
                self.recorded_changes += 1
            if 0 < len(pattern) < len(given):
                self.disagreements.append(_disagreement(run, row, pattern, given))

    def _compare_answers(self, given: dict[str, Verdict]) -> None:
        """Answers are the same by the rule of a majority vote: numbers by value, else the cleaned text."""
        found = {g: (v.correct, vote_key(v.extracted)) for g, v in given.items() if v.extracted is not None}
        for pair in combinations(found, 2):
            (accepts, answer), (other_accepts, other) = found[pair[0]], found[pair[1]]
            if accepts == other_accepts:
                self.answers[pair] += 1
                self.other_answers[pair] += answer != other

    def result(self, runs: tuple[str, ...], notes: tuple[str, ...]) -> Audit:
        tasks = sorted({task for _, task in self.samples})
        groups = [self._group("all", "all samples", list(self.samples))]
        groups += [self._group("task", t, [key for key in self.samples if key[1] == t]) for t in tasks]
        if len(runs) > 1:
            groups += [self._group("run", r, [key for key in self.samples if key[0] == r]) for r in runs]
        place = {run: index for index, run in enumerate(runs)}
        self.disagreements.sort(
            key=lambda d: (place[d.run], d.task, natural_key(d.example_id), d.temperature, d.sample_index)
        )
        return Audit(
            runs=runs,
            graders=self.settings.graders,
            groups=tuple(groups),
            patterns=dict(self.patterns),
            answers=dict(self.answers),
            other_answers=dict(self.other_answers),
            seconds={grader: self.seconds[grader] for grader in self.settings.graders},
            recorded_changes=self.recorded_changes if REFERENCE in self.settings.graders else None,
            limit=self.settings.limit,
            timeout_s=self.settings.timeout_s,
            disagreements=tuple(self.disagreements),
            notes=notes,
        )

    def _group(self, kind: str, name: str, keys: Sequence[tuple[str, str]]) -> Group:
        counts: Counter[tuple[str, str]] = Counter()
        for key in keys:
            counts.update(self.statuses[key])
        status = {
            grader: {s.value: counts[grader, s.value] for s in Status if counts[grader, s.value]}
            for grader in self.settings.graders
        }
        return Group(kind, name, sum(self.samples[key] for key in keys), status)


def _disagreement(run: str, row: Row, pattern: Pattern, given: dict[str, Verdict]) -> Disagreement:
    return Disagreement(
        run=run,
        task=row.task,
        example_id=row.example_id,
        temperature=row.temperature,
        sample_index=row.sample_index,
        question=(row.check.question or "")[-MAX_QUESTION_CHARS:],
        gold=_cut(row.check.gold),
        completion_end=row.check.completion[-MAX_TEXT_CHARS:],
        accepted_by=pattern,
        verdicts={
            name: Verdict(
                verdict.status,
                None if verdict.extracted is None else _cut(verdict.extracted),
                verdict.method,
                _cut(verdict.reason),
            )
            for name, verdict in given.items()
        },
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"
