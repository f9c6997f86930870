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
_FIRST_LOOK = 1024
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
        temperature = torch.tensor([s.temperature for s in chosen], device=logits.device)
        scaled = logits[index].float() / temperature[:, None]
        number = uniform[rows].to(logits.device, torch.float64)
        tokens[index] = _draw_truncated(scaled, chosen, number) if truncated else _draw_any(scaled, number)
    return tokens.masked_fill(~torch.isfinite(highest), NOT_A_TOKEN)


def _sampled_rows(sampling: Sequence[Sampling]) -> list[tuple[list[int], bool]]:
    """The rows that are drawn from the whole vocabulary, and those from a part of it (True); empty groups left
    out.
    """
    groups: dict[bool, list[int]] = {False: [], True: []}
    for row, s in enumerate(sampling):
        if s.temperature > 0:
            groups[s.top_p < 1 or s.top_k > 0 or s.min_p > 0].append(row)
    return [(rows, truncated) for truncated, rows in groups.items() if rows]


def _draw_any(scaled: Tensor, uniform: Tensor) -> Tensor:
    """scaled (B, V), uniform (B,) → token ids (B,)."""
    return _inverse_cdf(torch.softmax(scaled, dim=-1), uniform)


def _draw_truncated(
    scaled: Tensor, sampling: Sequence[Sampling], uniform: Tensor, width: int = _FIRST_LOOK
) -> Tensor:
    """As `_draw_any`, from the tokens that top-k and min-p leave, and of those the nucleus of mass top-p.

    Exact without sorting the vocabulary: the `width` best tokens grow until they hold all that is needed.
    """
    vocabulary = scaled.shape[-1]
    width = min(width, vocabulary)
    column = partial(torch.tensor, device=scaled.device, dtype=torch.float64)
    top_p = column([[s.top_p] for s in sampling])  # (B, 1), as the next two
    top_k = column([[s.top_k or vocabulary] for s in sampling])
    min_p = column([[s.min_p] for s in sampling])
    log_total = torch.logsumexp(scaled, dim=-1, keepdim=True)
    best, ids = scaled.topk(width, dim=-1)  # (B, width), descending
    probability = (best - log_total).double().exp()
    candidate = (torch.arange(width, device=scaled.device) < top_k) & (
        probability >= min_p * probability[:, :1]
    )
    candidate[:, 0] = True
    probability = probability * candidate
    limited = (top_k < vocabulary) | (min_p > 0)
    mass = torch.where(limited, probability.sum(-1, keepdim=True), 1.0)  # of all candidates
    running = probability.cumsum(-1)
    reached = torch.where(limited, ~candidate[:, -1:] | (top_k <= width), running[:, -1:] >= top_p)
    if width < vocabulary and not bool(reached.all()):
        return _draw_truncated(scaled, sampling, uniform, width * 8)
    kept = candidate & (running - probability < top_p * mass)  # less than top_p among the more probable
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
