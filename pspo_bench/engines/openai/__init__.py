"""The engine `openai`: a model behind any OpenAI-compatible server (vLLM serve, SGLang, llama.cpp, a provider).

Source: https://platform.openai.com/docs/api-reference, the endpoints chat/completions and completions.

    pspo-bench eval --engine openai --model Qwen/Qwen2.5-0.5B-Instruct --tasks gsm8k -o runs/qwen \\
        --model-args base_url=http://127.0.0.1:8000/v1,concurrency=32

The key is read from OPENAI_API_KEY; it is no option, since options are written into the run. `options.Options` lists
the options, `wire` says how requests are written and answers read, `failures` what is tried again, `dispatch` when a
request or the run is given up, `pacing` how budgets are kept.

What to know of the results:
- The weights are not seen. The run's fingerprint is `endpoint-...`, of address and name, unless `weights=` names them.
- The answer is the message's `content`. What a reasoning model thinks aloud, where the server gives it apart
  (`reasoning_content`), is left out but its tokens count; a completion that was all thought is empty.
- Token counts are the server's, None where it gives none; most count the token that ends a completion.
- Seeds are cut to 31 bits. Whether one brings back the same draws is the server's affair; batching often spoils it.
- A completion may not exceed the context: a server refuses prompt plus max_tokens beyond it, and that sample is an
  error with the server's words. Choose --max-tokens accordingly.
"""

from pspo_bench.engines.openai.engine import OpenAIEngine

__all__ = ["OpenAIEngine"]
