"""Two ways to write an objective: decorated, with ranges and a gradient weight, and as a plain function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pspo_bench.objectives import Interval, PolicyBatch, objective

if TYPE_CHECKING:
    from torch import Tensor


def _tempered_weight(batch: PolicyBatch, *, k: float) -> Tensor:
    return batch.ratio**k


@objective(
    "tempered",
    source="https://example.org/tempered",
    summary="-r^k / k A: the policy is mixed with the old one geometrically",
    weight=_tempered_weight,
    bounds={"k": Interval(1e-3, 1.0)},
)
def tempered(batch: PolicyBatch, *, k: float = 0.9) -> Tensor:
    """-r^k / k A, (B, T)."""
    return -(batch.ratio**k) / k * batch.advantages


def plain_power(batch: PolicyBatch, *, power: float) -> Tensor:
    """-r^power A, (B, T)."""
    return -(batch.ratio**power) * batch.advantages
