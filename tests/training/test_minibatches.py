"""Minibatches: every completion once, equal shares, and the same ones for any number of processes."""

from __future__ import annotations

from itertools import chain

import pytest
import torch

from pspo_bench.training.minibatches import minibatch_order, split_rows


def members(
    processes: int, total: int = 24, minibatches: int = 3, key: tuple[int, ...] = (0, 4)
) -> list[list[int]]:
    """The places in the whole batch that make each minibatch, process by process in the order of computation."""
    rows = total // processes
    found: list[list[int]] = [[] for _ in range(minibatches)]
    for place in range(processes):
        order = minibatch_order(rows, minibatches, place=place, key=key) + place * rows
        for minibatch, part in zip(found, order.chunk(minibatches), strict=True):
            minibatch += part.tolist()
    return found


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_the_minibatches_are_those_of_one_process(processes: int) -> None:
    """24 completions in 3 minibatches of 8: 8 processes hold 3 each, one for every minibatch."""
    assert members(processes) == members(1)
    assert [len(minibatch) for minibatch in members(processes)] == [8, 8, 8]
    assert sorted(chain(*members(processes))) == list(range(24))


def test_of_consecutive_completions_each_goes_to_another_minibatch() -> None:
    for minibatch in members(1):
        assert [place // 3 for place in minibatch] == list(range(8))  # one of each three, in their order


def test_the_draw_is_another_at_every_step_and_seed() -> None:
    drawn = {str(members(1, key=key)) for key in ((0, 0), (0, 4), (1, 0), (1, 4))}
    assert len(drawn) == 4


def test_one_minibatch_keeps_the_order() -> None:
    assert minibatch_order(5, 1, place=1, key=(0, 0)).tolist() == [0, 1, 2, 3, 4]


def test_rows_of_every_value_stay_together() -> None:
    batch = {"ids": torch.arange(4) * 10, "text": ["a", "b", "c", "d"], "count": torch.tensor(9.0)}
    first, second = split_rows(batch, torch.tensor([2, 0, 3, 1]), 2)
    assert (first["ids"].tolist(), first["text"], first["count"]) == ([20, 0], ["c", "a"], 9)
    assert (second["ids"].tolist(), second["text"], second["count"]) == ([30, 10], ["d", "b"], 9)
