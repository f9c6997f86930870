"""Model spec → a folder of safetensors that vLLM can read.

vLLM reads Hugging Face folders. A GGUF file is dequantised and an adapter merged into its base, once, as the
engine hf does on every load; the result is kept in a cache folder whose name is the fingerprint of the weights:

    ~/.cache/pspo-bench/models/5f0c...-transformers-5.19.0/      ($PSPO_BENCH_CACHE instead of ~/.cache/pspo-bench)

Everything there can be deleted at any time. A folder is written beside its place and renamed into it, so it is
there whole or not at all.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from pspo_bench.errors import ModelError
from pspo_bench.models import ModelFiles, load, no_progress_bars, weight_files

_TORCH_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a folder's safetensors headers say: each tensor's shape, the number of parameters, and their dtype."""

    shapes: dict[str, tuple[int, ...]]
    parameters: int
    dtype: str


def readable(files: ModelFiles, *, trust_remote_code: bool = False) -> Path:
    """The model's own folder, or the cached one with its weights as safetensors.

    Raises ModelError if it cannot be loaded or the cache cannot be written.
    """
    if files.base is None and files.path.is_dir():
        return files.path
    from transformers import __version__

    folder = cache_dir() / f"{files.fingerprint}-transformers-{__version__}"
    if not (folder / "config.json").is_file():
        _materialise(files, folder, trust_remote_code)
    return folder


def cache_dir() -> Path:
    """Where converted models are kept."""
    root = os.environ.get("PSPO_BENCH_CACHE") or "~/.cache/pspo-bench"
    return Path(root).expanduser() / "models"


def config(folder: Path) -> dict[str, Any]:
    """config.json as it is. Raises ModelError if it cannot be read."""
    try:
        value: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}/config.json cannot be read: {error}") from error
    return value


def tensors(folder: Path) -> Tensors:
    """Read the headers of the weight files. The dtype is config.json's, else that of the first tensor."""
    shapes: dict[str, tuple[int, ...]] = {}
    stored: list[str] = []
    for name, shape, dtype in _headers(folder):
        shapes[name] = shape
        stored.append(dtype)
    dtype = _declared_dtype(config(folder)) or _TORCH_NAMES.get(stored[0], stored[0])
    return Tensors(shapes, sum(map(prod, shapes.values())), dtype)


def _declared_dtype(values: dict[str, Any]) -> str | None:
    for part in (values, values.get("text_config") or {}):
        if name := part.get("dtype") or part.get("torch_dtype"):
            return str(name)
    return None


def _headers(folder: Path) -> Iterator[tuple[str, tuple[int, ...], str]]:
    from safetensors import safe_open

    for file in weight_files(folder):
        with safe_open(file, framework="np") as handle:
            for name in sorted(handle.keys()):
                view = handle.get_slice(name)
                yield name, tuple(view.get_shape()), view.get_dtype()


def _materialise(files: ModelFiles, folder: Path, trust_remote_code: bool) -> None:
    loaded = load(files.spec, dtype="float32", device="cpu", trust_remote_code=trust_remote_code)
    model = loaded.model
    if files.base is not None and files.base.path.is_dir():
        # Merged in the base's dtype, so going back to it from float32 loses nothing and halves the folder.
        model = model.to(_torch_dtype(tensors(files.base.path).dtype))
    model.config.quantization_config = None  # of a GGUF file: these weights are dense
    del model.config.quantization_config
    unfinished = folder.with_name(f".unfinished-{secrets.token_hex(8)}")
    try:
        unfinished.mkdir(parents=True)
        try:
            with no_progress_bars():
                model.save_pretrained(unfinished)
            loaded.tokenizer.save_pretrained(unfinished)
            for file in unfinished.iterdir():
                file.chmod(0o644)  # safetensors writes files that only their owner can read
            _rename(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"The converted weights of '{files.spec}' cannot be written to {folder} ({error}); free some space, "
            "or set PSPO_BENCH_CACHE to a folder that has it"
        ) from error


def _rename(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not (folder / "config.json").is_file():  # else another process was first
            raise


def _torch_dtype(name: str) -> Any:
    import torch

    return getattr(torch, name)
