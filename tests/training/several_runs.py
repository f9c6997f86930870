"""Trains the recipes that it is given, one after the other: what torchrun starts in each process.

    torchrun --nproc-per-node 2 several_runs.py '[["pocket/grpo", ["seed=1"], "OUT"]]'

With FSDP_ON_CPU=1 in its environment the model is spread by FSDP2. PyTorch can do that on CPUs, by gloo; accelerate
takes only accelerators for it, by the name that it gives the launch, and it is this name alone that is changed here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch


def spread_on_cpus() -> None:
    from accelerate import PartialState
    from accelerate.utils import DistributedType

    os.environ |= {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_RESHARD_AFTER_FORWARD": "true",
        "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    }
    own = PartialState.__init__

    def named_otherwise(self: Any, *arguments: Any, **options: Any) -> None:
        own(self, *arguments, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = named_otherwise  # type: ignore[method-assign]


def main() -> None:
    torch.set_num_threads(1)
    if os.environ.get("FSDP_ON_CPU"):
        spread_on_cpus()
    from pspo_bench.config import load_recipe
    from pspo_bench.training import train

    for recipe, overrides, output in json.loads(sys.argv[1]):
        train(load_recipe(recipe, overrides), Path(output), resume=True)


if __name__ == "__main__":
    main()
