"""The wheel holds the tree, and an RTL team's installation works without PyTorch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from shared_data import ROOT
from small_models import pictures, small_plan

from bittrue.calibration.plan import save_plan
from bittrue.workflow import lower, vectors

ROOMS = ("spec", "calibration", "simulator", "golden", "hw_configs", "workflow", "reports", "exploration", "cli")


def packaged_files() -> set[str]:
    """Every file of the rooms that an installation needs."""
    kinds = ("*.py", "*.toml", "*.schema.json", "*.css", "*.csv", "*.html", "py.typed")
    return {path.relative_to(ROOT).as_posix() for room in ROOMS for kind in kinds for path in (ROOT / room).rglob(kind)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree so that no build folder is left in it."""
    folder = tmp_path_factory.mktemp("build")
    tree = folder / "tree"
    shutil.copytree(
        ROOT,
        tree,
        ignore=shutil.ignore_patterns(
            ".git", ".venv*", "build", "out", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
        ),
    )
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, tree],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_tree(wheel: Path) -> None:
    """A forgotten sub-package would work in an editable installation and be missing here."""
    inside = {
        name.removeprefix("bittrue/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("bittrue/")
    }
    assert inside == packaged_files()


def test_every_folder_with_code_is_a_listed_package() -> None:
    """The package list is explicit, so it must be complete."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert listed == {"bittrue." + folder.relative_to(ROOT).as_posix().replace("/", ".") for folder in folders}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_an_installation_without_torch_lowers_simulates_checks_and_costs(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment with the base dependencies only gives the same integers as this one."""
    plan = small_plan()
    save_plan(plan, tmp_path / "plan")
    program = lower(plan, out=tmp_path / "program")
    np.save(tmp_path / "images.npy", pictures(2))
    vectors(program, images=tmp_path / "images.npy", steps=["qkv"], out=tmp_path / "package")
    venv.create(tmp_path / "env", with_pip=True)
    python, bittrue = tmp_path / "env" / "bin" / "python", tmp_path / "env" / "bin" / "bittrue"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    absent = "import importlib.util as u; assert not [m for m in ('torch', 'timm', 'pandas', 'PIL') if u.find_spec(m)]"
    subprocess.run([python, "-c", absent], check=True, cwd=tmp_path)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [bittrue, *map(str, arguments)], capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("lower", "plan", "--out", "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "program").read_bytes()
    from bittrue.workflow import simulate

    here = simulate(program, images=tmp_path / "images.npy")
    assert json.loads(run("simulate", "again", "--images", "images.npy", "--json"))["logits"] == here.logits.tolist()
    assert json.loads(run("check", "package", "--json"))["intact"]
    assert json.loads(run("cost", "again", "--json"))["cycles"] > 0
    refused = subprocess.run(
        [bittrue, "compare", "again", "--images", "images.npy"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert refused.returncode == 2
    assert "pip install 'bittrue[torch]'" in refused.stderr
