"""Rollouts by this project's own generation, through TRL's `rollout_func` hook.

Rows leave the batch as they end, and a prompt is read once for its whole group (see `engines.hf`). Every completion is
drawn with a seed of its own, made of the recipe's seed, the optimiser step and the completion's place in the whole
generation batch. What is drawn therefore does not depend on how many processes share the batch, on their batch sizes or
on torch's random state, up to the rounding that other batch shapes bring; and a resumed run draws what an uninterrupted
one draws.

    TrustRegionTrainer(..., rollout_func=HFRollout(loaded, seed=0))

The hook is public, but TRL calls it experimental: `tests/training/test_rollout.py` holds its contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pspo_bench.engines.chat import render
from pspo_bench.engines.hf import HFEngine
from pspo_bench.models import LoadedModel
from pspo_bench.records import Request, Sampling, short_hash
from pspo_bench.training.distributed import evaluating, whole_model


class HFRollout:
    """`(prompts, trainer) → {"prompt_ids", "completion_ids", "logprobs"}`, as TRL's `rollout_func` has it."""

    def __init__(self, loaded: LoadedModel, *, seed: int) -> None:
        self._loaded = loaded
        self._seed = seed

    def __call__(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        """Draw a completion for each prompt, which stands in the list once for each completion of its group.

        Prompts are conversations or plain text. `logprobs` is None: the draws are the model's own, so that nothing has
        to be corrected for. Raises ModelError as `HFEngine.generate_tokens`.
        """
        sampling = Sampling(
            temperature=trainer.temperature, top_p=trainer.top_p, max_tokens=trainer.max_completion_length
        )
        first = trainer.accelerator.process_index * len(prompts)
        requests = [
            Request(
                self._text(prompt), sampling, draw_seed(self._seed, trainer.state.global_step, first + place)
            )
            for place, prompt in enumerate(prompts)
        ]
        with whole_model(trainer) as model, evaluating(model):
            device = str(trainer.accelerator.device)
            drawn = HFEngine(replace(self._loaded, model=model, device=device)).generate_tokens(requests)
        return {
            "prompt_ids": [prompt for prompt, _ in drawn],
            "completion_ids": [completion for _, completion in drawn],
            "logprobs": None,
        }

    def _text(self, prompt: Any) -> str:
        return prompt if isinstance(prompt, str) else render(self._loaded.tokenizer, prompt)


def draw_seed(seed: int, step: int, place: int) -> int:
    """The seed of one completion: of a recipe's seed, an optimiser step and a place in the generation batch."""
    return int(short_hash("rollout", seed, step, place), 16)
