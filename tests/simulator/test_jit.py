"""The door to numba: fresh results after every edit, a private cache, one importer."""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import bittrue.simulator
from bittrue.simulator import jit
from bittrue.simulator.kernels import KERNELS

HELPER = "from tiny.jit import jit\n\n@jit\ndef half(value):\n    return (value + {added}) >> 1\n"
KERNEL = """\
import numpy as np
from tiny.helper import half
from tiny.jit import {decorator}, prange

@{decorator}
def halves(values):
    for i in prange(values.size):
        values[i] = half(values[i])

if __name__ == "__main__":
    values = np.array([5])
    halves(values)
    print(values[0])
"""


class TinyPackage:
    """A copy of the door with a helper in one file and a kernel that imports it in another."""

    def __init__(self, folder: Path, decorator: str) -> None:
        self.folder, self.cache = folder, folder / "cache"
        (folder / "tiny" / "kernels").mkdir(parents=True)
        shutil.copy(jit.__file__, folder / "tiny" / "jit.py")
        (folder / "tiny" / "kernels" / "halves.py").write_text(KERNEL.format(decorator=decorator))
        self.edit_helper(added=0)

    def edit_helper(self, added: int) -> None:
        """Change only the imported file."""
        (self.folder / "tiny" / "helper.py").write_text(HELPER.format(added=added))

    def run(self, **environment: str) -> str:
        """Run the kernel in a new process and return what it prints for 5."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
        variables = inherited | {"BITTRUE_CACHE_DIR": str(self.cache), "PYTHONPATH": str(self.folder)} | environment
        command = [sys.executable, "-W", "error", "-m", "tiny.kernels.halves"]
        done = subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def machine_code(self) -> set[Path]:
        """Files of compiled code on disk."""
        return set(self.cache.rglob("*.nbc"))


@pytest.mark.parametrize("decorator", ["jit", "parallel_jit"])
def test_an_edit_in_an_imported_function_takes_effect(tmp_path: Path, decorator: str) -> None:
    """numba's own cache would return the old 2; without an edit the compiled code is used again."""
    package = TinyPackage(tmp_path, decorator)
    assert package.run() == "2"
    compiled = package.machine_code()
    assert compiled
    assert package.run() == "2"
    assert package.machine_code() == compiled
    package.edit_helper(added=1)
    assert package.run() == "3"
    assert package.machine_code() > compiled


def test_the_door_works_without_compilation(tmp_path: Path) -> None:
    """NUMBA_DISABLE_JIT=1 gives the same result and leaves no cache folder behind."""
    package = TinyPackage(tmp_path, "parallel_jit")
    assert package.run(NUMBA_DISABLE_JIT="1") == "2"
    assert not package.cache.exists()


def test_the_cache_folder_is_private_and_named_by_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may put code there that this user would then load."""
    monkeypatch.setenv("BITTRUE_CACHE_DIR", str(tmp_path))
    folder = jit.cache_folder()
    assert folder == tmp_path / "numba" / jit.source_digest()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)] == [0o700, 0o700]
    assert jit.cache_folder() == folder


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BITTRUE_CACHE_DIR, else XDG_CACHE_HOME/bittrue, else ~/.cache/bittrue."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("BITTRUE_CACHE_DIR", raising=False)
    assert jit.cache_folder().parent == tmp_path / "xdg" / "bittrue" / "numba"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert jit.cache_folder().parent == tmp_path / "home" / ".cache" / "bittrue" / "numba"


@pytest.mark.parametrize("spoil", ["open to others", "a link", "a file"])
def test_an_unsafe_or_unusable_folder_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    """A private temporary folder takes its place."""
    monkeypatch.setenv("BITTRUE_CACHE_DIR", str(tmp_path / "cache"))
    folder = jit.cache_folder()
    if spoil == "open to others":
        folder.chmod(0o770)
    elif spoil == "a link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.rmdir()
        folder.write_text("")
    instead = jit.cache_folder()
    assert tmp_path not in instead.parents
    assert stat.S_IMODE(instead.stat().st_mode) == 0o700


def test_the_door_leaves_numbas_setting_alone() -> None:
    """Other packages that use numba in this process keep their own cache folder."""
    assert KERNELS
    setting = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    assert setting == os.environ.get("NUMBA_CACHE_DIR", "")


def test_only_the_door_imports_numba() -> None:
    """A kernel compiled elsewhere would escape the digest; what emits code (plan/*_code.py) compiles none."""
    folder = Path(bittrue.simulator.__file__).parent
    importers = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "numba" for name in names):
                importers.add(file.relative_to(folder).as_posix())
    emitting = {name for name in importers if name.startswith("plan/") and name.endswith("_code.py")}
    assert importers - emitting == {"jit.py", "plan/processor.py"}
