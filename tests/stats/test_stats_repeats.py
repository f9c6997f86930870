"""pass@k and maj@k against their definitions, every subset counted."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pspo_bench import stats


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


class TestOverQuestions:
    def test_pass_at_k_by_hand(self) -> None:
        # 4 samples each; pass@2 of 0, 1 and 2 right: 0, 1/2, and 1 - 1/6 = 5/6. The mean is 4/9.
        found = stats.pass_at_k_interval([4, 4, 4], [0, 1, 2], 2)
        assert found is not None
        assert found[0] == pytest.approx(4 / 9)
        assert found[1] == stats.clustered_proportion([0, 0.5, 5 / 6])

    def test_maj_at_k_by_hand(self) -> None:
        # Majority of both: right; a tie, half; wrong. The mean is 1/2.
        votes, right = [["4", "4"], ["4", "5"], ["5", "5"]], [[True, True], [True, False], [False, False]]
        found = stats.maj_at_k_interval(votes, right, 2)
        assert found is not None
        assert found[0] == pytest.approx(0.5)
        assert found[1] == stats.clustered_proportion([1, 0.5, 0])

    def test_too_few_samples_of_one_question(self) -> None:
        assert stats.pass_at_k_interval([4, 1], [1, 1], 2) is None
        assert stats.pass_at_k_interval([], [], 1) is None
        assert stats.maj_at_k_interval([["4"]], [[True]], 2) is None
