"""Draws against a plain sort-based nucleus, against the distribution, and at the edges."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chisquare

from pspo_bench.engines.sampling import NOT_A_TOKEN, _draw_truncated, draw, uniforms
from pspo_bench.records import Sampling


def one(logits: list[float], temperature: float, top_p: float, uniform: float, **more: float) -> int:
    sampling = Sampling(temperature, top_p, **more)
    return int(draw(torch.tensor([logits]), [sampling], torch.tensor([uniform]).double()))


def weights(logits: torch.Tensor) -> torch.Tensor:
    return (logits - logits.max(dim=-1, keepdim=True).values).exp()


# Probabilities .5, .3, .2 for tokens 1, 2, 0.
LOGITS = [math.log(0.2), math.log(0.5), math.log(0.3)]


@pytest.mark.parametrize(
    ("uniform", "token"),
    # In the vocabulary's order the CDF is .2, .7, 1.
    [(0.0, 0), (0.19, 0), (0.21, 1), (0.69, 1), (0.71, 2), (0.999999, 2)],
)
def test_temperature_one_inverts_the_cdf(uniform: float, token: int) -> None:
    assert one(LOGITS, 1.0, 1.0, uniform) == token


def test_the_whole_vocabulary_is_drawn_from_in_its_order() -> None:
    # 1,000 tokens: four blocks of 256, the last one padded. Against one plain running sum in float64.
    generator = torch.Generator().manual_seed(11)
    logits = torch.randn(400, 1000, generator=generator) * 2
    logits[:, 300:512] = -torch.inf  # a whole block, and most of another, can never be drawn
    uniform = torch.rand(400, generator=generator, dtype=torch.float64)
    uniform[:2] = torch.tensor([0.0, 1 - 2**-53])
    drawn = draw(logits, [Sampling(0.9)] * 400, uniform)
    cumulative = torch.softmax(logits.double() / 0.9, -1).cumsum(-1)
    expected = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True).squeeze(-1)
    assert (drawn == expected.clamp(max=999)).float().mean() > 0.99  # float32 sums may move a border
    assert bool(torch.isfinite(logits.gather(-1, drawn[:, None])).all())
    assert int(drawn[0]) == 0


def test_temperature_divides_the_logits() -> None:
    # T = .5 squares the probabilities: .04, .25, .09 of .38, so the CDF is .105, .763, 1.
    assert [one(LOGITS, 0.5, 1.0, u) for u in (0.10, 0.11, 0.76, 0.77)] == [0, 1, 1, 2]


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    # top_p .6 needs .5 + .3: tokens 1 and 2, renormalised to .625 and .375; token 0 is never drawn.
    assert [one(LOGITS, 1.0, 0.6, u) for u in (0.0, 0.62, 0.63, 0.9999)] == [1, 1, 2, 2]
    # top_p .4 is reached by token 1 alone, and top_p 0 leaves the best.
    assert {one(LOGITS, 1.0, 0.4, u) for u in (0.0, 0.5, 0.9999)} == {1}
    assert one(LOGITS, 1.0, 0.0, 0.9) == 1


def test_top_k_and_min_p_leave_the_best_and_top_p_counts_what_they_leave() -> None:
    # top_k 2 leaves .5 and .3, that is .625 and .375; top_p .6 of that is reached by token 1 alone.
    assert [one(LOGITS, 1.0, 1.0, u, top_k=2) for u in (0.0, 0.62, 0.63, 0.9999)] == [1, 1, 2, 2]
    assert {one(LOGITS, 1.0, 0.6, u, top_k=2) for u in (0.0, 0.5, 0.9999)} == {1}
    assert {one(LOGITS, 1.0, 1.0, u, top_k=1) for u in (0.0, 0.5, 0.9999)} == {1}
    # min_p .5 asks for .25 at least and leaves the same two; .39 asks for .195 and leaves all.
    assert [one(LOGITS, 1.0, 1.0, u, min_p=0.5) for u in (0.0, 0.62, 0.63, 0.9999)] == [1, 1, 2, 2]
    assert [one(LOGITS, 1.0, 1.0, u, min_p=0.39) for u in (0.19, 0.21, 0.71)] == [0, 1, 2]


@pytest.mark.parametrize("limits", [{"top_k": 700}, {"min_p": 0.3}, {"top_k": 50, "min_p": 0.01}])
def test_limits_hold_beyond_the_first_look(limits: dict[str, float]) -> None:
    logits = torch.randn(8, 5000, generator=torch.Generator().manual_seed(2)) * 0.3
    uniform = torch.rand(8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    drawn = _draw_truncated(weights(logits), [Sampling(1.0, 0.9, **limits)] * 8, uniform, width=16)
    for row, token, number in zip(logits, drawn.tolist(), uniform.tolist(), strict=True):
        probability = torch.softmax(row.double(), -1)
        worst = probability.sort(descending=True).values[int(limits.get("top_k", 5000)) - 1]
        left = (probability >= worst) & (probability >= limits.get("min_p", 0) * probability.max())
        masked = torch.where(left, row, -torch.inf)
        assert nucleus_by_sorting(masked, 0.9, number) == token


def test_temperature_zero_is_the_best_token_whatever_the_number() -> None:
    assert {one(LOGITS, 0.0, 0.5, u) for u in (0.0, 0.5, 0.99)} == {1}


def nucleus_by_sorting(logits: torch.Tensor, top_p: float, uniform: float) -> int:
    """Holtzman et al. written down directly: sort all, keep while the mass before is under p, draw by id."""
    probability = torch.softmax(logits.double(), -1)
    order = probability.argsort(descending=True, stable=True)
    mass_before = probability[order].cumsum(0) - probability[order]
    kept = sorted(order[mass_before < top_p].tolist())
    target = uniform * sum(float(probability[token]) for token in kept)
    total = 0.0
    for token in kept:
        total += float(probability[token])
        if total > target:
            return token
    return kept[-1]


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_nucleus_equals_a_full_sort(top_p: float, spread: float) -> None:
    # 5,000 tokens: with spread .1 the nucleus holds thousands, far more than the first look at 16.
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(12, 5000, generator=generator) * spread
    uniform = torch.rand(12, generator=generator, dtype=torch.float64)
    drawn = _draw_truncated(weights(logits), [Sampling(1.0, top_p)] * 12, uniform, width=16)
    expected = [nucleus_by_sorting(row, top_p, float(u)) for row, u in zip(logits, uniform, strict=True)]
    assert drawn.tolist() == expected


@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_frequencies_fit_the_distribution(top_p: float) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(1)) * 1.5
    count = 20_000
    tokens = draw(
        logits.expand(count, -1),
        [Sampling(0.7, top_p)] * count,
        torch.tensor([float(uniforms(seed, 1)) for seed in range(count)], dtype=torch.float64),
    )
    probability = torch.softmax(logits.double() / 0.7, -1)
    order = probability.argsort(descending=True)
    outside = order[probability[order].cumsum(0) - probability[order] >= top_p]
    probability[outside] = 0
    expected = probability / probability.sum() * count
    observed = tokens.bincount(minlength=40)
    assert observed[outside].sum() == 0
    # Cells under five expected are pooled, as the chi-square test asks.
    large = expected >= 5
    cells = [*observed[large].tolist(), int(observed[~large].sum())]
    wanted = [*expected[large].tolist(), float(expected[~large].sum())]
    if wanted[-1] == 0:
        cells, wanted = cells[:-1], wanted[:-1]
    assert chisquare(cells, wanted).pvalue > 0.001


def test_a_row_draws_the_same_in_any_company() -> None:
    logits = torch.randn(6, 300, generator=torch.Generator().manual_seed(3))
    sampling = [
        Sampling(0.0),
        Sampling(1.0),
        Sampling(0.7, 0.9),
        Sampling(0.0, 0.5),
        Sampling(1.3, top_k=7),
        Sampling(1.0, 0.3, min_p=0.1),
    ]
    uniform = torch.rand(6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    together = draw(logits, sampling, uniform).tolist()
    order = [5, 2, 0, 4, 1, 3]
    shuffled = draw(logits[order], [sampling[i] for i in order], uniform[order]).tolist()
    alone = [int(draw(logits[i : i + 1], sampling[i : i + 1], uniform[i : i + 1])) for i in range(6)]
    assert together == alone
    assert shuffled == [together[i] for i in order]


def test_logits_that_are_no_numbers_give_no_token() -> None:
    logits = torch.tensor([[0.0, 1.0], [math.nan, 1.0], [math.inf, 0.0], [-math.inf, 0.0]])
    for temperature in (0.0, 1.0):
        tokens = draw(logits, [Sampling(temperature)] * 4, torch.full((4,), 0.9).double())
        # A masked token (-inf) is fine as long as another is not.
        assert tokens.tolist() == [1, NOT_A_TOKEN, NOT_A_TOKEN, 1]


def test_uniforms_are_fixed_by_the_seed_and_extend_without_changing() -> None:
    assert torch.equal(uniforms(5, 10), uniforms(5, 100)[:10])
    assert not torch.equal(uniforms(5, 10), uniforms(6, 10))
    assert uniforms(-1, 3).shape == (3,)
    many = torch.cat([uniforms(seed, 20) for seed in range(200)])
    # Mean of 4,000 uniforms: 1/2 with standard error sqrt(1/12/4000) = .0046.
    assert abs(float(many.mean()) - 0.5) < 4 * 0.0046
