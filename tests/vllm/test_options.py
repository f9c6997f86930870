"""Options of the engine vllm: what is passed on, what is refused and how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines import ENGINES
from pspo_bench.engines.vllm import options as opt
from pspo_bench.engines.vllm.folder import Tensors
from pspo_bench.errors import ConfigError, MissingExtraError


def arguments(options: dict[str, Any], batch_size: int | str = "auto") -> dict[str, Any]:
    return opt.arguments(
        opt.checked(options),
        folder=Path("m"),
        dtype="float32",
        trust_remote_code=False,
        batch_size=batch_size,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor_paralel_size": 2}, "did you mean 'tensor_parallel_size'"),
        ({"data_parallel_size": 2}, "one process per GPU"),
        ({"data_parallel_size": "2"}, "one process per GPU"),
        ({"generation_config": "auto"}, "never applied"),
        ({"load_format": "pt"}, "safetensors"),
        ({"dtype": "float8"}, "known: auto, float32"),
        ({"device": "tpu"}, "the installed vLLM runs on"),
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": 4, "max_num_seqs": 4}, "either batch_size or max_num_seqs"),
        ({"tensor_parallel_size": "many"}, "does not accept"),
    ],
)
def test_a_bad_option_is_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        ENGINES.get("vllm")("pocket", **options)
    assert "\n" not in str(caught.value)


def test_text_becomes_numbers_and_what_the_user_sets_stands() -> None:
    given = {
        "tensor_parallel_size": "2",
        "enforce_eager": "false",
        "quantization": "fp8",
        "data_parallel_size": "1",
    }
    made = arguments(given, batch_size=64)
    assert made["tensor_parallel_size"] == 2
    assert made["enforce_eager"] is False
    assert made["quantization"] == "fp8"
    assert made["max_num_seqs"] == 64
    assert "data_parallel_size" not in made
    assert (made["load_format"], made["generation_config"]) == ("safetensors", "vllm")


def test_little_memory_is_taken_on_a_cpu_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    monkeypatch.setattr(opt, "platform", lambda: "cpu")
    assert arguments({})["kv_cache_memory_bytes"] == 2 * 2**30
    assert arguments({"kv_cache_memory_bytes": 5})["kv_cache_memory_bytes"] == 5
    assert "kv_cache_memory_bytes" not in arguments({"gpu_memory_utilization": 0.5})
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "4")
    assert "kv_cache_memory_bytes" not in arguments({})
    monkeypatch.setattr(opt, "platform", lambda: "cuda")
    assert not {"kv_cache_memory_bytes", "enforce_eager"} & set(arguments({}))


def test_dtype_follows_the_rule_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = Tensors({}, 20_000_000, "float32"), Tensors({}, 19_999_999, "bfloat16")
    half = Tensors({}, 10**9, "float16")
    for able, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(opt, "_has_bfloat16", lambda able=able: able)
        monkeypatch.setattr(opt, "platform", lambda: "cpu")
        assert opt.resolved_dtype("auto", large) == opt.resolved_dtype("auto", half) == expected
        assert opt.resolved_dtype("auto", small) == "float32"
        assert opt.resolved_dtype("float16", small) == "float16"
        monkeypatch.setattr(opt, "platform", lambda: "cuda")
        assert opt.resolved_dtype("auto", half) == "float16"


def test_the_environment_is_quiet_and_afterwards_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    monkeypatch.delenv("VLLM_NO_USAGE_STATS", raising=False)
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    opt.require_vllm()
    assert os.environ["VLLM_LOGGING_LEVEL"] == "DEBUG", "what the user has set"
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
    with opt.starting():
        assert os.environ["PYTHONWARNINGS"] == "ignore"
    assert "PYTHONWARNINGS" not in os.environ


def test_without_vllm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspo-bench\[vllm\]'"):
        ENGINES.get("vllm")("pocket")
