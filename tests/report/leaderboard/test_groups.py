"""Letters for rows that are not told apart."""

from __future__ import annotations

from itertools import combinations

from pspo_bench.report.leaderboard.groups import letters


def test_small_cases() -> None:
    assert letters(3, []) == ["a", "a", "a"]
    assert letters(3, [(0, 1), (0, 2), (1, 2)]) == ["a", "b", "c"]
    # 0-1, 1-2, 2-3 are alike and nothing else is: three groups of two
    assert letters(4, [(0, 2), (0, 3), (1, 3)]) == ["a", "ab", "bc", "c"]
    assert letters(1, []) == ["a"]
    assert letters(0, []) == []


def test_every_relation_of_five_rows() -> None:
    """All 1,024: two rows share a letter where they are not apart, and only there; no letter could be left out."""
    pairs = list(combinations(range(5), 2))
    for bits in range(1 << len(pairs)):
        apart = {pair for i, pair in enumerate(pairs) if bits >> i & 1}
        found = letters(5, apart)
        used = sorted(set("".join(found)))
        assert used == list("abcdefghij"[: len(used)])
        assert found[0].startswith("a")
        assert all(bool(set(found[i]) & set(found[j])) is ((i, j) not in apart) for i, j in pairs)
        for letter in used:
            rest = [text.replace(letter, "") for text in found]
            alike = {(i, j) for i, j in pairs if set(rest[i]) & set(rest[j])}
            assert not all(rest) or alike != set(pairs) - apart


def test_the_order_of_the_pairs_says_nothing() -> None:
    apart = [(0, 3), (1, 4), (2, 4), (0, 4)]
    assert letters(5, apart) == letters(5, apart[::-1])


def test_more_groups_than_letters_are_numbered() -> None:
    found = letters(53, list(combinations(range(53), 2)))
    assert found[0] == "1"
    assert found[52] == "53"
