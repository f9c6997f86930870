"""Requests → completions through vLLM, and other weights in a running engine.

Prompts are rendered and tokenised here, stop strings and the answer line are found here, by the code that the
engine hf uses; vLLM gets token ids and gives token ids. So both engines read the same tokens, end by the same
rules and count alike, and what is left to differ is arithmetic.

What is promised about randomness: a request's seed goes to vLLM as its own seed, so on one machine, one version
and one batch composition the same requests give the same texts. vLLM computes in batches whose make-up depends
on what else is running; logits then differ by rounding, and a near-tie can fall either way: resuming a run or
another batch size may change a text, at any temperature. VLLM_BATCH_INVARIANT=1 (vLLM's own switch, on GPUs that
it supports) rules that out; `version` says when it is on.

    engine = VLLMEngine("pocket", dtype="float32")
    for index, completion in engine.generate([Request(prompt, Sampling(max_tokens=64), seed=0)]): ...
    engine.swap("runs/pspo-s0")      # True: the next completions are this checkpoint's
    engine.close()
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pspo_bench.engines import chat
from pspo_bench.engines.rows import Row, rows_of
from pspo_bench.engines.stopping import Stopper
from pspo_bench.engines.vllm import options as opt
from pspo_bench.engines.vllm.backend import Backend, Output, Refused
from pspo_bench.engines.vllm.checkpoint import Checkpoint, open_checkpoint
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.records import Completion, Request, Sampling

logger = logging.getLogger(__name__)

MAX_QUEUED = 8192
"""Requests in vLLM at one time, running or waiting: more than it runs together, few enough for any memory."""
_PROBE = "Tom has 17 apples and 3 bags: 17 * 3 = 51. He eats 5 of them, so 46 are left.\n#### 46\n"


class VLLMEngine:
    """vLLM with one model.

    - dtype, device, revision, trust_remote_code: as for `models.load`.
    - batch_size: requests that run together (vLLM's max_num_seqs), or "auto" for vLLM's own number.
    - chat_template_args: passed to the chat template, such as {"enable_thinking": False} for Qwen3.
    - options: vLLM's own, see `options`.

    Raises MissingExtraError without vLLM, ConfigError for a bad option, ModelError if the model cannot be read
    or vLLM cannot start.
    """

    name = "vllm"

    def __init__(
        self,
        model: str,
        *,
        dtype: str = "auto",
        device: str = "auto",
        revision: str | None = None,
        trust_remote_code: bool = False,
        batch_size: int | str = "auto",
        chat_template_args: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        opt.require_vllm()
        self._options = opt.checked(options)
        self.device = opt.checked_device(device)
        self._asked_dtype, self._template_args = dtype, chat_template_args
        self._trust_remote_code = trust_remote_code
        checkpoint = open_checkpoint(model, revision=revision, trust_remote_code=trust_remote_code)
        self._adopt(checkpoint)
        self.dtype = opt.resolved_dtype(dtype, checkpoint.tensors)
        self.version = _version()
        self._requests, self._generating = 0, False
        self._backend: Backend | None = Backend(
            opt.arguments(
                self._options,
                folder=checkpoint.folder,
                dtype=self.dtype,
                trust_remote_code=trust_remote_code,
                batch_size=batch_size,
            )
        )

    def render(self, messages: list[dict[str, str]]) -> str:
        """The prompt text: by the chat template with its generation prompt, or plain without a template."""
        return chat.render(self._checkpoint.tokenizer, messages, self._template_args)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as requests finish; all are queued at once.

        A prompt too long for the model gives an empty completion with finish reason error, and max_tokens is cut
        to what the model's context leaves. When the iterator is closed or interrupted, what is unfinished is
        aborted. Raises ConfigError for sampling settings that vLLM does not take, and ModelError if vLLM dies.
        """
        backend = self._idle()
        self._generating = True
        running: dict[str, Row] = {}
        try:
            waiting = deque(
                rows_of(
                    requests,
                    self._checkpoint.tokenizer,
                    templated=bool(self.chat_template_hash),
                    context=backend.max_model_len,
                )
            )
            while waiting or running:
                yield from self._submit(backend, waiting, running)
                yield from self._advance(backend, running)
        finally:
            self._generating = False
            with contextlib.suppress(Exception):  # where vLLM is dead there is nothing to abort
                backend.abort(list(running))

    def swap(self, model: str) -> bool:
        """Put another checkpoint's weights into the running engine; True if that was done.

        False, and nothing has changed, if the model is of another architecture, dtype or quantisation, or has
        another tokenizer or chat template, if vLLM cannot load it, or if log-probabilities do not show that it
        has. Raises as the constructor, and ModelError, the engine then closed, if vLLM fails beyond repair.
        """
        backend = self._idle()
        other = open_checkpoint(model, trust_remote_code=self._trust_remote_code)
        same_dtype = opt.resolved_dtype(self._asked_dtype, other.tensors) == self.dtype
        if self._options.get("quantization") or not (same_dtype and self._checkpoint.fits(other)):
            return False
        if other.fingerprint != self.fingerprint and not self._reload(backend, other.folder):
            return False
        self._adopt(other)
        return True

    def close(self) -> None:
        """End vLLM's processes and free its memory."""
        if self._backend is not None:
            self._backend.shutdown()
            self._backend = None

    def _adopt(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._stopper = Stopper(checkpoint.tokenizer)
        self.fingerprint = checkpoint.fingerprint
        self.manifest = checkpoint.manifest
        self.chat_template_hash = chat.with_arguments(checkpoint.chat_template_hash, self._template_args)

    def _idle(self) -> Backend:
        if self._backend is None:
            raise ConfigError("This vllm engine is closed; open another")
        if self._generating:
            raise ConfigError("This vllm engine is generating; finish or close that iterator first")
        return self._backend

    def _submit(
        self, backend: Backend, waiting: deque[Row], running: dict[str, Row]
    ) -> Iterator[tuple[int, Completion]]:
        """Queue what there is room for; yield what cannot be run at all."""
        while waiting and len(running) < MAX_QUEUED:
            row = waiting.popleft()
            name = str(self._requests)
            self._requests += 1
            try:
                if not row.prompt or row.limit <= 0:
                    raise Refused(_unfit(row, backend.max_model_len))
                backend.add(
                    name, row.prompt, row.sampling,
                    seed=row.seed, limit=row.limit, eos=sorted(self._checkpoint.eos), stream=_stream(row.sampling),
                )  # fmt: skip
            except Refused as error:
                yield row.index, row.completion("", "error", str(error))
            else:
                running[name] = row

    def _advance(self, backend: Backend, running: dict[str, Row]) -> Iterator[tuple[int, Completion]]:
        """The rows that end with vLLM's next step."""
        if not running:
            return
        finished = []
        for output in backend.step():
            row = running.get(output.request_id)
            if row is None:  # ended by us, one step before vLLM heard of it
                continue
            completion = self._extended(row, output)
            if completion is not None:
                del running[output.request_id]
                finished.append((row.index, completion))
                if output.finish is None:
                    backend.abort([output.request_id])
        yield from finished

    def _extended(self, row: Row, output: Output) -> Completion | None:
        """Add new tokens to a row; its completion if that ends it."""
        for token in output.tokens:
            if token in self._checkpoint.eos:
                return row.completion(self._stopper.text(row.tokens), "stop")
            row.tokens.append(token)
            text = self._stopper.cut(row.tokens, row.sampling)
            if text is not None:
                return row.completion(text, "stop-string")
            if len(row.tokens) >= row.limit:
                return row.completion(self._stopper.text(row.tokens), "length")
        if output.finish is None:
            return None
        text = self._stopper.text(row.tokens)
        if output.finish in ("stop", "length"):
            return row.completion(text, output.finish)
        return row.completion(text, "error", f"vLLM ended the request with '{output.finish}'")

    def _reload(self, backend: Backend, folder: Path) -> bool:
        """Load the weights; True if they can be seen to have changed, else the former ones are put back."""
        probe = self._checkpoint.tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
        probe = probe[: backend.max_model_len - 1]
        try:
            before = backend.log_probs(probe)
            with contextlib.suppress(ModelError):
                backend.reload(folder)
                if backend.log_probs(probe) != before:
                    return True
            logger.warning("vLLM did not take the weights of %s; going back to the former ones", folder)
            backend.reload(self._checkpoint.folder)
            if backend.log_probs(probe) != before:
                raise ModelError(
                    f"vLLM took neither the weights of {folder} nor its former ones; open it anew"
                )
            return False
        except BaseException:  # also Ctrl-C: what the weights are is not known
            self.close()
            raise


def _stream(sampling: Sampling) -> bool:
    """Whether the tokens must be looked at as they come, for a request may end before vLLM would end it."""
    return bool(sampling.stop) or sampling.stop_at_answer_line


def _unfit(row: Row, context: int) -> str:
    if not row.prompt:
        return "the prompt is empty"
    return f"the prompt has {len(row.prompt)} tokens, which leaves none of the {context} of max_model_len"


def _version() -> str:
    import torch
    import transformers
    import vllm

    text = f"vllm {vllm.__version__}, transformers {transformers.__version__}, torch {torch.__version__}"
    return f"{text}, batch-invariant" if os.environ.get("VLLM_BATCH_INVARIANT", "0") != "0" else text
