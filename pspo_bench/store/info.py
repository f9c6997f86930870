"""run.json as frozen records: what was run, with which settings, and what is expected of it.

settings = RunSettings(temperatures=(0.0, 0.7), samples=16, top_p=1.0, max_tokens=128, seed=0)
settings.expected_samples(1319)         # {"0": 1319, "0.7": 21104}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pspo_bench.errors import StoreError

SCHEMA_VERSION = "2"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the samples of a run are drawn: each temperature gets `samples` per question, greedy (0) gets one.

    `max_tokens` None means each task's own. `headline_temperature` is the one declared before the run for the
    headline figure; None means the first. `engine_options` are what the engine was told, as text.
    """

    temperatures: tuple[float, ...]
    samples: int
    top_p: float
    max_tokens: int | None
    seed: int
    limit: int | float | None = None
    headline_temperature: float | None = None
    top_k: int = 0
    min_p: float = 0.0
    stop: tuple[str, ...] = ()
    stop_at_answer_line: bool = False
    num_fewshot: int = 0
    engine_options: dict[str, str] = field(default_factory=dict)

    @property
    def headline(self) -> float:
        return self.temperatures[0] if self.headline_temperature is None else self.headline_temperature

    def expected_samples(self, n_questions: int) -> dict[str, int]:
        """Samples a task of `n_questions` needs, by temperature: `{"0": 1319, "0.7": 21104}`."""
        return {f"{t:g}": n_questions * (1 if t == 0 else self.samples) for t in self.temperatures}


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """One task as it was run. `expected_samples` is by temperature (`RunSettings.expected_samples`), and so is
    `expected_questions`, where it is not `n_questions`.

    `content_sha256` covers the examples used, `prompt_hash` the task's prompt template.
    """

    n_questions: int
    content_sha256: str
    prompt_hash: str
    system_prompt_hash: str
    max_tokens: int
    expected_samples: dict[str, int]
    split: str = "test"
    expected_questions: dict[str, int] = field(default_factory=dict)

    def questions_at(self, label: str) -> int:
        """How many questions the temperature called `label` is to be asked."""
        return self.expected_questions.get(label, self.n_questions)

    def is_complete(self, label: str, samples: int, questions: int) -> bool:
        """Whether so many samples of so many questions are all that is expected at the temperature `label`."""
        return samples >= self.expected_samples.get(label, 0) and questions >= self.questions_at(label)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """run.json: everything about a run that is not in its rows.

    `model` is the spec as given (Hub id, folder, `pocket`), `base_model` the model that training started from
    (the model itself if it was not trained here), `fingerprint` the hash of the weights. `manifest` is the
    checkpoint's manifest.json, None for a base model without one. `finished` is written by `Run.finish`.
    """

    model: str
    base_model: str
    fingerprint: str
    engine: str
    engine_version: str
    dtype: str
    device: str
    settings: RunSettings
    tasks: dict[str, TaskInfo]
    versions: dict[str, str]
    git_commit: str | None
    created: str
    manifest: dict[str, Any] | None = None
    finished: dict[str, Any] | None = None
    schema: str = field(default=SCHEMA_VERSION)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str = "run.json") -> RunInfo:
        """The record of a run.json. Raises StoreError naming the file if a key is missing or unknown."""
        try:
            settings = dict(data["settings"])
            settings["temperatures"] = tuple(float(t) for t in settings["temperatures"])
            settings["stop"] = tuple(str(text) for text in settings.get("stop", ()))
            tasks = {name: TaskInfo(**task) for name, task in data["tasks"].items()}
            return cls(**{**data, "settings": RunSettings(**settings), "tasks": tasks})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"{where} is not a run description of this version (schema {SCHEMA_VERSION}): {error}; "
            raise StoreError(message + "restore the file or evaluate into a new folder") from error

    def merged(self, new: RunInfo, where: str) -> RunInfo:
        """This run extended by what `new` asks for: more tasks, temperatures or samples.

        Raises StoreError naming the difference if the two would mix rows that are not comparable.
        """
        self._require_same(new, where)
        settings = replace(
            new.settings,
            temperatures=tuple(dict.fromkeys((*self.settings.temperatures, *new.settings.temperatures))),
            samples=max(self.settings.samples, new.settings.samples),
            headline_temperature=self.settings.headline,
        )
        tasks = dict(self.tasks)
        for name, task in new.tasks.items():
            tasks[name] = _merge_tasks(tasks[name], task, f"{where}, task {name}") if name in tasks else task
        return replace(new, settings=settings, tasks=tasks, created=self.created, finished=None)

    def _require_same(self, new: RunInfo, where: str) -> None:
        for name in ("fingerprint", "engine", "dtype"):
            require_equal(name, getattr(self, name), getattr(new, name), where)
        for name in ("top_p", "top_k", "min_p", "stop", "stop_at_answer_line", "num_fewshot", "seed"):
            require_equal(name, getattr(self.settings, name), getattr(new.settings, name), where)


def _merge_tasks(old: TaskInfo, new: TaskInfo, where: str) -> TaskInfo:
    for name in ("split", "prompt_hash", "system_prompt_hash", "max_tokens"):
        require_equal(name, getattr(old, name), getattr(new, name), where)
    if old.n_questions == new.n_questions:
        require_equal("content_sha256", old.content_sha256, new.content_sha256, where)
    larger = max(old, new, key=lambda task: task.n_questions)
    labels = dict.fromkeys((*old.expected_samples, *new.expected_samples))
    counts = {k: max(old.expected_samples.get(k, 0), new.expected_samples.get(k, 0)) for k in labels}
    asked = {
        label: max(task.questions_at(label) for task in (old, new) if label in task.expected_samples)
        for label in labels
    }
    return replace(larger, expected_samples=counts, expected_questions=asked)


def require_equal(name: str, old: object, new: object, where: str) -> None:
    if old != new:
        message = f"{where} was run with {name} {old!r}, and {new!r} is asked for now; "
        raise StoreError(message + "evaluate into another folder, or use the same settings")
