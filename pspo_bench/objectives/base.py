"""The registry of objectives; their settings are checked against their signatures (see `settings`).

    @objective("pspo", source="https://arxiv.org/abs/2509.21282", summary="...", bounds={"alpha": UNIT})
    def pspo(batch: PolicyBatch, *, alpha: float = 0.1) -> Tensor: ...

    get_objective("pspo").resolve({"alpha": 0.2})      # {"alpha": 0.2}
    get_objective("my_package.losses:soft_clip")       # any function of the same form

Sources: one per objective, in its `source`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pspo_bench.errors import ConfigError
from pspo_bench.objectives.batch import PolicyBatch
from pspo_bench.registry import Registry
from pspo_bench.settings import Configurable, Interval

if TYPE_CHECKING:
    from torch import Tensor

    from pspo_bench.objectives.aggregation import Aggregation

LossFunction = Callable[..., "Tensor"]
"""`(batch: PolicyBatch, *, setting: float = default, ...) -> Tensor`, the loss per token (B, T) or, where it is
the same at all tokens of a sequence, (B, 1); neither aggregated nor masked."""

WeightFunction = Callable[..., "Tensor"]
"""`(batch: PolicyBatch, **settings) -> Tensor`, (B, T), see `token_weights`."""

Level = Literal["token", "sequence"]


@dataclass(frozen=True)
class Objective(Configurable):
    """A trust region: the loss per token, its source, its settings and, where closed, its gradient weight.

    Calling it checks the settings and returns the loss per token. In a loop, check once with `resolve` and call
    `function` with the result. `level` says on what the trust region acts, the ratio of each token or one of the
    sequence; `aggregation` is the paper's, and `fixed_aggregation` whether any other optimises something else.
    """

    kind = "objective"

    name: str
    function: LossFunction
    source: str
    summary: str
    weight: WeightFunction | None = None
    bounds: Mapping[str, Interval] = field(default_factory=dict)
    shorthands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    level: Level = "token"
    aggregation: Aggregation | None = None
    fixed_aggregation: bool = False

    def __call__(self, batch: PolicyBatch, **settings: float) -> Tensor:
        return self.function(batch, **self.resolve(settings))


OBJECTIVES: Registry[Objective] = Registry(
    "objective", group="pspo_bench.objectives", home="pspo_bench.objectives.trust_regions"
)


def objective(
    name: str,
    *,
    source: str,
    summary: str,
    weight: WeightFunction | None = None,
    bounds: Mapping[str, Interval] | None = None,
    shorthands: Mapping[str, tuple[str, ...]] | None = None,
    level: Level = "token",
    aggregation: Aggregation | None = None,
    fixed_aggregation: bool = False,
) -> Callable[[LossFunction], Objective]:
    """Decorator that registers a loss function as the objective `name`.

    `source` is the URL of the paper, `summary` one sentence, `weight` the closed form of the gradient
    weight (see `token_weights`), `bounds` the range of each setting, and `shorthands` names that set several
    settings at once, such as `{"epsilon": ("epsilon_low", "epsilon_high")}`. `level`, `aggregation` and
    `fixed_aggregation` as in `Objective`. Raises ConfigError if the name is taken.
    """

    def register(function: LossFunction) -> Objective:
        made = Objective(
            name=name,
            function=function,
            source=source,
            summary=summary,
            weight=weight,
            bounds=bounds or {},
            shorthands=shorthands or {},
            level=level,
            aggregation=aggregation,
            fixed_aggregation=fixed_aggregation,
        )
        return OBJECTIVES.register(name)(made)

    return register


def get_objective(name: str, where: str | None = None) -> Objective:
    """The objective called `name`: built in, announced by another package, or `module:function`.

    A plain function of the right form is taken as it is, without ranges. Raises ConfigError, naming the
    known objectives and `where`, if there is none, or if what was found cannot be called.
    """
    found: Any = OBJECTIVES.get(name, where)
    if isinstance(found, Objective):
        return found
    if not callable(found):
        raise ConfigError(f"Objective '{name}' is a {type(found).__name__}, not a function of a PolicyBatch")
    summary = (inspect.getdoc(found) or "").partition("\n")[0]
    return Objective(name, found, source=getattr(found, "__module__", name), summary=summary)


def token_weights(name: str, batch: PolicyBatch, **settings: float) -> Tensor:
    """The closed-form gradient weights w of an objective, (B, T), without unit.

    With a sequence's mean over its tokens as its loss, grad(-loss) is the mean of w_t A grad log pi_t. At the token
    level w depends on the token's ratio and A alone; at the sequence level on all ratios of the sequence, and A must
    be the same at its tokens. Where A is 0 the gradient is 0 whatever w is, and at padding w has no meaning.
    Raises ConfigError if the objective has no closed form.
    """
    found = get_objective(name)
    if found.weight is None:
        raise ConfigError(f"Objective '{name}' has no closed-form gradient weight")
    weights: Tensor = found.weight(batch, **found.resolve(settings))
    return weights.expand(batch.mask.shape)


def weight(name: str, ratio: Tensor, advantage: Tensor, **settings: float) -> Tensor:
    """The gradient weight w(r, A) of a token that is a sequence by itself; see `token_weights`.

    `ratio` and `advantage` broadcast against each other; the result has their common shape.
    Example: `weight("clip", tensor(1.5), tensor(1.0))` is 0, as PPO's clip passes no gradient there.
    Raises ConfigError if the objective has no closed form.
    """
    advantage = advantage.expand_as(ratio * advantage)
    logps = ratio.log().expand_as(advantage).reshape(-1, 1)  # (N, 1)
    ones = logps.new_ones(logps.shape)
    batch = PolicyBatch(logps, 0 * ones, advantage.reshape(-1, 1), ones)
    return token_weights(name, batch, **settings).reshape(advantage.shape)


def aggregation_warning(name: str, aggregation: Aggregation) -> str | None:
    """What is wrong with an objective under an aggregation that makes another objective of it, else None.

    One loss per sequence (GSPO, GMPO) summed over tokens counts a sequence as often as it has tokens, so that long
    ones weigh more; TRL warns of the same. Example: `aggregation_warning("gspo", "dapo")`.
    """
    found = get_objective(name)
    if not found.fixed_aggregation or aggregation == found.aggregation:
        return None
    return (
        f"Objective '{name}' has one loss per sequence, which loss.aggregation='{aggregation}' counts once for each "
        f"of its tokens, so long completions weigh more; its paper's is loss.aggregation='{found.aggregation}'"
    )
