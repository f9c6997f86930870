"""Completions → checked rows.

samples = checked_samples([(job, completion), ...], engine)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pspo_bench.evaluate.jobs import Job
from pspo_bench.records import Completion, Sample, Status, Verdict, short_hash

if TYPE_CHECKING:
    from pspo_bench.engines import Engine


def checked_samples(made: Sequence[tuple[Job, Completion]], engine: Engine) -> list[Sample]:
    """Check completions and make them rows. A completion the engine failed on is an `error`, never left out."""
    from pspo_bench.answers import CheckRow, check_many

    rows = [
        CheckRow(
            completion.text,
            job.example.gold,
            job.example.answer_type,
            question=job.example.question,
            truncated=completion.finish_reason == "length",
        )
        for job, completion in made
    ]
    verdicts = check_many(rows)
    return [
        _sample(job, completion, verdict, engine)
        for (job, completion), verdict in zip(made, verdicts, strict=True)
    ]


def _sample(job: Job, completion: Completion, verdict: Verdict, engine: Engine) -> Sample:
    from pspo_bench.answers import CHECKER_NAME, CHECKER_VERSION

    if completion.finish_reason == "error":
        reason = completion.error or "the engine made no completion"
        verdict = Verdict(Status.ERROR, verdict.extracted, verdict.method, reason)
    example, drawn = job.example, job.sampling
    return Sample(
        task=example.task,
        example_id=example.id,
        example_hash=example.hash,
        prompt_hash=job.prompt_hash,
        system_prompt_hash=short_hash(job.system_prompt),
        chat_template_hash=engine.chat_template_hash,
        question=example.question,
        gold=example.gold,
        answer_type=example.answer_type,
        category=example.category,
        difficulty=example.difficulty,
        completion=completion.text,
        sample_index=job.sample_index,
        temperature=drawn.temperature,
        top_p=drawn.top_p,
        top_k=drawn.top_k,
        min_p=drawn.min_p,
        max_tokens=drawn.max_tokens,
        stop=drawn.stop_conditions,
        seed=job.seed,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        extracted=verdict.extracted,
        method=verdict.method,
        status=verdict.status.value,
        reason=verdict.reason,
        checker=CHECKER_NAME,
        checker_version=CHECKER_VERSION,
        model_fingerprint=engine.fingerprint,
        engine=engine.name,
        engine_version=engine.version,
    )
