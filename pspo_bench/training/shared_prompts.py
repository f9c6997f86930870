"""Log-probabilities of a group's completions with their prompt read once, by a block mask.

A group of n completions is n copies of its prompt to a trainer that pads. Here a group is one stretch of a row,

    prompt without its last token | last, c1, c2, ... | last, d1, d2, ...

in which every completion begins with a copy of the prompt's last token (so that its first token, too, has a position
that predicts it), sees the prompt and itself, and keeps the positions it would have alone. Equal completions stand
there once, and a completion's last token, which predicts nothing, not at all. Groups of different sizes are packed
into rows of about equal length.

The values are those of the padded computation up to rounding; the saving is what Prefix Grouper
(https://arxiv.org/abs/2506.05433) describes, by a mask instead of by two attention calls.

    layout = share_prompts(prompt_ids, prompt_mask, completion_ids, completion_mask)
    output = model(**layout.inputs(), fused_lm_head=True)      # TRL's forward, see its `add_fused_lm_head`
    logps = layout.restore(output.log_probs)      # (B, T), 0 at padding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pspo_bench.engines.attention import is_plain_attention

IGNORED = -100
"""The label of a position that predicts nothing, as in torch's cross entropy."""


@dataclass(frozen=True, eq=False)
class SharedLayout:
    """The rows to compute, and where in them each token of the batch (B, T) is predicted."""

    input_ids: Tensor  # (R, L)
    position_ids: Tensor  # (R, L)
    attention_mask: Tensor  # (R, 1, L, L), bool
    labels: Tensor  # (R, L): the token that a position predicts, or IGNORED
    place: Tensor  # (B, T): flat index into (R, L), 0 at padding
    mask: Tensor  # (B, T), bool

    def inputs(self) -> dict[str, Tensor]:
        """The arguments of the model's forward; its output has a value for each position that predicts something."""
        return {
            "input_ids": self.input_ids,
            "position_ids": self.position_ids,
            "attention_mask": self.attention_mask,
            "shift_labels": self.labels,
        }

    def restore(self, values: Tensor) -> Tensor:
        """Values (R, L) of the positions as those of the batch's tokens (B, T); 0 at padding."""
        return values.reshape(-1)[self.place].where(self.mask, values.new_zeros(()))


def can_share_prompts(model: Any) -> bool:
    """Whether `model` computes the same under a block mask: full attention by torch's sdpa, positions as arguments."""
    return is_plain_attention(model) and getattr(model.config, "_attn_implementation", None) == "sdpa"


def share_prompts(
    prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor, completion_mask: Tensor
) -> SharedLayout:
    """The layout of a batch: prompts (B, P), left-padded, and completions (B, T), right-padded.

    The result depends on the batch alone, so that a repeated computation repeats bit for bit.
    """
    mask = completion_mask.bool()
    prompts = [tuple(ids[keep].tolist()) for ids, keep in zip(prompt_ids, prompt_mask.bool(), strict=True)]
    completions = [tuple(ids[keep].tolist()) for ids, keep in zip(completion_ids, mask, strict=True)]
    groups: dict[tuple[int, ...], _Group] = {}
    for prompt, completion in zip(prompts, completions, strict=True):
        groups.setdefault(prompt, _Group(prompt)).add(completion)
    rows = _packed(list(groups.values()))
    length = max(sum(group.length for group in row) for row in rows)
    columns = _Columns(len(rows), length)
    starts = columns.fill(rows)
    place = torch.zeros(mask.shape, dtype=torch.long)
    for number, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        start = starts[prompt, completion]
        place[number, : len(completion)] = torch.arange(start, start + len(completion))
    return columns.layout(place, mask)


class _Group:
    """One prompt with its distinct completions."""

    def __init__(self, prompt: tuple[int, ...]) -> None:
        self.prompt = prompt
        self.completions: dict[tuple[int, ...], None] = {}
        self.length = len(prompt) - 1

    def add(self, completion: tuple[int, ...]) -> None:
        if completion not in self.completions:
            self.completions[completion] = None
            self.length += len(completion)


def _packed(groups: Sequence[_Group]) -> list[list[_Group]]:
    """Groups into rows no longer than the longest group: first fit, the longest first."""
    capacity = max(group.length for group in groups)
    rows: list[list[_Group]] = []
    room: list[int] = []
    for group in sorted(groups, key=lambda group: -group.length):
        found = next((row for row, left in enumerate(room) if left >= group.length), None)
        if found is None:
            found = len(rows)
            rows.append([])
            room.append(capacity)
        rows[found].append(group)
        room[found] -= group.length
    return rows


class _Columns:
    """What each position (R, L) holds: token, position, label, its group and its completion in that group."""

    def __init__(self, rows: int, length: int) -> None:
        self.ids, self.positions = ([[0] * length for _ in range(rows)] for _ in range(2))
        self.labels = [[IGNORED] * length for _ in range(rows)]
        self.groups = [[-1] * length for _ in range(rows)]  # padding is a group of its own
        self.members = [[0] * length for _ in range(rows)]  # 0 is the prompt, which all of its group see
        self.length = length

    def fill(self, rows: Sequence[Sequence[_Group]]) -> dict[tuple[tuple[int, ...], tuple[int, ...]], int]:
        """Write the groups; the flat index at which each (prompt, completion) begins to be predicted."""
        starts = {}
        for row, groups in enumerate(rows):
            at = 0
            for number, group in enumerate(groups):
                *shared, last = group.prompt
                self._write(row, at, number, 0, shared, 0, [IGNORED] * len(shared))
                at += len(shared)
                for member, completion in enumerate(group.completions, 1):
                    starts[group.prompt, completion] = row * self.length + at
                    read = [last, *completion[:-1]] if completion else []
                    self._write(row, at, number, member, read, len(shared), completion)
                    at += len(completion)
        return starts

    def _write(
        self,
        row: int,
        at: int,
        group: int,
        member: int,
        ids: Sequence[int],
        first: int,
        labels: Sequence[int],
    ) -> None:
        here = slice(at, at + len(ids))
        self.ids[row][here] = ids
        self.positions[row][here] = range(first, first + len(ids))
        self.labels[row][here] = labels
        self.groups[row][here] = [group] * len(ids)
        self.members[row][here] = [member] * len(ids)

    def layout(self, place: Tensor, mask: Tensor) -> SharedLayout:
        device = mask.device
        group, member = (torch.tensor(values, device=device) for values in (self.groups, self.members))
        seen = (group[:, :, None] == group[:, None, :]) & (
            (member[:, None, :] == 0) | (member[:, :, None] == member[:, None, :])
        )
        return SharedLayout(
            input_ids=torch.tensor(self.ids, device=device),
            position_ids=torch.tensor(self.positions, device=device),
            attention_mask=seen.tril().unsqueeze(1),
            labels=torch.tensor(self.labels, device=device),
            place=place.to(device),
            mask=mask,
        )
