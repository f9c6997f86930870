"""Power: the same figures from statsmodels, by enumeration, and from Miller's paper."""

from __future__ import annotations

from math import comb

import pytest

from pspo_bench import stats
from pspo_bench.stats import StatsError


class TestMinimumDetectable:
    def test_by_hand(self) -> None:
        # (1.959964 + .841621) standard errors
        assert stats.minimum_detectable_effect(0.01) == pytest.approx(0.02801585, abs=1e-8)
        assert stats.minimum_detectable_effect(0.0, df=3) == 0.0

    @pytest.mark.parametrize("n", [5, 50, 1319])
    @pytest.mark.parametrize(("level", "power"), [(0.95, 0.8), (0.9, 0.6)])
    def test_as_statsmodels(self, n: int, level: float, power: float) -> None:
        from statsmodels.stats.power import TTestPower

        effect = stats.minimum_detectable_effect(n**-0.5, level, power, df=n - 1)
        assert TTestPower().power(effect, n, 1 - level) == pytest.approx(power, abs=1e-9)

    def test_few_degrees_of_freedom(self) -> None:
        """Simulated: Z + 16.33401 over the root of a chi² of one degree passes 12.7062 in 80 %."""
        import numpy as np

        rng = np.random.default_rng(0)
        effect = stats.minimum_detectable_effect(1.0, df=1)
        t = (rng.normal(size=200_000) + effect) / np.abs(rng.normal(size=200_000))
        assert (t > 12.706205).mean() == pytest.approx(0.8, abs=0.004)

    def test_impossible(self) -> None:
        with pytest.raises(StatsError, match="standard error of -1"):
            stats.minimum_detectable_effect(-1.0)
        with pytest.raises(StatsError, match="power = 80 is no share"):
            stats.minimum_detectable_effect(0.1, power=80)


class TestRequiredQuestions:
    def test_of_miller(self) -> None:
        """§ 5: ω² 1/9, many samples, 3 points: 969 questions (2.801585² / 9 / .0009 = 968.99)."""
        assert stats.required_questions(0.03, 1 / 9) == 969

    def test_single_samples_are_enough(self) -> None:
        n = stats.required_questions_single(0.03, 0.1)
        assert stats.mcnemar_power(n, 0.1, 0.03) >= 0.8
        assert stats.mcnemar_power(n - 10, 0.1, 0.03) < 0.8
        assert n > stats.required_questions(0.03, 0.1 - 0.03**2)  # the exact test is a little cautious

    def test_impossible(self) -> None:
        with pytest.raises(StatsError, match="no finite number"):
            stats.required_questions(0.0, 0.1)


class TestMcNemar:
    @pytest.mark.parametrize(("n", "discordance", "effect"), [(12, 0.5, 0.3), (40, 0.3, 0.2), (25, 0.8, 0.0)])
    def test_as_enumerated(self, n: int, discordance: float, effect: float) -> None:
        """Every number of flips, every number of wins among them, and the test itself on each."""
        win, power = (discordance + effect) / (2 * discordance), 0.0
        for flips in range(n + 1):
            chance = comb(n, flips) * discordance**flips * (1 - discordance) ** (n - flips)
            for won in range(flips + 1):
                p_value = stats.mcnemar_exact(won, flips - won)
                if p_value is not None and p_value <= 0.05:
                    power += chance * comb(flips, won) * win**won * (1 - win) ** (flips - won)
        assert stats.mcnemar_power(n, discordance, effect) == pytest.approx(power, abs=1e-9)

    def test_level(self) -> None:
        # Exact tests stay below 5 %, nearly reaching it with many flips.
        for n, least in ((50, 0.02), (500, 0.03), (5000, 0.043)):
            assert least < stats.mcnemar_power(n, 0.2, 0.0) <= 0.05

    def test_detectable(self) -> None:
        """One question in ten flips. The normal approximation 2.8016 sqrt(.1 / n) gives 2.44, 2.80, 1.85 and 3.96."""
        found = [stats.minimum_detectable_flips(n, 0.1) for n in (1319, 1000, 2305, 500)]
        assert [100 * one for one in found if one] == pytest.approx([2.50, 2.87, 1.88, 4.07], abs=0.005)
        assert stats.mcnemar_power(1319, 0.1, found[0] or 0) == pytest.approx(0.8, abs=1e-6)

    def test_five_questions_cannot_tell(self) -> None:
        # Even 5 of 5: p = 2 / 32 > .05
        assert stats.mcnemar_power(5, 1.0, 1.0) == 0.0
        assert stats.minimum_detectable_flips(5, 0.1) is None
        assert stats.mcnemar_power(100, 0.0, 0.0) == 0.0
