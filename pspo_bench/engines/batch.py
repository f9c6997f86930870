"""The rows that are being generated together: prefill, one step for all, and what ends a row.

    batch = RunningBatch(model, stopper, eos, slots=64, prefix=shared_prefix(model, prompts))
    finished = batch.admit(rows)                 # prefill, and each row's first token
    while batch.rows:
        finished = batch.step()                  # one more token for every row
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from pspo_bench.engines.kv_cache import Layers, SlotCache
from pspo_bench.engines.sampling import NOT_A_TOKEN, draw, uniforms
from pspo_bench.engines.stopping import Stopper
from pspo_bench.records import Completion, Sampling

MIN_SHARED_PREFIX = 16
"""Tokens below which computing the prompts' common start apart is not worth a forward pass."""


@dataclass(eq=False)
class Row:
    """One request on its way. `limit` is the number of new tokens it may have; `uniform` one number for each."""

    index: int
    prompt: list[int]
    sampling: Sampling
    seed: int
    limit: int
    tokens: list[int] = field(default_factory=list)
    _uniform: Tensor | None = None

    @property
    def ids(self) -> list[int]:
        """Prompt and what was generated so far: what a prefill must read (all of it after an out-of-memory)."""
        return self.prompt + self.tokens

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tokens)

    @property
    def uniform(self) -> float:
        """The number in [0, 1) that draws the next token."""
        if self.sampling.temperature <= 0:
            return 0.0
        if self._uniform is None:
            self._uniform = uniforms(self.seed, self.limit)
        return float(self._uniform[len(self.tokens)])

    def completion(self, text: str, finish_reason: str) -> Completion:
        return Completion(text, finish_reason, len(self.prompt), len(self.tokens))


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


@torch.inference_mode()
def shared_prefix(model: Any, prompts: list[list[int]]) -> Prefix:
    """Compute what `prompts` have in common at their start; empty when that is too little to be worth it."""
    distinct = {tuple(prompt) for prompt in prompts}
    if len(distinct) < 2:
        return Prefix()
    length = min(len(os.path.commonprefix(list(distinct))), min(map(len, distinct)) - 1)
    if length < MIN_SHARED_PREFIX:
        return Prefix()
    ids = torch.tensor([prompts[0][:length]], device=model.device)
    cache = model(input_ids=ids, use_cache=True, past_key_values=DynamicCache(), logits_to_keep=1).past_key_values
    return Prefix(length, [(layer.keys, layer.values) for layer in cache.layers])


class RunningBatch:
    """Up to `slots` rows and their cache. `rows[i]` is the cache's row i."""

    def __init__(self, model: Any, stopper: Stopper, eos: frozenset[int], slots: int, prefix: Prefix) -> None:
        self.rows: list[Row] = []
        self._model = model
        self._stopper = stopper
        self._eos = eos
        self._prefix = prefix
        self._cache = SlotCache(slots)

    @torch.inference_mode()
    def admit(self, rows: list[Row]) -> Finished:
        """Read the rows' prompts, add them to the batch and generate one token each. Returns those that ended."""
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
        device = self._model.device
        output = self._model(
            input_ids=torch.tensor([[row.tokens[-1]] for row in self.rows], device=device),
            position_ids=(lengths[:, None] - 1).to(device),
            attention_mask=mask.long().to(device),
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache.advance(1)
        return self._extend(output.logits[:, -1], range(len(self.rows)))

    def _prefill(self, rows: list[Row]) -> tuple[Tensor, Layers, Tensor, Tensor]:
        """Logits (N, V) for the rows' next tokens, the layers (U, heads, P + S, head_dim) of the U distinct
        prompts among them, and for each row its source (N,) and columns (N, W) therein, see `SlotCache.insert`."""
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
        device = self._model.device
        output = self._model(
            input_ids=ids.to(device),
            position_ids=positions.to(device),
            attention_mask=mask.long().to(device),
            past_key_values=self._prefix.cache(len(distinct)),
            use_cache=True,
            logits_to_keep=1,
        )
        layers = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        columns = _right_aligned(lengths, padding, prefix)
        return output.logits[:, -1][source.to(device)], layers, source, columns[source]

    def _extend(self, logits: Tensor, slots: range) -> Finished:
        """Draw the next token of the rows in `slots` from logits (N, V); take out those that end with it."""
        rows = [self.rows[slot] for slot in slots]
        tokens = draw(
            logits,
            temperature=torch.tensor([row.sampling.temperature for row in rows]),
            top_p=torch.tensor([row.sampling.top_p for row in rows]),
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
            return row.completion(self._stopper.text(row.tokens), "stop")
        row.tokens.append(token)
        text = self._stopper.cut(row.tokens, row.sampling.stop)
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
    """The columns (U, W) of a prefill [prefix | padding | own tokens] that hold each prompt's tokens, in order and
    at the right; W is the longest prompt's length. To the left of a shorter one stands any column that is not padding."""
    width = int(lengths.max())
    token = torch.arange(width) - (width - lengths)[:, None]  # (U, W), negative to the left of the prompt
    column = torch.where(token < prefix, token, token + padding[:, None])
    return torch.where(token < 0, width - 1, column)
