"""From a recipe's reward to the function that TRL's trainer calls.

TRL 1.16 assigns what a reward function returns to a column of a tensor, where a single number would be spread over all
completions, and takes None for a row without a reward. Here both are errors.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence, Set
from functools import partial
from numbers import Real
from typing import Any

from pspo_bench.answers import CheckRow, check_many
from pspo_bench.config.sections import RewardSection
from pspo_bench.errors import TrainingError
from pspo_bench.training.rewards.base import RewardBatch, get_reward
from pspo_bench.training.rewards.shaping import terms

LogMetric = Callable[[str, float], None]
Part = Callable[[RewardBatch], Any]


class RewardFunction:
    """The reward of a recipe with its shaping terms, as TRL calls it: one number a completion.

    Logs the mean of each part by TRL's `log_metric`: `correctness` (the share that the checker finds correct,
    whatever is paid for), `reward/<name>` and `reward/<shaping term>`. `ends` are the ids of the tokens that end a
    completion. One that does not end in such a token was cut at the limit, and is judged as in evaluation:
    without a stated answer it is truncated, not correct.
    """

    def __init__(self, section: RewardSection, *, seed: int, ends: Set[int]) -> None:
        found = get_reward(section.name)
        rule = partial(found.function, **found.resolve(section.settings))
        self.parts: list[tuple[str, Part]] = [(section.name, rule), *terms(section.shaping).items()]
        self.seed = seed
        self.ends = ends

    def __call__(
        self,
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        question: Sequence[str],
        gold: Sequence[str],
        answer_type: Sequence[str],
        *,
        trainer_state: Any,
        log_metric: LogMetric,
        **_: Any,
    ) -> list[float]:
        """The rewards of this process's completions. Raises TrainingError naming the part that fails."""
        texts = tuple(completion_text(completion) for completion in completions)
        batch = self._batch(texts, completion_ids, question, gold, answer_type, trainer_state.global_step)
        if not len(batch):
            return []
        log_metric("correctness", sum(batch.correct) / len(batch))
        total = [0.0] * len(batch)
        for name, part in self.parts:
            paid = pay(name, part, batch)
            log_metric(f"reward/{name}", sum(paid) / len(batch))
            total = [sum(pair) for pair in zip(total, paid, strict=True)]
        return total

    def _batch(
        self,
        texts: tuple[str, ...],
        ids: Sequence[Sequence[int]],
        questions: Sequence[str],
        golds: Sequence[str],
        kinds: Sequence[str],
        step: int,
    ) -> RewardBatch:
        from accelerate import PartialState

        truncated = tuple(not tokens or tokens[-1] not in self.ends for tokens in ids)
        rows = [
            CheckRow(text, wanted, kind, question=asked, truncated=cut)
            for text, asked, wanted, kind, cut in zip(texts, questions, golds, kinds, truncated, strict=True)
        ]
        first = PartialState().process_index * len(texts)  # TRL gathers the processes' rewards in this order
        return RewardBatch(
            completions=texts,
            length_tokens=tuple(len(tokens) for tokens in ids),
            truncated=truncated,
            correct=tuple(verdict.correct for verdict in check_many(rows)),
            questions=tuple(questions),
            golds=tuple(golds),
            answer_types=tuple(kinds),
            positions=tuple(range(first, first + len(texts))),
            step=step,
            seed=self.seed,
        )


def pay(name: str, part: Part, batch: RewardBatch) -> list[float]:
    """What `part` pays, one finite number for each completion. Raises TrainingError naming it, and what it did."""
    try:
        returned = part(batch)
    except Exception as error:
        raise TrainingError(
            f"Reward '{name}' failed on {len(batch)} completions with {type(error).__name__}: {error}"
        ) from error
    values = returned.tolist() if hasattr(returned, "tolist") else returned
    if not isinstance(values, list | tuple):
        raise _refused(name, returned, f"a {type(returned).__name__}", len(batch))
    if len(values) != len(batch):
        raise _refused(name, returned, f"{len(values)} values", len(batch))
    for place, value in enumerate(values):
        if not _is_finite_number(value):
            raise _refused(name, value, f"for completion {place}", len(batch))
    return [float(value) for value in values]


def _is_finite_number(value: Any) -> bool:
    value = value.item() if getattr(value, "shape", None) == () else value  # a scalar of torch or NumPy
    return isinstance(value, Real) and math.isfinite(value)


def _refused(name: str, returned: Any, what: str, count: int) -> TrainingError:
    return TrainingError(
        f"Reward '{name}' returned {reprlib.repr(returned)} ({what}) for {count} completions;"
        f" return a list of {count} finite numbers, one for each"
    )


def completion_text(completion: Any) -> str:
    """The text of a completion in either of TRL's two forms."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message["content"]) for message in completion)
