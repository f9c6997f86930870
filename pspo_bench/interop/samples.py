"""Collected rows → checked samples, by our own rules.

samples = checked(kept, origin, fingerprint, workers=1, timeout_s=5.0)
"""

from __future__ import annotations

from collections.abc import Sequence

from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION, CheckRow, check_many
from pspo_bench.interop.collecting import Kept
from pspo_bench.interop.source import Origin
from pspo_bench.records import Sample, Status, Verdict

BATCH_ROWS = 512
ENGINE = "import"
UNKNOWN_END = "stop"
"""The finish reason of a completion that the log says nothing of: it counts as whole, for `length` would turn an
answer that stands at its end into half an answer."""


def checked(
    kept: Sequence[Kept], origin: Origin, fingerprint: str, *, workers: int, timeout_s: float
) -> list[Sample]:
    """The samples in the order of `kept`. Raises DataError for a gold that cannot be read."""
    from tqdm import tqdm

    samples: list[Sample] = []
    with tqdm(total=len(kept), desc="check", unit="sample", disable=None) as bar:
        for start in range(0, len(kept), BATCH_ROWS):
            batch = kept[start : start + BATCH_ROWS]
            verdicts = check_many(map(_check_row, batch), workers=workers, timeout_s=timeout_s)
            samples += [
                _sample(one, verdict, origin, fingerprint)
                for one, verdict in zip(batch, verdicts, strict=True)
            ]
            bar.update(len(batch))
    return samples


def _check_row(kept: Kept) -> CheckRow:
    example = kept.example
    return CheckRow(
        kept.row.completion,
        example.gold,
        example.answer_type,
        question=example.question or None,
        truncated=kept.row.finish_reason == "length",
    )


def _sample(kept: Kept, verdict: Verdict, origin: Origin, fingerprint: str) -> Sample:
    row, example, drawn = kept.row, kept.example, kept.row.drawn
    if row.finish_reason == "error":
        reason = row.error or f"{origin.harness} has no completion"
        verdict = Verdict(Status.ERROR, verdict.extracted, verdict.method, reason)
    return Sample(
        task=example.task,
        example_id=example.id,
        example_hash=example.hash,
        prompt_hash=row.prompt_hash,
        system_prompt_hash=row.system_prompt_hash or origin.system_prompt_hash,
        chat_template_hash=row.chat_template_hash or origin.chat_template_hash,
        question=example.question,
        gold=example.gold,
        answer_type=example.answer_type,
        category=example.category,
        difficulty=example.difficulty,
        completion=row.completion,
        sample_index=kept.sample_index,
        temperature=drawn.temperature or 0.0,
        top_p=drawn.top_p,
        top_k=drawn.top_k,
        min_p=drawn.min_p,
        max_tokens=drawn.max_tokens,
        stop=drawn.stop,
        seed=drawn.seed,
        finish_reason=row.finish_reason or UNKNOWN_END,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        extracted=verdict.extracted,
        method=verdict.method,
        status=verdict.status.value,
        reason=verdict.reason,
        checker=CHECKER_NAME,
        checker_version=CHECKER_VERSION,
        model_fingerprint=fingerprint,
        engine=ENGINE,
        engine_version=origin.harness,
    )
