"""How many rows fit in memory: a first guess, and recognising that it was too many.

>>> guess_batch_size(model, longest_tokens=700)
128
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

MAX_ROWS = {"cpu": 128, "cuda": 512}
"""Beyond these, more rows bring little more tokens a second (docs/log.md)."""
_SHARE_OF_FREE_MEMORY = 0.5
_GROWTH = 2.5  # a buffer with half its size to spare, while the one it replaces is still there
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory")


def guess_batch_size(model: Any, longest_tokens: int) -> int:
    """Rows of at most `longest_tokens` tokens (prompt and completion) that should fit in half of the free
    memory.
    """
    device = model.device
    row_bytes = (
        _kv_bytes_per_token(model) * longest_tokens * _GROWTH + 16 * model.config.get_text_config().vocab_size
    )
    rows = int(free_bytes(device) * _SHARE_OF_FREE_MEMORY / row_bytes)
    return max(1, min(rows, MAX_ROWS.get(device.type, MAX_ROWS["cpu"])))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is torch's or Python's way to say that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def _kv_bytes_per_token(model: Any) -> int:
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    size: int = 2 * config.num_hidden_layers * heads * head_dim * model.dtype.itemsize
    return size


def free_bytes(device: torch.device) -> int:
    """Memory that a device has left; on a CPU also by the container's limit."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    limits = [_free_system_bytes(), *_free_cgroup_bytes()]
    return min(limits)


def _free_system_bytes() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 4 * 2**30  # no such file (macOS): what any machine that runs this has


def _free_cgroup_bytes() -> list[int]:
    """What a container's memory limit leaves, if there is one."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return [] if limit == "max" else [max(0, int(limit) - int(used))]
    except (OSError, ValueError):
        return []
