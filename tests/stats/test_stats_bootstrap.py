"""The bootstrap over seeds, questions and samples: spreads that are known, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from pspo_bench import stats
from pspo_bench.stats import StatsError


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


def test_blocks_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few cells at a time, the last block shorter: as many replicates, of the same spread."""
    from pspo_bench.stats import bootstrap

    right = np.array([[1] * 40 + [0] * 60])
    monkeypatch.setattr(bootstrap, "CELLS", 1000)
    out = stats.bootstrap_scores([(right, np.ones_like(right))], np.random.default_rng(1), 4001)[:, 0]
    assert out.shape == (4001,)
    assert out.std() == pytest.approx(0.04899, abs=0.002)


def test_unequal_numbers_of_samples() -> None:
    """Means of questions, not of samples: 1 of 1 and 0 of 9 is .5. Two draws of two: sd sqrt(1/8)."""
    out = stats.bootstrap_scores([([[1, 0]], [[1, 9]])], np.random.default_rng(4), 4000)[:, 0]
    assert set(out) == {0.0, 0.5, 1.0}
    assert out.std() == pytest.approx(0.35355, abs=0.01)


@pytest.mark.slow
def test_speed() -> None:
    """5 seeds, 1,319 questions, 16 samples, 10,000 resamples, 4 tasks in under 10 s of processor time."""
    import time

    rng = np.random.default_rng(0)
    tasks = [(rng.binomial(16, 0.5, (5, 1319)), np.full((5, 1319), 16)) for _ in range(4)]
    start = time.process_time()
    assert stats.bootstrap_scores(tasks, rng, 10_000).shape == (10_000, 4)
    assert time.process_time() - start < 10
