"""Bradley–Terry, the control for length, kappa and alpha against closed forms and published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pspo_bench.judge.agreement import against_flag, alpha, quadratic_kappa
from pspo_bench.judge.bradley_terry import RIDGE, Fit, Games, bootstrap
from pspo_bench.stats import StatsError, percentile_interval


def two_arms(wins: int, ties: int, losses: int) -> Games:
    n = wins + ties + losses
    return Games.of([0] * n, [1] * n, [1.0] * wins + [0.5] * ties + [0.0] * losses)


class TestStrengths:
    def test_75_wins_to_25_are_log_3(self) -> None:
        found = Fit.of(two_arms(75, 0, 25), 2)()
        # the ridge shifts d by about RIDGE d / 2 / (n p q) = 0.01 * 1.0986 / 2 / 18.75 = 0.0003
        assert found[0] - found[1] == pytest.approx(math.log(3), abs=0.0004)
        assert found.sum() == pytest.approx(0, abs=1e-9)

    def test_ties_are_half_a_win_each(self) -> None:
        # 60 + 30/2 = 75 of 100
        tied, clear = Fit.of(two_arms(60, 30, 10), 2)(), Fit.of(two_arms(75, 0, 25), 2)()
        assert tied == pytest.approx(clear, abs=1e-7)

    def test_an_arm_that_wins_all_has_a_finite_strength(self) -> None:
        found = Fit.of(two_arms(100, 0, 0), 2)()
        d = found[0] - found[1]
        # where the gradient is 0: n (1 - sigma(d)) = RIDGE d / 2
        assert 100 / (1 + math.exp(d)) == pytest.approx(RIDGE * d / 2, rel=1e-6)

    def test_three_arms_against_statsmodels(self) -> None:
        statsmodels = pytest.importorskip("statsmodels.api")
        rng = np.random.default_rng(0)
        first, second = rng.integers(0, 2, 400), rng.integers(1, 3, 400)
        keep = first != second
        first, second = first[keep], second[keep]
        truth = np.array([0.0, -0.7, 0.4])
        score = (rng.random(first.size) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
        design = np.zeros((first.size, 3))
        design[np.arange(first.size), first] += 1
        design[np.arange(first.size), second] -= 1
        expected = statsmodels.Logit(score, design[:, 1:]).fit(disp=0).params  # the first arm is 0
        found = Fit.of(Games.of(first.tolist(), second.tolist(), score.tolist()), 3)()
        assert found[1:] - found[0] == pytest.approx(expected, abs=0.005)

    def test_equal_weights_of_two_are_the_data_twice(self) -> None:
        games = two_arms(3, 1, 2)
        double = Fit.of(two_arms(6, 2, 4), 2)()
        assert Fit.of(games, 2)(np.full(6, 2.0)) == pytest.approx(double, abs=1e-9)


class TestLength:
    def test_a_preference_for_length_alone_leaves_nothing_at_equal_length(self) -> None:
        # arm 0 is longer in 80 of 100 pairs, and the longer one always wins
        gaps = [10.0] * 80 + [-10.0] * 20
        games = Games.of([0] * 100, [1] * 100, [1.0] * 80 + [0.0] * 20, gaps)
        raw, controlled = Fit.of(games, 2)(), Fit.of(games, 2, length=True)()
        assert raw[0] - raw[1] == pytest.approx(math.log(4), abs=0.001)
        # With t = tanh(1) = 0.7616 and e = exp(-b t), the derivatives 80 e exp(-d) - 20 e exp(d) = RIDGE d / 2 and
        # t (80 e exp(-d) + 20 e exp(d)) = LENGTH_RIDGE b (tails for 1 - sigma) are 0 at b = 14.18 and d = 0.177.
        assert controlled[0] - controlled[1] == pytest.approx(0.177, abs=0.002)
        assert controlled[2] == pytest.approx(14.18, abs=0.05)

    def test_a_preference_that_has_nothing_to_do_with_length_stays(self) -> None:
        # of the longer and of the shorter texts alike 3 in 4 win
        games = Games.of([0] * 80, [1] * 80, ([1.0] * 30 + [0.0] * 10) * 2, [5.0] * 40 + [-5.0] * 40)
        controlled = Fit.of(games, 2, length=True)()
        assert controlled[0] - controlled[1] == pytest.approx(math.log(3), abs=0.001)
        assert controlled[2] == pytest.approx(0, abs=1e-6)

    def test_equal_lengths_everywhere_change_nothing(self) -> None:
        games = two_arms(30, 0, 10)
        assert Fit.of(games, 2, length=True)()[:2] == pytest.approx(Fit.of(games, 2)(), abs=1e-9)


class TestBootstrap:
    def test_questions_are_drawn_whole(self) -> None:
        # 10 questions of 20 samples that always agree: 200 games, but only 10 things are known
        score = np.repeat([1.0, 1, 1, 1, 1, 1, 1, 0, 0, 0], 20)
        questions = np.repeat(np.arange(10), 20)
        games = Games.of([0] * 200, [1] * 200, score.tolist(), question=questions.tolist())
        means = bootstrap(
            games,
            lambda w: np.array([w @ games.score / w.sum()]),
            np.random.default_rng(0),
            2000,
        )
        # the mean of 10 draws of a coin of 0.7 has a standard deviation of sqrt(0.21 / 10) = 0.145
        assert float(means.std()) == pytest.approx(0.145, abs=0.01)

    def test_seeds_are_drawn_whole_too(self) -> None:
        # two seeds that disagree on everything: replicates are 0, ½ or 1, and the interval is all there is
        games = Games.of([0] * 40, [1] * 40, [1.0] * 20 + [0.0] * 20, question=list(range(20)) * 2,
                         seed=[0] * 20 + [1] * 20)  # fmt: skip
        means = bootstrap(
            games, lambda w: np.array([w @ games.score / w.sum()]), np.random.default_rng(0), 500
        )
        assert {round(float(m), 6) for m in means[:, 0]} == {0.0, 0.5, 1.0}
        interval = percentile_interval(means[:, 0])
        assert interval is not None
        assert (interval.low, interval.high) == (0, 1)

    def test_one_question_says_nothing_about_others(self) -> None:
        games = Games.of([0, 0], [1, 1], [1.0, 0.0], question=["q", "q"])
        assert bootstrap(games, lambda w: w, np.random.default_rng(0), 10).size == 0


class TestKappa:
    def test_by_hand(self) -> None:
        # squared distances: 0, 0, 0, 1 → mean 1/4. Expected: variances 1.25 and 0.6875, means 0.25 apart → 2.
        assert quadratic_kappa([1, 2, 3, 4], [1, 2, 3, 3]) == pytest.approx(1 - 0.25 / 2)
        assert quadratic_kappa([1, 5, 1, 5], [1, 5, 1, 5]) == 1
        assert quadratic_kappa([1, 5], [5, 1]) == -1

    def test_too_little_is_none(self) -> None:
        assert quadratic_kappa([], []) is None
        assert quadratic_kappa([3, 3], [3, 3]) is None
        with pytest.raises(StatsError, match="not paired"):
            quadratic_kappa([1, 2], [1])


# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


class TestAlpha:
    @pytest.mark.parametrize(
        ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
    )
    def test_the_published_example(self, level: str, published: float) -> None:
        assert alpha(OBSERVERS, level) == pytest.approx(published, abs=0.0005)  # type: ignore[arg-type]

    def test_too_little_is_none(self) -> None:
        assert alpha([[1, 2, 3]]) is None
        assert alpha([[2, 2], [2, 2]]) is None
        assert alpha([]) is None
        with pytest.raises(StatsError, match="different lengths"):
            alpha([[1, 2], [1]])


class TestFlags:
    def test_auc_by_hand(self) -> None:
        # pairs (flagged, not): (1,2) (1,3) (2,2)½ (2,3) → 3.5 of 4
        found = against_flag(
            "wrong", [1, 2, 2, 3], [True, True, False, False], "abcd", np.random.default_rng(0)
        )
        assert found.auc == 3.5 / 4
        assert (found.mean_flagged, found.mean_unflagged) == (1.5, 2.5)
        assert (found.flagged, found.unflagged) == (2, 2)

    def test_one_kind_alone_has_no_auc(self) -> None:
        found = against_flag("wrong", [1, 2], [False, False], "ab", np.random.default_rng(0))
        assert (found.auc, found.interval, found.mean_flagged) == (None, None, None)

    def test_lengths_must_agree(self) -> None:
        with pytest.raises(StatsError, match="different lengths"):
            against_flag("wrong", [1, 2], [True], "ab", np.random.default_rng(0))
