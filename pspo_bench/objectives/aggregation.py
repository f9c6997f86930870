"""From the loss per token (B, T) to the scalar that is differentiated, as TRL 1.16's GRPOTrainer does it.

With per-token losses [[1, 2, 3], [4, -, -]]: grpo (2 + 4) / 2 = 3, bnpo 10 / 4 = 2.5, dapo 10 / normalizer,
dr_grpo 10 / (2 * max_tokens). Sources: grpo https://arxiv.org/abs/2402.03300, dapo
https://arxiv.org/abs/2503.14476, dr_grpo https://arxiv.org/abs/2503.20783; bnpo is TRL's name for the
token mean of the local batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pspo_bench.errors import ConfigError, unknown

if TYPE_CHECKING:
    from torch import Tensor

Aggregation = Literal["grpo", "bnpo", "dapo", "dr_grpo"]
AGGREGATIONS: tuple[str, ...] = get_args(Aggregation)


def aggregate(
    per_token_loss: Tensor,
    mask: Tensor,
    how: Aggregation,
    *,
    accumulation_steps: float = 1.0,
    normalizer: Tensor | float | None = None,
    max_tokens: int | None = None,
) -> Tensor:
    """The scalar loss of one micro-batch; its sum over the accumulation window is the loss of the step.

    `per_token_loss` (B, T), `mask` (B, T); whatever lies at padding is ignored, nan included. One loss per
    sequence (B, 1) stands at each of its tokens: it counts once under `grpo`, once per token under the others.
    - `grpo`: mean over sequences of each sequence's mean, over `accumulation_steps`. A sequence without
      tokens counts as 0 in the mean.
    - `bnpo`: mean over the tokens of this micro-batch, over `accumulation_steps`.
    - `dr_grpo`: sum over B * `max_tokens` (the completion limit), over `accumulation_steps`.
    - `dapo`: sum over `normalizer` (see `dapo_normalizer`), which contains the accumulation already.
    Raises ConfigError for an unknown kind, or one whose `normalizer` or `max_tokens` is missing.
    """
    mask = mask.bool()
    losses = per_token_loss.where(mask, per_token_loss.new_zeros(()))  # (B, T)
    if how == "grpo":
        return (losses.sum(-1) / mask.sum(-1).clamp(min=1)).mean() / accumulation_steps
    if how == "bnpo":
        return losses.sum() / mask.sum().clamp(min=1) / accumulation_steps
    if how == "dr_grpo":
        return losses.sum() / (losses.size(0) * _needed(max_tokens, how, "max_tokens")) / accumulation_steps
    if how == "dapo":
        return losses.sum() / _needed(normalizer, how, "normalizer")
    raise ConfigError(unknown("aggregation", how, AGGREGATIONS))


def dapo_normalizer(
    num_items_in_batch: Tensor | float,
    *,
    num_processes: int,
    accumulation_steps: float = 1.0,
    steps_per_generation: float = 1.0,
) -> Tensor | float:
    """Completion tokens that one process's share of one optimiser step stands for: dapo's denominator.

    `num_items_in_batch` counts the tokens of the whole generation batch over all processes, which spans
    `steps_per_generation` micro-batches per process, of which one optimiser step takes
    `accumulation_steps`. In evaluation the batch is neither split nor accumulated: leave both at 1.
    """
    if isinstance(num_items_in_batch, int | float):
        items: Tensor | float = max(num_items_in_batch, 1.0)
    else:
        items = num_items_in_batch.clamp(min=1.0)
    return items / num_processes * accumulation_steps / steps_per_generation


def _needed(value: Tensor | float | None, how: str, name: str) -> Tensor | float:
    if value is None:
        raise ConfigError(f"Aggregation '{how}' needs {name}")
    return value
