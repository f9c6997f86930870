"""Weights of linear layers in oneDNN's own layout, for generating in bfloat16 on a CPU.

torch's linear in bfloat16 lays the weights out anew at every call, which for the few rows of a decoding step takes up
to two fifths of the product's time (576 × 1536: .35 → .21 ms for 16 rows, .71 → .58 ms for 64). Laid out once they give
bit-equal results. These are the operators that torch.compile uses when it freezes a model; they belong to torch
without being documented, so where a build lacks them nothing is done.

    with packed_linears(model): model(...)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pspo_bench.engines.memory import free_bytes

_SHARE_OF_FREE_MEMORY = 0.25


@contextlib.contextmanager
def packed_linears(model: Any) -> Iterator[None]:
    """Within it the model's linear layers use packed copies of their weights, if these fit in memory easily.

    Weights that are changed within it do not count until it ends.
    """
    layers = _packable(model)
    try:
        for layer in layers:
            packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
            layer.forward = partial(_packed_linear, packed, layer.bias)  # type: ignore[method-assign]
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _packed_linear(weight: Tensor, bias: Tensor | None, rows: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return product


def _packable(model: Any) -> list[nn.Linear]:
    """Plain linear layers in bfloat16 on the CPU, none where this build or the memory does not allow it."""
    operators = torch.ops.mkldnn
    if not (hasattr(operators, "_reorder_linear_weight") and hasattr(operators, "_linear_pointwise")):
        return []
    layers = [
        layer
        for layer in model.modules()
        # A subclass, or a forward that another library has put in place, computes something else.
        if type(layer) is nn.Linear and "forward" not in vars(layer) and _is_bfloat16_on_cpu(layer.weight)
    ]
    needed = sum(layer.weight.nbytes for layer in layers)
    fits = needed < _SHARE_OF_FREE_MEMORY * free_bytes(torch.device("cpu"))
    return layers if layers and fits and operators._is_mkldnn_bf16_supported() else []


def _is_bfloat16_on_cpu(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.bfloat16
