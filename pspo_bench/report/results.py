"""Result files: the scores and provenance of a run without any question or completion text.

A run folder holds the questions, and some data sets (ASDiv: CC BY-NC) are not free to pass on; a result file
holds counts and lengths per question, from which every interval, paired test and bootstrap can be redone:

    {"format": "pspo-bench-result", "version": 1, "complete": true, "run": {...run.json...},
     "scores": [{"task": "gsm8k", "temperature": 0.0, "example_ids": ["0", "1"], "samples": [1, 1],
                 "correct": [1, 0], "truncated": [0, 0], "tokens_correct": [[87], []], ...}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import BASE
from pspo_bench.errors import StoreError
from pspo_bench.metrics import TaskScore, summarise
from pspo_bench.metrics.basic import is_correct, is_truncated, split_by_question
from pspo_bench.store import Run, RunInfo, is_run, natural_key

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "pspo-bench-result"
VERSION = 1
CORRECTNESS = "correctness"
STEP_FOLDER = re.compile(r"(?:checkpoint|global_?step|step|iter)[-_]?([0-9]{1,9})")
"""Folder names of TRL and transformers (checkpoint-120), verl (global_step_120) and others."""


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """One task at one temperature, by question: entry i of every list belongs to `example_ids[i]`.

    `tokens_correct` and `tokens_incorrect` are the lengths of the completions that ended by themselves, as far
    as they were counted; truncated ones (whose length is not known) are counted in `truncated`.
    `correct_completed` counts the correct ones among those that were not (None in files of before it was kept).
    """

    task: str
    temperature: float
    example_ids: list[str]
    samples: list[int]
    correct: list[int]
    truncated: list[int]
    tokens_correct: list[list[int]]
    tokens_incorrect: list[list[int]]
    status: dict[str, int]
    pass_at: dict[str, float]
    maj_at: dict[str, float]
    correct_completed: list[int] | None = None

    def completed_shares(self) -> list[float]:
        """The share correct among the samples that were not truncated, of each question that has any."""
        right = self.correct_completed or [len(lengths) for lengths in self.tokens_correct]
        done = [n - cut for n, cut in zip(self.samples, self.truncated, strict=True)]
        return [c / n for c, n in zip(right, done, strict=True) if n]

    def lengths(self, cut: int) -> list[int]:
        """Completion tokens of every sample, the truncated ones at `cut`; where `cut` is 0, and so not known, none of
        these, and nothing at all if they are half or more.
        """
        done = [n for lists in (self.tokens_correct, self.tokens_incorrect) for row in lists for n in row]
        truncated = sum(self.truncated)
        if cut:
            return done + [cut] * truncated
        return done if 2 * truncated < sum(self.samples) else []


@dataclass(frozen=True, slots=True)
class Result:
    """A run's scores with its provenance; `source` is the folder or file it was read from.

    `checkers` are those whose verdicts the scores count, with their versions; empty in files of before they were kept.
    """

    info: RunInfo
    scores: tuple[TaskCounts, ...]
    complete: bool
    source: Path
    checkers: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """`grpo`, `sft` or, for a model that was not trained here, `base`."""
        manifest = self.info.manifest or {}
        return str(manifest.get("method", BASE)) if "objective" in manifest else BASE

    @property
    def objective(self) -> str:
        """The objective with its settings, and the reward where it is not plain correctness.

        `clip (epsilon=0.2)`, `clip (epsilon=0.2), random reward (p=0.5)`; `base` and `sft` as they are.
        """
        if self.method == BASE:
            return BASE
        objective = (self.info.manifest or {})["objective"]
        if not isinstance(objective, dict):
            return str(objective)
        name = _with_settings(str(objective.get("name")), objective.get("settings") or {})
        return name if self.method == "sft" else name + self._reward

    @property
    def _reward(self) -> str:
        """`, random reward (p=0.5)` or `, correctness reward with format_bonus`; nothing for correctness alone."""
        recipe = (self.info.manifest or {}).get("recipe")
        reward = recipe.get("reward") if isinstance(recipe, dict) else None
        if not isinstance(reward, dict):  # files of before there was a choice
            return ""
        shaping = reward.get("shaping")
        terms = [str(key) for key, value in shaping.items() if value] if isinstance(shaping, dict) else []
        settings = {key: value for key, value in reward.items() if key not in ("name", "shaping")}
        name = _with_settings(f"{reward.get('name')} reward", settings)
        if terms:
            return f", {name} with {' and '.join(sorted(terms))}"
        return "" if reward.get("name") == CORRECTNESS else f", {name}"

    @property
    def warnings(self) -> dict[str, str]:
        """Name → message of the reasons that its training gives to doubt a comparison (`training.checks`)."""
        listed = (self.info.manifest or {}).get("warnings")
        return {
            str(warning["name"]): str(warning.get("message", ""))
            for warning in (listed if isinstance(listed, list) else [])
            if isinstance(warning, dict) and "name" in warning
        }

    @property
    def recipe(self) -> str | None:
        """The name of the recipe, without a seed at its end; None for a base model."""
        manifest = self.info.manifest or {}
        if self.method == BASE or "name" not in manifest:
            return None
        return re.sub(rf"[-_.](s|seed)[-_]?{self.seed}$", "", str(manifest["name"]))

    @property
    def seed(self) -> int | None:
        manifest = self.info.manifest or {}
        return None if self.method == BASE else manifest.get("seed")

    @property
    def step(self) -> int | None:
        """The optimiser step of a checkpoint: its manifest's, else that in its folder's name (`checkpoint-120`)."""
        steps = (self.info.manifest or {}).get("optimizer_steps")
        if isinstance(steps, int) and not isinstance(steps, bool):
            return steps
        named = STEP_FOLDER.fullmatch(Path(self.info.model.rstrip("/")).name)
        return int(named[1]) if named else None

    def to_dict(self) -> dict[str, Any]:
        scores = [asdict(score) for score in self.scores]
        return {
            "format": FORMAT,
            "version": VERSION,
            "complete": self.complete,
            "checkers": list(self.checkers),
            "run": self.info.to_dict(),
            "scores": scores,
        }


def _with_settings(name: str, settings: dict[str, Any]) -> str:
    given = ", ".join(f"{key}={_short(value)}" for key, value in sorted(settings.items()))
    return f"{name} ({given})" if given else name


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def export_result(run: Run) -> dict[str, Any]:
    """The content of a result file for `run`; `dump_result` makes its text."""
    result = result_of(run)
    info = result.info
    info = replace(info, model=portable(info.model), base_model=portable(info.base_model))
    return replace(result, info=info).to_dict()


def portable(model: str) -> str:
    """A model spec without the folders of this machine, which say nothing to others."""
    local = model.startswith((".", "/", "~")) or Path(model).exists()
    kept = (
        2 if STEP_FOLDER.fullmatch(Path(model).name) else 1
    )  # a step says nothing without its training's name
    return "/".join(Path(model).parts[-kept:]) if local else model


def dump_result(data: dict[str, Any]) -> str:
    """JSON text with one line per list of numbers, so that a result file diffs well and stays small."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    flat = re.compile(r"\[[\s0-9,\[\]]*\]")
    return flat.sub(lambda match: re.sub(r"\s+", "", match[0]), text) + "\n"


