"""Accuracy, length and truncation.

A completion is truncated when it ended because `max_tokens` was reached; all that is known of its true
length is that it is at least that. So means are over completions that ended by themselves, and a median over
all of them is a lower bound wherever half or more were cut. Samples whose tokens nobody counted (imported
ones) have no length and are left out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pspo_bench.metrics.registry import metric
from pspo_bench.records import Status
from pspo_bench.stats import question_means

if TYPE_CHECKING:
    import pandas as pd

HERE = "pspo_bench.metrics.basic"


def is_correct(samples: pd.DataFrame) -> pd.Series[bool]:
    """Whether each sample is correct; every other status counts against it."""
    return samples["status"] == Status.CORRECT.value


def is_truncated(samples: pd.DataFrame) -> pd.Series[bool]:
    """Whether each completion was cut at `max_tokens`."""
    return samples["finish_reason"] == "length"


def split_by_question(samples: pd.DataFrame, values: Any, keep: Any = None) -> list[list[Any]]:
    """`values` of the rows (those where `keep` is true) as one list per question, in order of appearance."""
    import numpy as np
    import pandas as pd

    codes, ids = pd.factorize(samples["example_id"])
    values = np.asarray(values)
    if keep is not None:
        codes, values = codes[np.asarray(keep)], values[np.asarray(keep)]
    ends = np.cumsum(np.bincount(codes, minlength=len(ids)))
    return [part.tolist() for part in np.split(values[np.argsort(codes, kind="stable")], ends[:-1])]


@metric(
    "accuracy",
    definition="Mean over questions of the share of a question's samples that are correct.",
    range=(0, 1),
    direction="higher",
    source="https://arxiv.org/abs/2411.00640",
)
def accuracy(samples: pd.DataFrame) -> float | None:
    if samples.empty:
        return None
    means = question_means(is_correct(samples).to_numpy(), samples["example_id"].to_numpy())
    return float(means.mean())


@metric(
    "accuracy_completed_only",
    definition="Accuracy among the samples that were not truncated; easier questions weigh more in it.",
    range=(0, 1),
    direction="higher",
    source=HERE,
)
def accuracy_completed_only(samples: pd.DataFrame) -> float | None:
    return accuracy(samples[~is_truncated(samples)])


@metric(
    "mean_tokens",
    definition="Mean completion tokens of the samples that were not truncated.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def mean_tokens(samples: pd.DataFrame) -> float | None:
    lengths = samples.loc[~is_truncated(samples), "completion_tokens"].dropna()
    return None if lengths.empty else float(lengths.mean())


@metric(
    "median_tokens",
    definition="Median completion tokens of all samples; a lower bound if half or more were truncated.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def median_tokens(samples: pd.DataFrame) -> float | None:
    lengths = samples["completion_tokens"].dropna()
    return None if lengths.empty else float(lengths.median())


@metric(
    "median_tokens_completed",
    definition="Median completion tokens of the samples that were not truncated.",
    range=(0, None),
    direction="neither",
    source=HERE,
)
def median_tokens_completed(samples: pd.DataFrame) -> float | None:
    return median_tokens(samples[~is_truncated(samples)])


@metric(
    "truncation_rate",
    definition="Share of samples that were cut at max_tokens.",
    range=(0, 1),
    direction="lower",
    source=HERE,
)
def truncation_rate(samples: pd.DataFrame) -> float | None:
    return None if samples.empty else float(is_truncated(samples).mean())


def accuracy_at_budget(samples: pd.DataFrame, budgets: Sequence[int]) -> dict[int, float]:
    """Accuracy if only completions counted that a limit of so many tokens would not have cut.

    A longer completion counts as not correct, though it may have stated its answer earlier; so up to the run's own
    max_tokens this is a lower bound of what a run with that limit would score. A completion that the model ended by
    itself needs one token more than it has, for the end-of-sequence token, which is not counted. Budgets beyond
    max_tokens are left out, and so are all where a sample's tokens were not counted.
    """
    if samples.empty or samples["completion_tokens"].isna().any():
        return {}
    right = is_correct(samples) & ~is_truncated(samples)
    tokens, limit = samples["completion_tokens"], samples["max_tokens"]
    needed = tokens + (samples["finish_reason"] == "stop")
    needed = needed.where(needed < limit, limit)
    questions = samples["example_id"].to_numpy()
    known = [budget for budget in budgets if budget <= limit.min()]
    return {
        budget: float(question_means((right & (needed <= budget)).to_numpy(), questions).mean())
        for budget in known
    }
