"""Finding objectives and validating their settings."""

from __future__ import annotations

import math
import subprocess
import sys
import types
from typing import Any

import pytest

from pspo_bench.errors import ConfigError, TrainingError
from pspo_bench.objectives import OBJECTIVES, Interval, get_objective, weight


def test_defaults_come_from_the_signature() -> None:
    assert get_objective("pspo").resolve({}) == {"alpha": 0.1}
    assert get_objective("clip").resolve({}) == {"epsilon_low": 0.2, "epsilon_high": 0.2}
    assert get_objective("unclipped").resolve({}) == {}


def test_epsilon_sets_both_sides() -> None:
    assert get_objective("clip").resolve({"epsilon": 0.1}) == {"epsilon_low": 0.1, "epsilon_high": 0.1}
    assert get_objective("clip").resolve({"epsilon_high": 0.28}) == {"epsilon_low": 0.2, "epsilon_high": 0.28}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "pspo",
            {"alhpa": 0.1},
            r"setting for objective pspo: 'alhpa' in a\.toml \(did you mean 'alpha'\?\); known: alpha",
        ),
        (
            "clip",
            {"alpha": 0.1},
            r"setting for objective clip: 'alpha' in a.toml; known: epsilon, epsilon_high, epsilon_low",
        ),
        (
            "unclipped",
            {"epsilon": 0.1},
            r"setting for objective unclipped: 'epsilon' in a.toml; known: none",
        ),
        ("pspo", {"alpha": 1.0}, r"Objective 'pspo' in a\.toml: alpha must lie in \[0, 1\), got 1\.0"),
        ("pspo", {"alpha": -0.1}, r"alpha must lie in \[0, 1\)"),
        ("clip", {"epsilon": -0.1}, r"epsilon_low must lie in \[0, inf\], got -0\.1"),
        ("gspo", {"epsilon": -1.0}, r"'gspo' in a\.toml: epsilon_low must lie in \[0, inf\]"),
        ("sapo", {"tau": 0.0}, r"tau_pos must lie in \[0\.001, 1000\], got 0\.0"),
        ("dual-clip", {"cap": 0.5}, r"cap must lie in \[1, inf\], got 0\.5"),
        ("pspo", {"alpha": math.nan}, "alpha must be a number, got nan"),
        ("pspo", {"alpha": "0.1"}, "alpha must be a number, got '0.1'"),
        ("pspo", {"alpha": True}, "alpha must be a number, got True"),
    ],
)
def test_bad_settings_are_named(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_objective(name).resolve(settings, where="a.toml")


def test_integers_are_numbers() -> None:
    resolved = get_objective("pspo").resolve({"alpha": 0})
    assert resolved == {"alpha": 0.0}
    assert isinstance(resolved["alpha"], float)


def test_unknown_objective_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"Unknown objective 'clipp' in a.toml.*known: cispo, clip, dual-clip, gmpo"
    ):
        get_objective("clipp", where="a.toml")


def test_a_plain_function_elsewhere_is_an_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from pspo_bench.objectives import PolicyBatch

    def doubled(batch: PolicyBatch, *, scale: float, shift: float = 0.0) -> torch.Tensor:
        """Scaled unclipped loss."""
        return -scale * batch.ratio * batch.advantages + shift

    module = types.ModuleType("someones_losses")
    module.doubled = doubled  # type: ignore[attr-defined]
    module.number = 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "someones_losses", module)

    found = get_objective("someones_losses:doubled")
    assert found.summary == "Scaled unclipped loss."
    with pytest.raises(ConfigError, match="needs the setting 'scale'"):
        found.resolve({})
    one = torch.ones(1, 1)
    batch = PolicyBatch(-one, -one, 3 * one, one)
    assert found(batch, scale=2.0).item() == -6.0  # r = 1: -2 * 1 * 3
    with pytest.raises(ConfigError, match="no closed-form gradient weight"):
        weight("someones_losses:doubled", one, one)
    with pytest.raises(ConfigError, match="is a int, not a function"):
        get_objective("someones_losses:number")


def test_every_built_in_names_its_paper_and_only_bounds_its_own_settings() -> None:
    for name in OBJECTIVES:
        found = get_objective(name)
        assert found.source.startswith("https://arxiv.org/abs/")
        assert set(found.bounds) <= set(found.defaults)
        assert all(default in found.bounds[setting] for setting, default in found.defaults.items())


def test_interval_ends() -> None:
    half_open = Interval(0.0, 1.0, high_open=True)
    assert [value in half_open for value in (-1e-9, 0.0, 0.999, 1.0, 2.0)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert [value in Interval(low=0.0) for value in (0.0, math.inf, -1.0)] == [True, True, False]


def test_registry_loads_without_torch() -> None:
    code = (
        "import sys; from pspo_bench.objectives import get_objective; "
        "get_objective('clip').resolve({'epsilon': 0.1}); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_batch_shapes_are_checked() -> None:
    import torch

    from pspo_bench.objectives import PolicyBatch

    ok = torch.zeros(2, 3)
    for advantages in (torch.zeros(2), torch.zeros(2, 1), torch.zeros(2, 3)):
        assert PolicyBatch(ok, ok, advantages, ok).advantages.shape == (2, 3)
    for bad in (torch.zeros(3), torch.zeros(1, 3), torch.zeros(2, 2)):
        with pytest.raises(TrainingError, match=r"advantages of \(B, T\), \(B, 1\) or \(B,\)"):
            PolicyBatch(ok, ok, bad, ok)
    with pytest.raises(TrainingError, match=r"old_logps \(2, 1\)"):
        PolicyBatch(ok, torch.zeros(2, 1), torch.zeros(2), ok)


@pytest.mark.parametrize("order", [1, -1])
def test_a_setting_by_its_own_name_counts_more_than_a_shorthand(order: int) -> None:
    given = dict([("epsilon", 0.2), ("epsilon_high", 0.28)][::order])
    assert get_objective("clip").resolve(given) == {"epsilon_low": 0.2, "epsilon_high": 0.28}
