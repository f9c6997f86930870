"""A model as the engine vllm needs to know it, and whether another's weights can take its place.

>>> base = open_checkpoint("pocket")
>>> base.fits(open_checkpoint("runs/pspo-s0"))      # trained from it: same architecture and tokenizer
True
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pspo_bench.engines.stopping import eos_ids
from pspo_bench.engines.vllm.folder import Tensors, config, readable, tensors
from pspo_bench.models import chat_template_hash, load_tokenizer, resolve

_NOT_ARCHITECTURE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")
"""Keys of config.json that may differ between two checkpoints that one running model can hold in turn."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`folder` is what vLLM reads; `eos` are the token ids that end a completion."""

    fingerprint: str
    manifest: dict[str, Any] | None
    folder: Path
    tokenizer: Any
    tensors: Tensors
    eos: frozenset[int]

    @property
    def chat_template_hash(self) -> str:
        return chat_template_hash(self.tokenizer)

    def fits(self, other: Checkpoint) -> bool:
        """Whether a running model of this one can hold the weights of `other`, and its prompts stay the same.

        Never for quantised weights, which vLLM repacks.
        """
        ours, theirs = _architecture(self.folder), _architecture(other.folder)
        return (
            ours == theirs
            and "quantization_config" not in ours
            and self.tensors.shapes == other.tensors.shapes
            and _same_tokenizer(self.tokenizer, other.tokenizer)
        )


def open_checkpoint(spec: str, *, revision: str | None = None, trust_remote_code: bool = False) -> Checkpoint:
    """Find and read a model, without its weights if it is a folder already. Raises ModelError, MissingExtraError."""
    files = resolve(spec, revision=revision, trust_remote_code=trust_remote_code)
    tokenizer = load_tokenizer(spec, revision=revision, trust_remote_code=trust_remote_code)
    folder = readable(files, trust_remote_code=trust_remote_code)
    model = SimpleNamespace(generation_config=_generation_config(folder, trust_remote_code))
    return Checkpoint(
        fingerprint=files.fingerprint,
        manifest=files.manifest,
        folder=folder,
        tokenizer=tokenizer,
        tensors=tensors(folder),
        eos=eos_ids(model, tokenizer),
    )


def _architecture(folder: Path) -> dict[str, Any]:
    return {name: value for name, value in config(folder).items() if name not in _NOT_ARCHITECTURE}


def _same_tokenizer(one: Any, other: Any) -> bool:
    """Whether both turn any conversation into the same tokens and back. Slow tokenizers count as different."""
    texts = [_tokenizer_text(tokenizer) for tokenizer in (one, other)]
    return (
        texts[0] is not None
        and texts[0] == texts[1]
        and one.eos_token_id == other.eos_token_id
        and one.chat_template == other.chat_template
    )


def _tokenizer_text(tokenizer: Any) -> str | None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    # Truncation and padding are settings of the last call, not of the tokenizer.
    backend.no_truncation()
    backend.no_padding()
    return str(backend.to_str())


def _generation_config(folder: Path, trust_remote_code: bool) -> Any:
    """The generation config that transformers would give the model: its file, else what config.json says."""
    from transformers import AutoConfig, GenerationConfig

    try:
        return GenerationConfig.from_pretrained(folder)
    except OSError:
        loaded = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
        return GenerationConfig.from_model_config(loaded)
