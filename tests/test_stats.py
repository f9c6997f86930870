"""Hand-derived numbers, the same figures from scipy and statsmodels, and coverage by simulation."""

from __future__ import annotations

from itertools import combinations

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


class TestPassAtK:
    def test_by_hand(self) -> None:
        # n = 4, c = 1, k = 2: of the 6 pairs 3 hold the right one
        assert stats.pass_at_k(4, 1, 2) == pytest.approx(0.5)
        assert stats.pass_at_k(4, 0, 4) == 0.0
        assert stats.pass_at_k(4, 3, 2) == 1.0
        assert stats.pass_at_k(3, 1, 4) is None

    def test_pass_at_1_is_the_mean(self) -> None:
        assert stats.pass_at_k(16, 5, 1) == pytest.approx(5 / 16)

    def test_as_enumeration(self) -> None:
        for n, c, k in [(6, 2, 3), (7, 1, 5), (5, 4, 1)]:
            draws = [any(i < c for i in draw) for draw in combinations(range(n), k)]
            assert stats.pass_at_k(n, c, k) == pytest.approx(sum(draws) / len(draws), abs=1e-12)


class TestMajAtK:
    def test_all_of_them(self) -> None:
        assert stats.maj_at_k(["4", "4", "5"], [True, True, False], 3) == 1.0
        # one vote each: the tie is split, the right one gets half
        assert stats.maj_at_k(["4", "5"], [True, False], 2) == 0.5
        # a blank does not vote: 5 leads 2 to 1
        assert stats.maj_at_k(["5", "5", "4", None], [False, False, True, False], 4) == 0.0
        assert stats.maj_at_k([None, None], [False, False], 2) == 0.0

    def test_two_of_three_by_hand(self) -> None:
        # {4,4} wins; {4,5} twice, half each: (1 + ½ + ½) / 3
        assert stats.maj_at_k(["4", "4", "5"], [True, True, False], 2) == pytest.approx(2 / 3)

    def test_judged_both_ways(self) -> None:
        assert stats.maj_at_k(["4", "4", "4"], [True, True, False], 3) == pytest.approx(2 / 3)

    def test_too_few(self) -> None:
        assert stats.maj_at_k(["4"], [True], 2) is None

    def test_as_enumeration(self) -> None:
        rng = np.random.default_rng(3)
        for _ in range(40):
            n = int(rng.integers(2, 9))
            votes = [None if v == 3 else int(v) for v in rng.integers(0, 4, n)]
            correct = [vote == 0 for vote in votes]
            k = int(rng.integers(1, n + 1))
            assert stats.maj_at_k(votes, correct, k) == pytest.approx(_majority(votes, correct, k), abs=1e-12)


def _majority(votes: list[int | None], correct: list[bool], k: int) -> float:
    """The definition, literally: every subset votes, ties are split."""
    scores = []
    for draw in combinations(range(len(votes)), k):
        cast = [votes[i] for i in draw if votes[i] is not None]
        top = max((cast.count(v) for v in set(cast)), default=0)
        winners = [v for v in set(cast) if cast.count(v) == top]
        scores.append(sum(v == 0 for v in winners) / len(winners) if winners else 0.0)
    return sum(scores) / len(scores)


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


class TestMeanInterval:
    def test_by_hand(self) -> None:
        # mean 0.5; below sqrt(0.1² + 0.2²)/2 = 0.111803, above sqrt(0.1² + 0.1²)/2 = 0.070711
        found = stats.mean_interval([0.4, 0.6], [Interval(0.3, 0.5, "w"), Interval(0.4, 0.7, "w")])
        assert found is not None
        assert found.low == pytest.approx(0.5 - 0.111803, abs=1e-6)
        assert found.high == pytest.approx(0.5 + 0.070711, abs=1e-6)

    def test_one_unknown(self) -> None:
        assert stats.mean_interval([0.4, 0.6], [Interval(0.3, 0.5, "w"), None]) is None


