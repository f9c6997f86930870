"""What a recipe may say: one class a section, each with its defaults and limits; `rollout` has its own module.

Recipe(name="clip", model={"base": "pocket"}, data={"task": "pocket_gsm"}, objective={"name": "clip"},
       optimizer={"learning_rate": 1e-4}, budget={"steps": 40})
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pspo_bench.config.base import Section
from pspo_bench.config.rollout import RolloutSection

OUTPUT_LAYERS = {"lm_head", "embed_out", "output_layer"}
"""Names under which models have the layer that makes logits."""


class LoraSection(Section):
    """Low-rank adapters (https://arxiv.org/abs/2106.09685) are trained, and the base's weights stay as they are.

    `target_modules`: names of linear layers, or `all-linear`: every one but the output layer. The update of a layer
    is scaled by `alpha` / `r`.
    """

    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: Literal["all-linear"] | list[str] = "all-linear"

    @model_validator(mode="after")
    def _no_output_layer(self) -> LoraSection:
        names = [] if isinstance(self.target_modules, str) else self.target_modules
        if not names and not isinstance(self.target_modules, str):
            raise ValueError("target_modules is empty: name layers, or give 'all-linear'")
        heads = [name for name in names if name.rsplit(".", 1)[-1] in OUTPUT_LAYERS]
        if heads:
            raise ValueError(
                f"target_modules cannot name the output layer ({', '.join(heads)}): log-probabilities are computed"
                " from its own weights, and an adapter there would not be trained; leave it out"
            )
        return self


class ModelSection(Section):
    """Where training starts: `pocket`, `smollm2`, a Hub id, a folder or a GGUF file.

    All weights are trained, or, with a section `[model.lora]`, adapters beside them.
    """

    base: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    trust_remote_code: bool = False
    gradient_checkpointing: bool = False
    lora: LoraSection | None = None


class DataSection(Section):
    """What is trained on. The validation rows are carved from `split` by a fixed, seed-independent rule."""

    task: str
    split: str = "train"
    validation_rows: int = Field(128, ge=0)
    limit: int | None = Field(None, ge=1)
    system_prompt: str | None = None


class ObjectiveSection(BaseModel):
    """The trust region by registry name with its own settings, or `sft`, the supervised baseline."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def settings(self) -> dict[str, float]:
        return {key: float(value) for key, value in (self.model_extra or {}).items()}

    @model_validator(mode="after")
    def _numbers_only(self) -> ObjectiveSection:
        _require_numbers("objective", self.model_extra)
        return self


def _require_numbers(section: str, settings: dict[str, Any] | None) -> None:
    for key, value in (settings or {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{section} setting '{key}' must be a number, not {value!r}")


class LengthPenaltySection(Section):
    """`per_token` is taken off for every token after the first `beyond_tokens`, never more than `at_most`."""

    per_token: float = Field(gt=0)
    beyond_tokens: int = Field(ge=0)
    at_most: float = Field(gt=0, lt=1)


class ShapingSection(Section):
    """What is added to the reward, all of it off by default.

    Bounded so that it never turns an order round: with rewards of 0 and 1 a right completion that gets the whole
    penalty is still paid more than a wrong one that gets the bonus.
    """

    format_bonus: float = Field(0.0, ge=0, lt=1)
    length_penalty: LengthPenaltySection | None = None

    @model_validator(mode="after")
    def _less_than_an_answer(self) -> ShapingSection:
        penalty = self.length_penalty.at_most if self.length_penalty else 0.0
        if self.format_bonus + penalty >= 1:
            raise ValueError(
                f"format_bonus + length_penalty.at_most = {self.format_bonus + penalty:g} must lie below 1:"
                " a wrong answer could otherwise be paid as much as a right one"
            )
        return self


class RewardSection(BaseModel):
    """What a completion is paid: a reward by registry name with its own settings, and shaping terms on top."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "correctness"
    shaping: ShapingSection = ShapingSection()

    @property
    def settings(self) -> dict[str, float]:
        return {key: float(value) for key, value in (self.model_extra or {}).items()}

    @model_validator(mode="after")
    def _numbers_only(self) -> RewardSection:
        _require_numbers("reward", self.model_extra)
        return self


class TrackingSection(Section):
    """The experiment trackers that get every figure of the training log, by the names transformers gives them."""

    report_to: list[str] = Field(default_factory=list)
    project: str = "pspo-bench"


Schedule = Literal[
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
]


class OptimizerSection(Section):
    """AdamW and its schedule, by the names that transformers gives them."""

    learning_rate: float = Field(gt=0)
    schedule: Schedule = "constant"
    warmup_steps: int = Field(0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    adam_epsilon: float = Field(1e-8, gt=0)


class BudgetSection(Section):
    """How long to train: optimiser steps or passes over the data, exactly one of them."""

    steps: int | None = Field(None, ge=1)
    epochs: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> BudgetSection:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give exactly one of budget.steps and budget.epochs")
        return self


class LossSection(Section):
    """What stands around the trust region: token aggregation, advantage scaling, KL to the base model."""

    aggregation: Literal["grpo", "bnpo", "dapo", "dr_grpo"] = "dapo"
    advantage_scale: Literal["group", "batch", "none"] = "group"
    kl_beta: float = Field(0.0, ge=0)


class CheckpointSection(Section):
    """Every how many optimiser steps to save for `--resume`, and to score the validation split; None means never.

    Where the split is scored, it is also scored before the first step and at the end.

    `keep`: leave the model of every save behind as `checkpoint-<step>`, to be scored as a curve over steps.
    """

    save_steps: int | None = Field(None, ge=1)
    keep: bool = False
    eval_steps: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _keeps_what_is_saved(self) -> CheckpointSection:
        if self.keep and self.save_steps is None:
            raise ValueError(
                "checkpoint.keep needs checkpoint.save_steps: without it nothing is saved on the way"
            )
        return self


class Recipe(Section):
    """A validated training configuration."""

    name: str
    seed: int = Field(0, ge=0)
    model: ModelSection
    data: DataSection
    objective: ObjectiveSection
    optimizer: OptimizerSection
    budget: BudgetSection
    rollout: RolloutSection = RolloutSection()
    reward: RewardSection = RewardSection()
    loss: LossSection = LossSection()
    checkpoint: CheckpointSection = CheckpointSection()
    tracking: TrackingSection = TrackingSection()

    @model_validator(mode="after")
    def _a_penalty_that_can_act(self) -> Recipe:
        penalty = self.reward.shaping.length_penalty
        if penalty and penalty.beyond_tokens >= self.rollout.max_tokens:
            raise ValueError(
                f"reward.shaping.length_penalty.beyond_tokens={penalty.beyond_tokens} must lie below"
                f" rollout.max_tokens={self.rollout.max_tokens}, or no completion is long enough for it"
            )
        return self

    @model_validator(mode="after")
    def _something_to_validate_on(self) -> Recipe:
        if self.checkpoint.eval_steps and not self.data.validation_rows:
            raise ValueError("checkpoint.eval_steps needs data.validation_rows above 0")
        return self

    @model_validator(mode="after")
    def _resume_points(self) -> Recipe:
        every, per_batch = self.checkpoint.save_steps, self.rollout.steps_per_batch
        if every and self.objective.name != "sft" and every % per_batch:
            raise ValueError(
                f"checkpoint.save_steps={every} must be a multiple of rollout.iterations × minibatches = {per_batch}:"
                " a resume between two steps on one generation batch would not repeat the run"
            )
        return self
