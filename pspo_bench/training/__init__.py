"""Recipe → Checkpoint. The only place that imports TRL.

from pspo_bench.config import load_recipe
from pspo_bench.training import train

train(load_recipe("pocket/grpo", ["objective.name=pspo"]), Path("runs/pspo-s0"), resume=True)
"""

from pspo_bench.training.plan import Plan, plan
from pspo_bench.training.run import train

__all__ = ["Plan", "plan", "train"]
