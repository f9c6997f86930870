"""Drawing the next token: greedy, temperature and top-p, one uniform number per token.

Each draw is an inverse-CDF look-up of a number that belongs to (request seed, step) alone, so neither the
batch a request shares nor its place in it changes what is drawn. Token ids are summed in the vocabulary's
order, which unlike the order of probabilities does not change when rounding moves two near-equal ones. Source
of top-p (nucleus) sampling: https://arxiv.org/abs/1904.09751, eq. 2–3: the smallest set of most probable
tokens whose mass reaches p.

    >>> draw(logits, temperature=tensor([0.0, 1.0]), top_p=tensor([1.0, 0.9]), uniform=tensor([0.3, 0.7]))
    tensor([ 12, 407])
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

NOT_A_TOKEN = -1
_NUCLEUS_WIDTH = 1024
_SEED_SPACE = 2**128


def uniforms(seed: int, count: int) -> Tensor:
    """`count` float64 numbers in [0, 1) from the counter-based generator Philox: one sequence per seed."""
    generator = np.random.Generator(np.random.Philox(key=seed % _SEED_SPACE))
    return torch.from_numpy(generator.random(count))


def draw(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """The next token of each row.

    logits (B, V); temperature, top_p and uniform (B,) on the CPU. Temperature 0 takes the most probable
    token. Returns (B,) int64 on the logits' device, NOT_A_TOKEN where a row's logits are not finite numbers.
    """
    highest, tokens = logits.max(dim=-1)
    for rows, nucleus in _sampled_rows(temperature, top_p):
        index = rows.to(logits.device)
        scaled = logits[index].float() / temperature[rows].to(logits.device, torch.float32)[:, None]
        number = uniform[rows].to(logits.device, torch.float64)
        mass = top_p[rows].to(logits.device, torch.float64)
        tokens[index] = _draw_nucleus(scaled, mass, number) if nucleus else _draw_any(scaled, number)
    return tokens.masked_fill(~torch.isfinite(highest), NOT_A_TOKEN)


def _sampled_rows(temperature: Tensor, top_p: Tensor) -> list[tuple[Tensor, bool]]:
    """The rows that are drawn from the whole vocabulary, and those from a nucleus (True); empty groups left
    out.
    """
    sampled = temperature > 0
    groups = [(sampled & (top_p >= 1), False), (sampled & (top_p < 1), True)]
    return [(mask.nonzero().flatten(), nucleus) for mask, nucleus in groups if mask.any()]


def _draw_any(scaled: Tensor, uniform: Tensor) -> Tensor:
    """scaled (B, V), uniform (B,) → token ids (B,)."""
    return _inverse_cdf(torch.softmax(scaled, dim=-1), uniform)


def _draw_nucleus(scaled: Tensor, top_p: Tensor, uniform: Tensor, width: int = _NUCLEUS_WIDTH) -> Tensor:
    """As `_draw_any`, from each row's nucleus. Exact: the `width` best tokens grow until they hold it."""
    vocabulary = scaled.shape[-1]
    width = min(width, vocabulary)
    log_total = torch.logsumexp(scaled, dim=-1, keepdim=True)
    best, ids = scaled.topk(width, dim=-1)  # (B, width), descending
    probability = (best - log_total).double().exp()
    before = probability.cumsum(-1) - probability  # mass of the tokens that are more probable
    if width < vocabulary and bool((before[:, -1] + probability[:, -1] < top_p).any()):
        return _draw_nucleus(scaled, top_p, uniform, width * 8)
    kept = before < top_p[:, None]
    kept[:, 0] = True  # top_p 0 is greedy
    ids, order = ids.sort(dim=-1)
    chosen = _inverse_cdf((probability * kept).gather(-1, order), uniform)
    return ids.gather(-1, chosen[:, None]).squeeze(-1)


def _inverse_cdf(weights: Tensor, uniform: Tensor) -> Tensor:
    """The first index at which the running sum of `weights` (B, N) exceeds uniform · total; never a zero
    weight.
    """
    cumulative = weights.cumsum(-1, dtype=torch.float64)
    total = cumulative[:, -1:].contiguous()
    target = uniform[:, None] * total
    index = torch.searchsorted(cumulative, target, right=True).squeeze(-1)
    # uniform < 1, but uniform · total can round up to total: then the last token that has weight is meant.
    last = torch.searchsorted(cumulative, total).squeeze(-1)
    return torch.minimum(index, last)
