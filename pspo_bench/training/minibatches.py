"""Which completions of a generation batch make which optimiser step, for any number of processes.

A generation batch of N completions is cut into M minibatches. Of every M completions that follow one another in the
whole batch, each goes to another minibatch, by a permutation drawn from the recipe's seed and the optimiser step. A
process holds N / P consecutive completions, a multiple of M, and so has an equal share of every minibatch; and what a
minibatch consists of does not depend on P, nor on torch's random state. Within a minibatch the order stays as it is, so
that completions of one prompt stand together.

    minibatch_order(4, 2, place=0, key=(0, 0))      # tensor([0, 3, 1, 2]): completions 0 and 3 first
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pspo_bench.records import short_hash


def minibatch_order(rows: int, minibatches: int, *, place: int, key: tuple[int, ...]) -> Tensor:
    """The order (rows,) of one process's completions, minibatch by minibatch.

    `place` is the process's index among those that hold `rows` each, a multiple of `minibatches`; `key` is what the
    draw is made of.
    """
    generator = torch.Generator().manual_seed(int(short_hash("minibatches", *key), 16) >> 1)
    blocks = rows // minibatches
    drawn = torch.rand((place + 1) * blocks, minibatches, generator=generator)
    minibatch = drawn[-blocks:].argsort(dim=1).flatten()  # (rows,): which one a completion goes to
    return minibatch.argsort(stable=True)


def split_rows(batch: dict[str, Any], order: Tensor, parts: int) -> list[dict[str, Any]]:
    """`batch` in the given order, cut into equal parts; what holds no row each, a count, goes to all of them."""
    chunks = order.chunk(parts)
    return [{name: _taken(value, rows) for name, value in batch.items()} for rows in chunks]


def _taken(value: Any, rows: Tensor) -> Any:
    if isinstance(value, Tensor):
        return value[rows.to(value.device)] if value.dim() else value
    return [value[row] for row in rows.tolist()]
