"""A key-value cache of slots: rows join and leave a running batch, and a step writes one column in place.

transformers' DynamicCache concatenates, and so copies the whole cache, at every token. Here each layer owns a
buffer (slots, heads, capacity, head_dim); the live part is the window [:rows, :, start:end]. Every row's
tokens are right-aligned at `end`: a new row is copied in so that it ends there, a finished one is overwritten
by the last row, and columns on the left that no row needs any more are cut by moving `start`.

    cache = SlotCache(slots=64)
    cache.insert(prefilled, source, columns)     # rows from a prefill
    cache.reserve(1); model(..., past_key_values=cache); cache.advance(1)
    cache.remove([3, 17])                        # finished rows; the last rows take their places
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

Layers = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, (B, heads, T, head_dim) each."""


def layers_of(cache: Cache) -> Layers:
    """What a cache of plain attention layers holds."""
    found: list[Any] = cache.layers
    return [(layer.keys, layer.values) for layer in found]


class _Window:
    """The live part of the buffers, one for all layers."""

    def __init__(self) -> None:
        self.rows = 0
        self.start = 0
        self.end = 0

    @property
    def width(self) -> int:
        return self.end - self.start


class SlotLayer(CacheLayerMixin):
    """One layer's buffers. Nothing here moves the window, so a forward pass that fails half-way leaves it
    whole.
    """

    is_sliding = False  # all columns are kept; transformers' mask hides those outside a sliding window
    keys: Tensor
    values: Tensor

    def __init__(self, window: _Window, keys: Tensor, values: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._window = window
        self.lazy_initialization(keys, values)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values, self.is_initialized = key_states[:0], value_states[:0], True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write (rows, heads, q, head_dim) after the window; returns the window with them."""
        at = self._window
        end = at.end + key_states.shape[-2]
        self.keys[: at.rows, :, at.end : end] = key_states
        self.values[: at.rows, :, at.end : end] = value_states
        return self.keys[: at.rows, :, at.start : end], self.values[: at.rows, :, at.start : end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        return self._window.width

    def get_max_length(self) -> int:
        return -1

    def relocate(self, slots: int, capacity: int, start: int) -> None:
        """Move the window into new buffers, to begin at column `start`."""
        at = self._window
        for name in ("keys", "values"):
            old = getattr(self, name)
            # Zero, not empty: columns may be read under a mask, and a masked NaN is still a NaN.
            new = old.new_zeros(slots, old.shape[1], capacity, old.shape[3])
            new[: at.rows, :, start : start + at.width] = old[: at.rows, :, at.start : at.end]
            setattr(self, name, new)

    def move(self, source: int, target: int) -> None:
        live = slice(self._window.start, self._window.end)
        self.keys[target, :, live] = self.keys[source, :, live]
        self.values[target, :, live] = self.values[source, :, live]


class SlotCache(Cache):
    """At most `slots` rows. Rows are numbered 0 to `rows` - 1 without gaps."""

    def __init__(self, slots: int) -> None:
        self._slot_layers: list[SlotLayer] = []
        super().__init__(layers=self._slot_layers)  # type: ignore[arg-type]
        self._slots = slots
        self._window = _Window()

    @property
    def rows(self) -> int:
        return self._window.rows

    @property
    def width(self) -> int:
        """Columns of the window: at least the tokens of the longest row."""
        return self._window.width

    def insert(self, prefilled: Layers, source: Tensor, columns: Tensor) -> None:
        """Append rows: new row i is prefilled row `source[i]`, its columns `columns[i]` in that order.

        source (N,), columns (N, W): W the tokens of the longest new row; a shorter row's are at its end.
        """
        if not self._slot_layers:
            self._slot_layers += [SlotLayer(self._window, keys, values) for keys, values in prefilled]
        new_rows, width = columns.shape
        self._make_room(width)
        at = self._window
        for layer, tensors in zip(self._slot_layers, prefilled, strict=True):
            for buffer, tensor in zip((layer.keys, layer.values), tensors, strict=True):
                index = (source.to(tensor.device)[:, None], columns.to(tensor.device))
                picked = tensor.transpose(1, 2)[index].transpose(1, 2)  # (N, heads, W, head_dim)
                buffer[at.rows : at.rows + new_rows, :, at.end - width : at.end] = picked
        at.rows += new_rows

    def reserve(self, columns: int) -> None:
        """Make room for `columns` more tokens per row, growing the buffers by half when they are full."""
        needed = self._window.end + columns
        if needed > self._slot_layers[0].keys.shape[2]:
            width = self._window.width
            self._relocate(max(width + columns, width + width // 2, width + 64), 0)

    def advance(self, columns: int) -> None:
        """Take the columns that a forward pass wrote into the window."""
        self._window.end += columns

    def remove(self, slots: list[int]) -> None:
        """Drop rows. From the highest down, the last row takes each freed place: mirror that in your own
        lists.
        """
        for slot in sorted(slots, reverse=True):
            self._window.rows -= 1
            if slot != self._window.rows:
                for layer in self._slot_layers:
                    layer.move(self._window.rows, slot)

    def trim(self, longest: int) -> None:
        """Forget columns to the left of the longest row's `longest` tokens."""
        self._window.start = self._window.end - longest

    def _make_room(self, width: int) -> None:
        """See that a row of `width` tokens fits in the window."""
        at = self._window
        if at.rows == 0:
            at.start = at.end = 0
        if width > at.width and (width > at.end or at.rows == 0):
            self._relocate(width + max(width // 2, 64), width - at.width)
            at.end = width
        at.start = min(at.start, at.end - width)

    def _relocate(self, capacity: int, start: int) -> None:
        for layer in self._slot_layers:
            layer.relocate(self._slots, capacity, start)
        at = self._window
        at.start, at.end = start, start + at.width
