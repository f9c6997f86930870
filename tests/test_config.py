"""Recipes and studies: what is accepted, what an override changes, and what each mistake is told."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from pspo_bench.config import load_recipe, load_study
from pspo_bench.errors import ConfigError
from pspo_bench.resources import recipes_dir
from pspo_bench.study import cells

RECIPE = """
name = "tiny"
[model]
base = "pocket"
[data]
task = "pocket_gsm"
[objective]
name = "clip"
epsilon = 0.2
[optimizer]
learning_rate = 1e-4
[budget]
steps = 4
[rollout]
prompts_per_step = 2
group_size = 4
iterations = 2
[checkpoint]
eval_steps = 2
"""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(RECIPE)
    return file


def test_overrides_reach_sections_by_path_and_by_unique_name(recipe_file: Path) -> None:
    recipe = load_recipe(
        recipe_file, ["seed=3", "optimizer.learning_rate=1e-3", "group_size=8", "epsilon=0.1"]
    )
    assert (recipe.seed, recipe.optimizer.learning_rate, recipe.rollout.group_size) == (3, 1e-3, 8)
    assert recipe.objective.settings == {"epsilon": 0.1}


def test_another_objective_does_not_inherit_settings(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, ["objective.name=pspo", "objective.alpha=0.3"])
    assert recipe.objective.settings == {"alpha": 0.3}


def test_the_order_of_overrides_does_not_matter(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, ["objective.alpha=0.3", "objective.name=pspo"])
    assert recipe.objective.settings == {"alpha": 0.3}


def test_a_table_changes_its_keys_and_leaves_the_rest(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, {"rollout": {"iterations": 1}, "optimizer": {"learning_rate": 1e-6}})
    assert (recipe.rollout.iterations, recipe.rollout.prompts_per_step, recipe.rollout.group_size) == (
        1,
        2,
        4,
    )


def test_steps_and_epochs_replace_one_another(recipe_file: Path) -> None:
    assert load_recipe(recipe_file, ["epochs=2"]).budget.steps is None
    assert load_recipe(recipe_file, ["epochs=2", "budget.steps=3"]).budget.model_dump() == {
        "steps": 3,
        "epochs": None,
    }


def test_completions_and_steps_per_batch(recipe_file: Path) -> None:
    rollout = load_recipe(recipe_file, ["minibatches=3"]).rollout
    assert rollout.completions_per_step == 2 * 4
    assert rollout.steps_per_batch == 2 * 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.learnin_rate=1", "Unknown key 'optimizer.learnin_rate'"),
        ("optimizer.learning_rate=fast", "optimizer.learning_rate: Input should be a valid number"),
        ("group_size=1", "rollout.group_size: Input should be greater than or equal to 2"),
        ("nonsense=1", "Unknown recipe key 'nonsense'"),
        ("seed", "is not of the form key=value"),
        ("micro_batch=3", "rollout.micro_batch=3 must divide prompts_per_step × group_size = 8"),
        (
            "save_steps=3",
            "checkpoint.save_steps=3 must be a multiple of rollout.iterations × minibatches = 2",
        ),
        ("validation_rows=0", "checkpoint.eval_steps needs data.validation_rows above 0"),
        ("schedule=sometimes", "optimizer.schedule: Input should be 'constant'"),
        ("objective.epsilon=true", "objective setting 'epsilon' must be a number"),
        ("name.first=x", "'name' is a value, not a section"),
    ],
)
def test_a_wrong_override_is_named(recipe_file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipe_file, [override])
    assert message in str(caught.value)


def test_errors_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("name = \n")
    with pytest.raises(ConfigError, match=r"broken\.toml is not valid TOML"):
        load_recipe(file)
    with pytest.raises(
        ConfigError, match="Unknown recipe or study file 'pocket/grpoo' .did you mean 'pocket/grpo'"
    ):
        load_recipe("pocket/grpoo")


def _shipped(kind: str) -> list[str]:
    files = [
        file
        for file in recipes_dir().rglob("*.toml")
        if ("[[arms]]" in file.read_text()) == (kind == "study")
    ]
    return sorted(str(file.relative_to(recipes_dir()).with_suffix("")) for file in files)


@pytest.mark.parametrize("name", _shipped("recipe"))
def test_every_shipped_recipe_is_valid(name: str) -> None:
    assert load_recipe(name).name


@pytest.mark.parametrize("name", _shipped("study"))
def test_every_shipped_study_is_valid(name: str) -> None:
    study = load_study(name)
    arms = sum(prod(len(values) for values in arm.grid.values()) for arm in study.arms)
    assert len(cells(study)) == study.include_base + arms * len(study.seeds)


def test_a_recipe_and_a_study_are_not_taken_for_one_another() -> None:
    with pytest.raises(
        ConfigError, match="grpo.toml is a recipe, not a study; .* pspo-bench train pocket/grpo"
    ):
        load_study("pocket/grpo")
    with pytest.raises(
        ConfigError, match="demo.toml is a study, not a recipe; .* pspo-bench study pocket/demo"
    ):
        load_recipe("pocket/demo")


def test_a_study_with_an_arm_twice_is_refused(tmp_path: Path, recipe_file: Path) -> None:
    file = tmp_path / "study.toml"
    arm = '[[arms]]\nname = "clip"\n'
    file.write_text(f'name = "s"\nrecipe = "{recipe_file}"\n{arm}{arm}[evaluation]\ntasks = ["pocket_gsm"]\n')
    with pytest.raises(ConfigError, match="arms must have names of their own; given more than once: clip"):
        load_study(file)


def test_another_reward_keeps_the_shaping_and_drops_the_settings(recipe_file: Path) -> None:
    recipe_file.write_text(
        RECIPE + '[reward]\nname = "random"\np = 0.3\n[reward.shaping]\nformat_bonus = 0.1\n'
    )
    assert load_recipe(recipe_file).reward.settings == {"p": 0.3}
    other = load_recipe(recipe_file, ["reward.name=paper"]).reward
    assert (other.name, other.settings, other.shaping.format_bonus) == ("paper", {}, 0.1)
    assert load_recipe(recipe_file, ["reward.p=0.4", "reward.name=random"]).reward.settings == {"p": 0.4}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["reward.shaping.format_bonus=-0.1"], "reward.shaping.format_bonus: .*greater than or equal to 0"),
        (["reward.shaping.format=0.1"], "Unknown key 'reward.shaping.format'.*format_bonus"),
        (["reward.p=high"], "reward: reward setting 'p' must be a number, not 'high'"),
        (
            [
                "reward.shaping={format_bonus=0.5, length_penalty={per_token=0.1, beyond_tokens=8, at_most=0.5}}"
            ],
            r"format_bonus \+ length_penalty.at_most = 1 must lie below 1: a wrong answer could otherwise",
        ),
        (
            ["reward.shaping.length_penalty={per_token=0.1, beyond_tokens=256, at_most=0.5}"],
            "beyond_tokens=256 must lie below rollout.max_tokens=256",
        ),
        (["tracking.report_to=tensorboard"], "tracking.report_to: .*valid list"),
    ],
)
def test_rewards_and_trackers_out_of_bounds(recipe_file: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(recipe_file, overrides)
