"""The attention of one new token in 16 bits, against torch's in float32."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pspo_bench.engines import attention
from pspo_bench.engines.attention import attend, decoding_attention
from pspo_bench.engines.hf import HFEngine
from pspo_bench.records import Request, Sampling


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("heads", "kept"), [(6, 2), (4, 4)], ids=["grouped", "every head its own"])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_is_attention(heads: int, kept: int, masked: bool, dtype: torch.dtype) -> None:
    rows, tokens, size = 3, 37, 8
    query = drawn(rows, heads, 1, size).to(dtype)
    # A window in the middle of a larger cache, as `SlotCache` hands out.
    cache = drawn(2, rows, kept, tokens + 20, size, seed=1).to(dtype)
    key, value = cache[0, :, :, 7 : 7 + tokens], cache[1, :, :, 7 : 7 + tokens]
    mask = torch.ones(rows, 1, 1, tokens, dtype=torch.bool)
    mask[0, ..., :5] = mask[2, ..., :30] = False
    module = SimpleNamespace(num_key_value_groups=heads // kept)
    got, weights = attend(module, query, key, value, mask if masked else None, scaling=0.3, use_cache=True)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query.float(),
        key.float().repeat_interleave(heads // kept, dim=1),
        value.float().repeat_interleave(heads // kept, dim=1),
        attn_mask=mask if masked else None,
        scale=0.3,
    )
    assert weights is None
    assert got.dtype == dtype
    assert got.shape == (rows, 1, heads, size)
    # bfloat16 keeps 8 bits: scores up to 3 are off by 2^-7 at most, and so are the shares, of values up to 3.
    torch.testing.assert_close(got.float(), expected.transpose(1, 2), atol=0.04, rtol=0)


def test_a_row_that_may_look_at_one_token_gets_that_token() -> None:
    value = drawn(1, 1, 5, 4).bfloat16()
    mask = torch.tensor([[[[False, False, True, False, False]]]])
    got, _ = attend(
        SimpleNamespace(), drawn(1, 1, 1, 4).bfloat16(), drawn(1, 1, 5, 4, seed=2).bfloat16(), value, mask
    )
    assert torch.equal(got[0, 0, 0], value[0, 0, 2])


def test_what_is_not_plain_decoding_goes_to_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def theirs(module: Any, query: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
        asked.append(query.shape[2])
        return query, None

    monkeypatch.setattr(attention, "sdpa_attention_forward", theirs)
    one, several = drawn(1, 2, 1, 4), drawn(1, 2, 3, 4)
    attend(SimpleNamespace(), one, one, one, None)  # float32
    attend(SimpleNamespace(), several.bfloat16(), several.bfloat16(), several.bfloat16(), None)  # a prefill
    half = one.bfloat16()
    attend(SimpleNamespace(), half, half, half, None, position_bias=half)
    attend(SimpleNamespace(), half, half, half, torch.zeros(1, 1, 1, 1).bfloat16())  # an additive mask
    assert asked == [1, 3, 1, 1]
    attend(SimpleNamespace(), half, half, half, None)
    assert len(asked) == 4


def test_the_model_is_left_as_it_was(make_model: Any) -> None:
    model = make_model()
    seen: list[str] = []

    def failing_step() -> None:
        with decoding_attention(model):
            seen.append(model.config._attn_implementation)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing_step()
    assert seen == [attention.NAME]
    assert model.config._attn_implementation == "sdpa"
    model.set_attn_implementation("eager")
    with decoding_attention(model):
        assert model.config._attn_implementation == "eager"


def test_the_engine_uses_it(make_model: Any, loaded_model: Any) -> None:
    calls: list[int] = []
    plain = attention._attend_once

    def counted(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return plain(*arguments)

    model = make_model().bfloat16()
    request = Request("Why? " * 9, Sampling(max_tokens=12), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "_attend_once", counted)
        ((_, fast),) = HFEngine(loaded_model(model)).generate([request])
        assert len(calls) == 2 * (fast.completion_tokens - 1)  # layers × steps after the prefill
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "_SIXTEEN_BITS", ())
        ((_, slow),) = HFEngine(loaded_model(model)).generate([request])
    assert fast.text[:4] == slow.text[:4]
