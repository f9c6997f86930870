"""The launch files as accelerate itself reads them, and launches that are refused before a model is loaded."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from pspo_bench.config import load_recipe
from pspo_bench.config.files import find_recipe
from pspo_bench.errors import ConfigError, MissingExtraError
from pspo_bench.resources import recipes_dir
from pspo_bench.training import plan

FILES = {path.stem: path for path in (recipes_dir() / "accelerate").glob("*.yaml")}


def read(file: Path, *arguments: str) -> Any:
    """What `accelerate launch` makes of a file."""
    parser = launch_command_parser()
    given = parser.parse_args(["--config_file", str(file), *arguments, "-m", "pspo_bench", "train"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _validate_launch_command(given)[0]


def test_the_files_that_the_docs_name_are_there() -> None:
    assert set(FILES) == {"ddp-cpu", "ddp", "fsdp2", "deepspeed-zero2", "deepspeed-zero3"}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_accelerate_reads_the_file_and_the_recipe_decides_about_precision(file: Path) -> None:
    config: Any = load_config_from_file(str(file))  # raises on a key that accelerate does not know
    assert config.mixed_precision == "no"
    assert read(file, "--num_processes", "4").num_processes == 4


def test_one_process_for_each_of_two_cpus() -> None:
    made = read(FILES["ddp-cpu"])
    assert (made.use_cpu, made.num_processes, made.use_fsdp, made.use_deepspeed) == (True, 2, False, False)


def test_fsdp_is_launched_as_training_supports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = prepare_multi_gpu_env(read(FILES["fsdp2"]))
    for name in ("ACCELERATE_USE_FSDP", "FSDP_VERSION", "FSDP_STATE_DICT_TYPE"):
        monkeypatch.setenv(name, environment[name])
    assert plan(load_recipe("pocket/grpo")).optimizer_steps == 60


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_takes_accumulation_and_clipping_from_the_recipe(stage: int) -> None:
    made = read(FILES[f"deepspeed-zero{stage}"])
    assert (made.use_deepspeed, made.zero_stage) == (True, stage)
    assert (made.gradient_accumulation_steps, made.gradient_clipping) == ("auto", "auto")
    if stage == 3:
        assert made.zero3_save_16bit_model


def test_launch_files_are_no_recipes() -> None:
    with pytest.raises(ConfigError) as caught:
        find_recipe("accelerate/ddp")
    assert "accelerate" not in str(caught.value).split("known:")[1]


@pytest.mark.parametrize(
    ("environment", "overrides", "message"),
    [
        ({"WORLD_SIZE": "3"}, [], r"= 128 cannot be split into 3 processes × micro_batch 42"),
        ({"WORLD_SIZE": "2"}, ["micro_batch=128"], "cannot be split into 2 processes × micro_batch 128"),
        ({"WORLD_SIZE": "256"}, [], "cannot be split into 256 processes"),
        (
            {"FSDP_VERSION": "1"},
            [],
            "FSDP is supported with fsdp_version: 2, not 1; see recipes/accelerate/fsdp2.yaml",
        ),
        (
            {"FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT"},
            [],
            "fsdp_state_dict_type: FULL_STATE_DICT, not SHARDED",
        ),
        (
            {},
            ["model.lora.r=4", "rollout.engine=vllm"],
            "TRL cannot bring a LoRA adapter that FSDP spreads to vLLM",
        ),
    ],
)
def test_launches_that_cannot_work_are_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], overrides: list[str], message: str
) -> None:
    fsdp = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT"}
    for name, value in (fsdp | environment).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        plan(load_recipe("pocket/grpo", ["model.base=/no/such/model", *overrides]))


def test_a_reference_that_cannot_be_loaded_is_refused() -> None:
    overrides = ["model.base=smollm2", "loss.kl_beta=0.1"]
    with pytest.raises(ConfigError, match=r"cannot load from the GGUF file of 'smollm2'; train an adapter"):
        plan(load_recipe("pocket/grpo", overrides))
    assert plan(load_recipe("pocket/grpo", [*overrides, "model.lora.r=4"])).optimizer_steps == 60


def test_an_error_gets_to_the_other_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("vllm", "rollout.engine='vllm'")))
    assert str(error) == str(MissingExtraError("vllm", "rollout.engine='vllm'"))
