"""Attention of one new token per row on a CPU in 16 bits: two batched products in the place of torch's kernel.

torch's CPU kernel for scaled dot product attention blocks over queries, of which a decoding step has one for each head:
for 64 rows of 300 tokens it takes 3.9 ms a layer in bfloat16 (and 20 ms where transformers leaves out a mask that hides
nothing and asks for grouped heads), two batched products take 1.6 ms with the copies they need. Their scores are
rounded to 16 bits before the softmax, which itself is in float32: the arithmetic of transformers' `eager` attention.
Everything else (prefill, float32, GPUs) goes to transformers' own function.

    with decoding_attention(model): model(input_ids, past_key_values=cache, ...)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "pspo_bench_decoding"
_SIXTEEN_BITS = (torch.bfloat16, torch.float16)
_PLAIN = {"position_ids", "cache_position", "use_cache", "sliding_window", "output_attentions", "is_causal"}
"""Keyword arguments that change nothing here: a sliding window is in the mask already."""


def layer_types(config: Any) -> set[str]:
    """The kinds of layers of a text model, as transformers calls them; empty where its config does not say."""
    return set(getattr(config, "layer_types", None) or [])


def is_plain_attention(model: Any) -> bool:
    """Whether every layer looks at all earlier tokens, so that a mask alone says which."""
    config = model.config.get_text_config()
    return not (getattr(config, "sliding_window", None) or layer_types(config) - {"full_attention"})


@contextlib.contextmanager
def decoding_attention(model: Any) -> Iterator[None]:
    """Within it, `model` uses `attend`, if it would use `sdpa`."""
    config = model.config
    if getattr(config, "_attn_implementation", None) != "sdpa":
        yield
        return
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """query (B, H, q, D), key and value (B, K, T, D) with K heads that H/K queries share, mask (B, 1, q, T) of bools.

    Returns (B, q, H, D) and None, as transformers' attention functions do.
    """
    given = {name for name, option in options.items() if option is not None}
    plain = (
        given <= _PLAIN and dropout == 0 and (attention_mask is None or attention_mask.dtype == torch.bool)
    )
    on_cpu = query.device.type == "cpu" and query.dtype in _SIXTEEN_BITS
    if query.shape[2] == 1 and on_cpu and plain:
        return _attend_once(query, key, value, attention_mask, scaling), None
    output, weights = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
    )
    return output, weights


def _attend_once(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None
) -> Tensor:
    rows, heads, _, size = query.shape
    kept = key.shape[1]
    groups = query.reshape(rows * kept, heads // kept, size)
    # A batched product over strided slices of the cache would take longer than copying them first.
    keys, values = (tensor.reshape(rows * kept, -1, size).contiguous() for tensor in (key, value))
    scores = torch.bmm(groups, keys.transpose(1, 2)).float()  # (B K, H/K, T)
    scores *= size**-0.5 if scaling is None else scaling
    if mask is not None:
        by_row = scores.view(rows, heads, -1)
        by_row.masked_fill_(~mask[:, 0], torch.finfo(torch.float32).min)
    shares = torch.softmax(scores, dim=-1).to(query.dtype)
    return torch.bmm(shares, values).view(rows, 1, heads, -1)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
