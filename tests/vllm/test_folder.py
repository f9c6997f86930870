"""Models that vLLM cannot read as they are: adapters and GGUF files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines import ENGINES
from pspo_bench.engines.vllm.folder import cache_dir, readable, tensors
from pspo_bench.errors import MissingExtraError, ModelError
from pspo_bench.models import fingerprint, load, resolve
from pspo_bench.pocket import base_path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PSPO_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    base = load("pocket", dtype="float32", device="cpu").model
    base.name_or_path = str(base_path())
    config = LoraConfig(
        r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(base, config)
    model.peft_config["default"].base_model_name_or_path = str(base_path())
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_gives_what_hf_gives(
    adapter: Path, cache: Path, hf: Any, run: Any, pocket_requests: Any
) -> None:
    reference = ENGINES.get("hf")(str(adapter), dtype="float32", device="cpu")
    requests = pocket_requests(reference, 16)
    expected = run(reference, requests)
    assert expected != run(hf, requests), "the adapter changes the base"
    with closing(ENGINES.get("vllm")(str(adapter), dtype="float32")) as engine:
        assert engine.fingerprint == resolve(str(adapter)).fingerprint == reference.fingerprint
        assert requests == pocket_requests(engine, 16)
        assert run(engine, requests) == expected
    assert [path.name.split("-")[0] for path in cache.iterdir()] == [engine.fingerprint]


def test_a_converted_model_is_written_once_and_whole(adapter: Path, cache: Path) -> None:
    files = resolve(str(adapter))
    folder = readable(files)
    assert fingerprint(folder) == fingerprint(load(str(adapter), dtype="float32", device="cpu").model)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert readable(files) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert list(cache.iterdir()) == [folder], "nothing unfinished is left"
    assert readable(resolve("pocket")) == base_path(), "a folder is read where it is"


def test_a_cache_that_cannot_be_written_is_one_sentence(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("PSPO_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="set PSPO_BENCH_CACHE"):
        readable(resolve(str(adapter)))


def test_headers_say_what_the_weights_are() -> None:
    found = tensors(base_path())
    model = load("pocket", dtype="float32", device="cpu").model
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.dtype == "float32"
    assert found.shapes["model.norm.weight"] == (128,)


def test_smollm2_differs_from_hf_only_at_near_ties(
    run: Any, pocket_requests: Any, decoded_as_ids: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bfloat16. Measured: 7 of 16 equal, and each first difference between logits at most a step apart."""
    import torch

    try:
        reference = ENGINES.get("hf")("smollm2", dtype="bfloat16", device="cpu")
    except MissingExtraError as error:
        pytest.skip(str(error))
    requests = pocket_requests(reference, 16)
    decoded_as_ids(reference._tokenizer, monkeypatch)
    theirs = [list(map(int, made.text.split())) for made in run(reference, requests)]
    with closing(ENGINES.get("vllm")("smollm2", dtype="bfloat16")) as engine:
        assert requests == pocket_requests(engine, 16)
        decoded_as_ids(engine._checkpoint.tokenizer, monkeypatch)
        ours = [list(map(int, made.text.split())) for made in run(engine, requests)]
    assert cache_dir().is_dir()
    for request, one, other in zip(requests, ours, theirs, strict=True):
        first = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        if first is None:
            assert one == other
            continue
        prompt = reference._tokenizer(request.prompt, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = reference._decoder.model(torch.tensor([prompt + other[:first]])).logits[0, -1].float()
        # bfloat16 has 8 significant bits: neighbours lie up to 2^-7 apart, and two are allowed
        assert logits[other[first]] - logits[one[first]] <= 2**-6 * logits.max()
