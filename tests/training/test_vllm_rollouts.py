"""Rollouts by vLLM, as far as they can be checked without it: what TRL is told, the guards, and the server's check.

The server here is a real one on this machine's loopback that answers as vLLM's does where training looks.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest
from trl.import_utils import is_vllm_available

from pspo_bench.config import Recipe, load_recipe
from pspo_bench.errors import ConfigError, MissingExtraError, TrainingError
from pspo_bench.training import plan
from pspo_bench.training.settings import grpo_config
from pspo_bench.training.vllm import NEWEST, OLDEST, require_known_version, require_server


def recipe(*overrides: str) -> Recipe:
    return load_recipe("pocket/grpo", ["rollout.engine=vllm", *overrides])


def told(tmp_path: Path, *overrides: str) -> dict[str, object]:
    """The settings of TRL that concern vLLM, without the prefix."""
    config = vars(grpo_config(recipe(*overrides), tmp_path, 4))
    return {name.removeprefix("vllm_"): value for name, value in config.items() if "vllm" in name}


def test_trl_is_told_nothing_of_vllm_for_another_engine(tmp_path: Path) -> None:
    assert grpo_config(load_recipe("pocket/grpo"), tmp_path, 4).use_vllm is False


def test_trl_is_told_how_to_colocate(tmp_path: Path) -> None:
    given = told(
        tmp_path,
        "rollout.vllm.gpu_memory_utilization=0.5",
        "rollout.vllm.sleep=true",
        "rollout.vllm.max_model_length=700",
    )
    assert (given["use_vllm"], given["mode"], given["server_base_url"]) == (True, "colocate", None)
    assert (given["gpu_memory_utilization"], given["enable_sleep_mode"], given["max_model_length"]) == (
        0.5,
        True,
        700,
    )
    # the correction is on unless the recipe says otherwise, by sequence and up to a ratio of 3, as TRL has it
    assert given["importance_sampling_correction"] is True
    assert given["importance_sampling_mode"] == "sequence_mask"
    assert (given["importance_sampling_clip_min"], given["importance_sampling_clip_max"]) == (None, 3.0)


def test_trl_is_told_where_the_server_is(tmp_path: Path) -> None:
    given = told(
        tmp_path,
        "rollout.vllm.mode=server",
        "rollout.vllm.base_url=http://10.0.0.5:8001",
        "rollout.vllm.group_port=51300",
        "rollout.vllm.server_timeout_s=30",
        "rollout.vllm.importance_sampling_mode=token_truncate",
        "rollout.vllm.importance_sampling_clip_max=2",
        "rollout.vllm.importance_sampling_clip_min=0.5",
    )
    assert (given["mode"], given["server_base_url"]) == ("server", "http://10.0.0.5:8001")
    assert (given["group_port"], given["server_timeout"]) == (51300, 30)
    assert given["importance_sampling_mode"] == "token_truncate"
    assert (given["importance_sampling_clip_min"], given["importance_sampling_clip_max"]) == (0.5, 2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["top_p=0.9"], r"rollout\.top_p=0\.9 with vLLM's importance-sampling correction"),
        (
            ["rollout.vllm.importance_sampling_clip_min=3"],
            r"importance_sampling_clip_min=3\.0 must be below importance_sampling_clip_max=3\.0",
        ),
        (["rollout.vllm.mode=server", "rollout.vllm.tensor_parallel_size=2"], "are for mode='colocate'"),
        (["rollout.vllm.mode=remote"], "rollout.vllm.mode: Input should be 'colocate' or 'server'"),
        (["rollout.vllm.gpu_memory=1"], r"Unknown key 'rollout\.vllm\.gpu_memory'.*gpu_memory_utilization"),
    ],
)
def test_settings_that_do_not_fit_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe(*overrides)


def test_a_truncated_distribution_is_accepted_without_the_correction() -> None:
    made = recipe("top_p=0.9", "rollout.vllm.importance_sampling_correction=false")
    assert made.rollout.top_p == 0.9
    assert load_recipe("pocket/grpo", ["top_p=0.9"]).rollout.engine == "hf"


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_a_missing_vllm_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(MissingExtraError, match=r"rollout\.engine='vllm' needs the extra 'vllm'"):
        plan(recipe("model.base=/no/such/model"))
    # the supervised arm of the same study draws nothing, and needs no vLLM
    assert plan(recipe("objective.name=sft")).optimizer_steps == 60


@pytest.mark.parametrize("version", ["0.21.9", "0.31.1", "0.32.0"])
def test_a_version_that_trl_does_not_know_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match=rf"vLLM {version} is installed.*takes 0\.22\.0 to 0\.31\.0"):
        require_known_version(version)


@pytest.mark.parametrize("version", ["0.22.0", "0.24.0+cu129", "0.31.0"])
def test_the_versions_that_trl_knows_are_accepted(version: str) -> None:
    require_known_version(version)


def test_the_versions_are_those_that_this_trl_names() -> None:
    source = inspect.getsource(is_vllm_available)
    assert f'Version("{OLDEST}") <= _vllm_base_version <= Version("{NEWEST}")' in source


@contextmanager
def server(logprobs_mode: str | None) -> Iterator[str]:
    """The two addresses that training asks before it begins; without a mode the server was not started for training."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/health" or logprobs_mode is not None
            self.send_response(200 if found else 404)
            self.end_headers()
            info = {"vllm_config": {"model_config": {"logprobs_mode": logprobs_mode}}}
            self.wfile.write(json.dumps(info if found else {}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def at(url: str, *overrides: str) -> Recipe:
    server = ["rollout.vllm.mode=server", f"rollout.vllm.base_url={url}", "rollout.vllm.server_timeout_s=1"]
    return recipe(*server, *overrides)


def test_a_server_made_for_training_is_accepted() -> None:
    with server("processed_logprobs") as url:
        require_server(at(url))


def test_a_server_that_is_not_there_is_named_with_the_command_that_starts_one() -> None:
    with pytest.raises(
        TrainingError,
        match=r"No vLLM server answers at http://127\.0\.0\.1:9 after 1 s \(.*refused\).*"
        r"trl vllm-serve --model pocket --port 9",
    ):
        require_server(at("http://127.0.0.1:9"))


def test_a_server_that_takes_no_weights_is_refused() -> None:
    with (
        server(None) as url,
        pytest.raises(TrainingError, match=r"does not take weights .*HTTP 404.*trl vllm-serve"),
    ):
        require_server(at(url))


def test_raw_log_probabilities_are_refused_where_the_loss_corrects_by_them() -> None:
    with server("raw_logprobs") as url:
        with pytest.raises(TrainingError, match="runs with --logprobs-mode raw_logprobs.*processed_logprobs"):
            require_server(at(url))
        require_server(at(url, "rollout.vllm.importance_sampling_correction=false"))


def test_no_server_is_asked_for_other_modes() -> None:
    require_server(recipe())
