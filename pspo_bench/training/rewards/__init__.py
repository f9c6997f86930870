"""Rewards: pure functions of a batch of completions to one number each, by name.

    [reward]
    name = "random"        # or correctness (the default), paper, my_package.rewards:brevity
    p = 0.5

    get_reward("random").resolve({"p": 0.25})      # {"p": 0.25}

`RewardFunction` is what the trainer calls: it runs the checker once, adds the shaping terms, logs each part apart
and refuses anything but one finite number a completion.
"""

from pspo_bench.training.rewards.base import REWARDS, Reward, RewardBatch, get_reward, reward
from pspo_bench.training.rewards.function import RewardFunction

__all__ = ["REWARDS", "Reward", "RewardBatch", "RewardFunction", "get_reward", "reward"]
