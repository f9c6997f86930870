"""Packed weights give the same numbers, and leave the model as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pspo_bench.engines import packing
from pspo_bench.engines.hf import HFEngine
from pspo_bench.engines.packing import packed_linears
from pspo_bench.records import Request, Sampling

pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has no bfloat16"
)


def linears(model: Any) -> list[nn.Linear]:
    return [layer for layer in model.modules() if type(layer) is nn.Linear]


@torch.inference_mode()
def test_the_logits_are_bit_equal_and_the_model_is_as_before(make_model: Any) -> None:
    model = make_model().bfloat16()
    ids = torch.arange(3, 40)[None]
    before = model(ids).logits
    with packed_linears(model):
        assert all("forward" in vars(layer) for layer in linears(model))
        packed = model(ids).logits
    assert torch.equal(packed, before)
    assert not any("forward" in vars(layer) for layer in linears(model))
    linears(model)[0].weight.mul_(2)  # what is changed afterwards counts
    assert not torch.equal(model(ids).logits, before)


def test_what_is_no_plain_bfloat16_layer_is_left_alone(
    make_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doubled(nn.Linear):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(rows)

    hooked = nn.Linear(4, 4).bfloat16()
    hooked.forward = lambda rows: rows  # type: ignore[method-assign]
    model = nn.Sequential(Doubled(4, 4).bfloat16(), hooked, nn.Linear(4, 4))
    with packed_linears(model):
        assert "forward" not in vars(model[0])
        assert hooked.forward(1) == 1
        assert "forward" not in vars(model[2])
    assert hooked.forward(1) == 1
    monkeypatch.setattr(packing, "free_bytes", lambda device: 1000)
    large = make_model().bfloat16()
    with packed_linears(large):
        assert not any("forward" in vars(layer) for layer in linears(large))


def test_the_engine_packs_while_it_generates_and_not_longer(make_model: Any, loaded_model: Any) -> None:
    model = make_model().bfloat16()
    requests = [Request("Why? " * n, Sampling(max_tokens=20), 0) for n in range(1, 11)]
    stream = HFEngine(loaded_model(model), batch_size=4).generate(requests)
    next(stream)
    assert all("forward" in vars(layer) for layer in linears(model))
    stream.close()
    assert not any("forward" in vars(layer) for layer in linears(model))
