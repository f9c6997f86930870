"""Arms of trained seeds: variances by hand, what must not change them, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from pspo_bench import stats
from pspo_bench.stats import StatsError


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


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class TestCompareScores:
    def test_one_seed_single_samples(self) -> None:
        base, candidate = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]
        found = stats.compare_scores(base, candidate, rng())
        paired = stats.paired_difference(base, candidate)
        assert found is not None
        assert paired is not None
        assert found.interval == paired.interval
        assert (found.test, found.p_value) == ("mcnemar", pytest.approx(0.625))
        assert (found.base, found.candidate, found.difference) == pytest.approx((0.4, 0.6, 0.2))
        # the discordance with half a question in each cell: (3 + 1 + 1) / 12
        assert found.minimum_detectable == stats.minimum_detectable_flips(10, 5 / 12)
        assert (found.base_seeds, found.candidate_seeds, found.n_questions) == (1, 1, 10)

    def test_one_seed_several_samples(self) -> None:
        base, candidate = [0.5, 0.25, 1.0, 0.0, 0.75], [0.75, 0.25, 0.5, 0.5, 1.0]
        found = stats.compare_scores(base, candidate, rng())
        paired = stats.paired_difference(base, candidate)
        assert found is not None
        assert paired is not None
        assert found.interval is not None
        assert paired.interval is not None
        assert (found.interval.low, found.interval.high) == pytest.approx(
            (paired.interval.low, paired.interval.high), abs=1e-12
        )
        assert (found.test, found.p_value) == ("permutation", stats.permutation_test(base, candidate, rng()))

    def test_an_untrained_base_and_two_seeds(self) -> None:
        """Base 0, 0; seeds 1, 1 and 1, 0. By seed 1 and 1/2, by question 1 and 1/2, so each part 1/16.

        The residuals are ±1/4: 1/4 over 4 is 1/16, and the variance 1/16 + 1/16 - 1/16, the error 1/4. Both quantiles
        are t(1) = 12.7062. The statistic .75 / .25 = 3: p = 1 - 2 atan(3) / π = .204833.
        """
        found = stats.compare_scores([[0, 0]], [[1, 1], [1, 0]], rng())
        assert found is not None
        assert found.interval is not None
        assert found.interval.high - 0.75 == pytest.approx(12.706205 / 4, rel=1e-6)
        assert (found.test, found.p_value) == ("t", pytest.approx(0.204833, abs=1e-5))
        assert (found.base_seeds, found.candidate_seeds) == (1, 2)
        # The median of chi² of one degree is .454936; a test with t(1) finds 16.33401 standard errors in 80 %.
        assert found.minimum_detectable == pytest.approx(0.25 / 0.454936**0.5 * 16.33401, rel=1e-4)

    def test_seeds_that_do_not_vary_add_nothing(self) -> None:
        candidate = [[1, 1, 0, 1], [1, 0, 0, 1]]
        one = stats.compare_scores([[0, 1, 0, 0]], candidate, rng())
        three = stats.compare_scores([[0, 1, 0, 0]] * 3, candidate, rng())
        assert one is not None
        assert three is not None
        assert three.base_seeds == 3
        assert three.interval == one.interval

    def test_seeds_that_are_not_paired_add_up(self) -> None:
        """Seeds that move together tell more when paired: every seed gains the same question.

        Paired, the differences 0, 0, 0, 1, 0 of all seeds have the variance .2, over 5 is .04, and t(4) is 2.776445.
        """
        base = np.array([[0, 0, 0, 0, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 1]])
        candidate = base + np.array([0, 0, 0, 1, 0])
        paired = stats.compare_scores(base, candidate, rng())
        alone = stats.compare_scores(base, candidate, rng(), paired_seeds=False)
        assert paired is not None
        assert alone is not None
        assert paired.interval is not None
        assert alone.interval is not None
        assert paired.difference == alone.difference == pytest.approx(0.2)
        assert paired.interval.half == pytest.approx(2.776445 * 0.2, rel=1e-6)
        assert alone.interval.half > paired.interval.half

    def test_only_questions_that_all_were_asked(self) -> None:
        nan = float("nan")
        found = stats.compare_scores([[0, 1, nan, 0]], [[1, 1, 1, nan], [1, 1, 1, 1]], rng())
        assert found is not None
        assert (found.n_questions, found.base, found.candidate) == (2, 0.5, 1.0)
        assert stats.compare_scores([nan], [1.0], rng()) is None

    def test_no_change_is_not_certainty(self) -> None:
        same = np.tile([0.0, 1.0], (5, 49))
        found = stats.compare_scores(same, same, rng())
        assert found is not None
        assert found.interval is not None
        assert found.interval.half == pytest.approx(0.01959964)  # as with one seed: ± 1.959964 / 100
        assert found.p_value is None

    def test_too_little(self) -> None:
        found = stats.compare_scores([0.5], [0.75], rng())
        assert found is not None
        assert (found.interval, found.minimum_detectable) == (None, None)
        assert found.p_value == 1.0  # both signs of one difference are as far from 0

    def test_not_paired(self) -> None:
        with pytest.raises(StatsError, match="a column per question"):
            stats.compare_scores([[0, 1]], [[0, 1, 1]], rng())
        with pytest.raises(StatsError, match="the same seeds for each task"):
            stats.compare_macro([([0], [[1], [1]]), ([0], [1])], rng())
        with pytest.raises(StatsError, match="for one seed"):
            stats.compare_scores(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), rng())


class TestCompareMacro:
    def test_one_task_is_itself(self) -> None:
        base, candidate = np.eye(3), np.ones((3, 3))
        assert stats.compare_macro([(base, candidate)], rng()) == stats.compare_scores(base, candidate, rng())

    def test_tasks_weigh_alike(self) -> None:
        found = stats.compare_macro([([0] * 8, [1] * 8), ([0, 1], [0, 1])], rng())
        assert found is not None
        assert (found.base, found.candidate, found.difference) == (0.25, 0.75, 0.5)

    def test_single_samples_by_hand(self) -> None:
        """Two tasks of 10, 3 won and 1 lost in each. Agresti & Min: centre 2/12, variance (5 - 4/12) / 144 = .032407.

        The mean of two has the error sqrt(2 · .032407) / 2 = .127294.
        """
        pair = ([0, 0, 0, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 1, 1, 1, 0, 0, 0])
        found = stats.compare_macro([pair, pair], rng())
        assert found is not None
        assert found.interval is not None
        assert found.interval.low == pytest.approx(1 / 6 - 1.959964 * 0.127294, abs=1e-5)
        # 6 won, 2 lost among 8 of equal weight
        assert (found.test, found.p_value) == ("permutation", pytest.approx(stats.mcnemar_exact(6, 2)))
        assert found.minimum_detectable == pytest.approx(2.801585 * 0.127294, abs=1e-5)

    def test_a_lucky_seed_is_lucky_on_all_tasks(self) -> None:
        """The same data twice is the same data; as independent tasks the seeds' variance would halve."""
        draw = np.random.default_rng(1)
        base = draw.integers(0, 2, (4, 200)).astype(float)
        candidate = np.clip(base + np.array([[1.0], [0], [0], [0]]), 0, 1)
        once, twice = (stats.compare_macro([(base, candidate)] * times, rng()) for times in (1, 2))
        assert once is not None
        assert twice is not None
        assert once.interval is not None
        assert twice.interval is not None
        assert twice.difference == pytest.approx(once.difference)
        assert twice.interval.half == pytest.approx(once.interval.half, rel=0.05)


