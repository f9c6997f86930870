"""The scores of one run, as counts per question, with where they came from."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pspo_bench.config import BASE
from pspo_bench.store import RunInfo

FORMAT = "pspo-bench-result"
VERSION = 1
CORRECTNESS = "correctness"
STEP_FOLDER = re.compile(r"(?:checkpoint|global_?step|step|iter)[-_]?([0-9]{1,9})")
"""Folder names of TRL and transformers (checkpoint-120), verl (global_step_120) and others."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of single solutions, by question: to how many of its samples it applies, and the sum over these."""

    n: list[int]
    total: list[float]


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """One task at one temperature, by question: entry i of every list belongs to `example_ids[i]`.

    `tokens_correct` and `tokens_incorrect` are the lengths of the completions that ended by themselves, as far
    as they were counted; truncated ones (whose length is not known) are counted in `truncated`.
    `correct_completed` counts the correct ones among those that were not. `measures` has what the metrics of single
    solutions (`metrics.solution_metrics`) gave, by name. Both, and the labels of the questions, are None in files of
    before they were kept; measures also where nobody asked for them.
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
    categories: list[str | None] | None = None
    difficulties: list[str | None] | None = None
    measures: dict[str, Measured] | None = None

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
        for score in scores:
            for measured in (score["measures"] or {}).values():
                if measured["n"] == score["samples"]:
                    del measured["n"]
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