def result_of(run: Run) -> Result:
    """The run's counts, read from its samples."""
    frame, info = run.frame(), run.info
    order = {task: place for place, task in enumerate(info.tasks)}
    scores = sorted(summarise(frame), key=lambda score: order.get(score.task, len(order)))
    groups = dict(iter(frame.groupby(["task", "temperature"])))
    counts = tuple(_counts(groups[score.task, score.temperature], score) for score in scores)
    have = {(s.task, f"{s.temperature:g}"): (s.n_samples, s.n_questions) for s in scores}
    complete = all(
        task.is_complete(label, *have.get((name, label), (0, 0)))
        for name, task in info.tasks.items()
        for label in task.expected_samples
    )
    by = frame[["checker", "checker_version"]].drop_duplicates().itertuples(index=False, name=None)
    return Result(info, counts, complete, run.path, tuple(sorted(" ".join(pair) for pair in by)))


def _counts(rows: pd.DataFrame, score: TaskScore) -> TaskCounts:
    right, cut = is_correct(rows), is_truncated(rows)
    counted = rows["completion_tokens"].notna()
    tokens = rows["completion_tokens"].fillna(0).astype(int)
    by_question = split_by_question(rows, right)
    return TaskCounts(
        task=score.task,
        temperature=score.temperature,
        example_ids=[str(example) for example in rows["example_id"].unique()],
        samples=[len(part) for part in by_question],
        correct=[sum(part) for part in by_question],
        truncated=[sum(part) for part in split_by_question(rows, cut)],
        tokens_correct=split_by_question(rows, tokens, right & ~cut & counted),
        tokens_incorrect=split_by_question(rows, tokens, ~right & ~cut & counted),
        status=score.status,
        pass_at={str(k): value for k, value in score.pass_at.items()},
        maj_at={str(k): value for k, value in score.maj_at.items()},
        correct_completed=[sum(part) for part in split_by_question(rows, right & ~cut)],
    )


