"""Logs of Inspect as `inspect log dump LOG > dump.json` prints them: one JSON object with all samples.

`epoch` and the choices of an output number the completions of a question. Source: inspect_ai 0.3.285, `log/_log.py`
(https://inspect.aisi.org.uk/eval-logs.html).

    {"version": 2, "eval": {"task": "gsm8k", "model": "org/model", "packages": {"inspect_ai": "0.3.285"}},
     "plan": {"config": {"temperature": 0.7}}, "samples": [{"id": 1, "epoch": 1, "input": "...", "target": "72",
     "output": {"choices": [{"message": {"content": "... #### 72"}, "stop_reason": "stop"}],
     "usage": {"input_tokens": 29, "output_tokens": 11}}, "scores": {"match": {"value": "C"}}}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pspo_bench.errors import DataError
from pspo_bench.interop.reading import Record, clean, is_number, json_file
from pspo_bench.interop.source import Drawn, Origin, Score, Source, SourceRow
from pspo_bench.records import short_hash

FORMAT = "inspect"
ATTACHMENT = "attachment://"
_FINISH = {"stop": "stop", "max_tokens": "length", "model_length": "length", "content_filter": "stop"}
_VALUES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's own reading of its letters: correct, partial, incorrect, no answer."""


def read(path: Path) -> Source:
    """The completions of a dumped log. Raises DataError naming the sample that is not as Inspect writes it."""
    log = json_file(path)
    head, config = log.record("eval"), log.record("plan").record("config")
    if not head.data or not isinstance(log.data.get("samples"), list):
        keys = ", ".join(sorted(log.data)[:6])
        raise DataError(
            f"{path} is no log of Inspect with its samples (it has: {keys}); make one with: "
            f"inspect log dump LOG > dump.json. Of lm-eval, import samples_*.jsonl"
        )
    version = head.record("packages").text("inspect_ai")
    origin = Origin(
        format=FORMAT,
        harness=f"inspect {version}" if version else FORMAT,
        model=head.text("model"),
        task=(head.text("task") or "").rpartition("/")[2],
        system_prompt_hash=short_hash(config.text("system_message") or ""),
    )
    return Source(origin, _samples(log, _drawn(config)))


def _drawn(config: Record) -> Drawn:
    stops = [clean(text) for text in config.items("stop_seqs") if isinstance(text, str)]
    top_p = config.number("top_p", 0, 1)
    return Drawn(
        temperature=config.number("temperature"),
        top_p=1.0 if top_p is None else top_p,
        top_k=config.whole("top_k") or 0,
        max_tokens=config.whole("max_tokens") or 0,
        stop=json.dumps(stops, ensure_ascii=False),
        seed=config.whole("seed", least=-(1 << 63)) or 0,
    )


def _samples(log: Record, drawn: Drawn) -> Iterator[SourceRow]:
    records = [
        Record(data, f"{log.where}, sample {number}")
        for number, data in enumerate(log.items("samples"), start=1)
    ]
    width = max([1, *(len(_choices(record)) for record in records)])
    for record in records:
        yield from _rows(_Sample(record, drawn, width))


def _choices(record: Record) -> list[Any]:
    return record.record("output").items("choices")


@dataclass(frozen=True, slots=True)
class _Sample:
    """`width` is the most choices that a sample of the log has: one that failed has none, and takes their place."""

    record: Record
    drawn: Drawn
    width: int

    def text_of(self, content: Any) -> str:
        """A message's content: text, or parts of which the text parts count; long texts stand apart."""
        parts = content if isinstance(content, list) else [content]
        texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
        return "\n".join(self._attached(text) for text in texts if isinstance(text, str))

    def _attached(self, text: str) -> str:
        if not text.startswith(ATTACHMENT):
            return clean(text)
        name = text.removeprefix(ATTACHMENT)
        found = self.record.record("attachments").text(name)
        if found is None:
            raise DataError(f"{self.record.where}: attachment {name[:40]} is missing from the log")
        return found

    @property
    def question(self) -> str:
        """The input: text, or messages of which the last of the user counts."""
        given = self.record.data.get("input")
        if not isinstance(given, list):
            return self.text_of(given)
        asked = [item for item in given if isinstance(item, dict) and item.get("role") == "user"]
        return self.text_of(asked[-1].get("content")) if asked else ""


def _rows(sample: _Sample) -> Iterator[SourceRow]:
    record, question = sample.record, sample.question
    usage, error = record.record("output").record("usage"), _error(record)
    choices = _choices(record)
    epoch = (record.whole("epoch") or 1) - 1
    scores = tuple(_scores(record.record("scores"), len(choices) > 1))
    for place, item in enumerate(choices or [{}]):
        choice = Record(item, record.where)
        stop = choice.text("stop_reason")
        yield SourceRow(
            where=record.where,
            completion=sample.text_of(choice.record("message").data.get("content")),
            golds=_golds(record),
            drawn=sample.drawn,
            id=_id(record.data.get("id")),
            position=_position(record.data.get("id")),
            questions=(question,),
            fields=record.record("metadata").data,
            prompt_hash=short_hash(question),
            sample_index=epoch * sample.width + place,
            finish_reason="error" if error or not choices else _FINISH.get(stop or ""),
            error=error,
            prompt_tokens=usage.whole("input_tokens"),
            completion_tokens=usage.whole("output_tokens") if len(choices) == 1 else None,
            scores=scores if place == 0 else (),
        )


def _error(record: Record) -> str | None:
    """What Inspect says of a sample that failed; None if it did not."""
    return (
        (record.record("error").text("message") or "the sample failed") if record.data.get("error") else None
    )


def _golds(record: Record) -> tuple[str, ...]:
    target = record.data.get("target")
    golds = target if isinstance(target, list) else [target]
    if not all(isinstance(gold, str) for gold in golds):
        record.refuse("target", "text or a list of texts")
    return tuple(clean(gold) for gold in golds if gold)


def _id(value: object) -> str | None:
    """A name; digits alone are a number, which need not be that of our task."""
    return clean(value) if isinstance(value, str) and not value.isdigit() else None


def _position(value: object) -> int | None:
    """Inspect numbers samples without an id from 1."""
    return value - 1 if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _scores(scores: Record, of_question: bool) -> Iterator[Score]:
    for name in scores.data:
        value = scores.record(name).data.get("value")
        if isinstance(value, str) and value in _VALUES:
            yield Score(clean(name), _VALUES[value], of_question)
        elif isinstance(value, bool) or is_number(value):
            yield Score(clean(name), float(value), of_question)  # type: ignore[arg-type]
