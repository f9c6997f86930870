"""The validation score: greedy accuracy, length and truncation on the held-out rows, with the weights as they are.

Every process takes its share of the rows and the sums are added up, so that the figure is that of one process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pspo_bench.records import Completion, Example, Request, Sampling
from pspo_bench.training.distributed import evaluating, whole_model

if TYPE_CHECKING:
    from pspo_bench.models import LoadedModel
    from pspo_bench.training.plan import Plan


def validation_score(made: Plan, loaded: LoadedModel, trainer: Any) -> dict[str, float]:
    """Greedy accuracy, mean length in tokens and truncation on the validation rows. Collective."""
    import torch

    accelerator = trainer.accelerator
    share = made.validation[accelerator.process_index :: accelerator.num_processes]
    with whole_model(trainer) as model, evaluating(model):
        here = replace(loaded, model=model, device=str(accelerator.device))
        completions = _completions(here, share, made)
    sums = torch.tensor(_sums(completions, share), device=accelerator.device)
    correct, tokens, truncated = accelerator.reduce(sums, reduction="sum").tolist()
    count = len(made.validation)
    return {
        "validation_accuracy": correct / count,
        "validation_length_tokens": tokens / count,
        "validation_truncation_rate": truncated / count,
    }


def _completions(loaded: LoadedModel, examples: Sequence[Example], made: Plan) -> list[Completion]:
    from pspo_bench.engines.hf import HFEngine
    from pspo_bench.prompts import messages

    engine = HFEngine(loaded)
    sampling = Sampling(temperature=0.0, max_tokens=made.recipe.rollout.max_tokens)
    requests = [
        Request(engine.render(messages(example, made.system_prompt)), sampling, seed=0)
        for example in examples
    ]
    found = dict(engine.generate(requests))
    return [found[index] for index in range(len(requests))]


def _sums(completions: Sequence[Completion], examples: Sequence[Example]) -> list[int]:
    """How many are correct, their tokens, and how many were cut."""
    from pspo_bench.answers import CheckRow, check_many

    rows = [
        CheckRow(c.text, e.gold, e.answer_type, question=e.question, truncated=c.finish_reason == "length")
        for c, e in zip(completions, examples, strict=True)
    ]
    return [
        sum(verdict.correct for verdict in check_many(rows)),
        sum(c.completion_tokens or 0 for c in completions),
        sum(c.finish_reason == "length" for c in completions),
    ]
