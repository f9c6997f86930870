"""Slots, window and buffers, with keys that say which row and token they belong to."""

from __future__ import annotations

import torch
from torch import Tensor

from pspo_bench.engines.kv_cache import SlotCache


def prefilled(*rows: list[int]) -> list[tuple[Tensor, Tensor]]:
    """Two layers of one head, head_dim 1: keys as given, 100 more in layer 1, values their negatives."""
    keys = torch.tensor(rows, dtype=torch.float32)[:, None, :, None]
    return [(keys, -keys), (keys + 100, -keys - 100)]


def written(cache: SlotCache, column: list[int]) -> list[list[list[int]]]:
    """Write one token per row, and return what each layer's attention would read."""
    cache.reserve(1)
    seen = []
    for layer in range(2):
        new = torch.tensor(column, dtype=torch.float32)[:, None, None, None] + 100 * layer
        keys, values = cache.update(new, -new, layer)
        assert torch.equal(values, -keys)
        seen.append(keys[:, 0, :, 0].int().tolist())
    cache.advance(1)
    return seen


def test_rows_join_right_aligned_and_leave() -> None:
    cache = SlotCache(slots=3)
    cache.insert(prefilled([1, 2, 3], [9, 4, 5]), torch.tensor([0, 1]), torch.tensor([[0, 1, 2], [2, 1, 2]]))
    first, second = written(cache, [11, 12])
    assert first == [[1, 2, 3, 11], [5, 4, 5, 12]]
    assert second == [[101, 102, 103, 111], [105, 104, 105, 112]]
    # A third row of two tokens joins a window of four; what stands to its left is masked, but must be a number.
    cache.insert(prefilled([7, 8]), torch.tensor([0]), torch.tensor([[0, 1]]))
    rows = written(cache, [21, 22, 23])[0]
    assert rows[0] == [1, 2, 3, 11, 21]
    assert rows[2][-3:] == [7, 8, 23]
    # Row 0 leaves: the last row takes its place.
    cache.remove([0])
    assert [row[-3:] for row in written(cache, [33, 32])[0]] == [[8, 23, 33], [12, 22, 32]]


def test_one_prefill_serves_several_rows() -> None:
    cache = SlotCache(slots=4)
    cache.insert(prefilled([1, 2]), torch.tensor([0, 0, 0]), torch.tensor([[0, 1]] * 3))
    assert written(cache, [5, 6, 7])[0] == [[1, 2, 5], [1, 2, 6], [1, 2, 7]]


def test_trim_forgets_the_left_and_growth_keeps_the_rest() -> None:
    cache = SlotCache(slots=2)
    cache.insert(prefilled([1, 2, 3], [4, 5, 6]), torch.tensor([0, 1]), torch.tensor([[0, 1, 2]] * 2))
    expected = [[1, 2, 3], [4, 5, 6]]
    for step in range(10, 400):  # far beyond the first capacity
        expected = [[*row, step] for row in expected]
        assert written(cache, [step, step])[0] == expected
        if step % 50 == 0:
            cache.trim(20)
            expected = [row[-20:] for row in expected]
    assert cache.width == len(expected[0])


def test_a_row_longer_than_the_window_makes_room_on_the_left() -> None:
    cache = SlotCache(slots=2)
    cache.insert(prefilled([1, 2]), torch.tensor([0]), torch.tensor([[0, 1]]))
    cache.insert(prefilled([3, 4, 5, 6]), torch.tensor([0]), torch.tensor([[0, 1, 2, 3]]))
    rows = written(cache, [7, 8])[0]
    assert rows[0][-3:] == [1, 2, 7]
    assert rows[1] == [3, 4, 5, 6, 8]


def test_an_emptied_cache_starts_again() -> None:
    cache = SlotCache(slots=2)
    cache.insert(prefilled([1, 2], [3, 4]), torch.tensor([0, 1]), torch.tensor([[0, 1]] * 2))
    cache.remove([0, 1])
    assert cache.rows == 0
    cache.insert(prefilled([5]), torch.tensor([0]), torch.tensor([[0]]))
    assert written(cache, [6])[0] == [[5, 6]]
