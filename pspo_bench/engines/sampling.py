"""Drawing the next token: greedy, or by temperature, top-k, top-p and min-p, one uniform number per token.

Each draw is an inverse-CDF look-up of a number that belongs to (request seed, step) alone, so neither the
batch a request shares nor its place in it changes what is drawn. Token ids are summed in the vocabulary's
order, which unlike the order of probabilities does not change when rounding moves two near-equal ones. Source
of top-p (nucleus) sampling: https://arxiv.org/abs/1904.09751, eq. 2–3: the smallest set of most probable
tokens whose mass reaches p; of min-p: https://arxiv.org/abs/2407.01082. As in vLLM, top-p comes last and its
mass is that of what the others leave.

    >>> draw(logits, [Sampling(0.0), Sampling(1.0, top_p=0.9)], uniform=tensor([0.3, 0.7]))
    tensor([ 12, 407])
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pspo_bench.records import Sampling

NOT_A_TOKEN = -1
_FIRST_LOOK = 128
"""Tokens that top-p first looks at; torch finds so few by a heap, many more by a sort that takes ten times as long."""
_BLOCK = 256
_SEED_SPACE = 2**128


def uniforms(seed: int, count: int) -> Tensor:
    """`count` float64 numbers in [0, 1) from the counter-based generator Philox: one sequence per seed."""
    generator = np.random.Generator(np.random.Philox(key=seed % _SEED_SPACE))
    return torch.from_numpy(generator.random(count))


def draw(logits: Tensor, sampling: Sequence[Sampling], uniform: Tensor) -> Tensor:
    """The next token of each row.

    logits (B, V); sampling and uniform (B,), the numbers on the CPU. Temperature 0 takes the most probable
    token. Returns (B,) int64 on the logits' device, NOT_A_TOKEN where a row's logits are not finite numbers.
    """
    highest, tokens = logits.max(dim=-1)
    for rows, truncated in _sampled_rows(sampling):
        index = torch.tensor(rows, device=logits.device)
        chosen = [sampling[row] for row in rows]
        weights = _weights(logits[index], highest[index], chosen)
        number = uniform[rows].to(logits.device, torch.float64)
        tokens[index] = _draw_truncated(weights, chosen, number) if truncated else _draw_any(weights, number)
    return tokens.masked_fill(~torch.isfinite(highest), NOT_A_TOKEN)


def _weights(logits: Tensor, highest: Tensor, sampling: Sequence[Sampling]) -> Tensor:
    """exp((logits - highest) / temperature), (B, V) float32: probabilities up to a factor, 1 for the best token."""
    temperature = torch.tensor([s.temperature for s in sampling], device=logits.device)
    shifted = logits.to(torch.float32, copy=True).sub_(highest.float()[:, None])
    return shifted.div_(temperature[:, None]).exp_()


def _sampled_rows(sampling: Sequence[Sampling]) -> list[tuple[list[int], bool]]:
    """The rows that are drawn from the whole vocabulary, and those from a part of it (True); empty groups left
    out.
    """
    groups: dict[bool, list[int]] = {False: [], True: []}
    for row, s in enumerate(sampling):
        if s.temperature > 0:
            groups[s.top_p < 1 or s.top_k > 0 or s.min_p > 0].append(row)
    return [(rows, truncated) for truncated, rows in groups.items() if rows]


def _draw_any(weights: Tensor, uniform: Tensor) -> Tensor:
    """weights (B, V), uniform (B,) → token ids (B,).

    In two looks, at the sums of blocks and then into one block, so that the vocabulary is not summed up in float64.
    """
    rows, vocabulary = weights.shape
    padded = torch.nn.functional.pad(weights, (0, -vocabulary % _BLOCK))
    blocks = padded.view(rows, -1, _BLOCK)
    block, rest = _inverse_cdf(blocks.sum(-1), uniform)
    token, _ = _inverse_cdf(blocks[torch.arange(rows, device=weights.device), block], rest)
    return block * _BLOCK + token


def _draw_truncated(
    weights: Tensor, sampling: Sequence[Sampling], uniform: Tensor, width: int = _FIRST_LOOK
) -> Tensor:
    """As `_draw_any`, from the tokens that top-k and min-p leave, and of those the nucleus of mass top-p.

    Exact without sorting the vocabulary: rows whose `width` best tokens do not hold all that is needed look again,
    at more.
    """
    width = min(width, weights.shape[-1])
    best, ids = weights.topk(width, dim=-1)  # (B, width), descending
    kept, whole = _kept(best.double(), weights.sum(-1, keepdim=True), sampling, weights.shape[-1])
    ids, order = ids.sort(dim=-1)
    chosen, _ = _inverse_cdf((best * kept).gather(-1, order), uniform)
    tokens = ids.gather(-1, chosen[:, None]).squeeze(-1)
    again = (~whole).nonzero().flatten()
    if again.numel():
        some = [sampling[row] for row in again.tolist()]
        tokens[again] = _draw_truncated(weights[again], some, uniform[again], width * 8)
    return tokens


def _kept(
    best: Tensor, total: Tensor, sampling: Sequence[Sampling], vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Which of the `best` tokens (B, width) may be drawn, and whether they are all that may, (B,)."""
    width = best.shape[-1]
    column = partial(torch.tensor, device=best.device, dtype=torch.float64)
    top_p = column([[s.top_p] for s in sampling])  # (B, 1), as the next two
    top_k = column([[s.top_k or vocabulary] for s in sampling])
    min_p = column([[s.min_p] for s in sampling])
    candidate = (torch.arange(width, device=best.device) < top_k) & (best >= min_p * best[:, :1])
    candidate[:, 0] = True
    left = best * candidate
    running = left.cumsum(-1)
    limited = (top_k < vocabulary) | (min_p > 0)
    mass = torch.where(limited, running[:, -1:], total.double())  # of all candidates
    kept = candidate & (running - left < top_p * mass)  # less than top_p among the more probable
    kept[:, 0] = True  # top_p 0 is greedy
    whole = torch.where(limited, ~candidate[:, -1:] | (top_k <= width), running[:, -1:] >= top_p * mass)
    return kept, whole.squeeze(-1) | (width == vocabulary)


def _inverse_cdf(weights: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """The first index at which the running sum of `weights` (B, N) exceeds uniform · total; never a zero weight.

    Also how far into that weight the number fell, in [0, 1).
    """
    cumulative = weights.cumsum(-1, dtype=torch.float64)
    total = cumulative[:, -1:].contiguous()
    target = uniform[:, None] * total
    index = torch.searchsorted(cumulative, target, right=True)
    # uniform < 1, but uniform · total can round up to total: then the last token that has weight is meant.
    # Of what is not a number every index is beyond the end; `draw` discards it.
    index = torch.minimum(index, torch.searchsorted(cumulative, total)).clamp(max=weights.shape[-1] - 1)
    weight = weights.gather(-1, index).double()
    rest = (target - (cumulative.gather(-1, index) - weight)) / weight
    return index.squeeze(-1), rest.clamp(0, 1 - 2**-53).squeeze(-1)
