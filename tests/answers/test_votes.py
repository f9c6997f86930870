"""Which answers are one vote in a majority."""

from __future__ import annotations

import pytest

from pspo_bench.answers import vote_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4", "4.0"),
        ("1,234.50", "$1234.5"),
        ("1/2", "0.5"),
        (" X = 3 ", "x=3"),
        ("-0", "0"),
        ("18.", "18"),
        ("\\frac{3}{4}", "0.75"),
        ("18 apples", "eighteen"),
        ("\\left( 1, 2 \\right)", "(1,2)"),
        ("28\\%", "28 percent"),
    ],
)
def test_votes_that_are_one(one: str, other: str) -> None:
    assert vote_key(one) == vote_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("4", "-4"), ("1,23", "123"), ("1/0", "1"), ("(1,2)", "(1,3)"), ("²", "2"), ("x", "y"), ("28%", "28")],
)
def test_votes_that_differ(one: str, other: str) -> None:
    assert vote_key(one) != vote_key(other)


def test_no_vote() -> None:
    assert vote_key(None) is None
    assert vote_key(" $ ") is None


def test_hostile_vote_stays_text() -> None:
    assert vote_key("9" * 100_000) == "9" * 100_000  # never made a number of that size
    assert vote_key("(" * 400 + "1") == "(" * 400 + "1"
