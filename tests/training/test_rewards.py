"""Rewards: what each pays, what a wrong one is told, and that the coin depends on nothing but its place."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from pspo_bench.answers import check
from pspo_bench.config.sections import LengthPenaltySection, RewardSection, ShapingSection
from pspo_bench.errors import ConfigError, TrainingError
from pspo_bench.training.rewards import RewardBatch, RewardFunction, get_reward
from pspo_bench.training.rewards.builtin import paper_value
from pspo_bench.training.rewards.function import pay
from pspo_bench.training.rewards.shaping import ends_in_one_answer_line, terms

END = 2


def call(
    section: RewardSection,
    texts: list[Any],
    *,
    ids: list[list[int]] | None = None,
    gold: str = "12",
    step: int = 0,
) -> tuple[list[float], dict[str, float]]:
    """The reward of completions as TRL asks for it, and what was logged."""
    n, logged = len(texts), dict[str, float]()
    function = RewardFunction(section, seed=7, ends={END})
    paid = function(
        prompts=[""] * n,
        completions=texts,
        completion_ids=ids or [[5, END]] * n,
        question=["How many?"] * n,
        gold=[gold] * n,
        answer_type=["number"] * n,
        trainer_state=SimpleNamespace(global_step=step),
        log_metric=logged.__setitem__,
        log_extra=None,
    )
    return paid, logged


def batch_of(*texts: str, **changes: Any) -> RewardBatch:
    n = len(texts)
    made = RewardBatch(
        completions=texts,
        length_tokens=(4,) * n,
        truncated=(False,) * n,
        correct=(False,) * n,
        questions=("",) * n,
        golds=("",) * n,
        answer_types=("number",) * n,
        positions=tuple(range(n)),
        step=0,
        seed=0,
    )
    return replace(made, **changes)


class TestCorrectness:
    TEXTS = ("#### 1,234", "The answer is $1234.00.", "#### 4321", "", "it is 1234 or 1235", "\\boxed{1234}")

    def test_it_is_the_checkers_verdict_in_both_of_trls_forms(self) -> None:
        verdicts = [float(check(text, "1234", "number").correct) for text in self.TEXTS]
        assert verdicts[:4] == [1.0, 1.0, 0.0, 0.0]
        paid, logged = call(RewardSection(), list(self.TEXTS), gold="1234")
        assert paid == verdicts
        assert logged == {"correctness": sum(verdicts) / 6, "reward/correctness": sum(verdicts) / 6}
        chat = [[{"role": "assistant", "content": text}] for text in self.TEXTS]
        assert call(RewardSection(), chat, gold="1234")[0] == verdicts

    def test_a_completion_cut_before_its_answer_is_not_paid_for(self) -> None:
        """The last number may happen to be the gold; evaluation calls it truncated, and so must the reward."""
        text = "so 3 * 4 = 12"
        assert call(RewardSection(), [text])[0] == [1.0]
        assert call(RewardSection(), [text], ids=[[7, 8]])[0] == [0.0]
        assert check(text, "12", "number", question="How many?", truncated=True).status == "truncated"
        assert call(RewardSection(), ["#### 12\nand so"], ids=[[7, 8]])[0] == [1.0]


class TestRandom:
    RULE = staticmethod(get_reward("random").function)

    def test_it_does_not_read_the_completion(self) -> None:
        texts, others = ["#### 12"] * 64, ["", "no"] * 32
        paid, logged = call(RewardSection(name="random"), texts)
        assert call(RewardSection(name="random"), others)[0] == paid
        assert set(paid) == {0.0, 1.0}
        assert logged == {"correctness": 1.0, "reward/random": sum(paid) / 64}

    def test_every_step_seed_and_place_has_its_own_coin(self) -> None:
        one = self.RULE(batch_of(*[""] * 64))
        assert self.RULE(batch_of(*[""] * 64)) == one
        assert self.RULE(batch_of(*[""] * 64, step=1)) != one
        assert self.RULE(batch_of(*[""] * 64, seed=1)) != one

    def test_two_processes_draw_what_one_draws(self) -> None:
        halves = [
            self.RULE(batch_of(*[""] * 8, positions=tuple(range(first, first + 8)))) for first in (0, 8)
        ]
        assert halves[0] + halves[1] == self.RULE(batch_of(*[""] * 16))

    def test_p_is_the_share_that_is_paid(self) -> None:
        # 10,000 coins: standard error sqrt(0.25 * 0.75 / 10000) = 0.0043; five of them are 0.022
        assert sum(self.RULE(batch_of(*[""] * 10_000), p=0.25)) / 10_000 == pytest.approx(0.25, abs=0.022)
        assert set(self.RULE(batch_of(*[""] * 100), p=0.0)) == {0.0}
        assert set(self.RULE(batch_of(*[""] * 100), p=1.0)) == {1.0}


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("#### 18", 1.0),  # 1 + 0.05, clipped
        ("it is 18", 1.0),
        ("#### 19", 0.05),  # two characters after ####
        ("#### 7", 0.0),  # one
        ("#### -19", 0.0),  # a sign is no digit
        ("#### 7.", 0.05),
        ("it is 19", 0.0),
        ("no idea", 0.0),  # -0.2, clipped
        ("", 0.0),
        ("#### 19 apples\nso 18", 1.0),  # what follows #### is no number, so the last one counts
    ],
)
def test_the_published_reward_by_hand(completion: str, value: float) -> None:
    assert paper_value(completion, "18") == value


def test_the_published_reward_pays_nothing_where_the_gold_has_no_number() -> None:
    assert paper_value("#### 19", "x") == 0.0


class TestShaping:
    @pytest.mark.parametrize(
        ("text", "ends"),
        [
            ("2 + 3 = 5\n#### 5", True),
            ("#### 5\n\n", True),
            ("#### 5\nso five", False),
            ("#### 4\n#### 5", False),
            ("the answer is 5", False),
            ("it is #### 5", False),
            ("5\n####", False),
            ("", False),
        ],
    )
    def test_one_answer_line_at_the_end(self, text: str, ends: bool) -> None:
        assert ends_in_one_answer_line(text) is ends

    def test_a_completion_that_was_cut_has_no_end(self) -> None:
        bonus = terms(ShapingSection(format_bonus=0.1))["format_bonus"]
        assert bonus(batch_of("#### 5", "#### 5", truncated=(False, True))) == [0.1, 0.0]

    def test_the_penalty_is_linear_and_bounded(self) -> None:
        limits = LengthPenaltySection(per_token=0.01, beyond_tokens=10, at_most=0.2)
        penalty = terms(ShapingSection(length_penalty=limits))["length_penalty"]
        found = penalty(batch_of("", "", "", "", length_tokens=(9, 10, 15, 100)))
        # none, none, 5 * 0.01, 90 * 0.01 but no more than 0.2
        assert found == pytest.approx([0.0, 0.0, -0.05, -0.2])

    def test_terms_are_added_and_logged_apart(self) -> None:
        shaping = {
            "format_bonus": 0.1,
            "length_penalty": {"per_token": 0.1, "beyond_tokens": 2, "at_most": 0.3},
        }
        section = RewardSection.model_validate({"shaping": shaping})
        # right with the bonus; wrong with the bonus and 2 tokens too many; neither, and 3 or more too many
        paid, logged = call(
            section,
            ["#### 12", "#### 13", "no idea"],
            ids=[[5, END], [5, 5, 5, END], [5] * 9 + [END]],
        )
        assert paid == pytest.approx([1.1, 0.1 - 0.2, -0.3])
        assert logged["correctness"] == logged["reward/correctness"] == pytest.approx(1 / 3)
        assert logged["reward/format_bonus"] == pytest.approx(0.2 / 3)
        assert logged["reward/length_penalty"] == pytest.approx(-0.5 / 3)

    def test_terms_are_off_by_default(self) -> None:
        assert terms(ShapingSection()) == {}


def none_for_the_last(batch: RewardBatch) -> list[Any]:
    return [1.0] * (len(batch) - 1) + [None]


def raises(batch: RewardBatch) -> list[float]:
    raise KeyError("gold")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (0.5, r"Reward 'mine' returned 0.5 \(a float\) for 3 completions; return a list of 3 finite numbers"),
        ([1.0], r"Reward 'mine' returned \[1.0\] \(1 values\) for 3 completions"),
        (torch.tensor([1.0]), r"returned tensor\(\[1.\]\) \(1 values\) for 3 completions"),
        (torch.tensor(1.0), r"\(a Tensor\) for 3 completions"),
        (np.ones((3, 1)), r"returned \[1.0\] \(for completion 0\) for 3 completions"),
        (None, r"returned None \(a NoneType\)"),
        ("abc", r"returned 'abc' \(a str\)"),
        ([1.0, None, 0.0], r"returned None \(for completion 1\) for 3 completions"),
        ([1.0, 0.0, math.nan], r"returned nan \(for completion 2\)"),
        ([1.0, 0.0, -math.inf], r"returned -inf \(for completion 2\)"),
        ([1.0, "1", 0.0], r"returned '1' \(for completion 1\)"),
        ([1.0, torch.tensor([1.0, 2.0]), 0.0], r"\(for completion 1\)"),
    ],
)
def test_what_is_not_one_number_a_completion_is_refused(returned: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        pay("mine", lambda _: returned, batch_of("", "", ""))


@pytest.mark.parametrize(
    "returned", [[True, False, 1], (1.0, 0.0, 1.0), np.array([1, 0, 1]), torch.tensor([1.0, 0.0, 1.0])]
)
def test_numbers_of_every_kind_are_taken(returned: Any) -> None:
    assert pay("mine", lambda _: returned, batch_of("", "", "")) == [1.0, 0.0, 1.0]
    assert pay("mine", lambda _: [np.float32(1), np.bool_(False), torch.tensor(1)], batch_of("", "", "")) == [
        1,
        0,
        1,
    ]


def test_a_reward_that_raises_is_named() -> None:
    with pytest.raises(TrainingError, match="Reward 'mine' failed on 2 completions with KeyError: 'gold'"):
        pay("mine", raises, batch_of("", ""))


class TestRegistry:
    def test_any_function_by_its_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(half=lambda batch, *, p: [p] * len(batch)))
        paid, logged = call(RewardSection(name="mine:half", p=0.25), ["#### 12", ""])  # type: ignore[call-arg]
        assert paid == [0.25, 0.25]
        assert logged == {"correctness": 0.5, "reward/mine:half": 0.25}
        with pytest.raises(ConfigError, match="Reward 'mine:half' in r needs the setting 'p'"):
            get_reward("mine:half").resolve({}, "r")

    @pytest.mark.parametrize(
        ("name", "settings", "message"),
        [
            ("corectness", {}, "Unknown reward 'corectness' in r .did you mean 'correctness'.*paper, random"),
            ("random", {"q": 1}, "Unknown setting for reward random: 'q' in r"),
            ("random", {"p": 1.5}, r"Reward 'random' in r: p must lie in \[0, 1\], got 1.5"),
            ("random", {"p": True}, "p must be a number, got True"),
            ("math:pi", {}, "Reward 'math:pi' is a float, not a function"),
        ],
    )
    def test_mistakes(self, name: str, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            get_reward(name, "r").resolve(settings, "r")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_pay_the_coins_of_one(tmp_path: Path) -> None:
    """The texts differ with the number of processes, and the coins must not."""
    recipe = [
        "data.validation_rows=4", "data.limit=64", "minibatches=1", "iterations=1", "prompts_per_step=4",
        "group_size=4", "max_tokens=24", "budget.steps=4", "save_steps=4", "eval_steps=4", "reward.name=random",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paid = []
    for name, launcher in (("one", []), ("two", launch)):
        command = [sys.executable, *launcher, "-m", "pspo_bench", "train", "pocket/grpo", *recipe]
        subprocess.run([*command, "-o", str(tmp_path / name)], env=environment, check=True)
        log = pd.read_parquet(tmp_path / name / "training_log.parquet")
        paid.append(log[["reward", "reward/random", "zero_spread_fraction"]].dropna().to_numpy().tolist())
    assert len(paid[0]) == 4
    assert paid[0] == paid[1]