class TestBootstrap:
    def test_centre_and_spread_of_one_seed(self) -> None:
        # 40 of 100 questions right: the standard error is sqrt(0.4 · 0.6 / 100) = 0.04899
        right = np.array([[1] * 40 + [0] * 60])
        out = stats.bootstrap_scores([(right, np.ones_like(right))], np.random.default_rng(1), 4000)[:, 0]
        assert out.mean() == pytest.approx(0.4, abs=0.003)
        assert out.std() == pytest.approx(0.04899, abs=0.002)

    def test_questions_are_shared_by_seeds(self) -> None:
        """Two seeds that agree on every question carry no more information than one."""
        right = np.array([[1] * 40 + [0] * 60])
        rng = np.random.default_rng(1)
        twice = np.vstack([right, right])
        out = stats.bootstrap_scores([(twice, np.ones_like(twice))], rng, 4000)[:, 0]
        assert out.std() == pytest.approx(0.04899, abs=0.002)  # not 0.04899 / sqrt(2) = 0.03464

    def test_seed_variance_counts(self) -> None:
        """Seeds at 0 and 1: the mean of two draws is 0, ½ or 1, with standard deviation sqrt(⅛) = 0.35355."""
        right = np.array([[0] * 50, [1] * 50])
        out = stats.bootstrap_scores([(right, np.ones_like(right))], np.random.default_rng(2), 4000)[:, 0]
        assert out.std() == pytest.approx(0.35355, abs=0.01)
        assert set(out) == {0.0, 0.5, 1.0}

    def test_seeds_are_shared_by_tasks(self) -> None:
        right = np.array([[0] * 5, [1] * 5])
        pair = (right, np.ones_like(right))
        out = stats.bootstrap_scores([pair, pair], np.random.default_rng(2), 200)
        assert (out[:, 0] == out[:, 1]).all()

    def test_samples_are_redrawn(self) -> None:
        # one question, 2 of 4 right: sd of Binomial(4, ½)/4 = 0.25
        out = stats.bootstrap_scores([([[2]], [[4]])], np.random.default_rng(3), 4000)[:, 0]
        assert out.std() == pytest.approx(0.25, abs=0.01)

    def test_a_question_that_was_not_asked_does_not_count(self) -> None:
        out = stats.bootstrap_scores([([[1, 1, 0]], [[1, 1, 0]])], np.random.default_rng(3), 100)[:, 0]
        assert set(out[~np.isnan(out)]) == {1.0}

    def test_same_generator_same_interval(self) -> None:
        right = np.array([[1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 0, 1]])
        one, two = (
            stats.hierarchical_bootstrap(right, np.ones_like(right), np.random.default_rng(5), 300)
            for _ in range(2)
        )
        assert one == two
        assert one is not None

    def test_no_spread_is_none(self) -> None:
        zeros = np.zeros((3, 10), dtype=int)
        assert stats.hierarchical_bootstrap(zeros, zeros + 1, np.random.default_rng(5), 50) is None

    def test_shape(self) -> None:
        with pytest.raises(StatsError, match=r"seeds, questions"):
            stats.bootstrap_scores([([1, 0], [1, 1])], np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "samples", "seed_sd", "least", "most"),
    [(1, 1, 0.0, 0.93, 0.98), (1, 8, 0.0, 0.93, 0.99), (5, 1, 0.15, 0.93, 0.99), (3, 1, 0.4, 0.80, 0.93)],
)
def test_coverage(seeds: int, samples: int, seed_sd: float, least: float, most: float) -> None:
    """The 95 % interval holds the true score 95 % of the time; with three very unequal seeds too rarely."""
    rng = np.random.default_rng(7)
    hits, runs = 0, 400
    for _ in range(runs):
        logits = rng.normal(0, 1.5, 300)[None] + rng.normal(0, seed_sd, seeds)[:, None]
        drawn = np.full(logits.shape, samples)
        right = rng.binomial(drawn, 1 / (1 + np.exp(-logits)))
        found = stats.hierarchical_bootstrap(right, drawn, rng, 400)
        assert found is not None
        hits += found.low <= 0.5 <= found.high  # the model is symmetric, so the true score is ½
    assert least <= hits / runs <= most


def test_arms_are_compared_over_seeds_and_questions() -> None:
    """Two seeds, two questions. Differences [[1, 0], [0, 0]]: by seed .5 and 0, by question .5 and 0.

    Both means have the variance 1/8, over 2 is 1/16; the residuals are ±1/4, their mean square 1/4, over 4 is 1/16. The
    variance is 1/16 + 1/16 - 1/16, the error 1/4. Satterthwaite's degrees of freedom would be 1/3: the seeds' 1 are
    taken, with the quantile 12.7062 at .975. t is .25 / .25 = 1, and the tails of a Cauchy beyond 1 hold 1/2.
    """
    base, candidate = [[0, 1], [0, 1]], [[1, 1], [0, 1]]
    found = stats.arm_difference([(base, candidate)])
    assert found is not None
    assert found.difference == pytest.approx(0.25)
    assert found.interval.high - 0.25 == pytest.approx(12.7062 / 4, rel=1e-4)
    assert found.p_value == pytest.approx(0.5)
    assert (found.n_seeds, found.n_questions) == (2, 2)


def test_tasks_weigh_alike_and_one_seed_says_nothing() -> None:
    zeros, ones = np.zeros((3, 10)), np.ones((3, 2))
    found = stats.arm_difference([(zeros, zeros), (np.zeros((3, 2)), ones)])
    assert found is not None
    assert (found.difference, found.interval.low, found.interval.high) == (0.5, 0.5, 0.5)
    assert stats.arm_difference([(zeros[:1], zeros[:1])]) is None
    with pytest.raises(StatsError, match="are not paired"):
        stats.arm_difference([(zeros, zeros), (np.zeros((2, 2)), np.zeros((2, 2)))])


def test_intervals_of_arms_cover_what_seeds_and_questions_vary() -> None:
    """No difference between the arms; 5 seeds with a spread of 8 points, 300 questions, 600 repetitions.

    The 95 % interval should miss in 5 % of them, which is known to a standard error of .9 points.
    """
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(600):
        difficulty = rng.normal(0, 1, (1, 300))
        arms = []
        for _ in range(2):
            skill = 0.5 + 0.4 * rng.normal(0, 1, (5, 1))
            arms.append((rng.random((5, 300)) < 1 / (1 + np.exp(-skill - difficulty))).astype(float))
        found = stats.arm_difference([(arms[0], arms[1])])
        assert found is not None
        missed += not found.interval.low <= 0 <= found.interval.high
    assert 0.023 < missed / 600 < 0.077


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
