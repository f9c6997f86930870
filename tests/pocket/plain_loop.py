"""A plain on-policy GRPO loop: the reference that the trainer is held against.

Purpose: same base, prompts, batch and learning rate must learn alike here and in `pspo_bench.training`.
Source: GRPO (https://arxiv.org/abs/2402.03300) with one update per batch, so that the ratio is 1 and
the gradient is that of advantage times log-probability, averaged over all completion tokens of the batch
(DAPO's normaliser).

    >>> plain_loop(model, tokenizer, questions, golds, steps=30)["reward"]
    [0.31, 0.33, ...]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pspo_bench.pocket.model import chat_prompt


@torch.no_grad()
def sample(
    model: Any, tokenizer: Any, prompts: list[str], *, max_new_tokens: int = 64, greedy: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Complete every prompt at T=1 or greedily: ids and attention mask (B, P+C), completion mask (B, C)."""
    model.eval()
    encoded = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    settings = (
        {"do_sample": False} if greedy else {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    )
    ids = model.generate(**encoded, max_new_tokens=max_new_tokens, **settings)
    completions = ids[:, encoded["input_ids"].shape[1] :]
    ended = (completions == tokenizer.eos_token_id).cumsum(1)
    mask = (ended == 0) | ((ended == 1) & (completions == tokenizer.eos_token_id))
    return ids, torch.cat([encoded["attention_mask"], mask.long()], dim=1), mask


def texts_of(tokenizer: Any, ids: torch.Tensor, mask: torch.Tensor) -> list[str]:
    completions = ids[:, -mask.shape[1] :]
    return [
        str(tokenizer.decode(row[keep], skip_special_tokens=True))
        for row, keep in zip(completions, mask, strict=True)
    ]


def exact_match(completion: str, gold: str) -> float:
    """1 where the first line that starts with #### states the gold."""
    stated = [line[4:].strip() for line in completion.split("\n") if line.startswith("####")]
    return float(bool(stated) and stated[0] == gold)


def completion_logps(model: Any, ids: torch.Tensor, attention: torch.Tensor, length: int) -> torch.Tensor:
    """Log-probability (B, C) of each of the last `length` tokens."""
    positions = (attention.cumsum(1) - 1).clamp(min=0)
    hidden = model.model(input_ids=ids, attention_mask=attention, position_ids=positions).last_hidden_state
    logits = model.lm_head(hidden[:, -length - 1 : -1])
    return torch.log_softmax(logits.float(), -1).gather(-1, ids[:, -length:, None]).squeeze(-1)


def group_advantages(rewards: torch.Tensor, group: int) -> torch.Tensor:
    """(B,) rewards of consecutive groups, centred and divided by the group's standard deviation."""
    grouped = rewards.view(-1, group)
    return ((grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)).view(-1)


def plain_loop(
    model: Any,
    tokenizer: Any,
    batches: list[list[tuple[str, str]]],
    *,
    group: int = 8,
    learning_rate: float = 2e-4,
    max_new_tokens: int = 64,
    reward: Callable[[str, str], float] = exact_match,
) -> list[float]:
    """One Adam step per batch of (question, gold); returns the mean sampled reward of every step.

    `reward` is given a completion and the gold.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    rewards_by_step = []
    for batch in batches:
        pairs = [pair for pair in batch for _ in range(group)]
        prompts = [chat_prompt(tokenizer, question) for question, _ in pairs]
        ids, attention, mask = sample(model, tokenizer, prompts, max_new_tokens=max_new_tokens)
        completions = texts_of(tokenizer, ids, mask)
        rewards = torch.tensor(
            [reward(text, gold) for text, (_, gold) in zip(completions, pairs, strict=True)]
        )
        advantages = group_advantages(rewards, group)
        logps = completion_logps(model, ids, attention, mask.shape[1])
        loss = -(advantages[:, None] * logps * mask).sum() / mask.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        rewards_by_step.append(float(rewards.mean()))
    return rewards_by_step
