"""LoRA: the adapter that a recipe asks for, and what its checkpoint says of the base.

    [model.lora]
    r = 16
    alpha = 32
    target_modules = ["q_proj", "v_proj"]      # or "all-linear"

TRL puts the adapter into the model. The checkpoint is a PEFT adapter folder, a few megabytes, which names its base:
`pspo-bench eval --model FOLDER` loads the base and merges the adapter into it. Source:
https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.config import Recipe
from pspo_bench.errors import ConfigError, MissingExtraError
from pspo_bench.models import full_spec

if TYPE_CHECKING:
    from peft import LoraConfig


def require_peft(recipe: Recipe) -> None:
    """Raise MissingExtraError if the recipe trains an adapter and PEFT is not installed."""
    if recipe.model.lora is not None and importlib.util.find_spec("peft") is None:
        raise MissingExtraError("train", "[model.lora]")


def lora_config(recipe: Recipe, model: Any) -> LoraConfig | None:
    """PEFT's configuration of the adapter, None for a full fine-tune.

    Raises ConfigError naming the model's linear layers if one of `target_modules` is not among them.
    """
    lora = recipe.model.lora
    if lora is None:
        return None
    from peft import LoraConfig

    if not isinstance(lora.target_modules, str):
        _require_layers(model, lora.target_modules)
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )


def save_adapter(model: Any, state: dict[str, Any], recipe: Recipe, folder: Path) -> None:
    """Write the adapter alone, and the base as the recipe names it: PEFT would write where its files lay."""
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision = full_spec(recipe.model.base), recipe.model.revision
    # "auto" would look the base up on the Hub, to see whether the vocabulary was resized
    model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form of PEFT's that nobody has filled in


def load_adapter(model: Any, state: dict[str, Any]) -> None:
    """Put the weights of an adapter's file into the model that has the adapter."""
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(model, state)


def _require_layers(model: Any, wanted: list[str]) -> None:
    from torch import nn

    output = model.get_output_embeddings()
    linear = [
        name for name, layer in model.named_modules() if isinstance(layer, nn.Linear) and layer is not output
    ]
    for target in wanted:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))
            raise ConfigError(
                f"model.lora.target_modules: no linear layer '{target}'; the model has: {known}"
            )
