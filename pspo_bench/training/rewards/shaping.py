"""Shaping terms: small, bounded amounts added to the reward, each under its name and off by default.

terms(ShapingSection(format_bonus=0.05))["format_bonus"](batch)      # [0.05, 0.0, ...]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pspo_bench.config.sections import LengthPenaltySection, ShapingSection
from pspo_bench.training.rewards.base import RewardBatch

Term = Callable[[RewardBatch], list[float]]


def terms(shaping: ShapingSection) -> dict[str, Term]:
    """The terms that the recipe switches on, by name."""
    found: dict[str, Term] = {}
    if shaping.format_bonus:
        found["format_bonus"] = partial(format_bonus, bonus=shaping.format_bonus)
    if shaping.length_penalty:
        found["length_penalty"] = partial(length_penalty, limits=shaping.length_penalty)
    return found


def format_bonus(batch: RewardBatch, *, bonus: float) -> list[float]:
    """`bonus` for a completion that ends by itself with its only answer line."""
    return [
        bonus * (not cut and ends_in_one_answer_line(text))
        for text, cut in zip(batch.completions, batch.truncated, strict=True)
    ]


def ends_in_one_answer_line(text: str) -> bool:
    """Whether exactly one line begins with `####`, it is the last that is not empty, and an answer follows on it."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    marked = [line for line in lines if line.startswith("####")]
    return len(marked) == 1 and lines[-1] == marked[0] and bool(marked[0].strip("# \t"))


def length_penalty(batch: RewardBatch, *, limits: LengthPenaltySection) -> list[float]:
    """-min(at_most, per_token * tokens after the first beyond_tokens)."""
    beyond = (max(0, length - limits.beyond_tokens) for length in batch.length_tokens)
    return [-min(limits.at_most, limits.per_token * tokens) for tokens in beyond]
