"""Two runs on the same questions: hand-derived numbers, and the same figures from scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from pspo_bench import stats
from pspo_bench.stats import Interval, StatsError


class TestPaired:
    def test_agresti_min_by_hand(self) -> None:
        # 10 questions, 3 won, 1 lost: centre 2/12 = 0.166667,
        # half 1.959964 · sqrt(4 + 1 - 4/12) / 12 = 1.959964 · 2.160247 / 12 = 0.352834
        base = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
        new_ = [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]
        found = stats.paired_difference(base, new_)
        assert found is not None
        assert found.interval is not None
        assert found.difference == pytest.approx(0.2)
        assert found.interval.low == pytest.approx(0.166667 - 0.352834, abs=1e-5)
        assert found.interval.high == pytest.approx(0.166667 + 0.352834, abs=1e-5)

    def test_no_flip_is_not_certainty(self) -> None:
        # b = c = 0, n = 98: ± 1.959964 / 100
        found = stats.paired_difference([1.0] * 98, [1.0] * 98)
        assert found is not None
        assert found.interval == Interval(
            pytest.approx(-0.01959964), pytest.approx(0.01959964), "agresti-min"
        )

    def test_repeats_as_scipy(self) -> None:
        from scipy.stats import ttest_rel

        base, new_ = np.array([0.5, 0.25, 1.0, 0.0, 0.75]), np.array([0.75, 0.25, 0.5, 0.5, 1.0])
        low, high = ttest_rel(new_, base).confidence_interval(0.95)
        found = stats.paired_difference(base, new_)
        assert found is not None
        assert found.interval is not None
        assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-9)

    def test_too_little(self) -> None:
        assert stats.paired_difference([], []) is None
        one = stats.paired_difference([0.25], [0.5])
        assert one is not None
        assert one.interval is None

    def test_not_paired(self) -> None:
        with pytest.raises(StatsError, match="not paired"):
            stats.paired_difference([1, 0], [1])

    @pytest.mark.parametrize(("won", "lost"), [(1, 0), (9, 2), (5, 5), (30, 17)])
    def test_mcnemar_as_statsmodels(self, won: int, lost: int) -> None:
        from statsmodels.stats.contingency_tables import mcnemar

        expected = mcnemar([[40, won], [lost, 20]], exact=True).pvalue
        assert stats.mcnemar_exact(won, lost) == pytest.approx(expected, abs=1e-9)

    def test_mcnemar_by_hand(self) -> None:
        # 4 flips, 1 lost: 2 (C(4,0) + C(4,1)) / 16 = 10 / 16
        assert stats.mcnemar_exact(3, 1) == pytest.approx(0.625)
        assert stats.mcnemar_exact(0, 0) is None


class TestHolm:
    def test_as_statsmodels(self) -> None:
        from statsmodels.stats.multitest import multipletests

        p = [0.04, 0.001, 0.03, 0.9, 0.012]
        assert stats.holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]), abs=1e-12)

    def test_none_is_not_counted(self) -> None:
        # two known: 2 · 0.01 and 1 · 0.03
        assert stats.holm([0.03, None, 0.01]) == [pytest.approx(0.03), None, pytest.approx(0.02)]


class TestPermutation:
    def test_single_samples_as_mcnemar(self) -> None:
        # 3 won, 1 lost of 6: all 16 ways, 10 with |sum| >= 2
        base, candidate = [0, 0, 0, 1, 1, 0], [1, 1, 1, 0, 1, 0]
        rng = np.random.default_rng(0)
        assert stats.permutation_test(base, candidate, rng) == pytest.approx(0.625)
        assert stats.permutation_test(base, candidate, rng) == stats.mcnemar_exact(3, 1)

    def test_by_hand(self) -> None:
        # Differences .5, .25, -.25; sum .5. Sums of the 8 ways: ±1, ±.5, ±.5, 0, 0 → 6 of 8 reach .5
        rng = np.random.default_rng(0)
        assert stats.permutation_test([0, 0, 0.25], [0.5, 0.25, 0], rng) == 0.75

    @pytest.mark.parametrize("seed", range(4))
    def test_as_scipy(self, seed: int) -> None:
        from scipy.stats import permutation_test

        rng = np.random.default_rng(seed)
        base, candidate = rng.integers(0, 5, 10) / 4, rng.integers(0, 5, 10) / 4
        expected = permutation_test(
            (candidate, base),
            lambda a, b, axis: (a - b).mean(axis),
            permutation_type="samples",
            vectorized=True,
        ).pvalue
        assert stats.permutation_test(base, candidate, rng) == pytest.approx(expected, abs=1e-9)

    def test_drawn_as_enumerated(self) -> None:
        rng = np.random.default_rng(5)
        delta = rng.normal(0.3, 1, 16)
        exact = stats.permutation_test(np.zeros(16), delta, rng, resamples=2**16)
        drawn = stats.permutation_test(np.zeros(16), delta, rng, resamples=20_000)
        assert exact is not None
        assert drawn == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_000) ** 0.5)

    def test_never_zero(self) -> None:
        # 40 of 40 better: 2 of 2^40 ways, none of which is drawn
        found = stats.permutation_test(np.zeros(40), np.full(40, 0.5), np.random.default_rng(1), 999)
        assert found == 1 / 1000

    def test_many_questions(self) -> None:
        rng = np.random.default_rng(1)
        found = stats.permutation_test(rng.random(3000), rng.random(3000), rng, 500)
        assert found is not None
        assert 0 < found <= 1

    def test_nothing_differs(self) -> None:
        assert stats.permutation_test([0.5, 1], [0.5, 1], np.random.default_rng(1)) is None

    def test_impossible(self) -> None:
        rng = np.random.default_rng(1)
        with pytest.raises(StatsError, match="not paired"):
            stats.permutation_test([0.5, 1], [0.5], rng)
        with pytest.raises(StatsError, match="draw at least 1"):
            stats.permutation_test([0.5], [0.5], rng, 0)
