"""The rows that are being generated together: prefill, one step for all, and what ends a row.

decoder = Decoder(model)
batch = RunningBatch(decoder, stopper, eos, slots=64, prefix=shared_prefix(decoder, prompts))
finished = batch.admit(rows)                 # prefill, and each row's first token
while batch.rows:
    finished = batch.step()                  # one more token for every row
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache

from pspo_bench.engines.attention import decoding_attention
from pspo_bench.engines.kv_cache import Layers, SlotCache, layers_of
from pspo_bench.engines.rows import Row
from pspo_bench.engines.sampling import NOT_A_TOKEN, draw
from pspo_bench.engines.stopping import Stopper
from pspo_bench.records import Completion

MIN_SHARED_PREFIX = 16
"""Tokens below which computing the prompts' common start apart is not worth a forward pass."""


Finished = list[tuple[int, Completion]]


@dataclass(frozen=True)
class Prefix:
    """The tokens that all prompts begin with, and their keys and values, (1, heads, T, head_dim) a layer."""

    length: int = 0
    layers: Layers = field(default_factory=list)

    def cache(self, rows: int) -> DynamicCache:
        cache = DynamicCache()
        for number, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
        return cache


class Decoder:
    """A model's forward pass with a cache, for the logits of the last position alone."""

    def __init__(self, model: Any) -> None:
        self.model = model
        # PEFT's wrappers hand on what they do not name themselves, positions among it
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        names = inspect.signature(inner.forward).parameters
        wrapped = "input_ids" not in names  # a wrapper that takes (*args, **kwargs)
        self.takes_positions = wrapped or "position_ids" in names
        self._takes_logits_to_keep = wrapped or "logits_to_keep" in names

    def __call__(self, ids: Tensor, positions: Tensor, mask: Tensor, cache: Cache) -> Tensor:
        """ids and positions (B, q), mask (B, cached + q) True where there is a token → logits (B, V)."""
        device = self.model.device
        options: dict[str, Any] = {}
        if self.takes_positions:
            options["position_ids"] = positions.to(device)
        if self._takes_logits_to_keep:
            options["logits_to_keep"] = 1
        with decoding_attention(self.model):
            output = self.model(
                input_ids=ids.to(device),
                attention_mask=mask.long().to(device),
                past_key_values=cache,
                use_cache=True,
                **options,
            )
        last: Tensor = output.logits[:, -1]
        return last


@torch.inference_mode()
def shared_prefix(decoder: Decoder, prompts: list[list[int]]) -> Prefix:
    """Compute what `prompts` have in common at their start; empty when that is too little to be worth it."""
    distinct = {tuple(prompt) for prompt in prompts}
    if len(distinct) < 2:
        return Prefix()
    shortest = min(map(len, distinct))
    first, last = min(distinct), max(distinct)  # their common start is that of all
    length = next((i for i in range(shortest) if first[i] != last[i]), shortest)
    length = min(length, shortest - 1)  # a prompt keeps a token of its own, for its logits
    if length < MIN_SHARED_PREFIX:
        return Prefix()
    cache = DynamicCache()
    ids = torch.tensor([prompts[0][:length]])
    decoder(ids, torch.arange(length)[None], torch.ones_like(ids), cache)
    return Prefix(length, layers_of(cache))


