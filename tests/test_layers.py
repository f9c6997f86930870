"""The layers of the package, and the type marker that other projects' type checkers look for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter in the checkout with the contracts of `config`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_point_strictly_downward() -> None:
    result = lint_imports(ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Contracts: 1 kept, 0 broken." in result.stdout


def test_an_upward_import_breaks_the_contract(tmp_path: Path) -> None:
    # registry imports errors, so with the two lowest layers swapped that import points upward.
    text = (ROOT / "pyproject.toml").read_text()
    low = re.search(r'( *"[^"]*\bregistry\b[^"]*",\n)( *"errors",\n)', text)
    assert low
    config = tmp_path / "pyproject.toml"
    config.write_text(text.replace(low[0], low[2] + low[1]))
    result = lint_imports(config)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "pspo_bench.registry -> pspo_bench.errors" in result.stdout


def test_every_module_of_the_package_is_typed() -> None:
    # PEP 561: an empty py.typed beside __init__.py; test_packaging checks that the wheel carries it.
    assert (ROOT / "pspo_bench" / "py.typed").read_text() == ""
