"""What a study may say: arms, seeds, models, the tuning that every arm gets, and how all are scored.

Study(name="controls", recipe="pocket/grpo", seeds=[0, 1], arms=[{"name": "clip"}],
      evaluation={"tasks": ["pocket_gsm"]})
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

from pydantic import Field, model_validator

from pspo_bench.config.base import Section

NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"
"""Names become folders."""
BASE = "base"
"""What a model is called that was not trained here."""


class Range(Section):
    """A range of a hyper-parameter for random search, uniform, or uniform in the logarithm with `log`."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"a range needs low < high, and low > 0 with log; got low={self.low:g}, high={self.high:g}"
            )
        return self


class ArmSection(Section):
    """One arm of a study: a name and what it changes in the study's recipe.

    `grid`: keys with several values each; the arm stands for one arm for each combination, named after the values.
    `space`: hyper-parameters that are tuned for this arm beside, or in place of, those that are tuned for all.
    """

    name: str = Field(pattern=NAME)
    overrides: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    space: dict[str, list[Any] | Range] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_to_choose_from(self) -> ArmSection:
        empty = [
            key
            for key, values in {**self.grid, **self.space}.items()
            if isinstance(values, list) and not values
        ]
        if empty:
            raise ValueError(f"arm '{self.name}' has no value to choose from for {', '.join(empty)}")
        return self


class ModelVariant(Section):
    """One base model of a study, and what it changes in the recipe beside it (a learning rate, for example)."""

    name: str = Field(pattern=NAME)
    base: str
    overrides: dict[str, Any] = Field(default_factory=dict)


class TuningSection(Section):
    """The search that every arm gets before its reported seeds, on the validation split alone.

    Every arm has the same number of trials, each trained whole with every seed of `seeds`, which must be none of the
    reported ones. The trial with the highest mean of the last `validation_accuracy` is taken; of equals, the first.

    `search`: `grid` tries every combination of `space`; `random` tries `trials` combinations drawn with `seed`.
    """

    seeds: list[int] = Field(min_length=1)
    space: dict[str, list[Any] | Range] = Field(default_factory=dict)
    search: Literal["grid", "random"] = "grid"
    trials: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _trials_are_known(self) -> TuningSection:
        if (self.search == "random") == (self.trials is None):
            raise ValueError(
                "tuning.trials goes with search='random' alone, and must be given there: a grid has as many trials as "
                "combinations"
            )
        return self


class EvaluationSection(Section):
    """How every checkpoint of a study is scored; `temperature` is the headline, declared before the run."""

    tasks: list[str] = Field(min_length=1)
    temperature: float = Field(0.0, ge=0)
    more_temperatures: list[float] = Field(default_factory=list)
    samples: int = Field(1, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    top_p: float = Field(1.0, gt=0, le=1)
    limit: int | None = Field(None, ge=1)
    engine: str = "hf"
    batch_size: int | None = Field(None, ge=1)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 0


class Study(Section):
    """A grid: models × arms × seeds trained from one recipe, then scored on the same tasks.

    `overrides`: what all arms change in the recipe. `equal`: what every arm that draws completions must have the same
    amount of, `completions` or optimiser `steps`; `none` where arms differ on purpose. `tuning`: see `TuningSection`.
    """

    name: str = Field(pattern=NAME)
    recipe: str
    seeds: list[int] = Field(default=[0], min_length=1)
    include_base: bool = True
    equal: Literal["completions", "steps", "none"] = "completions"
    overrides: dict[str, Any] = Field(default_factory=dict)
    models: list[ModelVariant] = Field(default_factory=list)
    arms: list[ArmSection] = Field(min_length=1)
    tuning: TuningSection | None = None
    evaluation: EvaluationSection

    @model_validator(mode="after")
    def _unique_names(self) -> Study:
        for what, names in (("arms", self.arms), ("models", self.models)):
            given = [one.name for one in names]
            twice = sorted({name for name in given if given.count(name) > 1})
            if twice:
                raise ValueError(
                    f"{what} must have names of their own; given more than once: {', '.join(twice)}"
                )
        if any(arm.name == BASE for arm in self.arms):
            raise ValueError(
                f"an arm cannot be called '{BASE}', which the untrained model is; choose another name"
            )
        for what, seeds in (
            ("seeds", self.seeds),
            ("tuning.seeds", self.tuning.seeds if self.tuning else []),
        ):
            if len(set(seeds)) != len(seeds):
                raise ValueError(f"{what} must differ; got {seeds}")
        return self

    @model_validator(mode="after")
    def _tuning_is_fair(self) -> Study:
        if self.tuning is None:
            tuned = [arm.name for arm in self.arms if arm.space]
            if tuned:
                raise ValueError(
                    f"arm '{tuned[0]}' has a space to tune in, but the study has no [tuning] with its seeds"
                )
            return self
        both = sorted(set(self.tuning.seeds) & set(self.seeds))
        if both:
            raise ValueError(
                f"seeds {both} are both tuned on and reported: scores of seeds that were selected on are too high; "
                "choose other tuning.seeds"
            )
        counts = {arm.name: self._trials(arm) for arm in self.arms}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise ValueError(f"every arm must have the same number of tuning trials; got {told}")
        return self

    def _trials(self, arm: ArmSection) -> int:
        assert self.tuning is not None
        space = {**self.tuning.space, **arm.space}
        if self.tuning.trials is not None:
            return self.tuning.trials
        ranges = [key for key, values in space.items() if isinstance(values, Range)]
        if ranges:
            raise ValueError(
                f"{ranges[0]} is a range, which a grid cannot try out; use search='random', or list values"
            )
        return prod(len(values) for values in space.values() if isinstance(values, list))
