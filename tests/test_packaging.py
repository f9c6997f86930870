"""What a user gets from the wheel, with no checkout: the command, the type marker, tasks and recipes.

The wheel is built once and installed in a new environment without its dependencies; a `.pth` file lends that
environment the packages of this one, after its own, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import pspo_bench

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED_TASKS = {"gsm8k", "svamp", "asdiv", "math500"}
POCKET_TASKS = {"pocket_gsm", "pocket_svamp", "pocket_asdiv", "pocket_math"}

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command, run away from the checkout: neither cwd nor PYTHONPATH may lead back to it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["COLUMNS"] = "200"
    result = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert result.returncode == 0, f"{command} exited {result.returncode}:\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bin_dir(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that has the wheel installed and cannot import the checkout."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", root / "bin" / "python", "install"]
    run(*pip, "--quiet", "--no-deps", "--no-index", wheel, cwd=root)
    (site,) = root.glob("lib/python3.*/site-packages")
    # Lines of a .pth file go to the end of sys.path, and the .pth files of a folder so added are not read:
    # the editable install of this checkout stays behind.
    (site / "parent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return root / "bin"


def test_the_wheel_carries_code_marker_tasks_recipes_and_reported_figures(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    in_checkout = {
        f"pspo_bench/_data/{path.relative_to(ROOT)}"
        for folder in ("tasks", "recipes", "results/paper")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert in_checkout <= names, in_checkout - names
    assert {f"pspo_bench/_data/tasks/{task}.toml" for task in PUBLISHED_TASKS} <= names
    assert {"pspo_bench/py.typed", "pspo_bench/records.py"} <= names
    top_level = {name.split("/")[0] for name in names}
    assert top_level == {"pspo_bench", f"pspo_bench-{pspo_bench.__version__}.dist-info"}


def test_the_installed_package_is_not_the_checkout(bin_dir: Path, tmp_path: Path) -> None:
    place = run(bin_dir / "python", "-c", "import pspo_bench; print(pspo_bench.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(bin_dir.parent.resolve())


def test_the_installed_command_lists_the_tasks(bin_dir: Path, tmp_path: Path) -> None:
    listed = set(run(bin_dir / "pspo-bench", "tasks", "list", cwd=tmp_path).replace("│", " ").split())
    assert listed >= PUBLISHED_TASKS | POCKET_TASKS


def test_the_installed_package_finds_its_recipes(bin_dir: Path, tmp_path: Path) -> None:
    code = "from pspo_bench.resources import recipes_dir; print(recipes_dir())"
    installed = Path(run(bin_dir / "python", "-c", code, cwd=tmp_path).strip())
    assert installed.is_relative_to(bin_dir.parent.resolve())
    assert recipes_in(installed) == recipes_in(ROOT / "recipes") != []


def recipes_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.toml"))
