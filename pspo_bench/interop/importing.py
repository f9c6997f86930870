"""Another harness's log → a run: the completions are matched to examples, checked by our rules, and written.

    report = import_run(Path("out/org__model"), "gsm8k", Path("runs/imported"))
    print(report)

A log that is imported again adds nothing, and an import that was killed goes on where it was.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pspo_bench.errors import ConfigError, PspoBenchError, StoreError, printable
from pspo_bench.interop.agreement import ImportReport, agreements
from pspo_bench.interop.collecting import Collected, Kept, collect, require_one_setting, settle_temperature
from pspo_bench.interop.detect import open_source
from pspo_bench.interop.matching import Matcher, OwnExamples, TaskMatcher
from pspo_bench.interop.samples import ENGINE, checked
from pspo_bench.interop.source import Drawn, Origin
from pspo_bench.provenance import provenance
from pspo_bench.records import Sample, short_hash
from pspo_bench.store import Run, RunInfo, RunSettings, TaskInfo
from pspo_bench.tasks import content_hash, load_examples, load_task

ALONE = "none"
"""The task of rows that stand alone."""
PART_ROWS = 4096


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Errors quote the log, whose control characters must not steer a terminal."""
    try:
        yield
    except PspoBenchError as error:
        error.args = (printable(str(error)),)
        raise


@_printable_errors()
def import_run(
    file: str | Path,
    task: str,
    output: str | Path,
    *,
    format: str | None = None,
    model: str | None = None,
    temperature: float | None = None,
    fingerprint: str | None = None,
    answer_type: str = "auto",
    name: str | None = None,
    split: str | None = None,
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    workers: int = 1,
    timeout_s: float = 5.0,
) -> ImportReport:
    """Take the completions of `file`, a log or an output folder, into the run folder `output`.

    With a `task` each row must match one of its examples, and the task's golds count; examples without a row
    leave the run incomplete. With "none" the rows are their own task, called `name` (else as the log calls it),
    with golds of `answer_type`. `temperature` is that of rows that do not say theirs. Nothing is written before
    the whole log has been read and checked. Raises DataError naming file and line, ConfigError or StoreError.
    """
    if temperature is not None and not 0 <= temperature < math.inf:
        raise ConfigError(f"temperature must be finite and not negative, and is {temperature:g}")
    path, source = open_source(Path(file), format, task)
    matcher, split = _matcher(task, source.origin, name, answer_type, split, data_dir, tasks_dir)
    found = collect(source, matcher, model, path.stem)
    kept = settle_temperature(found, temperature)
    drawn = require_one_setting(kept)
    weights = fingerprint or found.fingerprint or _fingerprint(found.model, source.origin)
    info = _run_info(found, matcher, source.origin, drawn, weights, split, path)
    samples = checked(kept, source.origin, weights, workers=workers, timeout_s=timeout_s)
    run = Run.open(output, create=True)
    run.start(info)
    new = _not_held(samples, run)
    for start in range(0, len(new), PART_ROWS):
        run.append(new[start : start + PART_ROWS])
    complete = run.finish()
    return ImportReport(
        run=run,
        source=source.origin.harness,
        model=found.model,
        rows=found.rows,
        samples=len(samples),
        new=len(new),
        examples=len(matcher.examples),
        examples_with_samples=len({sample.example_id for sample in samples}),
        complete=complete,
        unknown_ends=sum(one.row.finish_reason is None for one in kept),
        agreements=agreements(kept, samples),
    )


def _matcher(
    task: str,
    origin: Origin,
    name: str | None,
    answer_type: str,
    split: str | None,
    data_dir: Path | None,
    tasks_dir: Path | None,
) -> tuple[Matcher, str]:
    if task == ALONE:
        return OwnExamples(name or origin.task or ALONE, answer_type), split or "test"
    loaded = load_task(task, tasks_dir)
    split = split or loaded.eval_split
    return TaskMatcher(loaded, load_examples(loaded, split, data_dir=data_dir)), split


