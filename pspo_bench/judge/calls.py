"""Calls to the judge: cache, caps, validation, one repair, then `invalid`.

judge = Judge(engine, settings, Cache(folder / "calls.jsonl"))
replies = judge.ask(RUBRIC, [Call({"question": "1 + 1?", "solution": "1 + 1 = 2"})])
replies[0].value, replies[0].problem        # {"validity": 5, ...}, None
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pspo_bench.judge.cache import Cache, Recorded
from pspo_bench.judge.prompts import Prompt
from pspo_bench.judge.reply import MAX_REPLY_CHARS, InvalidReplyError
from pspo_bench.judge.settings import JudgeSettings
from pspo_bench.judge.spending import Spending
from pspo_bench.records import Completion, Request, Sampling

if TYPE_CHECKING:
    from pspo_bench.engines import Engine

T = TypeVar("T")
ATTEMPTS = 2
"""The call itself, and one repair."""


@dataclass(frozen=True, slots=True)
class Call:
    """Texts to be judged, field → text as it is shown (`data.harmless`). `order` keeps apart calls that would
    otherwise be one: a text against itself, in either order.
    """

    fields: Mapping[str, str]
    order: int = 0


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """The judge's opinion, or why there is none. `asked` is False where a cap stopped the call: neither is there."""

    value: T | None
    problem: str | None
    asked: bool = True

    @property
    def invalid(self) -> bool:
        return self.asked and self.value is None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One attempt, ready to be sent."""

    key: str
    request: Request


@dataclass
class Judge:
    """A judge with its cache and its purse. `progress` shows a bar on a terminal."""

    engine: Engine
    settings: JudgeSettings
    cache: Cache
    progress: bool = True
    spending: Spending = field(init=False)

    def __post_init__(self) -> None:
        self.spending = Spending(self.settings)

    def ask(self, prompt: Prompt[T], calls: Sequence[Call]) -> list[Reply[T]]:
        """A reply for each call, in order. What was answered before is read from the cache.

        Raises as the engine does; what was answered until then is in the cache.
        """
        replies: list[Reply[T]] = [Reply(None, None, asked=False)] * len(calls)
        todo = list(range(len(calls)))
        for attempt in range(ATTEMPTS):
            asked = [self._attempt(prompt, calls[i], attempt, replies[i].problem) for i in todo]
            found = self._answers(prompt, asked)
            for index, one in zip(todo, asked, strict=True):
                answer = found.get(one.key)
                if answer is not None:
                    replies[index] = _judged(prompt, answer)
                elif attempt:  # the repair was not sent: what is known is the invalid reply
                    replies[index] = Reply(None, replies[index].problem, asked=False)
            todo = [index for index in todo if replies[index].invalid]
        return replies

    def prompts(self, prompt: Prompt[Any], calls: Sequence[Call]) -> list[str]:
        """The prompt texts of the calls' first attempts."""
        return [self._attempt(prompt, call, 0, None).request.prompt for call in calls]

    def key(self, prompt: Prompt[Any], call: Call, attempt: int) -> str:
        """A hash of all that a reply depends on."""
        engine, drawn = self.engine, self._sampling(prompt)
        judge = [engine.name, self.settings.model, engine.fingerprint, engine.chat_template_hash]
        sampling = [drawn.temperature, drawn.max_tokens, drawn.json_schema, self.settings.seed]
        payload = [list(call.fields.items()), call.order]
        text = json.dumps([judge, prompt.name, prompt.version, sampling, payload, attempt])
        return hashlib.sha256(text.encode()).hexdigest()

    def _sampling(self, prompt: Prompt[Any]) -> Sampling:
        schema = prompt.schema if self.settings.constrain else None
        return Sampling(self.settings.temperature, max_tokens=self.settings.max_tokens, json_schema=schema)

    def _attempt(self, prompt: Prompt[Any], call: Call, attempt: int, problem: str | None) -> _Asked:
        key = self.key(prompt, call, attempt)
        text = self.engine.render(prompt.messages(call.fields, nonce(key), problem))
        return _Asked(key, Request(text, self._sampling(prompt), seed=int(key[:8], 16)))

    def _answers(self, prompt: Prompt[Any], asked: Sequence[_Asked]) -> dict[str, Recorded]:
        """Key → answer, of all that are known or could be had."""
        wanted = {one.key: one for one in asked}
        found = {key: held for key in wanted if (held := self.cache.get(key)) is not None}
        self.spending.cached += len(found)
        open_calls = [one for key, one in wanted.items() if key not in found]
        while open_calls:
            count = self.spending.affordable([one.request.prompt for one in open_calls])
            if not count:
                break
            found |= self._send(prompt, open_calls[:count])
            open_calls = open_calls[count:]
        return found

    def _send(self, prompt: Prompt[Any], asked: Sequence[_Asked]) -> dict[str, Recorded]:
        from tqdm import tqdm

        found = {}
        hidden = None if self.progress else True  # None: only where there is a terminal
        with tqdm(total=len(asked), desc=prompt.name, unit="call", disable=hidden) as bar:
            for index, made in self.engine.generate([one.request for one in asked]):
                self.spending.settle(asked[index].request.prompt, made)
                answer = self._recorded(prompt, asked[index].key, made)
                if made.finish_reason != "error":  # the next time it may be answered
                    self.cache.add(answer)
                found[answer.key] = answer
                bar.update()
        return found

    def _recorded(self, prompt: Prompt[Any], key: str, made: Completion) -> Recorded:
        failed = made.finish_reason == "error"
        return Recorded(
            key=key,
            prompt=prompt.name,
            version=prompt.version,
            judge=self.settings.model,
            reply=(made.error or "" if failed else made.text)[: MAX_REPLY_CHARS + 1],
            finish=made.finish_reason,
            prompt_tokens=made.prompt_tokens,
            completion_tokens=made.completion_tokens,
        )


def nonce(key: str) -> str:
    """The code of a call's marker lines. It hashes the texts between them, so none of them can hold it."""
    return hashlib.sha256(f"nonce {key}".encode()).hexdigest()[:16]


def _judged(prompt: Prompt[T], answer: Recorded) -> Reply[T]:
    if answer.finish == "error":
        return Reply(None, "the engine made no reply")
    try:
        return Reply(prompt.read(answer.reply), None)
    except InvalidReplyError as error:
        cut = answer.finish == "length"
        return Reply(None, "it was cut at the limit of tokens" if cut else str(error))
