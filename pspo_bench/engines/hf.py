"""The engine `hf`: decoder-only transformers models on CPU or GPU, in a running batch.

Rows leave the batch when they finish and waiting ones take their places, so no row waits for the longest. What
several rows have in common is computed once: the start that all prompts share, and a prompt that is asked for
several samples. Longest prompts run first, so that too large a batch shows at once; it is then halved, and what
was already generated is kept.

Sampling is by temperature and top-p alone, as the run's settings say: a `repetition_penalty`, `top_k` or
`min_p` in the model's generation_config.json (Qwen2.5-Instruct has the first two) is deliberately not applied.
Greedy output in float32 is that of `model.generate(do_sample=False)` without them, token for token.
A request's draws depend on its seed alone (see `sampling`), up to the rounding that other batch shapes bring.

    engine = HFEngine(load("smollm2"), batch_size="auto", stop_at_answer_line=True)
    for index, completion in engine.generate(requests): ...
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import transformers
from torch import Tensor

from pspo_bench.engines import chat
from pspo_bench.engines.batch import RunningBatch
from pspo_bench.engines.memory import guess_batch_size, is_out_of_memory
from pspo_bench.engines.stopping import Stopper, eos_ids
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.models import LoadedModel
from pspo_bench.records import Completion, Request

logger = logging.getLogger(__name__)

MIN_REFILL_SHARE = 8
"""Waiting rows are admitted when a 1/8 of the batch is free: fewer, larger prefills."""
_PREFILL_TOKENS = {"cpu": 4096, "cuda": 32768}


class HFEngine:
    """A loaded model as an engine.

    batch_size: rows generated together, or "auto" for what memory allows; halved when memory runs out.
    stop_at_answer_line: stop once a whole line `#### <something>` has been generated (finish reason stop-string).
    chat_template_args: passed to the chat template, such as {"enable_thinking": False} for Qwen3.
    Raises ConfigError for a bad option and ModelError for a model that is not a decoder with attention alone.
    `fingerprint` is that of the loaded weights; it does not follow a model that is trained meanwhile.
    """

    name = "hf"

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        batch_size: int | Literal["auto"] = "auto",
        stop_at_answer_line: bool = False,
        chat_template_args: dict[str, Any] | None = None,
    ) -> None:
        self._batch_size = _checked_batch_size(batch_size)
        _require_attention_decoder(loaded)
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._template_args = chat_template_args
        self._eos = eos_ids(loaded.model, loaded.tokenizer)
        self._stopper = Stopper(loaded.tokenizer, answer_line=stop_at_answer_line)
        self.version = f"transformers {transformers.__version__}, torch {torch.__version__}"
        self.fingerprint = loaded.fingerprint
        self.chat_template_hash = loaded.chat_template_hash
        self.dtype = loaded.dtype
        self.device = loaded.device

    def render(self, messages: list[dict[str, str]]) -> str:
        """The prompt text: by the chat template with its generation prompt, or plain without a template."""
        return chat.render(self._tokenizer, messages, self._template_args)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as requests finish.

        A prompt too long for the model gives an empty completion with finish reason error, logits that are not
        finite numbers end a completion with it, and max_tokens is cut to what the model's context leaves. Raises
        ModelError if a single row does not fit in memory.
        """
        waiting: list[Row] = []
        for row in self._rows(requests):
            if row.limit > 0 and row.prompt:
                waiting.append(row)
            else:
                yield row.index, row.completion("", "error")
        while waiting:
            slots = self._slots(waiting)
            left: list[Row] = []
            yield from self._run(waiting, slots, left)
            if left:
                self._batch_size = _halved(slots, left)
            waiting = left

    def close(self) -> None:
        self._model = self._tokenizer = None

    def _run(self, waiting: list[Row], slots: int, left: list[Row]) -> Iterator[tuple[int, Completion]]:
        """Generate `waiting` in batches of up to `slots`; on out-of-memory put the unfinished ones into `left`."""
        # Identical prompts stand together, so that one prefill serves them.
        queue = sorted(waiting, key=lambda row: (-row.length, row.ids, row.index))
        batch: RunningBatch | None = None
        try:
            prefix = self._prefix(queue)
            batch = RunningBatch(self._model, self._stopper, self._eos, slots, prefix)
            while queue or batch.rows:
                new = self._admissible(queue, len(batch.rows), slots, prefix.length)
                if new:
                    finished = batch.admit(new)
                    del queue[: len(new)]
                else:
                    finished = batch.step()
                yield from finished
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        else:
            return
        ...
