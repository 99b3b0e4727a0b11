"""What the numbers were measured on and with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workspace import TOSA_BIN

FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8")
"""Instruction sets that decide how fast integers and floats multiply."""
PACKAGES = (
    "bittrue", "numpy", "numba", "llvmlite", "scipy", "torch", "timm", "ai-edge-litert", "onnxruntime",
    "tosa-converter-for-tflite",
)  # fmt: skip


@dataclass(frozen=True)
class MachineDescription:
    """The machine, the software and the day."""

    cpu: str
    cores: int
    """That the benchmark may use."""
    flags: tuple[str, ...]
    memory_gb: float
    os: str
    python: str
    versions: Mapping[str, str]
    """Of installed packages; "absent" otherwise."""
    load_before: float
    """Average number of other running processes in the minute before; above 0.5 the numbers are doubtful."""
    date: str
    """UTC."""

    def sentence(self) -> str:
        """For people, under a table."""
        versions = ", ".join(
            f"{name} {version}" for name, version in self.versions.items() if version != "absent" and name != "bittrue"
        )
        return f"{self.hardware()}; Python {self.python}, {versions}; {self.date}."

    def hardware(self) -> str:
        """The machine alone."""
        return f"{self.cpu}, {self.cores} cores, {' '.join(self.flags)}, {self.memory_gb:.0f} GB; {self.os}"


def describe() -> MachineDescription:
    """Look at the machine before anything is measured."""
    known = _cpuinfo(Path("/proc/cpuinfo"))
    present = set(known.get("flags", "").split())
    return MachineDescription(
        cpu=known.get("model name") or platform.processor() or platform.machine(),
        cores=usable_cores(),
        flags=tuple(flag for flag in FLAGS if flag in present),
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        os=platform.platform(terse=True),
        python=platform.python_version(),
        versions={**{name: _version(name) for name in PACKAGES}, "tosa-tools": _tosa_version()},
        load_before=os.getloadavg()[0],
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_cores(count: int) -> None:
    """Hold this process and all that it starts to so many cores, where the system can; every thread pool follows."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _cpuinfo(path: Path) -> dict[str, str]:
    """The first processor's entries; none where the system has no such file."""
    if not path.is_file():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (entry.partition(":") for entry in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _tosa_version() -> str:
    """Of tosa-tools, which lives in an environment of its own."""
    python = TOSA_BIN / "python"
    if not python.is_file():
        return "absent"
    ask = "import importlib.metadata as m; print(m.version('tosa-tools'))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "absent"
