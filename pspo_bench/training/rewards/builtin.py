"""The built-in rewards: the checker's verdict, a coin, and the published reward of arXiv 2509.21282.

`correctness` is what evaluation scores by. `random` is the control: whatever a run gains with it, the reward did not
teach. `paper` repeats the published code's reward, for comparison with the paper.
"""

from __future__ import annotations

import random as generators
import re

from pspo_bench.answers import paper as published
from pspo_bench.settings import Interval
from pspo_bench.training.rewards.base import RewardBatch, reward

PAPER_BONUS = 0.05
_PAPER_FORMAT = re.compile(r"####\s*\d[^\n]")


@reward("correctness", summary="1 if the checker finds the completion correct, else 0")
def correctness(batch: RewardBatch) -> list[float]:
    """The checker's verdict, 1 or 0: what is paid for in training is what counts in the score."""
    return [float(right) for right in batch.correct]


@reward(
    "random", summary="1 with probability p, whatever the completion says", bounds={"p": Interval(0.0, 1.0)}
)
def random(batch: RewardBatch, *, p: float = 0.5) -> list[float]:
    """A coin for each completion, drawn from (seed, step, position): the same after a resume and on any processes."""
    names = (f"{batch.seed}/{batch.step}/{position}" for position in batch.positions)
    return [float(generators.Random(name).random() < p) for name in names]


@reward("paper", summary="The published reward: its own number extraction, and 0.05 for the format")
def paper(batch: RewardBatch) -> list[float]:
    """The reward of the authors' code (MCDwyer/GR-PSPO, commit 16d89d5, maths_rewards.py, lines 68-96)."""
    return [paper_value(text, gold) for text, gold in zip(batch.completions, batch.golds, strict=True)]


def paper_value(completion: str, gold: str) -> float:
    """1 if the two numbers agree, plus 0.05 for the format, clipped to [0, 1].

    The numbers are those of `answers.paper`. The format is `####` followed by a digit and at least one more
    character on its line, so that `#### 7` does not have it. Without a number 0.2 is taken off, and the clipping
    makes that 0. A right answer is clipped back to 1: the format changes what wrong answers are paid.
    """
    if published.find(completion) is None or published.find(gold) is None:
        return 0.0
    bonus = PAPER_BONUS if _PAPER_FORMAT.search(completion) else 0.0
    return min(1.0, float(published.check(completion, gold).correct) + bonus)
