"""What a command would ask and cost, without asking: `--dry-run`.

plan_lines("arena", loaded, settings, canaries=8)       # what `judge arena RUN RUN --dry-run` prints, line by line
"""

from __future__ import annotations

from pspo_bench.judge import canary_rates
from pspo_bench.judge.arena import arena_calls, is_identical, require_pairs
from pspo_bench.judge.calls import Call
from pspo_bench.judge.canaries import bases
from pspo_bench.judge.items import Loaded
from pspo_bench.judge.prompts import ARENA, RUBRIC
from pspo_bench.judge.rubric import require_items, rubric_call
from pspo_bench.judge.settings import JudgeSettings
from pspo_bench.judge.spending import CHARS_PER_TOKEN, estimate


def plan_lines(
    kind: str, loaded: Loaded, settings: JudgeSettings, *, canaries: int, seed: int = 0
) -> list[str]:
    """The plan of `kind` (rubric or arena) in sentences. Nothing in the cache is subtracted, and no repair is added."""
    prompt = RUBRIC if kind == "rubric" else ARENA
    samples, planted = _calls(kind, loaded, settings.max_chars, canaries, seed)
    texts = [
        "".join(message["content"] for message in prompt.messages(call.fields, "0" * 16))
        for call in (*samples, *planted)
    ]
    cost = estimate(texts, settings)
    lines = [
        f"{len(samples)} calls about samples, {len(planted)} about canaries",
        f"about {cost.prompt_tokens:,} tokens to read and at most {cost.completion_tokens:,} to write"
        f" ({CHARS_PER_TOKEN} characters a token)",
        "no cost known (give --price-in and --price-out)"
        if cost.usd is None
        else f"about {cost.usd:.2f} US dollars",
    ]
    if settings.max_calls is not None and settings.max_calls < cost.calls:
        lines.append(f"--max-calls {settings.max_calls} would stop before the end")
    return lines


def _calls(kind: str, loaded: Loaded, cap: int, canaries: int, seed: int) -> tuple[list[Call], list[Call]]:
    found = bases(loaded.items, canaries, seed)
    if kind == "rubric":
        require_items(loaded)
        return [rubric_call(item, cap) for item in loaded.items], canary_rates.rubric_calls(found, cap)
    pairs = [arena_calls(pair, cap) for pair in require_pairs(loaded)]
    asked = [call for both in pairs if not is_identical(both[0]) for call in both]
    return asked, canary_rates.arena_calls(found, cap)