class RunningBatch:
    """Up to `slots` rows and their cache. `rows[i]` is the cache's row i."""

    def __init__(
        self, decoder: Decoder, stopper: Stopper, eos: frozenset[int], slots: int, prefix: Prefix
    ) -> None:
        self.rows: list[Row] = []
        self._decoder = decoder
        self._stopper = stopper
        self._eos = eos
        self._prefix = prefix
        self._cache = SlotCache(slots)

    @torch.inference_mode()
    def admit(self, rows: list[Row]) -> Finished:
        """Read the rows' prompts, add them to the batch and generate one token each. Returns those that
        ended.
        """
        logits, layers, source, columns = self._prefill(rows)
        self._cache.insert(layers, source, columns)
        first = len(self.rows)
        self.rows += rows
        return self._extend(logits, range(first, len(self.rows)))

    @torch.inference_mode()
    def step(self) -> Finished:
        """Generate one token for every row. Returns the rows that ended with it; they leave the batch."""
        self._cache.trim(max(row.length for row in self.rows) - 1)
        self._cache.reserve(1)
        width = self._cache.width + 1
        lengths = torch.tensor([row.length for row in self.rows])
        mask = torch.arange(width) >= width - lengths[:, None]  # (B, width), rows are right-aligned
        ids = torch.tensor([[row.tokens[-1]] for row in self.rows])
        logits = self._decoder(ids, lengths[:, None] - 1, mask, self._cache)
        self._cache.advance(1)
        return self._extend(logits, range(len(self.rows)))

    def _prefill(self, rows: list[Row]) -> tuple[Tensor, Layers, Tensor, Tensor]:
        """Logits (N, V) for the rows' next tokens, the layers (U, heads, P + S, head_dim) of the U distinct
        prompts among them, and for each row its source (N,) and columns (N, W) therein, see
        `SlotCache.insert`.
        """
        distinct = list({tuple(row.ids): None for row in rows})
        place = {ids: number for number, ids in enumerate(distinct)}
        source = torch.tensor([place[tuple(row.ids)] for row in rows])
        prefix = self._prefix.length
        lengths = torch.tensor([len(ids) for ids in distinct])  # (U,)
        width = int(lengths.max()) - prefix
        ids = torch.zeros(len(distinct), width, dtype=torch.long)
        for number, tokens in enumerate(distinct):
            ids[number, width - len(tokens) + prefix :] = torch.tensor(tokens[prefix:])
        padding = width + prefix - lengths  # (U,) columns between the prefix and a row's own tokens
        positions = (torch.arange(width) + prefix - padding[:, None]).clamp(min=0)
        mask = torch.cat([torch.ones(len(distinct), prefix), torch.arange(width) >= padding[:, None]], dim=1)
        cache = self._prefix.cache(len(distinct))
        logits = self._decoder(ids, positions, mask, cache)
        columns = _right_aligned(lengths, padding, prefix)
        return logits[source.to(logits.device)], layers_of(cache), source, columns[source]

    def _extend(self, logits: Tensor, slots: range) -> Finished:
        """Draw the next token of the rows in `slots` from logits (N, V); take out those that end with it."""
        rows = [self.rows[slot] for slot in slots]
        tokens = draw(
            logits,
            [row.sampling for row in rows],
            uniform=torch.tensor([row.uniform for row in rows], dtype=torch.float64),
        ).tolist()
        ended = {}
        for slot, token in zip(slots, tokens, strict=True):
            completion = self._append(self.rows[slot], token)
            if completion is not None:
                ended[slot] = (self.rows[slot].index, completion)
        self._remove(list(ended))
        return list(ended.values())

    def _append(self, row: Row, token: int) -> Completion | None:
        """Add a token to a row; its completion if that ends it."""
        if token == NOT_A_TOKEN:
            return row.completion(self._stopper.text(row.tokens), "error")
        if token in self._eos:
            row.end = token
            return row.completion(self._stopper.text(row.tokens), "stop")
        row.tokens.append(token)
        text = self._stopper.cut(row.tokens, row.sampling)
        if text is not None:
            return row.completion(text, "stop-string")
        if len(row.tokens) >= row.limit:
            return row.completion(self._stopper.text(row.tokens), "length")
        return None

    def _remove(self, slots: list[int]) -> None:
        self._cache.remove(slots)
        for slot in sorted(slots, reverse=True):
            last = self.rows.pop()
            if slot != len(self.rows):
                self.rows[slot] = last


def _right_aligned(lengths: Tensor, padding: Tensor, prefix: int) -> Tensor:
    """The columns (U, W) of a prefill [prefix | padding | own tokens] that hold each prompt in order.

    W is the longest prompt's length; to the left of a shorter prompt stands any column that is not padding.
    """
    width = int(lengths.max())
    token = torch.arange(width) - (width - lengths)[:, None]  # (U, W), negative to the left of the prompt
    column = torch.where(token < prefix, token, token + padding[:, None])
    return torch.where(token < 0, width - 1, column)
