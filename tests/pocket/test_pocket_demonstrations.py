"""Each habit written out by hand for one problem, and the shares in which habits occur."""

import random
import re
from collections import Counter

import pytest

from pspo_bench.pocket.demonstrations import HABITS, TEMPTATIONS, demonstration, habit_weights
from pspo_bench.pocket.problems import TASKS, problems
from pspo_bench.pocket.steps import Problem, Step

# 4 * 6 = 24, then 24 - 5 = 19; a careless reader adds: 24 + 5 = 29. The last number of the question is 5.
PROBLEM = Problem(
    question="Mia fills 4 jars with 6 beads each. She loses 5 beads. How many beads does Mia have now?",
    steps=(Step(4, "*", 6), Step(24, "-", 5)),
    answer="19",
    category="groups",
    lure=("4 * 6 = 24", "24 + 5 = 29"),
    lure_answer="29",
)


@pytest.mark.parametrize(
    ("habit", "text"),
    [
        ("clean", "4 * 6 = 24\n24 - 5 = 19\n#### 19"),
        ("repeated_step", "4 * 6 = 24\n24 - 5 = 19\n24 - 5 = 19\n#### 19"),
        ("lured", "4 * 6 = 24\n24 + 5 = 29\n#### 29"),
        ("dropped_step", "4 * 6 = 24\n#### 24"),
        ("hasty", "#### 5"),
        ("no_answer_line", "4 * 6 = 24\n24 - 5 = 19\nDone."),
    ],
)
def test_habits_by_hand(habit: str, text: str) -> None:
    assert HABITS[habit](PROBLEM) == text


def test_weights_sum_to_one_for_every_kind_of_problem() -> None:
    for task in TASKS:
        for category in {problem.category for problem in problems(task, "validation")}:
            weights = habit_weights(task, category)
            assert set(weights) == set(HABITS)
            assert sum(weights.values()) == pytest.approx(1.0)


def test_temptations_name_kinds_that_exist() -> None:
    kinds = {(task, problem.category) for task in TASKS for problem in problems(task, "validation")}
    assert set(TEMPTATIONS) <= kinds


def test_drawn_shares_follow_the_weights() -> None:
    """Of 4,000 draws a share p lies within 4 standard errors, 4 * sqrt(p (1 - p) / 4000) <= 0.032."""
    rng = random.Random(0)
    drawn = Counter(demonstration(rng, "pocket_gsm", PROBLEM) for _ in range(4000))
    for habit, weight in habit_weights("pocket_gsm", "groups").items():
        assert drawn[HABITS[habit](PROBLEM)] / 4000 == pytest.approx(weight, abs=0.032)


def test_no_demonstration_contains_wrong_arithmetic() -> None:
    rng = random.Random(1)
    for task in TASKS:
        for problem in problems(task, "validation"):
            for habit in HABITS.values():
                for left, op, right, result in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", habit(problem)):
                    assert Step(int(left), op, int(right)).result == int(result)
            assert demonstration(rng, task, problem) in {habit(problem) for habit in HABITS.values()}
