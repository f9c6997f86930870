"""What an objective sees: one micro-batch of completions under the current and the behaviour policy.

    PolicyBatch(logps, old_logps, advantages=tensor([0.5]), mask=tensor([[1, 1, 0]]))
    # logps [[-1.0, -2.0, pad]], old_logps [[-1.1, -2.0, pad]]: ratio [[e^0.1, 1, 1]], sequence ratio e^0.05

The importance ratio is that of PPO, https://arxiv.org/abs/1707.06347, section 3; that of a sequence is its
geometric mean over the tokens, https://arxiv.org/abs/2507.18071, equation 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pspo_bench.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

MAX_LOG_RATIO = 20.0
"""Ratios above e^20 (5e8) count as e^20, as in verl: a gradient of r^2 and the square of its norm fit in float32."""


def saturated_exp(log_ratio: Tensor) -> Tensor:
    """exp, held at e^20 from there on, in its value and in its gradient: never inf, so never 0 * inf.

    The gradient of a saturated ratio is that ratio, not 0: a run that blows up is seen to do so.
    """
    excess = (log_ratio - MAX_LOG_RATIO).clamp(min=0.0).detach()
    return (log_ratio - excess).exp()


@dataclass(frozen=True, eq=False)
class PolicyBatch:
    """Log-probabilities (nats) of sampled tokens, their advantages, and which of them are real.

    `logps`, `old_logps`: (B, T), of the token drawn, under the current and the behaviour policy; only
    `logps` should carry a gradient. `advantages`: (B, T), or (B,) / (B, 1), which is broadcast over the
    tokens. `mask`: (B, T), non-zero at completion tokens. After construction padding holds 0 in every
    tensor, so nothing that lay there (nan, inf) reaches a loss or a gradient, `mask` is boolean, and numbers
    of 16 bits have become float32, as the difference of two of them is too coarse for a ratio.
    Raises TrainingError when the shapes do not fit.
    """

    logps: Tensor  # (B, T)
    old_logps: Tensor  # (B, T)
    advantages: Tensor  # (B, T)
    mask: Tensor  # (B, T), bool

    def __post_init__(self) -> None:
        advantages = self.advantages
        if advantages.dim() == 1:
            advantages = advantages.unsqueeze(1)  # (B, 1)
        self._check_shapes(advantages)
        mask = self.mask.bool()
        tensors = {"logps": self.logps, "old_logps": self.old_logps, "advantages": advantages}
        for name, given in tensors.items():
            tensor = given.float() if given.element_size() < 4 else given
            # where, not multiplication: 0 * nan is nan, in the value and in the gradient.
            object.__setattr__(self, name, tensor.expand(mask.shape).where(mask, tensor.new_zeros(())))
        object.__setattr__(self, "mask", mask)

    def _check_shapes(self, advantages: Tensor) -> None:
        shape = tuple(self.logps.shape)
        fits = len(shape) == 2 and shape == tuple(self.old_logps.shape) == tuple(self.mask.shape)
        if not fits or tuple(advantages.shape) not in (shape, (shape[0], 1)):
            raise TrainingError(
                f"PolicyBatch needs logps, old_logps and mask of one shape (B, T) and advantages of (B, T), "
                f"(B, 1) or (B,); got logps {shape}, old_logps {tuple(self.old_logps.shape)}, "
                f"mask {tuple(self.mask.shape)}, advantages {tuple(self.advantages.shape)}"
            )

    @property
    def log_ratio(self) -> Tensor:
        """log pi - log pi_old, (B, T); 0 at padding."""
        return self.logps - self.old_logps

    @property
    def ratio(self) -> Tensor:
        """The importance ratio r = pi / pi_old, (B, T), at most e^20; 1 at padding."""
        return saturated_exp(self.log_ratio)

    @property
    def lengths(self) -> Tensor:
        """Tokens of each sequence, (B, 1), at least 1 so that one can divide by it."""
        return self.mask.sum(-1, keepdim=True).clamp(min=1)

    @property
    def sequence_log_ratio(self) -> Tensor:
        """log of the ratio of whole sequences: the sum of their tokens' log-ratios, (B, 1)."""
        return self.log_ratio.sum(-1, keepdim=True)

    @property
    def sequence_ratio(self) -> Tensor:
        """The geometric mean of a sequence's ratios, (B, 1), at most e^20; 1 for one without tokens."""
        return saturated_exp(self.sequence_log_ratio / self.lengths)