def _fingerprint(model: str, origin: Origin) -> str:
    """The weights of a log are not known: its model's name, and what it says of the revision, stand for them."""
    return f"import-{short_hash(model, origin.revision)}"


def _run_info(
    found: Collected,
    matcher: Matcher,
    origin: Origin,
    drawn: Drawn,
    weights: str,
    split: str,
    path: Path,
) -> RunInfo:
    repeats = _repeats(found.kept)
    settings = _settings(found.kept, repeats, drawn, path, origin)
    examples, first = matcher.examples, found.kept[0].row
    system = first.system_prompt_hash or origin.system_prompt_hash
    template = first.chat_template_hash or origin.chat_template_hash
    task = TaskInfo(
        n_questions=len(examples),
        content_sha256=content_hash(examples),
        prompt_hash=short_hash(origin.harness, system, template),
        system_prompt_hash=system,
        max_tokens=drawn.max_tokens,
        expected_samples={f"{t:g}": len(examples) * most for t, most in repeats.items()},
        split=split,
    )
    made = provenance()
    return RunInfo(
        model=found.model,
        base_model=found.model,
        fingerprint=weights,
        engine=ENGINE,
        engine_version=origin.harness,
        dtype=origin.dtype,
        device=origin.device,
        settings=settings,
        tasks={examples[0].task: task},
        versions=made["versions"],
        git_commit=made["git_commit"],
        created=made["created"],
    )


def _repeats(kept: Sequence[Kept]) -> dict[float, int]:
    """The most samples that a question has at each temperature. A log may repeat greedy decoding too."""
    drawn_at = Counter((one.example.id, one.row.drawn.temperature or 0.0) for one in kept)
    repeats: dict[float, int] = {}
    for (_, temperature), count in drawn_at.items():
        repeats[temperature] = max(count, repeats.get(temperature, 0))
    return repeats


def _settings(
    kept: Sequence[Kept], repeats: dict[float, int], drawn: Drawn, path: Path, origin: Origin
) -> RunSettings:
    stops = json.loads(drawn.stop)
    return RunSettings(
        temperatures=tuple(repeats),
        samples=max(repeats.values()),
        top_p=drawn.top_p,
        max_tokens=drawn.max_tokens or None,
        seed=min(one.row.drawn.seed for one in kept),
        top_k=drawn.top_k,
        min_p=drawn.min_p,
        stop=tuple(str(stop) for stop in stops if not isinstance(stop, dict)),
        stop_at_answer_line=any(isinstance(stop, dict) for stop in stops),
        num_fewshot=origin.num_fewshot,
        engine_options={"imported": path.name, "format": origin.format},
    )


def _not_held(samples: Sequence[Sample], run: Run) -> list[Sample]:
    """The samples that the run does not hold. Raises StoreError where it holds another completion in their place."""
    held = _held(run)
    new = []
    for sample in samples:
        known = held.get((sample.task, sample.example_id, sample.temperature, sample.sample_index))
        if known is None:
            new.append(sample)
        elif known != short_hash(sample.completion):
            raise StoreError(
                f"{run.path} holds another completion of {sample.task}, example '{sample.example_id}', temperature "
                f"{sample.temperature:g}, sample {sample.sample_index}; import into another folder"
            )
    return new


def _held(run: Run) -> dict[tuple[str, str, float, int], str]:
    """What the run holds: task, example, temperature and index → the hash of the completion."""
    columns = ("task", "example_id", "temperature", "sample_index", "completion", "model_fingerprint")
    held: dict[tuple[str, str, float, int], str] = {}
    for table in run.tables(columns):
        *place, texts, _ = (table.column(name).to_pylist() for name in columns)
        for key, text in zip(zip(*place, strict=True), texts, strict=True):
            held.setdefault(key, short_hash(text))
    return held
