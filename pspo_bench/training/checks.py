"""What makes a training run void for a comparison, read from its log: named warnings with their figures.

check_log(log.rows.values(), recipe)
# [RunWarning(name="no-reward-spread", message="In 97 % of the groups, on average, all completions ...")]

A run that is warned of is not hidden or unranked: the warnings go to stderr, the manifest and the leaderboard, where
the reader decides. Every threshold is a constant here with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pspo_bench.config import Recipe
from pspo_bench.objectives import aggregation_warning
from pspo_bench.training.plan import SFT

Row = Mapping[str, float]

CLIP_FRACTION_ZERO = 1e-3
"""One token in a thousand, averaged over the run. PPO at its usual settings clips one in ten to one in fifty."""
ZERO_SPREAD_HIGH = 0.9
"""Nine groups in ten: the gradient then comes from a tenth of the completions that were paid for."""
TRUNCATION_HIGH = 0.9
"""Nine completions in ten: what is rewarded is then which tenth fits the limit."""
ENTROPY_LEFT = 0.1
"""A tenth of the entropy at the start: the completions of a group are then near copies of one another."""
ENTROPY_FLOOR = 0.01
"""Nats per token. Below it the model was near-deterministic before the training, which collapsed nothing."""
ENTROPY_WINDOW = 0.1
"""Start and end are the mean over this share of the steps, so that one odd batch decides nothing."""
KL_BLOW_UP = 0.5
"""Nats per token within one generation batch. PPO codes end a batch at 0.01 to 0.05: ten times that is no step
within a trust region, and the importance weights rest on a few tokens."""


@dataclass(frozen=True, slots=True)
class RunWarning:
    """One reason for which a run may not say what a comparison takes from it."""

    name: str
    message: str


def check_log(rows: Iterable[Row], recipe: Recipe) -> list[RunWarning]:
    """Every warning that the log of a run, or of its first steps, gives reason to; [] for a run without any.

    `rows` are those of the training log, by column name; a nan counts as a gap. Figures that a row does not have
    are not checked: a supervised run has no ratios, rewards or rollouts.
    """
    ordered = list(rows)
    found = alarms(ordered, recipe)
    if recipe.objective.name != SFT:
        checks = (
            _aggregation(recipe),
            _clipping(ordered, recipe),
            _spread(ordered),
            _truncation(ordered),
            _entropy(ordered),
        )
        found += [warning for warning in checks if warning]
    return found


def alarms(rows: Sequence[Row], recipe: Recipe) -> list[RunWarning]:
    """The warnings that need no more than one step, after which going on is of no use."""
    found = (_not_finite(rows), _kl_blow_up(rows))
    return [warning for warning in found if warning]


def _not_finite(rows: Sequence[Row]) -> RunWarning | None:
    steps = [_step(row) for row in rows if row.get("not_finite") == 1]
    if not steps:
        return None
    return RunWarning(
        "not-finite",
        f"The loss or the gradient norm was nan or infinite at {_first(steps)}: the weights from there on are of no"
        " use; lower optimizer.learning_rate, or train in float32",
    )


def _kl_blow_up(rows: Sequence[Row]) -> RunWarning | None:
    high = [row for row in rows if row.get("kl_old_new", 0.0) > KL_BLOW_UP]
    if not high:
        return None
    largest = max(row["kl_old_new"] for row in high)
    return RunWarning(
        "kl-blow-up",
        f"KL(old || new) was above {KL_BLOW_UP:g} nats per token at {_first([_step(row) for row in high])}"
        f" (largest {largest:.3g}): the policy left the one that had sampled the batch",
    )


def _aggregation(recipe: Recipe) -> RunWarning | None:
    message = aggregation_warning(recipe.objective.name, recipe.loss.aggregation)
    return RunWarning("other-objective", message) if message else None


def _clipping(rows: Sequence[Row], recipe: Recipe) -> RunWarning | None:
    """The larger of what a clip at 0.2 would have stopped and what the arm's own objective did stop."""
    columns = ("clip_fraction", "no_gradient_fraction")
    means = [sum(values) / len(values) for values in (_values(rows, column) for column in columns) if values]
    if not means or max(means) >= CLIP_FRACTION_ZERO:
        return None
    if recipe.rollout.steps_per_batch == 1:
        why = (
            "by construction: each generation batch served one optimiser step, so the importance ratio was 1, where"
            " all trust regions have the same gradient up to a factor (rollout.iterations × minibatches above 1"
            " would test them)"
        )
    else:
        why = (
            f"although each generation batch served {recipe.rollout.steps_per_batch} optimiser steps: the policy"
            " hardly moved within one (a higher learning rate or more steps on a batch would test clipping)"
        )
    return RunWarning(
        "clipping-not-tested", f"Clipping touched {100 * max(means):.2g} % of the tokens, {why}"
    )


def _spread(rows: Sequence[Row]) -> RunWarning | None:
    shares = _values(rows, "zero_spread_fraction")
    if not shares or _mean(shares) < ZERO_SPREAD_HIGH:
        return None
    rewards = _values(rows, "reward")
    paid = f" (mean reward {_mean(rewards):.3g})" if rewards else ""
    return RunWarning(
        "no-reward-spread",
        f"In {100 * _mean(shares):.3g} % of the groups, on average, all completions were paid the same{paid}: their"
        " advantages are 0 and nothing can be learnt from them",
    )


def _truncation(rows: Sequence[Row]) -> RunWarning | None:
    rates = _values(rows, "truncation_rate")
    if not rates or _mean(rates) < TRUNCATION_HIGH:
        return None
    return RunWarning(
        "all-truncated",
        f"{100 * _mean(rates):.3g} % of the completions were cut at the token limit; raise rollout.max_tokens",
    )


def _entropy(rows: Sequence[Row]) -> RunWarning | None:
    values = _values(rows, "entropy")
    if len(values) < 2:
        return None
    window = max(1, round(ENTROPY_WINDOW * len(values)))
    start, end = _mean(values[:window]), _mean(values[-window:])
    if start < ENTROPY_FLOOR or end >= ENTROPY_LEFT * start:
        return None
    return RunWarning(
        "entropy-collapse",
        f"The policy's entropy fell from {start:.3g} to {end:.3g} nats per token: there is little left to explore",
    )


def _values(rows: Sequence[Row], column: str) -> list[float]:
    return [row[column] for row in rows if column in row and math.isfinite(row[column])]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _step(row: Row) -> int:
    return int(row["step"])


def _first(steps: Sequence[int]) -> str:
    """`step 12`, or `step 12 and 3 more`."""
    return f"step {steps[0]}" + (f" and {len(steps) - 1} more" if len(steps) > 1 else "")
