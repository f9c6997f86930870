"""How completions are drawn, and how many optimiser steps they serve.

RolloutSection(prompts_per_step=16, group_size=8, iterations=2, minibatches=2).steps_per_batch      # 4
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pspo_bench.config.base import Section


class VllmSection(Section):
    """Rollouts by vLLM, for `rollout.engine = "vllm"`.

    `colocate`: an engine in every training process, on its GPU. `server`: one that `trl vllm-serve` has started at
    `base_url` on other GPUs. Weights go to it before every generation batch.

    vLLM's log-probabilities are not the trainer's, so the loss is weighted by the ratio of the two
    (`importance_sampling_correction`), token by token or by sequence, cut off at the bounds (`truncate`) or set to 0
    outside them (`mask`); the names are TRL's.
    """

    mode: Literal["colocate", "server"] = "colocate"
    gpu_memory_utilization: float = Field(0.3, gt=0, le=1)
    tensor_parallel_size: int = Field(1, ge=1)
    max_model_length: int | None = Field(None, ge=1)
    sleep: bool = False
    base_url: str = "http://127.0.0.1:8000"
    group_port: int = Field(51216, ge=1, le=65535)
    server_timeout_s: float = Field(240.0, gt=0)
    importance_sampling_correction: bool = True
    importance_sampling_mode: Literal[
        "sequence_mask", "sequence_truncate", "token_mask", "token_truncate"
    ] = "sequence_mask"
    importance_sampling_clip_max: float | None = Field(3.0, gt=0)
    importance_sampling_clip_min: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounds(self) -> VllmSection:
        low, high = self.importance_sampling_clip_min, self.importance_sampling_clip_max
        if low is not None and high is not None and low >= high:
            raise ValueError(
                f"importance_sampling_clip_min={low} must be below importance_sampling_clip_max={high}"
            )
        if low is None and high is None and self.importance_sampling_mode.endswith("truncate"):
            raise ValueError(
                f"importance_sampling_mode='{self.importance_sampling_mode}' needs importance_sampling_clip_max or"
                " importance_sampling_clip_min"
            )
        return self

    @model_validator(mode="after")
    def _whose_setting(self) -> VllmSection:
        if self.mode == "server" and (self.tensor_parallel_size > 1 or self.sleep):
            raise ValueError(
                "tensor_parallel_size and sleep are for mode='colocate'; a server is given"
                " --tensor-parallel-size when it is started"
            )
        return self


class RolloutSection(Section):
    """One generation batch is `prompts_per_step × group_size × minibatches` completions.

    It is used for `iterations × minibatches` optimiser steps (`iterations` is the papers' mu), each of
    `prompts_per_step × group_size` completions, computed in micro-batches of `micro_batch`.
    For `sft` an optimiser step is `prompts_per_step × group_size` demonstrations.

    `engine`: `hf` is this project's generation, `trl` is transformers' own `generate` as TRL calls it,
    `vllm` is vLLM with the settings of `[rollout.vllm]`.
    `shared_prompts`: read a prompt once for the completions of its group, in the update too; the same values up to
    rounding. Where the model's attention does not allow it, the setting changes nothing.
    """

    prompts_per_step: int = Field(16, ge=1)
    group_size: int = Field(8, ge=2)
    iterations: int = Field(1, ge=1)
    minibatches: int = Field(1, ge=1)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=1)
    micro_batch: int | None = Field(None, ge=1)
    engine: Literal["hf", "trl", "vllm"] = "hf"
    shared_prompts: bool = True
    vllm: VllmSection = VllmSection()

    @property
    def completions_per_step(self) -> int:
        return self.prompts_per_step * self.group_size

    @property
    def steps_per_batch(self) -> int:
        """Optimiser steps taken on one generation batch."""
        return self.iterations * self.minibatches

    @model_validator(mode="after")
    def _full_distribution(self) -> RolloutSection:
        if self.engine == "vllm" and self.vllm.importance_sampling_correction and self.top_p < 1:
            raise ValueError(
                f"rollout.top_p={self.top_p} with vLLM's importance-sampling correction would compare a truncated with"
                " a full distribution; set rollout.top_p=1 or rollout.vllm.importance_sampling_correction=false"
            )
        return self

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> RolloutSection:
        if self.micro_batch and self.completions_per_step % self.micro_batch:
            raise ValueError(
                f"rollout.micro_batch={self.micro_batch} must divide prompts_per_step × group_size"
                f" = {self.completions_per_step}"
            )
        return self