def load_entries(paths: Sequence[str | Path]) -> list[Result]:
    """Every run and result file at or below `paths`, each folder in the natural order of its names.

    Raises StoreError for a path at which there is none, naming it, and for a file that is not a result file.
    """
    found: list[Result] = []
    for path in paths:
        results = list(_search(Path(path)))
        if not results:
            raise StoreError(
                f"No run or result file at {path}; pass run folders, result files or folders of them"
            )
        found += results
    return found


def _search(path: Path) -> Iterator[Result]:
    if is_run(path):
        yield result_of(Run.open(path))
    elif path.is_dir():
        for child in sorted(path.iterdir(), key=lambda child: natural_key(child.name)):
            if child.is_dir() and not child.name.startswith("."):
                yield from _search(child)
            elif child.suffix == ".json" and _is_result(child):
                yield load_result(child)
    elif path.suffix == ".json":
        yield load_result(path)


def _is_result(path: Path) -> bool:
    """Whether a JSON file found in a folder says that it is a result file; other JSON may lie beside it."""
    return f'"{FORMAT}"' in path.read_text(encoding="utf-8", errors="replace")


def load_result(path: Path) -> Result:
    """A result file. Raises StoreError naming the file and what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise ValueError(
                f"it is {data['format']} version {data['version']}, not {FORMAT} version {VERSION}"
            )
        scores = tuple(_checked(TaskCounts(**score)) for score in data["scores"])
        info = RunInfo.from_dict(data["run"], str(path))
        checkers = tuple(str(one) for one in data.get("checkers", ()))
        return Result(info, scores, bool(data["complete"]), path, checkers)
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}; check the path") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is not a result file: {error}; write it with export_result") from error


def _checked(score: TaskCounts) -> TaskCounts:
    """Lists of one length, and no more correct or truncated samples than samples."""
    columns = [f.name for f in fields(score) if isinstance(getattr(score, f.name), list)]
    lengths = {len(getattr(score, name)) for name in columns}
    if len(lengths) != 1:
        raise ValueError(f"the lists of {score.task} have different lengths {sorted(lengths)}")
    completed = score.correct_completed or [0] * len(score.samples)
    rows = zip(score.example_ids, score.samples, score.correct, score.truncated, completed, strict=True)
    for example, n, correct, truncated, whole in rows:
        if not (0 <= max(correct, truncated) <= n and 0 <= whole <= min(correct, n - truncated)):
            raise ValueError(
                f"{score.task} {example}: {correct} correct ({whole} of them not cut), {truncated} truncated"
                f" of {n} samples"
            )
    return score