class TestArmInterval:
    def test_by_hand(self) -> None:
        # Seeds 1, 1 and 1, 0: variance 1/16 of the mean 3/4 and t(1), as with questions of means 1 and 1/2.
        found = stats.arm_interval([[[1, 1], [1, 0]]])
        alike = stats.clustered_proportion([1.0, 0.5])
        assert found is not None
        assert found.interval is not None
        assert alike is not None
        assert found.score == 0.75
        assert (found.interval.low, found.interval.high) == pytest.approx((alike.low, alike.high), abs=1e-9)

    def test_one_seed(self) -> None:
        single = stats.arm_interval([[1, 0, 1, 0]])
        assert single is not None
        assert single.interval == stats.wilson(2, 4)
        both = stats.arm_interval([[1, 0, 1, 0], [1, 1, 1, 0.5]])
        assert both is not None
        assert both.interval == stats.mean_interval(
            [0.5, 0.875], [stats.wilson(2, 4), stats.clustered_proportion([1, 1, 1, 0.5])]
        )

    def test_seeds_that_agree_are_one(self) -> None:
        found = stats.arm_interval([np.ones((5, 20))])
        assert found is not None
        assert found.interval == stats.wilson(20, 20)
        assert (found.n_seeds, found.n_questions) == (5, 20)

    def test_no_question(self) -> None:
        assert stats.arm_interval([np.full((2, 3), np.nan)]) is None


@pytest.mark.parametrize(("seeds", "samples"), [(2, 1), (3, 1), (5, 1), (5, 4)])
def test_few_seeds_are_covered(seeds: int, samples: int) -> None:
    """Logits of difficulty (sd 2) and of seeds (sd .15) about 0: the score is 1/2. 500 repetitions, error 1 point."""
    draw = np.random.default_rng(seeds)
    hits = 0
    for _ in range(500):
        logits = draw.normal(0, 2, 200) + draw.normal(0, 0.15, (seeds, 1)) + draw.normal(0, 0.5, (seeds, 200))
        found = stats.arm_interval([draw.binomial(samples, 1 / (1 + np.exp(-logits))) / samples])
        assert found is not None
        assert found.interval is not None
        hits += found.interval.low <= 0.5 <= found.interval.high
    assert 0.92 < hits / 500 < 0.985
