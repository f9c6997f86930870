"""The adapter: TRL's GRPOTrainer with one of this project's objectives in place of its loss.

TRL brings rewards, advantages, distribution and resume. Replaced are the private `_compute_loss` and, where a prompt
can be read once for its group, `_get_per_token_logps_and_entropies` (others are added to), which is why TRL is pinned
to one minor release;
`tests/training/test_trainer.py` holds the loss and its gradient equal to TRL's own where TRL has the same objective.

What TRL's loss can do and this one does not is refused in `__init__` rather than ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from trl import GRPOConfig, GRPOTrainer

from pspo_bench.errors import TrainingError
from pspo_bench.objectives import (
    Aggregation,
    PolicyBatch,
    aggregate,
    combine,
    dapo_normalizer,
    diagnostics,
    kl_k3,
    logp_gradient,
    summarize,
)
from pspo_bench.training.figures import zero_spread_fraction
from pspo_bench.training.minibatches import minibatch_order, split_rows
from pspo_bench.training.shared_prompts import can_share_prompts, share_prompts

ObjectiveFunction = Callable[[PolicyBatch], torch.Tensor]

IMAGE_INPUTS = ("pixel_values", "num_images", "image_grid_thw", "token_type_ids", "tool_mask")


class TrustRegionTrainer(GRPOTrainer):
    """GRPO with a given per-token objective.

    `objective` maps a PolicyBatch to per-token losses (B, T); `aggregation` says how they become one number;
    `shared_prompts` reads a prompt once for its group where the model's attention allows it (see `shared_prompts`).
    """

    args: GRPOConfig
    model: torch.nn.Module
    objective: ObjectiveFunction
    aggregation: Aggregation
    _buffered_inputs: Any
    epochs_done: int
    """Whole passes over the data before a resume point; set it before `train`."""

    def __init__(
        self,
        *args: Any,
        objective: ObjectiveFunction,
        aggregation: Aggregation,
        shared_prompts: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.objective = objective
        self.aggregation = aggregation
        self.shared_prompts = shared_prompts and can_share_prompts(self.model)
        self.epochs_done = 0
        self._figures: dict[str, list[dict[str, torch.Tensor]]] = {"train": [], "eval": []}
        self._refuse_unsupported()

    def _refuse_unsupported(self) -> None:
        settings = {
            "off_policy_mask_threshold": self.off_policy_mask_threshold is not None,
            "top_entropy_quantile": self.top_entropy_quantile < 1.0,
            "entropy_coef": self._entropy_bonus_enabled,
            "router_aux_loss_coef": self.aux_loss_enabled,
            "use_liger_kernel": self.args.use_liger_kernel,
            "importance_sampling_level": self.importance_sampling_level != "token",
            "tools": bool(self.tools),
        }
        used = [name for name, on in settings.items() if on]
        if used:
            raise TrainingError(
                f"The objectives do not support TRL's {', '.join(used)}; leave them at TRL's defaults"
            )
        if self.use_vllm and self.vllm_importance_sampling_correction and self.top_p < 1:
            raise TrainingError(
                "rollout.top_p below 1 with vLLM's importance-sampling correction compares a truncated with a full"
                " distribution; set rollout.top_p=1 or switch the correction off"
            )

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        """TRL's sampler, moved on by the passes already done: its order is not part of a resume point."""
        sampler: Any = super()._get_train_sampler(dataset)
        for _ in range(self.epochs_done):
            torch.randperm(sampler.num_samples, generator=sampler.generator)
        return sampler

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        batch = super()._generate_and_score_completions(inputs)
        generated = self.accelerator.gather(batch["completion_mask"].sum()).sum().item()
        self._metrics[self._mode]["tokens_generated"].append(generated)
        return batch

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Any:
        rewards = super()._calculate_rewards(*args, **kwargs)  # (completions, functions), of every process
        size = self.num_generations if self._mode == "train" else self.num_generations_eval
        share = zero_spread_fraction(rewards.sum(dim=1), size or 1)
        self._metrics[self._mode]["zero_spread_fraction"].append(share)
        return rewards

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """The next micro-batch of the generation batch, which is drawn first where it is used up.

        In place of TRL's, which shuffles the batch on each process by torch's random state: here the same completions
        make the same optimiser step however many processes share them (see `minibatches`).
        """
        if self._mode == "eval":
            return super()._prepare_inputs(generation_batch)
        micro_batches = self.args.steps_per_generation or 1
        taken = self._step % (micro_batches * self.num_iterations)
        if taken == 0 or self._buffered_inputs is None:
            self._buffered_inputs = self._micro_batches(generation_batch, micro_batches)
        inputs = self._buffered_inputs[taken % micro_batches]
        if taken < self.current_gradient_accumulation_steps:
            # The policy has not moved yet: its ratios are 1. Worked out from two forward passes they are 1 up to
            # rounding, by which a clip at 0 would then decide.
            return {name: value for name, value in inputs.items() if name != "old_per_token_logps"}
        return inputs

    def _micro_batches(self, generation_batch: Any, count: int) -> list[dict[str, Any]]:
        batch = self._generate_and_score_completions(generation_batch)
        order = minibatch_order(
            len(batch["completion_ids"]),
            count // self.args.gradient_accumulation_steps,
            place=self.accelerator.process_index,
            key=(self.args.seed, self.state.global_step),
        )
        return split_rows(batch, order, count)

    def _compute_loss(self, model: Any, inputs: Any) -> torch.Tensor:
        images = [name for name in IMAGE_INPUTS if name in inputs]
        if images:
            raise TrainingError(f"Only text can be trained on; the batch holds {', '.join(images)}")
        mask = inputs["completion_mask"]  # (B, T)
        logps, entropies = self._logps(model, inputs, mask)
        old_logps = inputs.get("old_per_token_logps")
        advantages = inputs["advantages"]  # (B,)
        batch = PolicyBatch(
            logps=logps,
            # left out where the policy has not moved since the rollout
            old_logps=logps.detach() if old_logps is None else old_logps,
            advantages=advantages.unsqueeze(1).expand_as(logps),
            mask=mask,
        )
        per_token = self.objective(batch)  # (B, T)
        gradient = logp_gradient(per_token, batch.logps)
        if "importance_sampling_ratio" in inputs:  # of vLLM's probabilities: (B, T), or (B, 1) by sequence
            per_token = per_token * inputs["importance_sampling_ratio"].where(mask.bool(), 1.0)
        kl = self._kl_to_reference(batch, inputs["ref_per_token_logps"]) if self.beta else None
        if kl is not None:
            per_token = per_token + self.beta * kl
        self._record(batch, entropies, gradient, kl)
        return self._aggregate(per_token, mask, inputs["num_items_in_batch"])

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """TRL's log-probabilities and entropies (B, T) of the completions, with each prompt read once for its group."""
        if not self.shared_prompts or any(
            value is not None and value is not False for value in options.values()
        ):
            found: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None] = (
                super()._get_per_token_logps_and_entropies(
                    model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, **options
                )
            )
            return found
        size = batch_size or len(input_ids)
        parts = []
        for start in range(0, len(input_ids), size):
            ids, mask = input_ids[start : start + size], attention_mask[start : start + size]
            parts.append(self._shared_logps(model, ids, mask, logits_to_keep, compute_entropy))
        entropies = [entropy for _, entropy in parts if entropy is not None]
        return torch.cat([logps for logps, _ in parts]), torch.cat(entropies) if entropies else None, None

    def _shared_logps(
        self, model: Any, ids: torch.Tensor, mask: torch.Tensor, logits_to_keep: int, with_entropy: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        cut = ids.size(1) - logits_to_keep
        layout = share_prompts(ids[:, :cut], mask[:, :cut], ids[:, cut:], mask[:, cut:])
        with self.accelerator.autocast():
            output = model(**layout.inputs(), fused_lm_head=True)
        # the reference model's forward works out no entropy
        return layout.restore(output.log_probs), layout.restore(output.entropy) if with_entropy else None

    def _logps(self, model: Any, inputs: Any, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logps, entropies, _ = self._get_per_token_logps_and_entropies(
            model,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], mask], dim=1),
            mask.size(1),
            compute_entropy=True,
        )
        assert entropies is not None  # they were asked for
        return logps, entropies

    def _kl_to_reference(self, batch: PolicyBatch, reference: torch.Tensor) -> torch.Tensor:
        """The k3 estimate of KL(policy ‖ reference) per token, (B, T), nats.

        Weighted by the importance ratio where TRL's `use_bias_correction_kl` asks for it (its default).
        """
        kl = kl_k3((reference - batch.logps).where(batch.mask, batch.logps.new_zeros(())))
        if self.args.use_bias_correction_kl:
            kl = kl * batch.ratio
        return kl

    def _aggregate(self, per_token: torch.Tensor, mask: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        training = self._mode == "train"  # in evaluation a batch is neither split nor accumulated
        accumulation = self.current_gradient_accumulation_steps if training else 1
        normalizer = dapo_normalizer(
            items,
            num_processes=self.accelerator.num_processes,
            accumulation_steps=accumulation,
            steps_per_generation=(self.args.steps_per_generation or 1) if training else 1,
        )
        return aggregate(
            per_token,
            mask,
            self.aggregation,
            accumulation_steps=accumulation,
            normalizer=normalizer,
            max_tokens=self.max_completion_length,
        )

    def _record(
        self,
        batch: PolicyBatch,
        entropies: torch.Tensor,
        gradient: torch.Tensor | None,
        kl_to_reference: torch.Tensor | None,
    ) -> None:
        """Keep this micro-batch's figures of every process. The one collective runs on every process, always."""
        figures = diagnostics(batch, entropies, gradient, kl_to_reference)
        gathered = self.accelerator.gather(
            torch.stack(list(figures.values())).unsqueeze(0)
        )  # (processes, figures)
        per_process = [dict(zip(figures, row.unbind(), strict=True)) for row in gathered]
        self._figures[self._mode].append(combine(per_process))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """TRL's log with the trust region's figures over all micro-batches since the last one added."""
        figures = self._figures[self._mode]
        if figures:
            summary = summarize(combine(figures))
            logs.update({name: value for name, value in summary.items() if value is not None})
            figures.clear()
        super().log(logs, start_time)

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"
