"""Intervals of one score: hand-derived numbers, and the same figures from scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from pspo_bench import stats
from pspo_bench.stats import Interval, StatsError


class TestWilson:
    def test_by_hand(self) -> None:
        # p = 1/2, n = 4, z = 1.959964, z² = 3.841459: centre (2 + 1.920729) / 7.841459 = 0.5,
        # half = sqrt(3.841459 (2·2/4 + 0.960365)) / 7.841459 = sqrt(7.530656) / 7.841459 = 0.349961
        found = stats.wilson(2, 4)
        assert found is not None
        assert found.low == pytest.approx(0.5 - 0.349961, abs=1e-6)
        assert found.half == pytest.approx(0.349961, abs=1e-6)

    @pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 10), (524, 1319), (500, 500)])
    @pytest.mark.parametrize("level", [0.95, 0.8])
    def test_as_statsmodels(self, k: int, n: int, level: float) -> None:
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
        found = stats.wilson(k, n, level)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)

    def test_no_trials(self) -> None:
        assert stats.wilson(0, 0) is None

    def test_impossible(self) -> None:
        with pytest.raises(StatsError, match="3 successes of 2"):
            stats.wilson(3, 2)


class TestClusteredMean:
    def test_repeats_do_not_inflate_n(self) -> None:
        # questions a: 1, 1 → 1; b: 0, 1 → 0.5; c: 0 → 0. Each question weighs the same.
        means = stats.question_means([1, 0, 1, 1, 0], ["a", "b", "a", "b", "c"])
        assert means.tolist() == [1.0, 0.5, 0.0]
        once = stats.score_interval([1, 0, 1, 0], [2, 2, 2, 1])
        twice = stats.score_interval([2, 0, 2, 0], [4, 4, 4, 2])
        assert once == twice

    def test_as_scipy(self) -> None:
        from scipy.stats import ttest_1samp

        means = np.array([0.25, 0.5, 0.75, 0.5, 0.0, 1.0, 0.25, 0.5])
        low, high = ttest_1samp(means, 0).confidence_interval(0.95)
        found = stats.clustered_mean(means)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
        lengths = stats.clustered_mean(100 * means)  # no proportion: not cut to [0, 1]
        assert lengths is not None
        assert lengths.high == pytest.approx(100 * high, abs=1e-7)

    def test_all_alike_is_not_certainty(self) -> None:
        assert stats.clustered_mean([0.0] * 20) == stats.wilson(0, 20)
        assert stats.clustered_mean([1.0] * 20) == stats.wilson(20, 20)

    def test_too_little(self) -> None:
        assert stats.clustered_mean([0.5]) is None
        assert stats.score_interval([], []) is None

    def test_single_samples_give_wilson(self) -> None:
        assert stats.score_interval([1, 0, 0, 1], [1, 1, 1, 1]) == stats.wilson(2, 4)

    def test_impossible_counts(self) -> None:
        with pytest.raises(StatsError, match="more correct samples than samples"):
            stats.score_interval([2], [1])


class TestMeanInterval:
    def test_by_hand(self) -> None:
        # mean 0.5; below sqrt(0.1² + 0.2²)/2 = 0.111803, above sqrt(0.1² + 0.1²)/2 = 0.070711
        found = stats.mean_interval([0.4, 0.6], [Interval(0.3, 0.5, "w"), Interval(0.4, 0.7, "w")])
        assert found is not None
        assert found.low == pytest.approx(0.5 - 0.111803, abs=1e-6)
        assert found.high == pytest.approx(0.5 + 0.070711, abs=1e-6)

    def test_one_unknown(self) -> None:
        assert stats.mean_interval([0.4, 0.6], [Interval(0.3, 0.5, "w"), None]) is None


def test_clustered_difference_by_hand() -> None:
    # One way, one value a cluster: the plain t interval. Mean 2, variance 1/3 of 1, t(2) = 4.3027
    single = stats.clustered_difference([1, 2, 3], ["a", "b", "c"], [0, 0, 0])
    assert single is not None
    assert single.half == pytest.approx(4.302653 * np.sqrt(1 / 3), rel=1e-6)
    # Two ways, values (seed 0: 1, 3; seed 1: 2, 6), mean 3, residuals -2, 0, -1, 3.
    # By question: sums -3, 3, so 2/1 * 18 / 16; by seed: sums -2, 2, so 2/1 * 8 / 16; by cell: 4/3 * 14 / 16.
    both = stats.clustered_difference([1, 3, 2, 6], ["a", "b", "a", "b"], [0, 0, 1, 1])
    assert both is not None
    variance = max(36 / 16 + 16 / 16 - 56 / 48, 36 / 16)
    assert both.half == pytest.approx(12.706205 * np.sqrt(variance), rel=1e-6)  # t(1)
    assert stats.clustered_difference([1.0], ["a"], [0]) is None
    with pytest.raises(StatsError, match="one id per value"):
        stats.clustered_difference([1, 2], ["a", "b"], [0])


class TestClusteredProportion:
    def test_by_hand(self) -> None:
        # Means 1, 1/2: mean 3/4, variance of the mean 1/8 / 2 = 1/16; as many as (3/16) / (1/16) = 3 trials.
        # t(1) = 12.7062, t² = 161.4476: centre (3 · 3/4 + 80.7238) / 164.4476 = .504560,
        # half 12.7062 · sqrt(3 · 3/16 + 40.3619) / 164.4476 = 12.7062 · 6.397219 / 164.4476 = .494293
        found = stats.clustered_proportion([1.0, 0.5])
        assert found is not None
        assert (found.low, found.high) == pytest.approx((0.504560 - 0.494293, 0.504560 + 0.494293), abs=1e-5)
        assert found.method == "clustered-wilson"

    def test_between_zero_and_one_where_t_is_not(self) -> None:
        means = [0.0] * 18 + [0.25, 0.5]
        clustered = stats.clustered_mean(means)
        found = stats.clustered_proportion(means)
        assert clustered is not None
        assert found is not None
        assert clustered.low == 0.0  # cut off; the mean is .0375
        assert 0 < found.low < 0.0375 < clustered.high < found.high < 1

    def test_single_samples_are_wilsons(self) -> None:
        assert stats.clustered_proportion([1.0, 0.0, 1.0]) == stats.wilson(2, 3)

    def test_alike_is_not_certainty(self) -> None:
        # Every mean 1/2: as for one trial a question, variance 1/4 / 16, with t(15) = 2.13145, t² = 4.543078:
        # half 2.13145 · sqrt(16 / 4 + 1.135770) / 20.543078 = .235123
        found = stats.clustered_proportion([0.5] * 16)
        assert found is not None
        assert found.half == pytest.approx(0.235123, abs=1e-5)

    def test_too_little(self) -> None:
        assert stats.clustered_proportion([]) is None
        assert stats.clustered_proportion([0.5]) is None
