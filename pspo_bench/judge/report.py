"""What every result of a judge says beside its figures: who judged, how much of it was usable, and what to doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pspo_bench.judge.calls import Judge
    from pspo_bench.judge.canary_rates import CanaryRate
    from pspo_bench.judge.items import Loaded

_TRUSTED_RATE = 0.9
_MUCH_INVALID = 0.05


@dataclass(frozen=True, slots=True)
class Account:
    """The judge, and what became of the calls about the samples (`valid` + `invalid` + `unasked`); canaries apart.

    `calls` to `usd` are what this process spent, canaries and repairs included; `cached` answers cost nothing.
    `stopped` names the cap that ended it early.
    """

    judge: str
    engine: str
    fingerprint: str
    prompt_version: str
    valid: int
    invalid: int
    unasked: int
    calls: int
    cached: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    stopped: str | None

    @property
    def invalid_share(self) -> float | None:
        asked = self.valid + self.invalid
        return self.invalid / asked if asked else None


def account(judge: Judge, version: str, outcomes: Sequence[tuple[bool, bool]]) -> Account:
    """`outcomes`: (was asked, is valid) of each call about a sample."""
    spent = judge.spending
    return Account(
        judge=judge.settings.model,
        engine=f"{judge.engine.name} ({judge.engine.version})",
        fingerprint=judge.engine.fingerprint,
        prompt_version=version,
        valid=sum(valid for _, valid in outcomes),
        invalid=sum(asked and not valid for asked, valid in outcomes),
        unasked=sum(not asked for asked, _ in outcomes),
        calls=spent.calls,
        cached=spent.cached,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        usd=spent.usd if judge.settings.priced else None,
        stopped=spent.stopped,
    )


def cautions(judge: Judge, loaded: Loaded, tally: Account, rates: Sequence[CanaryRate]) -> list[str]:
    """Reasons to doubt the figures, each a sentence."""
    found = []
    if tally.unasked:
        found.append(
            f"{tally.unasked} of {tally.valid + tally.invalid + tally.unasked} calls were not made "
            f"({tally.stopped}): the same command with a higher cap goes on"
        )
    if (tally.invalid_share or 0) > _MUCH_INVALID:
        found.append(
            f"{100 * (tally.invalid_share or 0):.1f} % of the replies were invalid and count for nothing"
        )
    failed = [rate.name for rate in rates if rate.rate is not None and rate.rate < _TRUSTED_RATE]
    if failed:
        found.append(f"the judge fails canaries ({', '.join(failed)}): its figures say little")
    if not any(rate.asked for rate in rates):
        found.append("no canary was asked: nothing shows that the judge can tell good from bad")
    if judge.engine.fingerprint in {item.fingerprint for item in loaded.items}:
        found.append("the judge is one of the judged models, and models are known to prefer their own texts")
    if loaded.failed:
        found.append(f"{loaded.failed} samples that the engine had failed on are left out")
    return found
