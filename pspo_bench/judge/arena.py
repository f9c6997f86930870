"""Blinded pairs in both orders: who argues better, arm against arm, by stratum.

    result = compare(judge, load_items(paths, Selection(limit=200)), canaries=8)
    result.strata[0].duels[0]       # Duel(first="clip", second="pspo", wins=75, ties=0, losses=25, flip_rate=0.0, ...)
    result.strata[0].standings[1]   # Standing(arm="pspo", strength=-1.0986, interval=..., controlled=-1.05, ...)

A pair is two samples of one question, of the same seed where both arms have it. The judge sees it twice, each text
once as solution_1. Naming the same text twice is a win; everything else that is valid is a tie, and where the two
calls name different winners the pair counts as flipped. Pairs of equal texts are ties that nobody is asked about.
Strata: both correct (the primary one: there the arguments differ, not the results), both wrong, mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from pspo_bench.errors import ConfigError, StoreError
from pspo_bench.judge.calls import Call, Judge, Reply
from pspo_bench.judge.canaries import Base, bases, fields
from pspo_bench.judge.canary_rates import CanaryRate, arena_rates
from pspo_bench.judge.items import Item, Loaded
from pspo_bench.judge.prompts import ARENA
from pspo_bench.judge.reply import FIRST, SECOND
from pspo_bench.judge.report import Account, account, cautions
from pspo_bench.judge.standings import Stratum, strata_of

BOTH_CORRECT, BOTH_WRONG, MIXED = "both correct", "both wrong", "mixed"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples of one question, of different arms; `first` belongs to the arm that was named first."""

    first: Item
    second: Item

    @property
    def stratum(self) -> str:
        if self.first.correct != self.second.correct:
            return MIXED
        return BOTH_CORRECT if self.first.correct else BOTH_WRONG


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair and its verdict. `forward` and `backward` are the winners that the two calls named, as the reply has
    them: in `backward` the texts are swapped. `score`: 1, ½ or 0 for the first; None if a call was invalid or not made.
    `length_difference` is in characters as shown, first less second.
    """

    pair: Pair
    forward: str | None
    backward: str | None
    score: float | None
    asked: bool
    identical: bool
    length_difference: int

    @property
    def flipped(self) -> bool:
        """Whether the two calls named different texts: what a judge does that goes by the place."""
        return self.forward == self.backward and self.forward in (FIRST, SECOND)


@dataclass(frozen=True, slots=True)
class ArenaResult:
    account: Account
    arms: tuple[str, ...]
    rows: list[Judged]
    strata: list[Stratum]
    canaries: list[CanaryRate]
    cautions: list[str]


def pairs_of(loaded: Loaded) -> list[Pair]:
    """All pairs of arms on all questions that both have. Raises StoreError if one id stands for two questions."""
    found = []
    for one, other in combinations(loaded.arms, 2):
        seeds = [_seeds(loaded.items, arm) for arm in (one, other)]
        for left, right in _matched(*seeds):
            theirs = {_place(item): item for item in loaded.items if item.arm == other and item.seed == right}
            for item in loaded.items:
                match = theirs.get(_place(item))
                if item.arm == one and item.seed == left and match is not None:
                    found.append(_pair(item, match))
    return found


def _place(item: Item) -> tuple[str, str, int]:
    return item.task, item.example_id, item.sample_index


def _pair(item: Item, match: Item) -> Pair:
    if item.example_hash != match.example_hash:
        raise StoreError(
            f"{item.run} and {match.run} have different questions under {item.task} {item.example_id}; "
            "compare runs of the same data"
        )
    return Pair(item, match)


def _seeds(items: Sequence[Item], arm: str) -> list[int | None]:
    return list(dict.fromkeys(item.seed for item in items if item.arm == arm))


def _matched(
    one: Sequence[int | None], other: Sequence[int | None]
) -> Iterator[tuple[int | None, int | None]]:
    """The same seeds together; where the arms share none, one after the other, the shorter list again from its start
    (so the base model meets every seed).
    """
    shared = [seed for seed in one if seed in other]
    if shared:
        yield from ((seed, seed) for seed in shared)
    elif one and other:
        for place in range(max(len(one), len(other))):
            yield one[place % len(one)], other[place % len(other)]


def arena_calls(pair: Pair, cap: int) -> tuple[Call, Call]:
    """The pair in both orders."""
    base = Base(pair.first.question, pair.first.text)
    one, other = pair.first.text, pair.second.text
    return (
        Call(fields(base, cap, solution_1=one, solution_2=other), order=0),
        Call(fields(base, cap, solution_1=other, solution_2=one), order=1),
    )


def compare(judge: Judge, loaded: Loaded, *, canaries: int, seed: int = 0) -> ArenaResult:
    """Judge every pair in both orders, canaries first. Raises ConfigError where there are no pairs."""
    pairs = require_pairs(loaded)
    rates = arena_rates(judge, bases(loaded.items, canaries, seed))
    cap = judge.settings.max_chars
    calls = [arena_calls(pair, cap) for pair in pairs]
    asked = [index for index, (call, _) in enumerate(calls) if not is_identical(call)]
    replies = judge.ask(ARENA, [call for index in asked for call in calls[index]])
    by_pair = dict(zip(asked, zip(replies[::2], replies[1::2], strict=True), strict=True))
    rows = [_judged(pair, calls[index][0], by_pair.get(index)) for index, pair in enumerate(pairs)]
    tally = account(judge, ARENA.version, [(reply.asked, reply.value is not None) for reply in replies])
    return ArenaResult(
        account=tally,
        arms=loaded.arms,
        rows=rows,
        strata=strata_of(rows, loaded.arms, seed),
        canaries=rates,
        cautions=cautions(judge, loaded, tally, rates),
    )


def require_pairs(loaded: Loaded) -> list[Pair]:
    """The pairs. Raises ConfigError if there are none."""
    if len(loaded.arms) < 2:
        raise ConfigError(
            "The arena compares arms, and these runs are of one (seeds of one recipe); give runs of two"
        )
    pairs = pairs_of(loaded)
    if not pairs:
        raise ConfigError(
            "These runs share no question at these settings; see --tasks, --temperature, --samples"
        )
    return pairs


def is_identical(call: Call) -> bool:
    """Whether the judge would see one text twice."""
    return call.fields["solution_1"] == call.fields["solution_2"]


def _judged(pair: Pair, call: Call, replies: tuple[Reply[str], Reply[str]] | None) -> Judged:
    gap = len(call.fields["solution_1"]) - len(call.fields["solution_2"])
    if replies is None:
        return Judged(pair, None, None, 0.5, asked=True, identical=True, length_difference=gap)
    forward, backward = (reply.value for reply in replies)
    asked = all(reply.asked for reply in replies)
    return Judged(pair, forward, backward, outcome(forward, backward), asked, False, gap)


def outcome(forward: str | None, backward: str | None) -> float | None:
    """1, ½ or 0 for the first text: a win is named in both orders, all else is a tie.

    >>> outcome("1", "2"), outcome("1", "1"), outcome("tie", "1"), outcome("2", "1"), outcome("1", None)
    (1.0, 0.5, 0.5, 0.0, None)
    """
    if forward is None or backward is None:
        return None
    if (forward, backward) == (FIRST, SECOND):
        return 1.0
    return 0.0 if (forward, backward) == (SECOND, FIRST) else 0.5
