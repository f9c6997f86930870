"""The engine `hf`: decoder-only transformers models on CPU or GPU, in a running batch.

Rows leave the batch when they finish and waiting ones take their places, so no row waits for the longest.
What several rows have in common is computed once: the start that all prompts share, and a prompt that is
asked for several samples. Longest prompts run first, so that too large a batch shows at once; it is then
halved, and what was already generated is kept.

Sampling is as the run's settings say: a `repetition_penalty`, `top_k` or `temperature` in the model's
generation_config.json (Qwen2.5-Instruct has all three) is deliberately not applied. Greedy output in float32
is that of `model.generate(do_sample=False)` without them, token for token. A request's draws
depend on its seed alone (see `sampling`), up to the rounding that other batch shapes bring.

    engine = HFEngine(load("smollm2"), batch_size="auto")
    for index, completion in engine.generate(requests): ...
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import torch
import transformers

from pspo_bench.engines import chat
from pspo_bench.engines.attention import is_plain_attention, layer_types
from pspo_bench.engines.batch import Decoder, Prefix, RunningBatch, shared_prefix
from pspo_bench.engines.memory import guess_batch_size, is_out_of_memory
from pspo_bench.engines.packing import packed_linears
from pspo_bench.engines.rows import Row, rows_of
from pspo_bench.engines.stopping import Stopper, eos_ids
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.models import LoadedModel
from pspo_bench.records import Completion, Request

logger = logging.getLogger(__name__)

_REFILL_SHARE = 8
"""Waiting rows are admitted when 1/8 of the batch is free: fewer, larger prefills."""
_PREFILL_TOKENS = {"cpu": 4096, "cuda": 32768}
_WORTH_PACKING = 8
"""Requests from which packing the weights takes less time than it saves."""
_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}


class HFEngine:
    """A loaded model as an engine.

    - batch_size: rows generated together, or "auto" for what memory allows; halved when memory runs out.
    - chat_template_args: passed to the chat template, such as {"enable_thinking": False} for Qwen3.

    Raises ConfigError for a bad option and ModelError for a model that is not a decoder with attention alone.
    `fingerprint` is that of the loaded weights; it does not follow a model that is trained meanwhile.
    """

    name = "hf"

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        batch_size: int | Literal["auto"] = "auto",
        chat_template_args: dict[str, Any] | None = None,
    ) -> None:
        self._batch_size = _checked_batch_size(batch_size)
        _require_attention_decoder(loaded)
        self._decoder = Decoder(loaded.model)
        self._tokenizer = loaded.tokenizer
        self._template_args = chat_template_args
        self._eos = eos_ids(loaded.model, loaded.tokenizer)
        self._stopper = Stopper(loaded.tokenizer)
        self.version = f"transformers {transformers.__version__}, torch {torch.__version__}"
        self.fingerprint = loaded.fingerprint
        self.chat_template_hash = chat.with_arguments(loaded.chat_template_hash, chat_template_args)
        self.dtype = loaded.dtype
        self.device = loaded.device
        self.manifest = loaded.manifest

    def render(self, messages: list[dict[str, str]]) -> str:
        """The prompt text: by the chat template with its generation prompt, or plain without a template."""
        return chat.render(self._tokenizer, messages, self._template_args)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as requests finish.

        A prompt too long for the model gives an empty completion with finish reason error, logits that are
        not finite numbers end a completion with it, and max_tokens is cut to what the model's context leaves.
        Raises ModelError if a single row does not fit in memory.
        """
        rows = self._rows(requests)
        for row in rows:
            if not _can_run(row):
                yield row.index, row.completion("", "error")
        yield from self._finished([row for row in rows if _can_run(row)])

    def generate_tokens(self, requests: Sequence[Request]) -> list[tuple[list[int], list[int]]]:
        """(prompt, completion) of each request as token ids, with the token that ended the completion.

        For training, which needs what was drawn and not its text. Raises ModelError for a prompt that is too long for
        the model, for logits that are not finite numbers, and if a single row does not fit in memory.
        """
        rows = self._rows(requests)
        for row in rows:
            if not _can_run(row):
                raise ModelError(
                    f"A prompt of {len(row.prompt)} tokens leaves the model no room for a completion"
                )
        failed = [index for index, completion in self._finished(rows) if completion.finish_reason == "error"]
        if failed:
            raise ModelError(
                f"The model's logits are not finite numbers in {len(failed)} of {len(rows)} completions"
            )
        return [(row.prompt, row.tokens + ([] if row.end is None else [row.end])) for row in rows]

    def _finished(self, rows: list[Row]) -> Iterator[tuple[int, Completion]]:
        """Generate `rows` and yield (index, completion) as they end, with smaller batches where memory runs out."""
        waiting = {row.index: row for row in rows}
        with packed_linears(self._decoder.model) if len(waiting) >= _WORTH_PACKING else nullcontext():
            while waiting:
                slots = self._slots(waiting)
                try:
                    for index, completion in self._run(list(waiting.values()), slots):
                        del waiting[index]
                        yield index, completion
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                if waiting:
                    # Only here are the exception and with it the frames that hold the old cache gone.
                    self._batch_size = _halved(slots, waiting)

    def close(self) -> None:
        """Let go of the model, so that its memory is free once nobody else holds it."""
        del self._decoder, self._tokenizer, self._stopper

    def _run(self, rows: list[Row], slots: int) -> Iterator[tuple[int, Completion]]:
        """Generate `rows`, up to `slots` at a time."""
        # Identical prompts stand together, so that one prefill serves them.
        queue = sorted(rows, key=lambda row: (-row.length, row.ids, row.index))
        prefix = self._prefix(queue)
        batch = RunningBatch(self._decoder, self._stopper, self._eos, slots, prefix)
        while queue or batch.rows:
            new = self._admissible(queue, slots, len(batch.rows), prefix.length)
            yield from batch.admit(new) if new else batch.step()
            del queue[: len(new)]

    def _admissible(self, queue: list[Row], slots: int, running: int, prefix: int) -> list[Row]:
        """The rows at the head of the queue that are to join now; none until enough slots are free."""
        free = slots - running
        if not queue or (running and free < min(len(queue), max(1, slots // _REFILL_SHARE))):
            return []
        width = queue[0].length - prefix
        budget = max(1, _PREFILL_TOKENS.get(torch.device(self.device).type, 4096) // width)
        distinct: set[tuple[int, ...]] = set()
        for count, row in enumerate(queue[:free]):
            distinct.add(tuple(row.ids))
            if len(distinct) > budget:
                return queue[:count]
        return queue[:free]

    def _prefix(self, rows: list[Row]) -> Prefix:
        # Between the prefix and a row's own tokens a prefill has padding, which a sliding window would count.
        if not (is_plain_attention(self._decoder.model) and self._decoder.takes_positions):
            return Prefix()
        return shared_prefix(self._decoder, [row.prompt for row in rows])

    def _rows(self, requests: Sequence[Request]) -> list[Row]:
        config = self._decoder.model.config.get_text_config()
        context = getattr(config, "max_position_embeddings", None) or 2**31
        return rows_of(requests, self._tokenizer, templated=bool(self.chat_template_hash), context=context)

    def _slots(self, waiting: dict[int, Row]) -> int:
        if self._batch_size == "auto":
            longest = max(len(row.prompt) + row.limit for row in waiting.values())
            return min(len(waiting), guess_batch_size(self._decoder.model, longest))
        return min(len(waiting), self._batch_size)


def _can_run(row: Row) -> bool:
    return bool(row.prompt) and row.limit > 0


def _halved(slots: int, waiting: dict[int, Row]) -> int:
    if slots == 1:
        longest = max(row.length for row in waiting.values())
        raise ModelError(
            f"Out of memory with a single row (the longest has {longest} tokens so far); use a smaller "
            "model, a smaller --max-tokens, or a machine with more memory"
        )
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    logger.warning("out of memory with %d rows; going on with %d", slots, slots // 2)
    return slots // 2


def _checked_batch_size(value: int | str) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ConfigError(f"Batch size '{value}' is not a number of at least 1; give one, or auto")
    return number


def _require_attention_decoder(loaded: LoadedModel) -> None:
    config = loaded.model.config
    other = layer_types(config.get_text_config()) - _ATTENTION
    if getattr(config, "is_encoder_decoder", False):
        other.add("encoder-decoder")
    if getattr(loaded.model, "_is_stateful", False):
        other.add("recurrent state")
    if other:
        raise ModelError(
            f"Model '{loaded.spec}' has {', '.join(sorted(other))}; the engine hf runs decoders with "
            "attention alone: use --engine vllm"
        )
