"""What runs in vLLM's worker processes: loading other weights in place.

vLLM mixes the class into its worker by name (its option `worker_extension_cls`), and
`LLM.collective_rpc("load_weights_of", args=(folder,))` calls it on every worker.
"""

from __future__ import annotations

from typing import Any


class WeightSwapper:
    """An extension of vLLM's worker."""

    reload_weights: Any
    model_config: Any
    model_runner: Any

    def load_weights_of(self, folder: str) -> None:
        """vLLM's own reload, and what it leaves out.

        On a CPU vLLM computes with packed copies of the weights. It packs a layer anew when it loads weights for
        it; an output layer that is tied to the embedding is loaded with none of its own, and would go on with the
        old checkpoint's (seen with 0.32.0).

        On a CPU with AMX it keeps the biases of bfloat16 layers in float32, rounded when the model starts but not
        when weights are loaded again: a checkpoint in float32 would then score otherwise than in an engine of its
        own (0.32.0).
        """
        import torch

        self.reload_weights(weights_path=folder)
        with torch.no_grad():
            for layer in self.model_runner.get_model().modules():
                if not hasattr(layer, "cpu_linear"):
                    continue
                bias = getattr(layer, "bias", None)
                if bias is not None:
                    bias.copy_(bias.to(self.model_config.dtype))
                # A layer that keeps its weight beside the packed one can be packed again; the others were.
                if layer.weight.numel():
                    layer.quant_method.process_weights_after_loading(layer)
