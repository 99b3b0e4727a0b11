"""What is timed: one contestant is one process, started anew in every round."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import tosa
from benchmarks.networks import Network
from benchmarks.tasks import Kind, Pace, Task
from benchmarks.workspace import shared

_MODULES: dict[str, tuple[str, ...]] = {
    "eager": ("torch", "timm"),
    "reference": ("torch",),
    "litert": ("ai_edge_litert",),
    "onnxruntime": ("onnxruntime",),
}
"""What a kind of contestant imports beyond bittrue's base dependencies."""


@dataclass(frozen=True)
class Contestant:
    """See `Kind` for what each kind does."""

    name: str
    """Shown and stored; one name is one contestant."""
    kind: Kind | Literal["shell_simulate", "shell_help", "tosa"]
    network: Network
    """Program, weights and images; of the images only for a peer that brings its own file."""
    batch: int = 1
    file: str = ""
    """Of a peer, below peers/ of the shared folder."""
    reference_kernels: bool = False

    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        if self.file and not self.path.is_file():
            return f"{self.file} is not in {shared() / 'peers'}: set BITTRUE_SHARED"
        if self.kind == "tosa":
            return tosa.missing()
        if self.kind in ("shell_simulate", "shell_help"):
            return "" if _command().is_file() else f"{_command()} is missing: install bittrue"
        absent = [name for name in _MODULES.get(self.kind, ()) if importlib.util.find_spec(name) is None]
        return f"{', '.join(absent)} is not installed: pip install '.[bench]'" if absent else ""

    @property
    def path(self) -> Path:
        """The peer's file."""
        return shared() / "peers" / self.file

    def task(self, pace: Pace, threads: int) -> Task | None:
        """What the worker process is asked to do; None for what is a command of its own."""
        if self.kind == "shell_simulate" or self.kind == "shell_help" or self.kind == "tosa":
            return None
        return Task(
            kind=self.kind,
            source=str(self.path if self.file else self.network.program),
            model=self.network.model,
            side=self.network.side,
            images=str(self.network.images),
            batch=self.batch,
            reference_kernels=self.reference_kernels,
            threads=threads,
            pace=pace,
        )

    def command(self) -> tuple[str, ...]:
        """The command whose wall time counts, for what is no task."""
        if self.kind == "tosa":
            return tosa.command(self.path)
        if self.kind == "shell_help":
            return (str(_command()), "--help")
        return (str(_command()), "simulate", str(self.network.program), "--images", str(self.network.first_image))


def _command() -> Path:
    return Path(sys.executable).with_name("bittrue")
