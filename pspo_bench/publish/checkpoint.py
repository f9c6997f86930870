"""A checkpoint folder, read and checked: its manifest, its weights against the manifest, and the files that go up.

    checkpoint = open_checkpoint(Path("runs/pspo-s0"))
    checkpoint.manifest.objective.name, checkpoint.weights      # "pspo", (Path(".../model.safetensors"),)

The files that go up are named here one by one. Whatever else lies in the folder (optimizer state, resume points,
checkpoints on the way, notes of the user) stays, and is listed in `left_out`.
"""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pspo_bench.config import validate
from pspo_bench.errors import PublishError
from pspo_bench.models import adapter_fingerprint, fingerprint, weight_files

MANIFEST_NAME = "manifest.json"
LOG_NAME = "training_log.parquet"
ADAPTER_CONFIG = "adapter_config.json"

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    ADAPTER_CONFIG,
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",  # sentencepiece
    "*.jinja",
)
"""What `save_pretrained` of models, tokenizers and adapters writes, beside the weights."""
WRITTEN_ANEW = (MANIFEST_NAME, LOG_NAME, "README.md", "recipe.json")
"""Taken up in another form (see `folder`), or, as for a card that PEFT or TRL wrote, replaced."""


class _Part(BaseModel):
    """Base of what is read from a manifest: keys that are not known here are let pass, wrong types are not."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ObjectivePart(_Part):
    name: str
    settings: dict[str, float] = {}


class Caution(_Part):
    """A warning that the training run gave about itself."""

    name: str
    message: str


class Manifest(_Part):
    """manifest.json as `train` writes it."""

    name: str
    method: str
    objective: ObjectivePart
    base_model: str
    base_fingerprint: str | None = None
    seed: int
    recipe: dict[str, Any]
    system_prompt: str | None = None
    optimizer_steps: int
    tokens_generated: int | None = None
    wall_time_s: float | None = None
    data: dict[str, Any] = {}
    weights_sha256: str = Field(min_length=1)
    versions: dict[str, str] = {}
    git_commit: str | None = None
    hardware: dict[str, Any] = {}
    created: str | None = None
    warnings: list[Caution] = []


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished checkpoint whose weights are those that its manifest names.

    `raw` is the manifest as it lies there; `weights` and `model_files` are absolute paths of files directly in `path`;
    `left_out` are the names of what stays.
    """

    path: Path
    manifest: Manifest
    raw: dict[str, Any]
    weights: tuple[Path, ...]
    model_files: tuple[Path, ...]
    left_out: tuple[str, ...]

    @property
    def is_adapter(self) -> bool:
        return (self.path / ADAPTER_CONFIG).is_file()

    @property
    def log(self) -> Path | None:
        file = self.path / LOG_NAME
        return file if file.is_file() else None


def open_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`, its weights hashed and compared.

    Raises PublishError for a folder that is no finished checkpoint, or whose weights are not those of its manifest;
    ConfigError naming the key of a manifest that does not fit; ModelError for weights that cannot be read.
    """
    raw = _read_manifest(path)
    manifest = validate(Manifest, raw, str(path / MANIFEST_NAME))
    weights = tuple(weight_files(path))
    _check_weights(path, manifest)
    names = sorted(child.name for child in path.iterdir())
    taken = [name for name in names if (path / name).is_file() and _is_model_file(path, name)]
    known = {*taken, *(file.name for file in weights), *WRITTEN_ANEW}
    return Checkpoint(
        path=path,
        manifest=manifest,
        raw=raw,
        weights=weights,
        model_files=tuple(path / name for name in taken),
        left_out=tuple(name for name in names if name not in known),
    )


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise PublishError(f"{path} is not a folder; give the checkpoint folder that train wrote")
    file = path / MANIFEST_NAME
    if not file.is_file():
        if (path / "recipe.json").is_file():
            raise PublishError(
                f"{path} is an unfinished training run: it has no {MANIFEST_NAME}; finish it with the same train"
                " command and --resume"
            )
        raise PublishError(
            f"{path} holds no {MANIFEST_NAME}, so it is no checkpoint of train; give a folder that train wrote"
        )
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PublishError(f"{file} cannot be read as JSON: {error}; restore the file") from error
    if not isinstance(raw, dict):
        raise PublishError(f"{file} holds no JSON object; restore the file")
    return raw


def _check_weights(path: Path, manifest: Manifest) -> None:
    """An adapter's hash covers its base; the manifest's own word for that spares finding the base."""
    if not (path / ADAPTER_CONFIG).is_file():
        found = fingerprint(path)
    elif manifest.base_fingerprint is None:
        raise PublishError(
            f"{path} is an adapter, and its {MANIFEST_NAME} has no base_fingerprint: it cannot be checked; train it"
            " again with this version"
        )
    else:
        found = adapter_fingerprint(manifest.base_fingerprint, path)
    if found != manifest.weights_sha256:
        raise PublishError(
            f"The weights in {path} are not those of its {MANIFEST_NAME} (hash {found}, there"
            f" {manifest.weights_sha256}); they were changed after training: restore them, or train again"
        )


def _is_model_file(path: Path, name: str) -> bool:
    if name.endswith(".py"):
        return _has_own_code(path)
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in MODEL_FILES)


def _has_own_code(path: Path) -> bool:
    """Whether the model says that it comes with Python code of its own (`trust_remote_code`)."""
    try:
        return "auto_map" in json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
